/*
 * Wire and power faults: driver and virtual device in one process and in virtual time. A cut at
 * every byte of a short upgrade, power that goes at every moment of it, and lines that lose, flip,
 * chatter and dawdle.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "smp.h"
#include "sub_drive.h"
#include "xmodem.h"

TestSuite(wire_faults, .timeout = 120);

static const int64_t ms_ns = 1000000;

#define SMP_FAST \
	"reply_ms", "300", "first_reply_ms", "1000", "retries", "3", "reset_wait_ms", "20"

static const struct sub_drive_options smp = {.driver = &smp_driver, .options = {SMP_FAST}};
static const struct sub_drive_options raw = {.driver = &smp_driver,
    .options = {SMP_FAST, "framing", "raw", "raw_quiet_ms", "120"},
    .device = {.framing = SUB_DEVICE_RAW, .raw_idle_ns = 100000000}};
static const struct sub_drive_options datagrams = {
    .driver = &smp_driver, .options = {SMP_FAST}, .device = {.framing = SUB_DEVICE_DATAGRAM}};
static const struct sub_drive_options gecko = {.driver = &xmodem_driver,
    .options = {"recipe", "gecko", "identify", "send 'version\\n' expect 'app {version}' 300",
	"loader", "send '\\x18\\x18\\x18\\n' expect 'BL > ' 300", "launch",
	"send 'bootloader\\n' expect 'BL > ' 500", "eot_ms", "300", "run_wait_ms", "100", "tries",
	"2", "reply_ms", "3000"},
    .device = {.loader = SUB_LOADER_GECKO}};

/* MCUboot's recovery: over the only image, ways in. */
#define RECOVERY(way, ...) \
	{ \
		.driver = &mcuboot_driver, \
		.options = {SMP_FAST, "enter", way, "enter_ms", "3000", "window_ms", "1000"}, \
		.device = {.align = 8, __VA_ARGS__} \
	}

static const struct sub_drive_options by_mode =
    RECOVERY("boot_mode", .recovery = SUB_DEVICE_BOOT_MODE);
static const struct sub_drive_options by_window =
    RECOVERY("window", .recovery = SUB_DEVICE_WINDOW, .window_ns = 500000000, .no_hash = true);
static const struct sub_drive_options by_pin = {.driver = &mcuboot_driver,
    .options = {SMP_FAST, "enter", "pin", "enter_ms", "3000"},
    .device = {.recovery = SUB_DEVICE_PIN, .align = 32},
    .pins = DRIVER_BOOT | DRIVER_RESET};

static void
expect_new(struct sub_drive *d)
{
	cr_expect_str_eq(d->flash.slot[0].version, SUB_DRIVE_NEW);
	cr_expect(d->flash.slot[0].sound);
	cr_expect(d->flash.confirmed);
}

/* How many bytes, and how long, an upgrade takes when nothing goes wrong. */
static void
measure(const struct sub_drive_options *o, uint64_t *bytes, int64_t *ns)
{
	AUTO(sub_drive) struct sub_drive *d = sub_drive_new(o);
	int64_t from = d->now;

	cr_assert(sub_drive_upgrade(d, 8), "%s", d->result.detail);
	expect_new(d);
	*bytes = d->sent;
	*ns = d->now - from;
}

Test(wire_faults, nothing_goes_wrong_on_any_framing)
{
	uint64_t bytes = 0;
	int64_t ns = 0;

	measure(&smp, &bytes, &ns);
	measure(&raw, &bytes, &ns);
	measure(&datagrams, &bytes, &ns);
	measure(&gecko, &bytes, &ns);
	measure(&by_mode, &bytes, &ns);
	measure(&by_window, &bytes, &ns);
	measure(&by_pin, &bytes, &ns);
}

/* Every `step`-th byte in an ordinary run, all of them when asked for (make test-cuts); where it
 * begins changes with the day. */
