/*
 * smp_truth: the driver never says more than it knows: refused images, devices that lie, forget,
 * stay away or send garbage; and its options.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "smp_case.h"

/* --- images */

Test(smp_truth, refuses_images_before_a_byte_is_sent)
{
	struct smp_case *f = smp_case_setup();

	smp_case_load(f, "5-ed25519-sha512-pure-fullkey-custom.img");
	cr_expect_eq(smp_case_run(f, DRIVER_WRITE, "1.2.3.4", 1000), ERR_IMAGE);
	smp_case_load(f, SMP_CASE_IMAGE);
	cr_expect_eq(smp_case_run(f, DRIVER_WRITE, "1.1.0", 1000), ERR_WRONG_VERSION);
	cr_expect_not_null(
	    strstr(f->result.detail, "expected an image of version 1.1.0, got 1.1.0.2"));
	f->file[0x300] ^= 1;
	cr_expect_eq(smp_case_run(f, DRIVER_WRITE, "1.1.0.2", 1000), ERR_VERIFY);
	f->file[0] ^= 1;
	cr_expect_eq(smp_case_run(f, DRIVER_WRITE, "1.1.0.2", 1000), ERR_IMAGE);
	smp_case_load(f, SMP_CASE_IMAGE);
	f->image.size -= 100;
	cr_expect_eq(smp_case_run(f, DRIVER_WRITE, "1.1.0.2", 1000), ERR_IMAGE);
	f->read_error = ERR_TOCTOU;
	cr_expect_eq(smp_case_run(f, DRIVER_WRITE, "1.1.0.2", 1000), ERR_TOCTOU);
	cr_expect_eq(f->d.requests, 0);
	smp_case_teardown(f);
}

/* --- truth about results */

Test(smp_truth, says_verify_when_the_device_holds_something_else)
{
	static const unsigned quirks[] = {SMP_Q_MATCH_FALSE, SMP_Q_FORGETS};

	for (size_t i = 0; i < 2; i++) {
		struct smp_case *f = smp_case_setup();

		f->d.quirks = quirks[i];
		expect_run(f, DRIVER_WRITE, ERR_VERIFY);
		smp_case_teardown(f);
	}
}

Test(smp_truth, does_not_believe_a_state_write_that_did_nothing)
{
	struct smp_case *f = smp_case_setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	f->d.quirks = SMP_Q_MARK_LIES;
	expect_run(f, DRIVER_STAGE, ERR_DEVICE_STATE);
	f->d.quirks = 0;
	expect_run(f, DRIVER_STAGE, ERR_OK);
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	f->d.quirks = SMP_Q_MARK_LIES;
	expect_run(f, DRIVER_CONFIRM, ERR_DEVICE_STATE);
	smp_case_teardown(f);
}

Test(smp_truth, shows_that_the_bootloader_refused)
{
	struct smp_case *f = smp_case_setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	f->d.quirks = SMP_Q_REFUSES_BOOT;
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	cr_expect_str_eq(f->facts->version, "1.0.0");
	expect_run(f, DRIVER_CONFIRM, ERR_REVERTED);
	smp_case_teardown(f);
}

Test(smp_truth, is_not_fooled_by_the_old_image_after_a_reset)
{
	struct smp_case *f = smp_case_setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	f->d.old_answers_us = 3000000; /* longer than reset_wait_ms */
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	cr_expect_str_eq(f->facts->version, "1.1.0.2");
	cr_expect_eq(f->d.resets, 1);
	smp_case_teardown(f);
}

Test(smp_truth, never_resets_a_new_image_on_test_twice)
{
	struct smp_case *f = smp_case_setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	f->d.lose_reset_answer = 1;
	f->d.boot_us = 100000; /* is back before the driver notices */
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	cr_expect_str_eq(f->facts->version, "1.1.0.2");
	cr_expect_eq(f->d.resets, 1);
	smp_case_teardown(f);
}

Test(smp_truth, waits_long_for_a_swap_and_gives_up_in_the_end)
{
	struct smp_case *f = smp_case_setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	f->d.boot_us = 90000000;
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	expect_run(f, DRIVER_CONFIRM, ERR_OK); /* one on test is not reset */
	f->d.quirks = SMP_Q_NEVER_BACK;
	expect_run(f, DRIVER_REBOOT, ERR_DEVICE_AWAY);
	smp_case_teardown(f);
}

Test(smp_truth, calls_an_unanswered_change_ambiguous)
{
	struct smp_case *f = smp_case_setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	f->d.quirks = SMP_Q_MARK_SILENT;
	expect_run(f, DRIVER_STAGE, ERR_AMBIGUOUS);
	expect_run(f, DRIVER_STAGE, ERR_OK); /* the list says that it was done */
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	expect_run(f, DRIVER_CONFIRM, ERR_AMBIGUOUS);
	cr_expect_eq(smp_case_run(f, DRIVER_STAGE, "", 1), ERR_DEVICE_AWAY);
	smp_case_teardown(f);
}

Test(smp_truth, refuses_to_revert_what_is_confirmed)
{
	struct smp_case *f = smp_case_setup();

	memcpy(f->d.slot[0].hash, f->d.image_hash, 32);
	expect_run(f, DRIVER_REVERT, ERR_DEVICE_STATE);
	cr_expect_eq(f->d.resets, 0);
	smp_case_teardown(f);
}

