/*
 * an3155_wire: whatever happens at whichever byte of a transfer, the device ends with the new image
 * and never runs into a half one. In virtual time, each byte position by itself.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "rom_case.h"

TestSuite(an3155_wire, .timeout = 120);

enum { OLD = 2600, NEW = 2700, ROM_CASE_ALL = 100 };

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

/* The gateway is gone, and so is power for a moment; nobody holds a pin. */
static void
lose_all(struct rom_case *s)
{
	sub_rom_pins(&s->rom, false, false, s->now);
	sub_rom_power(&s->rom, false, s->now);
	sub_rom_power(&s->rom, true, s->now);
	rom_case_pass(s, 200);
	cr_assert_eq(s->chip.crashes, 0, "it ran into a half image");
}

/* The fault at one byte of a WRITE; then everything is well, and the upgrade goes on. */
static void
at_byte(int f, bool pins, bool back, uint64_t at, unsigned quirks)
{
	AUTO(rom_case) struct rom_case *s = setup(pins);

	s->rom.quirks = quirks;
	s->fault = f == ROM_CASE_ALL ? ROM_CASE_STOP : (enum rom_case_fault)f;
	s->fault_at = at;
	s->back = back;
	rom_case_run(s, DRIVER_WRITE);
	s->fault = ROM_CASE_NONE;
	if (f == ROM_CASE_ALL)
		lose_all(s);
	rom_case_pass(s, 200);
	cr_assert(rom_case_upgrade(s, 3), "fault %d at byte %llu, pins %d, back %d: %s", f,
	    (unsigned long long)at, pins, back, s->result.detail);
	rom_case_expect_image(s);
}

static void
at_every_byte(int f, bool pins, bool back, unsigned quirks)
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
EVERY(gateway_and_power_lost_at_a_device_with_pins,    ROM_CASE_ALL, true,  false, SUB_ROM_NO_CHECK)
EVERY(gateway_and_power_lost_at_a_device_without_pins, ROM_CASE_ALL, false, false, 0)
/* clang-format on */

/* An image that runs and differs from the new one in its third page only (and in its CRC). */
static void
flash_sibling(struct rom_case *s)
{
	size_t end = s->image.len - 4;

	rom_case_flash(s, "1.1.0", NEW);
	s->chip.flash[2100] ^= 0xff;
	uint32_t crc = sub_chip_crc32(s->chip.flash, end);
	for (int i = 0; i < 4; i++)
		s->chip.flash[end + (size_t)i] = (uint8_t)(crc >> 8 * i);
	sub_rom_power(&s->rom, true, s->now);
	rom_case_pass(s, 100);
	cr_assert_eq(s->rom.state, SUB_ROM_APP);
}

Test(an3155_wire, all_lost_while_a_page_behind_an_equal_first_one_is_written)
{
	uint64_t n = 2;

	for (uint64_t at = 0; at < n; at++) {
		AUTO(rom_case) struct rom_case *s = setup(true);

		flash_sibling(s);
		s->fault = at > 0 ? ROM_CASE_STOP : ROM_CASE_NONE;
		s->fault_at = at - 1;
		rom_case_run(s, DRIVER_WRITE);
		n = at > 0 ? n : s->to_bytes;
		lose_all(s);
		cr_assert_eq(rom_case_run(s, DRIVER_WRITE), ERR_OK, "%s", s->result.detail);
		rom_case_expect_image(s);
	}
}
