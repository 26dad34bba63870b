/*
 * modbus: what a bad line, a device without power and a hostile one do to an upgrade, in virtual
 * time. Whatever happens, what runs in the end is whole, and every verb ends.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "modbus_case.h"

enum { SHORT = 700 };

static void
expect_upgraded(struct modbus_case *c, int rounds, const char *what, uint64_t at)
{
	cr_assert(modbus_case_upgrade(c, rounds), "%s %llu: %s: %s", what, (unsigned long long)at,
	    err_name(c->result.error), c->result.detail);
	cr_assert(modbus_case_holds(c), "%s %llu", what, (unsigned long long)at);
}

/* Bytes towards the device of an upgrade on a good line. */
static uint64_t
length_of_upgrade(bool file)
{
	struct modbus_case c;

	modbus_case_open(&c, modbus_dev_options(file), SHORT);
	expect_upgraded(&c, 2, "good line", 0);
	uint64_t all = c.to_device;
	modbus_case_close(&c);
	return all;
}

static void
cut_everywhere(bool file)
{
	uint64_t all = length_of_upgrade(file);

	cr_assert_gt(all, SHORT);
	for (uint64_t at = 1; at <= all; at++) {
		struct modbus_case c;

		modbus_case_open(&c, modbus_dev_options(file), SHORT);
		c.cut_at = at;
		expect_upgraded(&c, 6, "power cut at byte", at);
		modbus_case_close(&c);
	}
}

Test(modbus_wire, power_may_go_at_every_byte_of_a_transfer_by_window)
{
	cut_everywhere(false);
}

Test(modbus_wire, power_may_go_at_every_byte_of_a_transfer_by_file)
{
	cut_everywhere(true);
}

static void
lose_everywhere(bool file)
{
	uint64_t all = length_of_upgrade(file);

	for (uint64_t at = 1; at <= all; at++) {
		struct modbus_case c;

		modbus_case_open(&c, modbus_dev_options(file), SHORT);
		c.lose_at = at;
		expect_upgraded(&c, 6, "lost byte", at);
		modbus_case_close(&c);
	}
}

Test(modbus_wire, every_byte_may_be_lost_once)
{
	lose_everywhere(false);
	lose_everywhere(true);
}

Test(modbus_wire, a_device_that_falls_silent_for_ever_ends_every_verb)
{
	for (uint64_t at = 1; at < 400; at++) {
		struct modbus_case c;

		modbus_case_open(&c, modbus_dev_options(true), SHORT);
		c.mute_at = at;
		cr_assert_not(modbus_case_upgrade(&c, 2));
		cr_assert_neq(c.result.error, ERR_OK);
		modbus_case_close(&c);
	}
}

Test(modbus_wire, lost_and_spoilt_answers_cost_time_and_nothing_else)
{
	for (int file = 0; file < 2; file++) {
		struct modbus_case c;

		modbus_case_open(&c, modbus_dev_options(file), 20000);
		c.dev->drop_every = 7;
		c.dev->flip_every = 11;
		expect_upgraded(&c, 4, "file", (uint64_t)file);
		modbus_case_close(&c);
	}
}

Test(modbus_wire, an_answer_that_comes_after_its_time_is_not_taken_for_the_next_one)
{
	struct modbus_case c;

	modbus_case_open(&c, modbus_dev_options(false), 20000);
	c.late_ms = 1500;
	c.late_every = 9;
	c.dev->drop_every = 31;
	expect_upgraded(&c, 4, "late", 0);
	modbus_case_close(&c);
}

Test(modbus_wire, a_piece_whose_place_is_not_told_is_not_written_twice)
{
	static const char *const options[] = {"unit", "17", "version", "0 8 text", "data",
	    "window 0x2000 100", "launch", "set 0x1001 1", "unlock", "set 0x1000 0xA55A", "erase",
	    "set 0x1001 2 write 0x1003 {offset}", NULL};
	struct modbus_case c;

	modbus_case_open(&c, options, 2000);
	c.dev->quirks = MODBUS_DEV_STEPS;
	cr_expect_eq(modbus_case_run(&c, DRIVER_WRITE), ERR_OK, "%s", c.result.detail);
	cr_expect(modbus_case_holds(&c));
	c.dev->answers = 0;
	c.dev->drop_every = 6; /* in the middle of the data */
	cr_expect_eq(modbus_case_run(&c, DRIVER_WRITE), ERR_AMBIGUOUS, "%s", c.result.detail);
	cr_expect_eq(modbus_driver.facts(c.state)->rewinds, 0);
	modbus_case_close(&c);
}

/* --- hostile devices -------------------------------------------------------------------------- */

static void
expect_end(const uint8_t *babble, size_t len, const char *framing)
{
	const char *options[] = {"framing", framing, "unit", "17", "version", "0 8 text", "data",
	    "file 1 122", "loader", "wait 0x1002 4 4 100", NULL};
	static const enum driver_verb verbs[] = {DRIVER_IDENTIFY, DRIVER_WRITE};

	for (size_t i = 0; i < 2; i++) {
		struct modbus_case c;

		modbus_case_open(&c, options, SHORT);
		c.babble = babble;
		c.babble_len = len;
		cr_expect_neq(modbus_case_run(&c, verbs[i]), ERR_OK);
		for (const char *p = c.result.detail; *p; p++)
			cr_expect(*p >= 0x20 && *p < 0x7f);
		modbus_case_close(&c);
	}
}

Test(modbus_wire, whatever_is_said_without_end_every_verb_ends)
{
	static const uint8_t zeros[64],
	    busy[] = {17, 0x83, 6, 0xc1, 0x36}, ones[] = {255, 255, 255, 255, 255, 255, 255, 255},
	    head[] = {0, 1, 0, 0, 0xff, 0xff, 17, 3}, huge[] = {17, 3, 0xfe, 1, 2, 3};

	expect_end(zeros, sizeof(zeros), "rtu");
	expect_end(ones, sizeof(ones), "rtu");
	expect_end(busy, sizeof(busy), "rtu");
	expect_end(huge, sizeof(huge), "rtu");
	expect_end(zeros, sizeof(zeros), "tcp");
	expect_end(head, sizeof(head), "tcp");
}

Test(modbus_wire, a_version_with_escape_sequences_ends_before_them)
{
	struct modbus_case c;

	modbus_case_open(&c, modbus_dev_options(false), 100);
	memcpy(c.dev->flash + 2, "9\x1b[2J\r\nroot", 12);
	cr_expect_eq(modbus_case_run(&c, DRIVER_IDENTIFY), ERR_OK);
	cr_expect_str_eq(modbus_case_version(&c), "9");
	modbus_case_close(&c);
}
