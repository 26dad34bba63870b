/*
 * smp_recovery: MCUboot's serial recovery by a virtual device that has it; how each way in ends,
 * and what is said of a device that sits in its boot loader. (Cuts: wire_faults.c.)
 */
#include <criterion/criterion.h>
#include <string.h>

#include "smp.h"
#include "sub_drive.h"

#define FAST \
	"reply_ms", "300", "first_reply_ms", "1000", "retries", "2", "reset_wait_ms", "20", \
	    "enter_ms", "1500"

static struct sub_drive *
device(const char *enter, unsigned ways, uint8_t pins)
{
	struct sub_drive_options o = {.driver = &mcuboot_driver,
	    .options = {FAST, "enter", enter, "window_ms", "1000"},
	    .device = {.recovery = ways, .align = 32, .window_ns = 500000000},
	    .pins = pins,
	    .body = 2500};

	return sub_drive_new(&o);
}

static void
expect_end(struct sub_drive *d, enum driver_verb verb, enum err want, const char *words)
{
	enum err e = sub_drive_run(d, verb);

	cr_expect(
	    e == want, "expected %s, got %s: %s", err_name(want), err_name(e), d->result.detail);
	cr_expect(strstr(d->result.detail, words), "%s", d->result.detail);
}

Test(smp_recovery, has_no_way_back_and_says_so)
{
	cr_expect(mcuboot_driver.caps & DRIVER_DESTRUCTIVE);
	cr_expect_not(mcuboot_driver.caps & (DRIVER_TEST | DRIVER_AUTOREVERT | DRIVER_RESUME));
	cr_expect_not(mcuboot_driver.verbs &
		      (1u << DRIVER_STAGE | 1u << DRIVER_CONFIRM | 1u << DRIVER_REVERT));
}

Test(smp_recovery, writes_over_slot_0_without_a_rewind_for_alignment)
{
	AUTO(sub_drive) struct sub_drive *d = device("boot_mode", SUB_DEVICE_BOOT_MODE, 0);

	expect_end(d, DRIVER_WRITE, ERR_OK, "");
	cr_expect_eq(sub_drive_facts(d)->rewinds, 0u);
	cr_expect_eq(sub_drive_facts(d)->done_bytes, d->image_len);
	cr_expect(d->device.smp.recovery);
	cr_expect_str_eq(d->flash.slot[0].version, SUB_DRIVE_NEW);
	cr_expect(d->flash.slot[0].sound);
	cr_expect_not(d->flash.slot[1].listed);
	expect_end(d, DRIVER_REBOOT, ERR_OK, "");
	expect_end(d, DRIVER_IDENTIFY, ERR_OK, "");
	cr_expect_str_eq(sub_drive_facts(d)->version, SUB_DRIVE_NEW);
	cr_expect(sub_drive_facts(d)->active_confirmed);
	expect_end(d, DRIVER_WRITE, ERR_ALREADY, "running already");
}

Test(smp_recovery, written_image_is_not_written_again_while_the_loader_has_it_whole)
{
	AUTO(sub_drive) struct sub_drive *d = device("boot_mode", SUB_DEVICE_BOOT_MODE, 0);

	expect_end(d, DRIVER_WRITE, ERR_OK, "");
	uint64_t bytes = d->device.smp.upload_bytes;
	expect_end(d, DRIVER_WRITE, ERR_OK, "");
	cr_expect_eq(d->device.smp.upload_bytes, bytes);
}

Test(smp_recovery, image_longer_than_the_slot_it_writes_over_is_refused_before_it_is_erased)
{
	AUTO(sub_drive) struct sub_drive *d = device("boot_mode", SUB_DEVICE_BOOT_MODE, 0);

	d->device.smp.slot_size = 6000;
	expect_end(d, DRIVER_WRITE, ERR_SPACE, "expected an image of at most 1904 bytes, got 2");
	cr_expect(d->flash.slot[0].sound);
	cr_expect_str_eq(d->flash.slot[0].version, SUB_DRIVE_OLD);
}

Test(smp_recovery, application_that_only_resets_is_told_from_a_loader)
{
	AUTO(sub_drive) struct sub_drive *d = device("boot_mode", SUB_DEVICE_HAS_RECOVERY, 0);

	expect_end(d, DRIVER_WRITE, ERR_DEVICE_STATE, "got the application");
	cr_expect_eq(d->device.smp.upload_bytes, 0u);
	cr_expect(d->flash.slot[0].sound);
}

Test(smp_recovery, way_by_pins_needs_a_reset_pin)
{
	AUTO(sub_drive) struct sub_drive *d = device("pin", SUB_DEVICE_PIN, 0);

	expect_end(d, DRIVER_WRITE, ERR_CONFIG, "expected a reset pin");
}

