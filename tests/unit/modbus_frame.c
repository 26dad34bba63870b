/*
 * modbus_frame, modbus_steps, modbus_profile, modbus_sum: bytes and texts.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "modbus_profile.h"
#include "modbus_sum.h"

Test(modbus_frame, sums_are_those_of_the_standards)
{
	cr_expect_eq(modbus_frame_crc((const uint8_t *)"123456789", 9), 0x4b37);
}

static enum err
nine(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	(void)arg;
	memcpy(out, "123456789" + offset, len);
	return ERR_OK;
}

Test(modbus_frame, sums_of_an_image_are_those_of_the_standards)
{
	struct driver_image image = {.size = 9, .read = nine};
	struct modbus_sum s;

	cr_assert_eq(modbus_sum_image(&image, &s), ERR_OK);
	cr_expect_eq(s.crc32, 0xcbf43926);
	cr_expect_eq(s.crc16, 0x4b37);
	cr_expect_eq(s.ccitt, 0x29b1);
}

Test(modbus_frame, requests_are_as_the_standard_prints_them)
{
	/* MODBUS Application Protocol V1.1b3, examples of 6.3, 6.6, 6.12, 6.15 */
	static const uint8_t read[] = {3, 0, 0x6b, 0, 3}, set[] = {6, 0, 1, 0, 3},
			     write[] = {16, 0, 1, 0, 2, 4, 0, 10, 1, 2},
			     file[] = {21, 13, 6, 0, 4, 0, 7, 0, 3, 6, 0xaf, 4, 0xbe, 16, 13};
	struct modbus_pdu p;

	modbus_frame_read(&p, MODBUS_READ_HOLDING, 0x6b, 3);
	cr_expect(p.len == sizeof(read) && memcmp(p.data, read, p.len) == 0);
	modbus_frame_set(&p, 1, 3);
	cr_expect(p.len == sizeof(set) && memcmp(p.data, set, p.len) == 0);
	modbus_frame_write(&p, 1, write + 6, 2);
	cr_expect(p.len == sizeof(write) && memcmp(p.data, write, p.len) == 0);
	modbus_frame_file(&p, 4, 7, file + 9, 3);
	cr_expect(p.len == sizeof(file) && memcmp(p.data, file, 9) == 0);
	cr_expect_eq(p.data[1], 13);
	uint8_t most[244] = {0};
	modbus_frame_file(&p, 1, 0, most, MODBUS_FILE_WORDS);
	cr_expect_eq(p.len, MODBUS_PDU);
}

static enum modbus_got
gather(struct modbus_gather *g, const uint8_t *data, size_t len, struct modbus_pdu *p)
{
	enum modbus_got got = MODBUS_MORE;
	uint8_t unit = 0;
	uint16_t transaction = 0;

	for (size_t i = 0; i < len && got == MODBUS_MORE; i++)
		got = modbus_frame_gather(g, data[i], &unit, &transaction, p);
	return got;
}

Test(modbus_frame, an_answer_ends_where_its_function_says)
{
	static const uint8_t read[] = {1, 3, 2, 0, 1, 0x79, 0x84}, no[] = {1, 0x83, 2, 0xc0, 0xf1};
	struct modbus_gather g = {.framing = MODBUS_RTU};
	struct modbus_pdu p;

	cr_expect_eq(gather(&g, read, sizeof(read), &p), MODBUS_FRAME);
	cr_expect_eq(p.len, 4);
	cr_expect_eq(gather(&g, no, sizeof(no), &p), MODBUS_FRAME);
	cr_expect_eq(p.len, 2);
	cr_expect_eq(gather(&g, read, sizeof(read) - 1, &p), MODBUS_MORE);
}

