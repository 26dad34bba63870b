/*
 * smp: each verb of the driver against the scripted server (tests/lib/smp_script.h), each quirk of
 * real servers in a test of its own, and what a hostile device may try.
 */
#include "smp.h"

#include <criterion/criterion.h>

#include "mcuboot.h"
#include "smp_script.h"

#define IMAGE_2 "2-ed25519-v1.1.0-dep-sec2.img"

struct fixture {
	struct smp_script d;
	void *state;
	uint8_t *file;
	size_t file_len;
	enum err read_error;
	struct driver_image image;
	struct driver_result result;
	const struct driver_facts *facts;
	const char *values[16];
};

static enum err
read_file(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	struct fixture *f = arg;

	cr_assert(offset <= f->file_len && len <= f->file_len - offset);
	memcpy(out, f->file + offset, len);
	return f->read_error;
}

static void
load(struct fixture *f, const char *name)
{
	struct mcuboot m;
	char path[200], why[100];

	snprintf(path, sizeof(path), "tests/data/mcuboot/%s", name);
	FILE *file = fopen(path, "rb");

	cr_assert_not_null(file);
	f->file_len = fread(f->file, 1, 1 << 20, file);
	fclose(file);
	f->image = (struct driver_image){
	    .size = f->file_len, .sha256 = {9, 9, 9}, .read = read_file, .arg = f};
	struct mcuboot_source s = {.size = f->file_len, .read = read_file, .arg = f};

	cr_assert_eq(mcuboot_parse(&s, &m, why, sizeof(why)), ERR_OK);
	memcpy(f->d.image_hash, m.sha256, 32);
	memcpy(f->d.image_version, m.version_text, sizeof(m.version_text));
}

static void
set(struct fixture *f, const char *key, const char *value)
{
	for (size_t i = 0; smp_driver.options[i].key; i++)
		if (strcmp(smp_driver.options[i].key, key) == 0)
			f->values[i] = value;
	char why[200] = "";

	cr_assert_eq(smp_driver.init(f->state, f->values, why, sizeof(why)), ERR_OK, "%s", why);
}

static struct fixture *
setup(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	smp_script_init(&f->d);
	f->state = calloc(1, smp_driver.state_size);
	f->file = calloc(1, 1 << 20);
	for (size_t i = 0; smp_driver.options[i].key; i++)
		f->values[i] = smp_driver.options[i].fallback;
	set(f, "version", "auto");
	load(f, IMAGE_2);
	f->facts = smp_driver.facts(f->state);
	return f;
}

static void
teardown(struct fixture *f)
{
	smp_script_fini(&f->d);
	free(f->state);
	free(f->file);
	free(f);
}

static enum err
run(struct fixture *f, enum driver_verb verb, const char *target, uint32_t timeout_ms)
{
	struct driver_job job = {.verb = verb, .image = &f->image, .timeout_ms = timeout_ms};

	snprintf(job.target_version, sizeof(job.target_version), "%s", target);
	smp_script_run(&f->d, &smp_driver, f->state, &job, &f->result);
	return f->result.error;
}

#define expect_run(f, verb, want) \
	do { \
		enum err got_ = run(f, verb, "1.1.0.2", 200000); \
		cr_expect(got_ == (want), "expected %s, got %s (%s)", err_name(want), \
		    err_name(got_), (f)->result.detail); \
	} while (0)

/* What the device's flash must hold after a write. */
static void
expect_written(struct fixture *f)
{
	cr_expect(f->d.slot[1].used);
	cr_expect_arr_eq(f->d.flash, f->file, f->file_len);
	cr_expect_not(f->d.unaligned);
	cr_expect_eq(f->facts->done_bytes, f->file_len);
	cr_expect_eq(f->facts->staged_hash_len, 32);
	cr_expect_arr_eq(f->facts->staged_hash, f->d.image_hash, 32);
}

