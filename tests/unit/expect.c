/*
 * expect: scripts as text, and what they make of what a device says.
 */
#include "expect.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct expect_values values = {
    .address = "40200000", .target = "2.0.1", .size = 0x1234, .crc32 = 0xabcd};
static const struct mono start_time = {1000};

static struct expect_script
parsed(const char *text)
{
	struct expect_script s;
	char why[200] = "";

	cr_assert_eq(expect_parse(text, &s, why, sizeof(why)), ERR_OK, "%s: %s", text, why);
	return s;
}

static void
hear(struct expect *e, const char *text)
{
	expect_bytes(e, (const uint8_t *)text, strlen(text), start_time);
}

static const char *
said(struct expect *e, char out[400])
{
	out[expect_output(e, (uint8_t *)out, 399, start_time)] = 0;
	return out;
}

Test(expect, sends_with_escapes_and_values_filled_in)
{
	struct expect_script s = parsed(
	    "send 'a\\r\\n\\x1b\\'' send \"{address} {size} {crc32} {target}\"");
	struct expect e = {0};
	char out[400];

	expect_start(&e, &s, &values, start_time);
	cr_expect_str_eq(said(&e, out), "a\r\n\x1b'40200000 1234 0000abcd 2.0.1");
	cr_expect_eq(e.state, EXPECT_MET);
}

Test(expect, an_empty_script_is_over_at_once)
{
	struct expect_script s = parsed("  ");
	struct expect e = {0};

	expect_start(&e, &s, &values, start_time);
	cr_expect_eq(e.state, EXPECT_MET);
	cr_expect_eq(expect_bytes(&e, (const uint8_t *)"x", 1, start_time), 0);
}

Test(expect, finds_its_text_in_noise_and_cut_anywhere)
{
	struct expect_script s = parsed("expect 'BL > ' send '1'");
	struct expect e = {0};
	char out[400];

	expect_start(&e, &s, &values, start_time);
	hear(&e, "BL BL >");
	cr_expect_eq(e.state, EXPECT_RUNNING);
	cr_expect_str_eq(said(&e, out), "");
	hear(&e, " ");
	cr_expect_str_eq(said(&e, out), "1");
	cr_expect_eq(e.state, EXPECT_MET);
}

Test(expect, leaves_what_comes_behind_its_last_text)
{
	struct expect_script s = parsed("expect 'go'");
	struct expect e = {0};

	expect_start(&e, &s, &values, start_time);
	cr_expect_eq(expect_bytes(&e, (const uint8_t *)"so goCC", 7, start_time), 5);
	cr_expect_eq(e.state, EXPECT_MET);
}

Test(expect, takes_a_version_once_it_is_whole)
{
	struct expect_script s = parsed("expect 'fw={version}\\r'");
	struct expect e = {0};

	expect_start(&e, &s, &values, start_time);
	hear(&e, "fw=\rfw=1.2");
	cr_expect_eq(e.state, EXPECT_RUNNING);
	hear(&e, ".3-rc1\r");
	cr_expect_eq(e.state, EXPECT_MET);
	cr_expect_str_eq(e.version, "1.2.3-rc1");
	cr_expect(expect_takes_version(&s));
}

Test(expect, takes_a_serial_number_beside_the_version)
{
	struct expect_script s = parsed("expect 'fw={version}\\r' expect 'sn={unit};'");
	struct expect e = {0};

	expect_start(&e, &s, &values, start_time);
	hear(&e, "fw=1.2\rsn=0A-1B;");
	cr_expect_eq(e.state, EXPECT_MET);
	cr_expect_str_eq(e.version, "1.2");
	cr_expect_str_eq(e.unit, "0A-1B");
}

Test(expect, cuts_an_endless_version_and_goes_on_in_endless_noise)
{
	struct expect_script s = parsed("expect 'v{version};'");
	struct expect e = {0};

	expect_start(&e, &s, &values, start_time);
	for (int i = 0; i < 5000; i++)
		hear(&e, "v1");
	hear(&e, " v");
	for (int i = 0; i < 50; i++)
		hear(&e, "12");
	hear(&e, ";");
	cr_expect_eq(e.state, EXPECT_MET);
	cr_expect_eq(strlen(e.version), 64);
}

Test(expect, an_answer_before_the_question_does_not_count)
{
	struct expect_script s = parsed("send 'q' expect 'ok'");
	struct expect e = {0};
	char out[400];

	expect_start(&e, &s, &values, start_time);
	hear(&e, "ok");
	cr_expect_str_eq(said(&e, out), "q");
	cr_expect_eq(e.state, EXPECT_RUNNING);
	hear(&e, "ok");
	cr_expect_eq(e.state, EXPECT_MET);
}

Test(expect, says_what_it_missed_and_what_came)
{
	struct expect_script s = parsed("pause 10 expect '=> {crc32}' 500");
	struct expect e = {0};
	char text[200];

	expect_start(&e, &s, &values, start_time);
	cr_expect_eq(expect_deadline(&e).ms, 1010);
	expect_time(&e, (struct mono){1010});
	hear(&e, "=> 0000dead\x1b[m");
	cr_expect_eq(expect_deadline(&e).ms, 1510);
	expect_time(&e, (struct mono){1509});
	cr_expect_eq(e.state, EXPECT_RUNNING);
	expect_time(&e, (struct mono){1510});
	cr_expect_eq(e.state, EXPECT_MISSED);
	expect_complain(&e, text, sizeof(text));
	cr_expect_str_eq(text, "expected '=> 0000abcd' within 500 ms, got '=> 0000dead.[m'");
}

Test(expect, refuses_scripts_that_are_wrong)
{
	static const char *const bad[] = {"say 'x'", "send", "send x", "send 'x", "send ''",
	    "send '\\q'", "send '\\x1'", "send '{nothing}'", "send '{version}'", "pause",
	    "expect '{version}{version}'", "expect '{version} {unit}'", "pause 0", "pause 600001",
	    "expect 'x' 99999999999", "sendx 'a'", "send '{target}{target}{target}{target}.'"};
	char long_one[400] = "send '", many[400] = "", why[200];
	struct expect_script s;

	memset(long_one + 6, 'a', 300);
	long_one[306] = '\'';
	for (int i = 0; i < 17; i++)
		memcpy(many + 9 * i, "send 'a' ", 10);
	cr_expect_eq(expect_parse(long_one, &s, why, sizeof(why)), ERR_CONFIG);
	cr_expect_eq(expect_parse(many, &s, why, sizeof(why)), ERR_CONFIG);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = 0;
		cr_expect_eq(expect_parse(bad[i], &s, why, sizeof(why)), ERR_CONFIG, "%s", bad[i]);
		cr_expect(strstr(why, "expected"), "%s: %s", bad[i], why);
	}
}

Test(expect, sets_pins_that_stay_until_they_are_set_again)
{
	struct expect_script on = parsed("set boot on set reset on pause 20 set reset off"),
			     off = parsed("set boot off");
	struct expect e = {0};

	expect_start(&e, &on, &values, start_time);
	cr_expect_eq(e.pins, DRIVER_BOOT | DRIVER_RESET);
	cr_expect_eq(e.state, EXPECT_RUNNING);
	expect_time(&e, mono_after(start_time, 20));
	cr_expect_eq(e.pins, DRIVER_BOOT);
	cr_expect_eq(e.state, EXPECT_MET);
	expect_start(&e, &off, &values, start_time);
	cr_expect_eq(e.pins, 0);
	cr_expect_eq(e.state, EXPECT_MET);
}
