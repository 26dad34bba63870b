/*
 * modbus: which script follows which, how pieces are laid out, and what a verb says at its end; the
 * device is in memory, time is virtual.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "modbus_case.h"

static void
expect_upgrade(struct modbus_case *c)
{
	enum err e = modbus_case_run(c, DRIVER_WRITE);

	cr_expect_eq(e, ERR_OK, "%s: %s", err_name(e), c->result.detail);
	cr_expect(modbus_case_holds(c));
	cr_expect_eq(modbus_driver.facts(c->state)->done_bytes, c->of.size);
	cr_expect_eq(modbus_case_run(c, DRIVER_REBOOT), ERR_OK, "%s", c->result.detail);
	cr_expect_eq(modbus_case_run(c, DRIVER_IDENTIFY), ERR_OK, "%s", c->result.detail);
	cr_expect_str_eq(modbus_case_version(c), "2.0.0");
}

Test(modbus, identify_reads_the_version_of_a_running_application)
{
	struct modbus_case c;

	modbus_case_open(&c, modbus_dev_options(false), 1000);
	cr_expect_eq(modbus_case_run(&c, DRIVER_IDENTIFY), ERR_OK, "%s", c.result.detail);
	cr_expect_str_eq(modbus_case_version(&c), "1.0.0");
	cr_expect(modbus_driver.facts(c.state)->active_confirmed);
	modbus_case_close(&c);
}

static void
expect_unit(const char *serial, const char *unit)
{
	const char *options[64] = {"serial", serial};
	const char *const *rest = modbus_dev_options(false);
	struct modbus_case c;
	size_t n = 2;

	for (; rest[n - 2]; n++)
		options[n] = rest[n - 2];
	modbus_case_open(&c, options, 1000);
	cr_expect_eq(modbus_case_run(&c, DRIVER_IDENTIFY), ERR_OK, "%s", c.result.detail);
	cr_expect_str_eq(modbus_case_version(&c), "1.0.0");
	cr_expect_str_eq(modbus_driver.facts(c.state)->unit, unit);
	modbus_case_close(&c);
}

Test(modbus, a_serial_number_is_read_where_the_profile_says_it_stands)
{
	expect_unit("0 2 bytes", "49.46.48.46"); /* "1.0." */
	expect_unit("0 8 text", "1.0.0");
	expect_unit("40000 2 text", ""); /* no such register: of no known unit, but there */
	expect_unit("none", "");
}

Test(modbus, a_boot_loader_without_application_is_there_and_has_no_version)
{
	struct modbus_case c;

	modbus_case_open(&c, modbus_dev_options(false), 1000);
	c.dev->valid = false;
	modbus_dev_power(c.dev);
	cr_expect_eq(modbus_case_run(&c, DRIVER_IDENTIFY), ERR_OK, "%s", c.result.detail);
	cr_expect_str_empty(modbus_case_version(&c));
	cr_expect_not(modbus_driver.facts(c.state)->active_confirmed);
	modbus_case_close(&c);
}

Test(modbus, silence_is_away_and_nonsense_is_nonsense)
{
	static const uint8_t noise[] = {17, 3, 2, 0, 1, 0xff, 0xff};
	struct modbus_case c;

	modbus_case_open(&c, modbus_dev_options(false), 1000);
	c.dev->off = true;
	cr_expect_eq(modbus_case_run(&c, DRIVER_IDENTIFY), ERR_DEVICE_AWAY);
	cr_expect(strstr(c.result.detail, "function 3 at 4098 within 1000 ms, got none"), "%s",
	    c.result.detail);
	c.dev->off = false;
	c.babble = noise;
	c.babble_len = sizeof(noise);
	cr_expect_eq(modbus_case_run(&c, DRIVER_IDENTIFY), ERR_DEVICE_PROTO);
	modbus_case_close(&c);
}

Test(modbus, an_image_goes_through_a_window_of_registers)
{
	struct modbus_case c;

	modbus_case_open(&c, modbus_dev_options(false), 10001);
	c.dev->erase_polls = 5;
	expect_upgrade(&c);
	cr_expect_eq(c.dev->erases, 1);
	cr_expect_eq(c.dev->writes, (10001 + 245) / 246);
	modbus_case_close(&c);
}

Test(modbus, an_image_goes_through_file_records_and_over_the_end_of_a_file)
{
	struct modbus_case c;

	modbus_case_open(&c, modbus_dev_options(true), 50001);
	expect_upgrade(&c);
	modbus_case_close(&c);
}

Test(modbus, it_goes_over_tcp_too)
{
	const char *options[64] = {"framing", "tcp"};
	const char *const *rest = modbus_dev_options(true);
	struct modbus_case c;
	size_t n = 2;

	for (; rest[n - 2]; n++)
		options[n] = rest[n - 2];
	modbus_case_open(&c, options, 50001);
	c.dev->tcp = true;
	expect_upgrade(&c);
	modbus_case_close(&c);
}