Test(smp, identifies_a_device)
{
	struct fixture *f = setup();

	expect_run(f, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_eq(f->facts->version, "1.0.0");
	cr_expect_eq(f->facts->active_hash_len, 32);
	cr_expect_eq(f->facts->staged_hash_len, 0);
	cr_expect(f->facts->active_confirmed);
	teardown(f);
}

Test(smp, walks_through_a_whole_upgrade)
{
	struct fixture *f = setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_written(f);
	cr_expect_eq(f->facts->rewinds, 0);
	cr_expect_str_eq(f->facts->image_version, "1.1.0.2");
	expect_run(f, DRIVER_STAGE, ERR_OK);
	cr_expect(f->facts->staged_pending);
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	cr_expect_str_eq(f->facts->version, "1.1.0.2");
	cr_expect_not(f->facts->active_confirmed);
	expect_run(f, DRIVER_CONFIRM, ERR_OK);
	cr_expect(f->facts->active_confirmed);
	cr_expect(f->d.slot[0].confirmed);
	cr_expect_eq(f->d.resets, 1);
	teardown(f);
}

Test(smp, reverts_an_image_on_test)
{
	struct fixture *f = setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	expect_run(f, DRIVER_REVERT, ERR_OK);
	cr_expect_str_eq(f->facts->version, "1.0.0");
	expect_run(f, DRIVER_CONFIRM, ERR_REVERTED);
	expect_run(f, DRIVER_REVERT, ERR_OK); /* it has gone back already */
	teardown(f);
}

/* --- every quirk alone: a whole upgrade must still pass */

static const unsigned harmless[] = {
    SMP_Q_V0_REFUSES,
    SMP_Q_V0_SILENT,
    SMP_Q_ERR_MAPS,
    SMP_Q_RC_ZERO,
    SMP_Q_NO_PARAMS,
    SMP_Q_FRUGAL,
    SMP_Q_NOMEM_ANSWER,
    SMP_Q_DEFINITE,
    SMP_Q_NO_RESUME,
    SMP_Q_MARK_TROUBLE,
    SMP_Q_IGNORES_RESET,
    SMP_Q_ANSWER_V0,
    SMP_Q_FRUGAL | SMP_Q_NO_PARAMS | SMP_Q_V0_REFUSES | SMP_Q_RC_ZERO,
};

Test(smp, upgrades_whatever_the_dialect)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		struct fixture *f = setup();

		f->d.quirks = harmless[i];
		expect_run(f, DRIVER_WRITE, ERR_OK);
		expect_written(f);
		expect_run(f, DRIVER_STAGE, ERR_OK);
		expect_run(f, DRIVER_REBOOT, ERR_OK);
		cr_expect_str_eq(f->facts->version, "1.1.0.2", "quirk %zu", i);
		expect_run(f, DRIVER_CONFIRM, ERR_OK);
		teardown(f);
	}
}

Test(smp, survives_noise_lines_and_flipped_bits)
{
	struct fixture *f = setup();

	f->d.noise = "\r\n[00:00:01.234] <wrn> app: sensor is late\r\nuart:~$ ";
	f->d.flip_every = 8000;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_written(f);
	cr_expect_gt(f->facts->rewinds, 0);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	teardown(f);
}

Test(smp, sends_again_what_was_lost)
{
	struct fixture *f = setup();

	memcpy(f->d.drop_request, (unsigned[]){1, 5, 6, 40}, 16);
	memcpy(f->d.drop_answer, (unsigned[]){3, 20, 21, 22}, 16);
	f->d.drop_other = 2;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_written(f);
	/* the first piece was lost: an echo finds out, not the 40 s meant for an erase */
	cr_expect_lt(f->d.now_us, 40000000);
	cr_expect_gt(f->d.echoes, 0);
	teardown(f);
}

