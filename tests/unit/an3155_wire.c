/*
 * an3155_wire: whatever happens at whichever byte of a transfer, the device ends with the new image
 * and never runs into a half one. In virtual time, each byte position by itself.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "rom_case.h"

TestSuite(an3155_wire, .timeout = 120);

enum { OLD = 2600, NEW = 2700 };

static struct rom_case *
setup(bool pins)
{
	struct rom_case *s = rom_case_new();

	s->pins = pins ? DRIVER_BOOT | DRIVER_RESET : 0;
	rom_case_set(s, "launch", "send 'boot\\n' expect 'ok' 300");
	rom_case_set(s, "reply_ms", "300");
	rom_case_set(s, "sync_ms", "50");
	rom_case_flash(s, "1.0.0", OLD);
	rom_case_image(s, "1.1.0", NEW);
	return s;
}

/* Bytes that a WRITE takes, to the device or back. */
static uint64_t
bytes_of_write(bool pins, bool back)
{
	AUTO(rom_case) struct rom_case *s = setup(pins);

	cr_assert_eq(rom_case_run(s, DRIVER_WRITE), ERR_OK, "%s", s->result.detail);
	return back ? s->from_bytes : s->to_bytes;
}

/* The fault at one byte of a WRITE; then everything is well, and the upgrade goes on. */
static void
at_byte(enum rom_case_fault f, bool pins, bool back, uint64_t at, unsigned quirks)
{
	AUTO(rom_case) struct rom_case *s = setup(pins);

	s->rom.quirks = quirks;
	s->fault = f;
	s->fault_at = at;
	s->back = back;
	rom_case_run(s, DRIVER_WRITE);
	s->fault = ROM_CASE_NONE;
	rom_case_pass(s, 200);
	cr_assert(rom_case_upgrade(s, 3), "fault %d at byte %llu, pins %d, back %d: %s", (int)f,
	    (unsigned long long)at, pins, back, s->result.detail);
	rom_case_expect_image(s);
}

static void
at_every_byte(enum rom_case_fault f, bool pins, bool back, unsigned quirks)
{
	uint64_t n = bytes_of_write(pins, back);

	cr_assert_gt(n, NEW);
	for (uint64_t at = 0; at < n; at++)
		at_byte(f, pins, back, at, quirks);
}

/* clang-format off */
#define EVERY(name, ...) Test(an3155_wire, name) { at_every_byte(__VA_ARGS__); }

EVERY(a_byte_lost_to_a_device_with_pins,          ROM_CASE_LOSE,  true,  false, SUB_ROM_TOUCHY)
EVERY(a_byte_lost_to_a_device_without_pins,       ROM_CASE_LOSE,  false, false, 0)
EVERY(a_byte_lost_from_a_device,                  ROM_CASE_LOSE,  false, true,  0)
EVERY(a_byte_spoilt_to_a_device,                  ROM_CASE_FLIP,  false, false, 0)
EVERY(a_byte_spoilt_from_a_device,                ROM_CASE_FLIP,  true,  true,  0)
EVERY(power_lost_at_a_device_with_pins,           ROM_CASE_POWER, true,  false, SUB_ROM_TOUCHY | SUB_ROM_NO_CHECK)
EVERY(power_lost_at_a_device_without_pins,        ROM_CASE_POWER, false, false, 0)
EVERY(power_lost_while_a_device_answers,          ROM_CASE_POWER, false, true,  0)
EVERY(gateway_lost_at_a_device_with_pins,         ROM_CASE_STOP,  true,  false, SUB_ROM_TOUCHY)
EVERY(gateway_lost_at_a_device_without_pins,      ROM_CASE_STOP,  false, false, 0)
/* clang-format on */