static void
cut_everywhere(const struct sub_drive_options *o, bool line_only, unsigned step)
{
	uint64_t bytes = 0;
	int64_t ns = 0;

	measure(o, &bytes, &ns);
	if (getenv("EVERY_CUT"))
		step = 1;
	for (uint64_t at = 1 + (uint64_t)time(NULL) / 86400 % step; at <= bytes; at += step) {
		AUTO(sub_drive) struct sub_drive *d = sub_drive_new(o);

		d->cut_at = at;
		d->line_only = line_only;
		cr_assert(sub_drive_upgrade(d, 12), "cut at byte %llu: %s", (unsigned long long)at,
		    d->result.detail);
		cr_expect_eq(d->cuts, 1u, "byte %llu", (unsigned long long)at);
		expect_new(d);
	}
}

Test(wire_faults, smp_survives_a_power_cut_at_every_byte)
{
	cut_everywhere(&smp, false, 3);
}

Test(wire_faults, smp_survives_a_lost_line_at_every_byte)
{
	cut_everywhere(&smp, true, 5);
}

Test(wire_faults, raw_smp_survives_a_power_cut_at_every_byte)
{
	cut_everywhere(&raw, false, 5);
}

Test(wire_faults, raw_smp_survives_a_lost_line_at_every_byte)
{
	cut_everywhere(&raw, true, 5);
}

Test(wire_faults, xmodem_survives_a_power_cut_at_every_byte)
{
	cut_everywhere(&gecko, false, 5);
}

Test(wire_faults, xmodem_survives_a_lost_line_at_every_byte)
{
	cut_everywhere(&gecko, true, 5);
}

Test(wire_faults, recovery_survives_a_power_cut_at_every_byte_whatever_its_way_in)
{
	cut_everywhere(&by_mode, false, 9);
	cut_everywhere(&by_window, false, 9);
	cut_everywhere(&by_pin, false, 9);
}

Test(wire_faults, recovery_survives_a_lost_line_at_every_byte_whatever_its_way_in)
{
	cut_everywhere(&by_mode, true, 9);
	cut_everywhere(&by_window, true, 9);
	cut_everywhere(&by_pin, true, 9);
}

/* --- the clock's cuts ------------------------------------------------------------------------- */

/* Power goes at moments all over the upgrade: while it erases, writes, resets, starts, swaps. */
static void
cut_at_times(const struct sub_drive_options *o, bool silent, unsigned moments)
{
	uint64_t bytes = 0;
	int64_t ns = 0;

	measure(o, &bytes, &ns);
	for (unsigned i = 0; i < moments; i++) {
		AUTO(sub_drive) struct sub_drive *d = sub_drive_new(o);

		d->cut_at_ns = d->now + ns * i / moments + ms_ns / 3;
		d->silent = silent;
		cr_assert(sub_drive_upgrade(d, 12), "moment %u of %u: %s", i, moments,
		    d->result.detail);
		expect_new(d);
	}
}

Test(wire_faults, power_lost_at_any_moment_with_the_line)
{
	cut_at_times(&smp, false, 150);
}

Test(wire_faults, power_lost_at_any_moment_behind_a_line_that_stays)
{
	cut_at_times(&smp, true, 150);
}

Test(wire_faults, power_of_a_device_with_one_image_lost_at_any_moment)
{
	cut_at_times(&gecko, false, 100);
	cut_at_times(&gecko, true, 100);
	cut_at_times(&by_mode, false, 60);
	cut_at_times(&by_mode, true, 60);
	cut_at_times(&by_pin, true, 60);
}