Test(smp, believes_the_list_when_the_last_answer_was_lost)
{
	struct fixture *f = setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	uint64_t pieces = f->d.uploads;

	teardown(f);
	f = setup();
	f->d.drop_answer[0] = (unsigned)pieces;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	cr_expect_leq(f->d.uploads, pieces + 2); /* the server forgot it, the list knows */
	teardown(f);
}

Test(smp, waits_for_a_slow_erase)
{
	struct fixture *f = setup();

	f->d.erase_us = 30000000;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_written(f);
	teardown(f);
}

Test(smp, keeps_alignment_out_of_the_way)
{
	struct fixture *f = setup();

	f->d.align = 32;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_written(f);
	cr_expect_eq(f->facts->rewinds, 0);
	teardown(f);
}

Test(smp, finds_out_that_params_speak_for_another_wire)
{
	struct fixture *f = setup();

	f->d.buf_size = 2048;
	f->d.buf_count = 2;
	f->d.receive_max = 384;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_written(f);
	cr_expect_leq(f->d.longest, 380);
	teardown(f);
}

Test(smp, uses_long_messages_where_they_get_through)
{
	struct fixture *f = setup();

	f->d.buf_size = 1024;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	cr_expect_gt(f->d.longest, 980);
	cr_expect_leq(f->d.longest, 1020);
	set(f, "max_message", "300");
	f->d.slot[1].used = false;
	f->d.longest = 0;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	cr_expect_leq(f->d.longest, 300);
	teardown(f);
}

Test(smp, sends_nothing_that_is_there_already)
{
	struct fixture *f = setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	uint64_t uploads = f->d.uploads;

	expect_run(f, DRIVER_WRITE, ERR_OK);
	cr_expect_eq(f->d.uploads, uploads);
	cr_expect_eq(f->facts->done_bytes, f->file_len);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	expect_run(f, DRIVER_WRITE, ERR_ALREADY);
	expect_run(f, DRIVER_STAGE, ERR_ALREADY);
	cr_expect_eq(f->d.uploads, uploads);
	teardown(f);
}

Test(smp, resumes_after_the_link_was_away)
{
	struct fixture *f = setup();

	f->d.cut_at = 30000;
	f->d.cut_us = 7000000;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_written(f);
	cr_expect_lt(f->d.uploads, 165); /* 148 pieces and a few more, not one and a half times */
	teardown(f);
}

Test(smp, begins_again_when_the_device_lost_its_power)
{
	struct fixture *f = setup();

	f->d.cut_at = 30000;
	f->d.cut_us = 7000000;
	f->d.cut_reboots = true;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_written(f);
	teardown(f);
}

Test(smp, erases_a_taken_slot_and_believes_the_list_not_the_code)
{
	struct fixture *f = setup();

	f->d.quirks = SMP_Q_SLOT_TAKEN | SMP_Q_ERASE_RC7;
	f->d.slot[1] = (struct smp_script_slot){.used = true, .version = "0.9.0", .hash = {7}};
	expect_run(f, DRIVER_WRITE, ERR_OK);
	cr_expect_eq(f->d.erases, 1);
	expect_written(f);
	teardown(f);
}

Test(smp, does_not_touch_a_pending_image)
{
	struct fixture *f = setup();

	f->d.slot[1] = (struct smp_script_slot){
	    .used = true, .version = "0.9.0", .hash = {7}, .pending = true};
	expect_run(f, DRIVER_WRITE, ERR_DEVICE_STATE);
	cr_expect_eq(f->d.erases, 0);
	teardown(f);
}

/* --- images */

