/*
 * an3155: the driver and a virtual STM32, verb by verb and quirk by quirk.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "rom_case.h"

enum { SIZE = 9000 };

static struct rom_case *
setup(void)
{
	struct rom_case *s = rom_case_new();

	rom_case_flash(s, "1.0.0", SIZE);
	rom_case_image(s, "1.1.0", SIZE);
	return s;
}

static void
expect_run(struct rom_case *s, enum driver_verb verb, enum err want)
{
	enum err got = rom_case_run(s, verb);

	cr_assert_eq(got, want, "verb %d: expected %s, got %s: %s", (int)verb, err_name(want),
	    err_name(got), s->result.detail);
}

Test(an3155, a_running_application_says_its_version_and_is_not_disturbed)
{
	AUTO(rom_case) struct rom_case *s = setup();

	expect_run(s, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_eq(s->facts->version, "1.0.0");
	cr_expect(s->facts->active_confirmed);
	cr_expect_eq(s->rom.boots, 2, "power on, twice");
}

Test(an3155, an_image_is_written_started_and_says_its_version)
{
	AUTO(rom_case) struct rom_case *s = setup();

	expect_run(s, DRIVER_WRITE, ERR_OK);
	rom_case_expect_image(s);
	cr_expect_eq(s->facts->done_bytes, SIZE);
	cr_expect_eq(s->facts->total_bytes, SIZE);
	cr_expect_eq(s->chip.overwrites, 0);
	cr_expect_eq(s->chip.erases, (SIZE + 1023) / 1024, "pages that it fills, and no other");
	expect_run(s, DRIVER_REBOOT, ERR_OK);
	expect_run(s, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_eq(s->facts->version, "1.1.0");
}

Test(an3155, what_is_there_already_is_not_written)
{
	AUTO(rom_case) struct rom_case *s = setup();

	rom_case_flash(s, "1.1.0", SIZE);
	s->chip.flash[5000] ^= 1;
	expect_run(s, DRIVER_WRITE, ERR_OK);
	rom_case_expect_image(s);
	cr_expect_eq(s->chip.erases, 2, "the page that differs, and the first");
	s->chip.erases = s->chip.writes = 0;
	expect_run(s, DRIVER_WRITE, ERR_OK);
	cr_expect_eq(s->chip.erases + s->chip.writes, 0, "nothing to do");
}

/* --- how the boot loader is reached ---------------------------------------------------------- */