Test(wire_faults, power_lost_in_the_middle_of_the_swap_and_of_the_way_back)
{
	for (unsigned half = 1; half <= 2; half++) {
		AUTO(sub_drive) struct sub_drive *d = sub_drive_new(&smp);

		cr_assert_eq(sub_drive_run(d, DRIVER_WRITE), ERR_OK);
		cr_assert_eq(sub_drive_run(d, DRIVER_STAGE), ERR_OK);
		d->flash.cut_swap = half;
		cr_expect_neq(sub_drive_run(d, DRIVER_REBOOT), ERR_OK, "it has no power");
		sub_drive_power_cut(d);
		sub_drive_wait(d, 1);
		cr_expect_eq(sub_drive_run(d, DRIVER_IDENTIFY), ERR_OK);
		cr_expect_str_eq(sub_drive_facts(d)->version, SUB_DRIVE_NEW);
		cr_expect_not(sub_drive_facts(d)->active_confirmed);
		d->flash.cut_swap = half;
		cr_expect_neq(sub_drive_run(d, DRIVER_REVERT), ERR_OK, "it has no power");
		sub_drive_power_cut(d);
		sub_drive_wait(d, 1);
		cr_expect_eq(sub_drive_run(d, DRIVER_IDENTIFY), ERR_OK);
		cr_expect_str_eq(sub_drive_facts(d)->version, SUB_DRIVE_OLD);
		cr_expect(sub_drive_upgrade(d, 8), "%s", d->result.detail);
		expect_new(d);
	}
}

/* --- bad lines -------------------------------------------------------------------------------- */

struct line {
	const char *name;
	double loss, flip;
	int64_t latency_ns;
	const char *noise;
};

static const struct line lines[] = {
    {"loses a byte in a thousand", 1e-3, 0, 0, NULL},
    {"flips a bit in a thousand bytes", 0, 1e-3, 0, NULL},
    {"chatters", 0, 0, 0, "[00:00:01.250] <inf> app: alive\r\nuart:~$ "},
    {"is 200 ms long", 0, 0, 200000000, NULL},
    {"is all of that", 5e-4, 5e-4, 30000000, "\x06\x09\x06<wrn> \x04\x14\n"},
};

/* `scale`: how much better than these the line is. */
static void
try_lines(const struct sub_drive_options *o, size_t body, bool may_chatter, double scale)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct sub_drive_options set = *o;

		if (lines[i].noise && !may_chatter)
			continue;
		set.body = body;
		set.latency_ns = lines[i].latency_ns;
		for (uint64_t seed = 1; seed <= 6; seed++) {
			AUTO(sub_drive) struct sub_drive *d = sub_drive_new(&set);

			sub_wire_init(&d->in, 1000000, set.latency_ns, seed);
			sub_wire_init(&d->out, 1000000, set.latency_ns, seed + 100);
			d->in.loss = d->out.loss = lines[i].loss / scale;
			d->in.flip = d->out.flip = lines[i].flip / scale;
			d->noise = lines[i].noise;
			cr_assert(sub_drive_upgrade(d, 12), "a line that %s, seed %llu: %s",
			    lines[i].name, (unsigned long long)seed, d->result.detail);
			expect_new(d);
		}
	}
}

Test(wire_faults, console_lines_bear_loss_flips_noise_and_latency)
{
	try_lines(&smp, 2500, true, 1);
}

Test(wire_faults, xmodem_bears_loss_flips_and_latency)
{
	try_lines(&gecko, 2500, false, 1);
}

/* No sum on the way: a flipped bit may get in, and then only the bootloader refuses the image. */
Test(wire_faults, raw_framing_never_ends_with_what_is_not_the_image)
{
	try_lines(&raw, 2500, false, 20);
}

Test(wire_faults, lost_datagrams_are_sent_again)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		AUTO(sub_drive) struct sub_drive *d = sub_drive_new(&datagrams);

		sub_wire_init(&d->in, 1000000, 0, seed);
		sub_wire_init(&d->out, 1000000, 0, seed + 100);
		d->in.loss = d->out.loss = 0.1;
		cr_assert(sub_drive_upgrade(d, 12), "seed %llu: %s", (unsigned long long)seed,
		    d->result.detail);
		expect_new(d);
	}
}