Test(smp, refuses_images_before_a_byte_is_sent)
{
	struct fixture *f = setup();

	load(f, "5-ed25519-sha512-pure-fullkey-custom.img");
	cr_expect_eq(run(f, DRIVER_WRITE, "1.2.3.4", 1000), ERR_IMAGE);
	load(f, IMAGE_2);
	cr_expect_eq(run(f, DRIVER_WRITE, "1.1.0", 1000), ERR_WRONG_VERSION);
	cr_expect_not_null(
	    strstr(f->result.detail, "expected an image of version 1.1.0, got 1.1.0.2"));
	f->file[0x300] ^= 1;
	cr_expect_eq(run(f, DRIVER_WRITE, "1.1.0.2", 1000), ERR_VERIFY);
	f->file[0] ^= 1;
	cr_expect_eq(run(f, DRIVER_WRITE, "1.1.0.2", 1000), ERR_IMAGE);
	load(f, IMAGE_2);
	f->image.size -= 100;
	cr_expect_eq(run(f, DRIVER_WRITE, "1.1.0.2", 1000), ERR_IMAGE);
	f->read_error = ERR_TOCTOU;
	cr_expect_eq(run(f, DRIVER_WRITE, "1.1.0.2", 1000), ERR_TOCTOU);
	cr_expect_eq(f->d.requests, 0);
	teardown(f);
}

/* --- truth about results */

Test(smp, says_verify_when_the_device_holds_something_else)
{
	static const unsigned quirks[] = {SMP_Q_MATCH_FALSE, SMP_Q_FORGETS};

	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = setup();

		f->d.quirks = quirks[i];
		expect_run(f, DRIVER_WRITE, ERR_VERIFY);
		teardown(f);
	}
}

Test(smp, does_not_believe_a_state_write_that_did_nothing)
{
	struct fixture *f = setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	f->d.quirks = SMP_Q_MARK_LIES;
	expect_run(f, DRIVER_STAGE, ERR_DEVICE_STATE);
	f->d.quirks = 0;
	expect_run(f, DRIVER_STAGE, ERR_OK);
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	f->d.quirks = SMP_Q_MARK_LIES;
	expect_run(f, DRIVER_CONFIRM, ERR_DEVICE_STATE);
	teardown(f);
}

Test(smp, shows_that_the_bootloader_refused)
{
	struct fixture *f = setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	f->d.quirks = SMP_Q_REFUSES_BOOT;
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	cr_expect_str_eq(f->facts->version, "1.0.0");
	expect_run(f, DRIVER_CONFIRM, ERR_REVERTED);
	teardown(f);
}

Test(smp, is_not_fooled_by_the_old_image_after_a_reset)
{
	struct fixture *f = setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	f->d.old_answers_us = 3000000; /* longer than reset_wait_ms */
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	cr_expect_str_eq(f->facts->version, "1.1.0.2");
	cr_expect_eq(f->d.resets, 1);
	teardown(f);
}

Test(smp, never_resets_a_new_image_on_test_twice)
{
	struct fixture *f = setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	f->d.lose_reset_answer = 1;
	f->d.boot_us = 100000; /* is back before the driver notices */
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	cr_expect_str_eq(f->facts->version, "1.1.0.2");
	cr_expect_eq(f->d.resets, 1);
	teardown(f);
}

Test(smp, waits_long_for_a_swap_and_gives_up_in_the_end)
{
	struct fixture *f = setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	f->d.boot_us = 90000000;
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	f->d.quirks = SMP_Q_NEVER_BACK;
	expect_run(f, DRIVER_REBOOT, ERR_DEVICE_AWAY);
	teardown(f);
}

Test(smp, calls_an_unanswered_change_ambiguous)
{
	struct fixture *f = setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	f->d.quirks = SMP_Q_MARK_SILENT;
	expect_run(f, DRIVER_STAGE, ERR_AMBIGUOUS);
	expect_run(f, DRIVER_STAGE, ERR_OK); /* the list says that it was done */
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	expect_run(f, DRIVER_CONFIRM, ERR_AMBIGUOUS);
	cr_expect_eq(run(f, DRIVER_STAGE, "", 1), ERR_DEVICE_AWAY);
	teardown(f);
}