Test(an3155, without_pins_the_application_is_told_to_start_the_boot_loader)
{
	AUTO(rom_case) struct rom_case *s = setup();

	s->pins = 0;
	rom_case_set(s, "launch", "send 'boot\\n' expect 'ok'");
	expect_run(s, DRIVER_WRITE, ERR_OK);
	rom_case_expect_image(s);
	expect_run(s, DRIVER_REBOOT, ERR_OK);
	expect_run(s, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_eq(s->facts->version, "1.1.0");
}

Test(an3155, an_empty_chip_is_there_and_has_nothing_to_run)
{
	AUTO(rom_case) struct rom_case *s = rom_case_new();

	rom_case_image(s, "1.1.0", SIZE);
	for (unsigned pins = 0; pins < 4; pins += 3) {
		s->pins = (uint8_t)pins;
		expect_run(s, DRIVER_IDENTIFY, ERR_OK);
		cr_expect_str_empty(s->facts->version);
		cr_expect_not(s->facts->active_confirmed);
	}
	cr_expect(rom_case_upgrade(s, 1));
}

Test(an3155, a_silent_device_is_reset_only_while_it_is_upgraded)
{
	AUTO(rom_case) struct rom_case *s = setup();

	s->rom.quirks = SUB_ROM_MUTE_APP;
	s->target = "";
	uint64_t boots = s->rom.boots;
	expect_run(s, DRIVER_IDENTIFY, ERR_DEVICE_AWAY);
	cr_expect_eq(s->rom.boots, boots);
	s->target = "1.1.0";
	expect_run(s, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_empty(s->facts->version);
	cr_expect_eq(s->rom.boots, boots + 2, "into its boot loader and back to its work");
	cr_expect_eq(s->rom.state, SUB_ROM_APP);
}

Test(an3155, a_version_in_flash_is_read_and_the_application_goes_on)
{
	AUTO(rom_case) struct rom_case *s = setup();

	rom_case_set(s, "version_at", "0x08000100");
	rom_case_set(s, "identify", "none");
	s->target = "";
	rom_case_set(s, "launch", "send 'boot\\n' expect 'ok'");
	for (unsigned pins = 0; pins < 4; pins += 3) {
		s->pins = (uint8_t)pins;
		expect_run(s, DRIVER_IDENTIFY, ERR_OK);
		cr_expect_str_eq(s->facts->version, "1.0.0");
		rom_case_pass(s, 100);
		cr_expect_eq(s->rom.state, SUB_ROM_APP);
	}
}

Test(an3155, three_bytes_in_flash_can_be_a_version)
{
	AUTO(rom_case) struct rom_case *s = setup();

	rom_case_set(s, "version_as", "numbers");
	rom_case_set(s, "version_at", "08000120"); /* there lies the length: 9000 */
	rom_case_set(s, "identify", "none");
	expect_run(s, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_eq(s->facts->version, "40.35.0");
}

Test(an3155, the_unique_id_is_read_behind_the_version_and_need_not_be_readable)
{
	AUTO(rom_case) struct rom_case *s = setup();

	rom_case_set(s, "version_at", "0x08000100");
	rom_case_set(s, "identify", "none");
	rom_case_set(
	    s, "unit_at", "08000100"); /* in flash, for the test: it begins with the text */
	expect_run(s, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_eq(s->facts->version, "1.0.0");
	cr_expect_eq(strncmp(s->facts->unit, "312e302e30", 10), 0, "%s", s->facts->unit);
	cr_expect_eq(strlen(s->facts->unit), 24);
	rom_case_set(s, "unit_at", "e0000000");
	expect_run(s, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_eq(s->facts->version, "1.0.0");
	cr_expect_str_empty(s->facts->unit);
}

Test(an3155, nobody_at_the_line_is_away_in_bounded_time)
{
	AUTO(rom_case) struct rom_case *s = setup();
	int64_t from = s->now;

	sub_rom_power(&s->rom, false, s->now);
	expect_run(s, DRIVER_IDENTIFY, ERR_DEVICE_AWAY);
	expect_run(s, DRIVER_WRITE, ERR_DEVICE_AWAY);
	expect_run(s, DRIVER_REBOOT, ERR_OK); /* the next IDENTIFY will tell */
	cr_expect_lt(s->now - from, 40 * INT64_C(1000000000));
}

Test(an3155, a_boot_loader_in_the_middle_of_something_is_brought_back_in_step)
{
	static const char *const begun[] = {"\x31\xce", "\x31\xce\x08\x00\x04\x00\x0c",
	    "\x11\xee\x08\x00", "\x44\xbb\x00\x01\x00", "\x11", "\xff\x00\xff"};
	static const size_t lens[] = {2, 7, 4, 5, 1, 3};

	for (size_t i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
		AUTO(rom_case) struct rom_case *s = rom_case_new();

		s->pins = 0;
		rom_case_image(s, "1.1.0", 2000);
		sub_rom_byte(&s->rom, 0x7f, s->now);
		for (size_t k = 0; k < lens[i]; k++)
			sub_rom_byte(&s->rom, (uint8_t)begun[i][k], s->now);
		rom_case_pass(s, 100);
		expect_run(s, DRIVER_WRITE, ERR_OK);
		rom_case_expect_image(s);
	}
}

/* --- oddities, one by one -------------------------------------------------------------------- */

Test(an3155, read_out_protection_is_told_and_the_application_goes_on)
{
	AUTO(rom_case) struct rom_case *s = setup();

	s->rom.quirks = SUB_ROM_LOCKED;
	expect_run(s, DRIVER_WRITE, ERR_PROTECTED);
	cr_expect(strstr(s->result.detail, "the flash is protected"), "%s", s->result.detail);
	rom_case_pass(s, 100);
	cr_expect_eq(s->rom.state, SUB_ROM_APP);
	expect_run(s, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_eq(s->facts->version, "1.0.0");
}

Test(an3155, each_oddity_of_a_boot_loader_is_borne)
{
	static const unsigned quirks[] = {SUB_ROM_BUSY, SUB_ROM_OLD_ERASE, SUB_ROM_CRC,
	    SUB_ROM_TOUCHY, SUB_ROM_NO_CHECK, SUB_ROM_NO_ACK, SUB_ROM_NAK_DATA,
	    SUB_ROM_NO_ACK | SUB_ROM_NAK_DATA | SUB_ROM_BUSY};

	for (size_t i = 0; i < sizeof(quirks) / sizeof(quirks[0]); i++)
		for (int crc = 0; crc < 2; crc++) {
			AUTO(rom_case) struct rom_case *s = setup();

			s->rom.quirks = quirks[i];
			rom_case_set(s, "verify", crc ? "crc" : "read");
			cr_expect(rom_case_upgrade(s, 1), "quirk %x, crc %d: %s", quirks[i], crc,
			    s->result.detail);
			rom_case_expect_image(s);
			cr_expect_eq(s->chip.overwrites, 0);
		}
}

Test(an3155, flash_of_each_kind_is_erased_by_its_own_pages)
{
	static const struct {
		uint16_t id;
		uint32_t page;
		uint8_t erased;
		size_t size;
		unsigned erases;
	} kinds[] = {{0x413, 0, 0xff, 70000, 5}, {0x447, 128, 0x00, 9000, 71},
	    {0x416, 256, 0x00, 400, 2}, {0x410, 1024, 0xff, 120000, 118},
	    {0x415, 2048, 0xff, 2048, 1}, {0x495, 4096, 0xff, 4100, 2}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		AUTO(rom_case) struct rom_case *s = rom_case_new();

		rom_case_chip(s, kinds[i].id, kinds[i].page, kinds[i].erased);
		rom_case_image(s, "1.1.0", kinds[i].size);
		expect_run(s, DRIVER_WRITE, ERR_OK);
		rom_case_expect_image(s);
		cr_expect_eq(s->chip.erases, kinds[i].erases, "id %03x: %llu erases", kinds[i].id,
		    (unsigned long long)s->chip.erases);
		cr_expect_eq(s->chip.overwrites, 0, "id %03x", kinds[i].id);
	}
}

Test(an3155, a_write_protected_page_is_found_and_named)
{
	AUTO(rom_case) struct rom_case *s = setup();

	s->chip.protect_at = 3072;
	s->chip.protect_len = 1024;
	expect_run(s, DRIVER_WRITE, ERR_VERIFY);
	cr_expect(strstr(s->result.detail, "page 3 at 08000c00"), "%s", s->result.detail);
	cr_expect_eq(s->chip.crashes, 0);
	expect_run(s, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_empty(s->facts->version, "nothing is left to run");
}

Test(an3155, an_unknown_chip_can_be_described)
{
	AUTO(rom_case) struct rom_case *s = setup();

	s->chip.id = 0x7ff;
	expect_run(s, DRIVER_WRITE, ERR_UNSUPPORTED);
	cr_expect(strstr(s->result.detail, "got id 7ff"), "%s", s->result.detail);
	rom_case_set(s, "page_size", "1024");
	rom_case_set(s, "flash_size", "131072");
	expect_run(s, DRIVER_WRITE, ERR_OK);
	rom_case_expect_image(s);
}

Test(an3155, what_does_not_fit_is_refused_before_anything_is_touched)
{
	AUTO(rom_case) struct rom_case *s = setup();

	rom_case_image(s, "1.1.0", ROM_CASE_FLASH + 4);
	expect_run(s, DRIVER_WRITE, ERR_SPACE);
	rom_case_image(s, "1.1.0", SIZE);
	s->image.data[7] = 0x99; /* the entry lies nowhere */
	expect_run(s, DRIVER_WRITE, ERR_IMAGE);
	s->image.data[7] = 0x08;
	rom_case_set(s, "address", "08000200");
	expect_run(s, DRIVER_WRITE, ERR_CONFIG);
	cr_expect_eq(s->chip.erases + s->chip.writes, 0);
	rom_case_pass(s, 100);
	cr_expect_eq(s->rom.state, SUB_ROM_APP, "it goes on with its work");
}

Test(an3155, an_application_behind_a_boot_loader_of_its_own_has_its_own_place)
{
	AUTO(rom_case) struct rom_case *s = setup();

	rom_case_set(s, "address", "08002800");
	expect_run(s, DRIVER_WRITE, ERR_OK);
	cr_expect_eq(memcmp(s->chip.flash + 0x2800, s->image.data, SIZE), 0);
	cr_expect_eq(s->chip.erases, 9);
}

/* Two bytes in turn, one a millisecond, whatever it is asked; the time until the verb is over. */
static int64_t
babble(const uint8_t bytes[2], enum driver_verb verb, uint8_t pins)
{
	AUTO(rom_case) struct rom_case *s = setup();
	struct driver_job job = {.verb = verb,
	    .image = verb == DRIVER_WRITE ? &s->signed_image : NULL,
	    .timeout_ms = 21600000,
	    .pins = pins,
	    .target_version = "1.1.0"};
	struct mono now = {1000};
	uint8_t out[512];

	an3155_driver.start(s->state, &job, now);
	for (; !an3155_driver.done(s->state, &s->result) && now.ms < 1000000; now.ms++) {
		while (an3155_driver.output(s->state, out, sizeof(out), now) > 0)
			;
		an3155_driver.on_bytes(s->state, &bytes[now.ms % 2], 1, now);
		if (mono_reached(now, an3155_driver.deadline(s->state)))
			an3155_driver.on_time(s->state, now);
	}
	cr_expect_neq(s->result.error, ERR_OK);
	return now.ms;
}

Test(an3155, a_device_that_never_stops_talking_is_given_up_in_bounded_time)
{
	static const uint8_t bytes[][2] = {{'U', 'U'}, {0x79, 0x79}, {0x1f, 0x1f}, {0x76, 0x79},
	    {0x79, 'U'}, {0x1f, 'U'}, {0x79, 0x1f}, {0xff, 0x00}};

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
		for (uint8_t pins = 0; pins < 4; pins += 3) {
			cr_expect_lt(babble(bytes[i], DRIVER_IDENTIFY, pins), 120000, "%zu", i);
			cr_expect_lt(babble(bytes[i], DRIVER_WRITE, pins), 240000, "%zu", i);
		}
}

Test(an3155, says_what_is_wrong_with_its_options)
{
	static const char *const bad[][3] = {{"address", "20000000", "address: expected"},
	    {"version_at", "1", "version_at: expected an address in flash"},
	    {"unit_at", "zz", "unit_at: expected an address in hex"},
	    {"identify", "send 'x'", "identify: expected a script with an expect of {version}"},
	    {"identify", "none", "expected identify or version_at"},
	    {"enter", "set led on", "enter: script: expected boot or reset"},
	    {"leave", "set boot up", "leave: script: expected on or off"},
	    {"verify", "md5", "verify: expected read or crc"},
	    {"page_size", "1000", "page_size: expected a multiple of 256"},
	    {"rounds", "0", "rounds: expected a number from 1"}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO(rom_case) struct rom_case *s = rom_case_new();
		char why[200] = "";

		for (size_t k = 0; an3155_driver.options[k].key; k++)
			if (strcmp(an3155_driver.options[k].key, bad[i][0]) == 0)
				s->values[k] = bad[i][1];
		cr_expect_eq(an3155_driver.init(s->state, s->values, why, sizeof(why)), ERR_CONFIG);
		cr_expect(strstr(why, bad[i][2]), "%s", why);
	}
}