Test(smp_truth, does_not_confirm_another_image)
{
	struct smp_case *f = smp_case_setup();

	f->d.slot[0].confirmed = false;
	expect_run(f, DRIVER_CONFIRM, ERR_WRONG_VERSION);
	cr_expect_not(f->d.slot[0].confirmed);
	smp_case_teardown(f);
}

Test(smp_truth, learns_anew_from_the_image_that_runs_after_a_reset)
{
	struct smp_case *f = smp_case_setup();

	f->d.buf_size = 1024;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	expect_run(f, DRIVER_CONFIRM, ERR_OK);
	f->d.booted_buf_size = 256; /* what boots next has smaller buffers and is older */
	f->d.booted_quirks = SMP_Q_V0_SILENT;
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	f->d.longest = 0;
	smp_case_load(f, "1-ed25519-v1.0.0.img");
	f->d.slot[1].used = false;
	cr_expect_eq(smp_case_run(f, DRIVER_WRITE, "1.0.0.1", 200000), ERR_OK);
	cr_expect_leq(f->d.longest, 252);
	smp_case_teardown(f);
}

/* --- hostile and absent devices */

Test(smp_truth, ends_when_nobody_answers)
{
	struct smp_case *f = smp_case_setup();

	f->d.drop_other = UINT32_MAX;
	expect_run(f, DRIVER_IDENTIFY, ERR_DEVICE_AWAY);
	cr_expect_lt(f->d.now_us, 20000000);
	cr_expect_eq(smp_case_run(f, DRIVER_IDENTIFY, "", 1000), ERR_DEVICE_AWAY);
	smp_case_teardown(f);
}

Test(smp_truth, ends_with_a_device_that_never_moves_on)
{
	struct smp_case *f = smp_case_setup();

	f->d.quirks = SMP_Q_OFF_ZERO;
	expect_run(f, DRIVER_WRITE, ERR_DEVICE_PROTO);
	smp_case_teardown(f);
	f = smp_case_setup();
	f->d.quirks = SMP_Q_OFF_HUGE;
	expect_run(f, DRIVER_WRITE, ERR_DEVICE_PROTO);
	smp_case_teardown(f);
	f = smp_case_setup();
	f->d.quirks = SMP_Q_NO_OFF;
	expect_run(f, DRIVER_WRITE, ERR_DEVICE_PROTO);
	smp_case_teardown(f);
}

Test(smp_truth, makes_versions_printable)
{
	struct smp_case *f = smp_case_setup();

	snprintf(f->d.slot[0].version, sizeof(f->d.slot[0].version), "1\x1b[2J\n2\x7f %s",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	expect_run(f, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_eq(strlen(f->facts->version), 64);
	cr_expect_eq(strncmp(f->facts->version, "1?[2J?2??aa", 11), 0, "%s", f->facts->version);
	smp_case_teardown(f);
}

Test(smp_truth, is_deaf_to_garbage)
{
	struct smp_case *f = smp_case_setup();
	static uint8_t junk[60000];
	uint32_t r = 7;

	for (size_t i = 0; i < sizeof(junk); i++) {
		r = r * 1664525 + 1013904223;
		junk[i] = (uint8_t)(r >> 24);
		if (i % 50 == 0)
			memcpy(junk + i - (i > 0), "\x06\x09", 2);
	}
	smp_script_inject(&f->d, junk, sizeof(junk));
	expect_run(f, DRIVER_IDENTIFY, ERR_OK);
	smp_case_teardown(f);
}

/* --- options */

Test(smp_truth, checks_its_options)
{
	static const char *const bad[][2] = {{"version", "2"}, {"version", ""}, {"window", "0"},
	    {"window", "17"}, {"max_message", "127"}, {"max_message", "4097"}, {"retries", "5x"},
	    {"line_gap_us", "-1"}, {"image", "99999999999999999999"}};
	struct smp_case *f = smp_case_setup();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *values[16];
		char why[200] = "";

		for (size_t k = 0; smp_driver.options[k].key; k++)
			values[k] = strcmp(smp_driver.options[k].key, bad[i][0]) == 0
					? bad[i][1]
					: smp_driver.options[k].fallback;
		cr_expect_eq(smp_driver.init(f->state, values, why, sizeof(why)), ERR_CONFIG);
		cr_expect_eq(strncmp(why, bad[i][0], strlen(bad[i][0])), 0, "%s", why);
	}
	smp_case_teardown(f);
}

Test(smp_truth, keeps_the_gap_between_lines)
{
	struct smp_case *f = smp_case_setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	int64_t fast = f->d.now_us;

	smp_case_teardown(f);
	f = smp_case_setup();
	smp_case_set(f, "line_gap_us", "20000"); /* a line takes 11 ms */
	expect_run(f, DRIVER_WRITE, ERR_OK);
	smp_case_expect_written(f);
	cr_expect_gt(f->d.now_us, fast * 3 / 2);
	smp_case_teardown(f);
}

Test(smp_truth, is_in_the_list_of_drivers)
{
	cr_expect_eq(driver_find("smp"), &smp_driver);
	cr_expect_null(driver_find("smq"));
}