Test(smp, refuses_to_revert_what_is_confirmed)
{
	struct fixture *f = setup();

	memcpy(f->d.slot[0].hash, f->d.image_hash, 32);
	expect_run(f, DRIVER_REVERT, ERR_DEVICE_STATE);
	cr_expect_eq(f->d.resets, 0);
	teardown(f);
}

Test(smp, does_not_confirm_another_image)
{
	struct fixture *f = setup();

	f->d.slot[0].confirmed = false;
	expect_run(f, DRIVER_CONFIRM, ERR_WRONG_VERSION);
	cr_expect_not(f->d.slot[0].confirmed);
	teardown(f);
}

Test(smp, learns_anew_from_the_image_that_runs_after_a_reset)
{
	struct fixture *f = setup();

	f->d.buf_size = 1024;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	expect_run(f, DRIVER_CONFIRM, ERR_OK);
	f->d.booted_buf_size = 256; /* what boots next has smaller buffers and is older */
	f->d.booted_quirks = SMP_Q_V0_SILENT;
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	f->d.longest = 0;
	load(f, "1-ed25519-v1.0.0.img");
	f->d.slot[1].used = false;
	cr_expect_eq(run(f, DRIVER_WRITE, "1.0.0.1", 200000), ERR_OK);
	cr_expect_leq(f->d.longest, 252);
	teardown(f);
}

/* --- hostile and absent devices */

Test(smp, ends_when_nobody_answers)
{
	struct fixture *f = setup();

	f->d.drop_other = UINT32_MAX;
	expect_run(f, DRIVER_IDENTIFY, ERR_DEVICE_AWAY);
	cr_expect_lt(f->d.now_us, 20000000);
	cr_expect_eq(run(f, DRIVER_IDENTIFY, "", 1000), ERR_DEVICE_AWAY);
	teardown(f);
}

Test(smp, ends_with_a_device_that_never_moves_on)
{
	struct fixture *f = setup();

	f->d.quirks = SMP_Q_OFF_ZERO;
	expect_run(f, DRIVER_WRITE, ERR_DEVICE_PROTO);
	teardown(f);
	f = setup();
	f->d.quirks = SMP_Q_OFF_HUGE;
	expect_run(f, DRIVER_WRITE, ERR_DEVICE_PROTO);
	teardown(f);
	f = setup();
	f->d.quirks = SMP_Q_NO_OFF;
	expect_run(f, DRIVER_WRITE, ERR_DEVICE_PROTO);
	teardown(f);
}

Test(smp, makes_versions_printable)
{
	struct fixture *f = setup();

	snprintf(f->d.slot[0].version, sizeof(f->d.slot[0].version), "1\x1b[2J\n2\x7f %s",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	expect_run(f, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_eq(strlen(f->facts->version), 64);
	cr_expect_eq(strncmp(f->facts->version, "1?[2J?2??aa", 11), 0, "%s", f->facts->version);
	teardown(f);
}

Test(smp, is_deaf_to_garbage)
{
	struct fixture *f = setup();
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
	teardown(f);
}

/* --- options */

Test(smp, checks_its_options)
{
	static const char *const bad[][2] = {{"version", "2"}, {"version", ""}, {"window", "0"},
	    {"window", "17"}, {"max_message", "127"}, {"max_message", "4097"}, {"retries", "5x"},
	    {"line_gap_us", "-1"}, {"image", "99999999999999999999"}};
	struct fixture *f = setup();

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
	teardown(f);
}

Test(smp, keeps_the_gap_between_lines)
{
	struct fixture *f = setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	int64_t fast = f->d.now_us;

	teardown(f);
	f = setup();
	set(f, "line_gap_us", "20000"); /* a line takes 11 ms */
	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_written(f);
	cr_expect_gt(f->d.now_us, fast * 3 / 2);
	teardown(f);
}

Test(smp, is_in_the_list_of_drivers)
{
	cr_expect_eq(driver_find("smp"), &smp_driver);
	cr_expect_null(driver_find("smq"));
}