Test(modbus, a_device_that_resets_without_an_answer_is_asked_afterwards)
{
	struct modbus_case c;

	modbus_case_open(&c, modbus_dev_options(false), 1000);
	c.dev->quirks = MODBUS_DEV_SILENT_RUN | MODBUS_DEV_LAUNCHES;
	expect_upgrade(&c);
	cr_expect_eq(c.dev->runs, 1, "reset once, not each time that it said nothing");
	modbus_case_close(&c);
}

Test(modbus, exceptions_are_named)
{
	struct modbus_case c;

	modbus_case_open(&c, modbus_dev_options(false), 1000);
	c.dev->quirks = MODBUS_DEV_LOCKED;
	cr_expect_eq(modbus_case_run(&c, DRIVER_WRITE), ERR_DEVICE_REJECTED);
	cr_expect(strstr(c.result.detail,
		      "unlock: expected an answer to function 6 at 4096, got exception 3, "
		      "illegal data value"),
	    "%s", c.result.detail);
	cr_expect_eq(c.dev->erases, 0);
	modbus_case_close(&c);
}

Test(modbus, a_busy_device_is_asked_again_until_its_time_is_over)
{
	struct modbus_case c;

	modbus_case_open(&c, modbus_dev_options(false), 5000);
	c.dev->busy_every = 3;
	expect_upgrade(&c);
	c.dev->busy_every = 1;
	cr_expect_eq(modbus_case_run(&c, DRIVER_WRITE), ERR_BUSY, "%s", c.result.detail);
	modbus_case_close(&c);
}

Test(modbus, flash_that_does_not_hold_what_was_written_is_found)
{
	struct modbus_case c;

	modbus_case_open(&c, modbus_dev_options(false), 5000);
	c.dev->quirks = MODBUS_DEV_ROTTEN;
	cr_expect_eq(modbus_case_run(&c, DRIVER_WRITE), ERR_VERIFY);
	cr_expect(strstr(c.result.detail, "verify: expected register 4105 to be 0x"), "%s",
	    c.result.detail);
	modbus_case_close(&c);
}

Test(modbus, another_unit_on_the_line_is_not_listened_to)
{
	struct modbus_case c;

	modbus_case_open(&c, modbus_dev_options(true), 5000);
	c.dev->quirks = MODBUS_DEV_CHATTER;
	expect_upgrade(&c);
	modbus_case_close(&c);
}

Test(modbus, an_adapter_that_hears_itself_is_borne_where_it_is_known)
{
	const char *options[64] = {"echo", "yes"};
	const char *const *rest = modbus_dev_options(true);
	struct modbus_case c;
	size_t n = 2;

	for (; rest[n - 2]; n++)
		options[n] = rest[n - 2];
	modbus_case_open(&c, options, 5000);
	c.echo = true;
	expect_upgrade(&c);
	c.dev->off = true;
	cr_expect_eq(modbus_case_run(&c, DRIVER_IDENTIFY), ERR_DEVICE_AWAY, "not its own echo");
	modbus_case_close(&c);
}

Test(modbus, an_erase_that_never_ends_ends_by_its_time)
{
	struct modbus_case c;

	modbus_case_open(&c, modbus_dev_options(false), 1000);
	c.dev->erase_polls = UINT32_MAX;
	int64_t began = c.now.ms;
	cr_expect_eq(modbus_case_run(&c, DRIVER_WRITE), ERR_TIMEOUT);
	cr_expect(
	    strstr(c.result.detail, "erase: expected register 4098 to be 0x0000 under 0x0003"),
	    "%s", c.result.detail);
	cr_expect_lt(c.now.ms - began, 70000);
	modbus_case_close(&c);
}

Test(modbus, an_image_that_the_registers_cannot_address_is_refused)
{
	static const char *const options[] = {
	    "version", "0 1 words", "data", "area 0xfff0 16", NULL};
	struct modbus_case c;

	modbus_case_open(&c, options, 33);
	cr_expect_eq(modbus_case_run(&c, DRIVER_WRITE), ERR_IMAGE);
	cr_expect(strstr(c.result.detail, "at most 32 bytes, got 33"), "%s", c.result.detail);
	cr_expect_eq(modbus_case_run(&c, DRIVER_REBOOT), ERR_UNSUPPORTED);
	modbus_case_close(&c);
}

Test(modbus, a_line_that_comes_back_ends_the_verb)
{
	struct modbus_case c;
	struct driver_job job = {.verb = DRIVER_IDENTIFY, .timeout_ms = 1000};

	modbus_case_open(&c, modbus_dev_options(false), 1000);
	modbus_driver.start(c.state, &job, c.now);
	modbus_driver.on_link(c.state, false, c.now);
	cr_expect_not(modbus_driver.done(c.state, &c.result));
	modbus_driver.on_link(c.state, true, c.now);
	cr_expect(modbus_driver.done(c.state, &c.result));
	cr_expect_eq(c.result.error, ERR_LINK);
	modbus_case_close(&c);
}