Test(modbus_frame, one_flipped_bit_makes_nonsense_until_the_line_is_quiet)
{
	uint8_t read[] = {1, 3, 2, 0, 1, 0x79, 0x84};
	struct modbus_pdu p;

	for (size_t bit = 0; bit < 8 * sizeof(read); bit++) {
		struct modbus_gather g = {.framing = MODBUS_RTU};

		read[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_neq(gather(&g, read, sizeof(read), &p), MODBUS_FRAME, "bit %zu", bit);
		read[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (g.lost)
			cr_expect_eq(gather(&g, read, sizeof(read), &p), MODBUS_MORE);
		modbus_frame_quiet(&g);
		cr_expect_eq(gather(&g, read, sizeof(read), &p), MODBUS_FRAME);
	}
}

Test(modbus_frame, tcp_headers_that_lie_are_refused)
{
	static const uint8_t good[] = {0, 1, 0, 0, 0, 3, 1, 0x83, 2},
			     protocol[] = {0, 1, 0, 1, 0, 3, 1}, empty[] = {0, 1, 0, 0, 0, 1, 1},
			     most[] = {0, 1, 0, 0, 0, 255, 1};
	struct modbus_pdu p;

	cr_expect_eq(
	    gather(&(struct modbus_gather){.framing = MODBUS_TCP}, good, 9, &p), MODBUS_FRAME);
	cr_expect_eq(gather(&(struct modbus_gather){.framing = MODBUS_TCP}, protocol, 7, &p),
	    MODBUS_NONSENSE);
	cr_expect_eq(
	    gather(&(struct modbus_gather){.framing = MODBUS_TCP}, empty, 7, &p), MODBUS_NONSENSE);
	cr_expect_eq(
	    gather(&(struct modbus_gather){.framing = MODBUS_TCP}, most, 7, &p), MODBUS_NONSENSE);
}

Test(modbus_frame, an_answer_to_something_else_does_not_fit)
{
	struct modbus_pdu q, a = {{16, 0, 1, 0, 1}, 5};
	uint8_t exception = 0;

	modbus_frame_write(&q, 1, (const uint8_t *)"abcd", 2);
	cr_expect_not(modbus_frame_fits(&q, &a, &exception));
	a.data[4] = 2;
	cr_expect(modbus_frame_fits(&q, &a, &exception));
	cr_expect_eq(exception, 0);
	a = (struct modbus_pdu){{0x90, 11}, 2};
	cr_expect(modbus_frame_fits(&q, &a, &exception));
	cr_expect_str_eq(
	    modbus_frame_exception(exception), "gateway target device failed to respond");
	cr_expect_str_eq(modbus_frame_exception(99), "unknown exception");
}

/* --- steps ------------------------------------------------------------------------------------ */

Test(modbus_steps, a_script_is_read_as_it_is_written)
{
	static const char text[] = "set 0x10 7 write 3 {size} {crc16} 0xFFFF\twait 5 0x80 0 250 "
				   "unless 1 1 expect 9 {crc32} pause 40";
	struct modbus_values v = {.of = {[MODBUS_SIZE] = 0x12345, [MODBUS_CRC16] = 0xabcd}};
	static const uint8_t want[] = {0, 1, 0x23, 0x45, 0xab, 0xcd, 0xff, 0xff};
	uint8_t got[4 * MODBUS_VALUES];
	struct modbus_steps s;
	char why[200];

	cr_assert_eq(modbus_steps_parse(text, &s, why, sizeof(why)), ERR_OK, "%s", why);
	cr_expect_eq(s.n, 5);
	cr_expect(s.step[0].reg == 16 && s.step[0].values[0].number == 7);
	cr_expect_eq(modbus_steps_fill(&s.step[1], &v, got), 4);
	cr_expect_eq(memcmp(got, want, sizeof(want)), 0);
	v.little = true;
	modbus_steps_fill(&s.step[1], &v, got);
	cr_expect(got[1] == 0x45 && got[3] == 1);
	cr_expect(s.step[2].ms == 250 && s.step[2].n == 4);
	cr_expect_eq(s.step[4].ms, 40);
	cr_expect_not(modbus_steps_places(&s));
}

Test(modbus_steps, what_is_not_a_script_is_refused)
{
	static const char *const bad[] = {"set", "set 1", "set 1 2 3", "set 70000 1", "set 1 70000",
	    "set 1 {size}", "write 1", "write 1 {nothing}", "wait 1 2", "wait 1 2 3 4 unless 5",
	    "wait 1 {size} 3", "expect 1", "pause", "pause x", "jump 3", "set 0x 1", "set -1 1",
	    "wait 1 1 1 600001", "write 1 1 2 3 4 5 6 7 8 9",
	    "pause 1 pause 1 pause 1 pause 1 pause 1 pause 1 pause 1 pause 1 pause 1 pause 1 "
	    "pause 1 pause 1 pause 1"};
	struct modbus_steps s;
	char why[200];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(
		    modbus_steps_parse(bad[i], &s, why, sizeof(why)), ERR_CONFIG, "%s", bad[i]);
	cr_expect_eq(modbus_steps_parse(" ", &s, why, sizeof(why)), ERR_OK);
	cr_expect_eq(s.n, 0);
}

/* --- profiles --------------------------------------------------------------------------------- */

static enum err
parse(const char *key, const char *value, struct modbus_profile *p, char why[200])
{
	const char *values[32];

	for (size_t i = 0; modbus_profile_options[i].key; i++) {
		const char *k = modbus_profile_options[i].key;

		values[i] = strcmp(k, "version") == 0 ? "7 2 words"
			    : strcmp(k, "data") == 0  ? "file 3 122"
						      : modbus_profile_options[i].fallback;
		if (strcmp(k, key) == 0)
			values[i] = value;
	}
	return modbus_profile_parse(values, p, why, 200);
}

Test(modbus_profile, each_option_is_checked)
{
	static const char *const bad[][2] = {{"framing", "ascii"}, {"unit", "0"}, {"unit", "248"},
	    {"version", ""}, {"version", "1 0 text"}, {"version", "1 126 text"},
	    {"version", "1 2 float"}, {"version", "1 2 text x"}, {"read", "coil"}, {"data", ""},
	    {"data", "window 1 124"}, {"data", "file 0 1"}, {"data", "file 1 123"},
	    {"data", "area 65535 2"}, {"word_order", "middle"}, {"byte_order", ""},
	    {"verify", "look"}, {"fill", "256"}, {"echo", "maybe"}, {"reply_ms", "9"},
	    {"tries", "0"}};
	struct modbus_profile p;
	char why[200];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_eq(parse(bad[i][0], bad[i][1], &p, why), ERR_CONFIG, "%s = %s", bad[i][0],
		    bad[i][1]);
		cr_expect(strncmp(why, bad[i][0], strlen(bad[i][0])) == 0, "%s", why);
	}
	cr_expect_eq(parse("framing", "rtu", &p, why), ERR_OK, "%s", why);
	cr_expect(modbus_profile_repeats(&p));
	cr_expect_eq(modbus_profile_room(&p), 2ull * 10000 * (65536 - 3));
}

Test(modbus_profile, versions_are_read_in_three_ways)
{
	static const uint8_t data[] = {0x31, 0x2e, 0x30, 0x00};
	struct modbus_profile p = {.version = {0, 2, MODBUS_TEXT}};
	char out[65];

	modbus_profile_version(&p.version, data, out);
	cr_expect_str_eq(out, "1.0");
	p.version.format = MODBUS_WORDS;
	modbus_profile_version(&p.version, data, out);
	cr_expect_str_eq(out, "12590.12288");
	p.version.format = MODBUS_BYTES;
	modbus_profile_version(&p.version, data, out);
	cr_expect_str_eq(out, "49.46.48.0");
	uint8_t many[250];
	memset(many, 0xff, sizeof(many));
	p.version.words = 125;
	modbus_profile_version(&p.version, many, out);
	cr_expect_eq(strlen(out), 64);
}