Test(smp_recovery, application_that_hangs_is_no_hindrance_where_there_are_pins)
{
	AUTO(sub_drive)
	struct sub_drive *d = device("pin", SUB_DEVICE_PIN, DRIVER_RESET | DRIVER_BOOT);

	d->device.set.sick = SUB_DRIVE_OLD;
	d->device.set.sick_ns = INT64_MAX / 4;
	cr_expect(sub_drive_upgrade(d, 4), "%s", d->result.detail);
	cr_expect_str_eq(d->flash.slot[0].version, SUB_DRIVE_NEW);
}

Test(smp_recovery, silent_device_is_away_where_nothing_can_be_done)
{
	AUTO(sub_drive) struct sub_drive *d = device("boot_mode", SUB_DEVICE_BOOT_MODE, 0);

	d->device.set.sick = SUB_DRIVE_OLD;
	d->device.set.sick_ns = INT64_MAX / 4;
	expect_end(d, DRIVER_IDENTIFY, ERR_DEVICE_AWAY, "");
	expect_end(d, DRIVER_WRITE, ERR_DEVICE_AWAY, "");
}

Test(smp_recovery, device_left_in_its_loader_is_started)
{
	AUTO(sub_drive) struct sub_drive *d = device("boot_mode", SUB_DEVICE_BOOT_MODE, 0);

	expect_end(d, DRIVER_WRITE, ERR_OK, "");
	expect_end(d, DRIVER_IDENTIFY, ERR_OK, "");
	cr_expect_str_eq(sub_drive_facts(d)->version, SUB_DRIVE_NEW);
	cr_expect_not(d->device.smp.recovery);
}

Test(smp_recovery, device_with_nothing_to_start_is_there_and_has_no_version)
{
	AUTO(sub_drive) struct sub_drive *d = device("boot_mode", SUB_DEVICE_BOOT_MODE, 0);

	cr_assert(sub_flash_erase(&d->flash, 0));
	sub_drive_power_cut(d);
	sub_drive_wait(d, 1);
	expect_end(d, DRIVER_IDENTIFY, ERR_OK, "");
	cr_expect_str_eq(sub_drive_facts(d)->version, "");
	cr_expect_eq(sub_drive_facts(d)->active_hash_len, 0u);
	expect_end(d, DRIVER_REBOOT, ERR_DEVICE_STATE, "nothing to start");
	cr_expect(sub_drive_upgrade(d, 4), "%s", d->result.detail);
}

Test(smp_recovery, loader_without_parameters_and_hashes_is_enough)
{
	struct sub_drive_options o = {.driver = &mcuboot_driver,
	    .options = {FAST, "enter", "window", "window_ms", "1000"},
	    .device = {.recovery = SUB_DEVICE_WINDOW,
		.window_ns = 500000000,
		.no_hash = true,
		.buf_size = 260},
	    .body = 1500};
	AUTO(sub_drive) struct sub_drive *d = sub_drive_new(&o);

	cr_expect(sub_drive_upgrade(d, 4), "%s", d->result.detail);
	cr_expect_str_eq(d->flash.slot[0].version, SUB_DRIVE_NEW);
}

/* Two processors behind one line: an entry of the configuration for each, told apart by `image`. */
static void
upgrade_second(const struct driver *driver, unsigned recovery)
{
	struct sub_drive_options o = {.driver = driver,
	    .options = {FAST, "image", "1"},
	    .device = {.recovery = recovery, .align = 8},
	    .second = true};
	AUTO(sub_drive) struct sub_drive *d = sub_drive_new(&o);
	cr_expect(sub_drive_upgrade(d, 4), "%s", d->result.detail);
	cr_expect_str_eq(d->second.slot[0].version, SUB_DRIVE_NEW);
	cr_expect(d->second.slot[0].sound);
	cr_expect(d->second.confirmed);
	cr_expect_str_eq(d->flash.slot[0].version, SUB_DRIVE_OLD, "the first stays as it was");
	cr_expect_not(d->flash.slot[1].listed);
}

Test(smp_recovery, second_image_is_written_and_the_first_is_not)
{
	upgrade_second(&mcuboot_driver, SUB_DEVICE_BOOT_MODE);
}

Test(smp_recovery, second_image_of_an_application_too)
{
	upgrade_second(&smp_driver, 0);
}

Test(smp_recovery, options_are_checked)
{
	struct sub_drive_options o = {.driver = &mcuboot_driver};
	AUTO(sub_drive) struct sub_drive *d = sub_drive_new(&o);
	const char *values[40] = {NULL};
	char why[200] = "";

	for (size_t i = 0; mcuboot_driver.options[i].key; i++)
		values[i] = strcmp(mcuboot_driver.options[i].key, "enter") == 0
				? "magic"
				: mcuboot_driver.options[i].fallback;
	cr_expect_eq(mcuboot_driver.init(d->state, values, why, sizeof(why)), ERR_CONFIG);
	cr_expect(strstr(why, "boot_mode, pin or window, got magic"), "%s", why);
}
