/*
 * smp: each verb of the driver against the scripted server (tests/lib/smp_script.h), and each quirk
 * of real servers in a test of its own.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "smp_case.h"

Test(smp, identifies_a_device)
{
	struct smp_case *f = smp_case_setup();

	expect_run(f, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_eq(f->facts->version, "1.0.0");
	cr_expect_eq(f->facts->active_hash_len, 32);
	cr_expect_eq(f->facts->staged_hash_len, 0);
	cr_expect(f->facts->active_confirmed);
	smp_case_teardown(f);
}

static void
expect_unit(const void *serial, size_t len, const char *setting, const char *unit)
{
	struct smp_case *f = smp_case_setup();

	smp_case_set(f, "serial", setting);
	f->d.serial = serial;
	f->d.serial_len = len;
	expect_run(f, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_eq(f->facts->version, "1.0.0");
	cr_expect_str_eq(f->facts->unit, unit);
	smp_case_teardown(f);
}

Test(smp, reads_a_serial_number_as_a_setting)
{
	static const char zeros[] = "A-17\0\0", bytes[] = {0x00, 0x1b, 0x7f, 0x20};
	static const char large[65] = {1};

	expect_unit("A-17", 4, "id/serial", "A-17");
	expect_unit(zeros, 6, "id/serial", "A-17");
	expect_unit(bytes, 4, "id/serial", "001b7f20");
	expect_unit(large, 64, "id/serial", "01");
	expect_unit(large, 65, "id/serial", "");
	expect_unit("", 0, "id/serial", "");
}

Test(smp, a_device_without_the_setting_is_of_no_known_unit)
{
	expect_unit("A-17", 4, "id/other", "");
	expect_unit(NULL, 0, "id/serial", "");
	expect_unit("A-17", 4, "none", "");
}

Test(smp, walks_through_a_whole_upgrade)
{
	struct smp_case *f = smp_case_setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	smp_case_expect_written(f);
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
	smp_case_teardown(f);
}

Test(smp, reverts_an_image_on_test)
{
	struct smp_case *f = smp_case_setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	expect_run(f, DRIVER_REVERT, ERR_OK);
	cr_expect_str_eq(f->facts->version, "1.0.0");
	expect_run(f, DRIVER_CONFIRM, ERR_REVERTED);
	expect_run(f, DRIVER_REVERT, ERR_OK); /* it has gone back already */
	smp_case_teardown(f);
}

static void
confirm_by_version(struct smp_case *f, const char *version, enum err want)
{
	struct driver_job job = {.verb = DRIVER_CONFIRM, .timeout_ms = 200000};

	snprintf(job.target_version, sizeof(job.target_version), "%s", version);
	smp_script_run(&f->d, &smp_driver, f->state, &job, &f->result);
	cr_expect_eq(f->result.error, want, "expected %s, got %s: %s", err_name(want),
	    err_name(f->result.error), f->result.detail);
}

/* It may have been reset, or exchanged, since it was seen to run what is wanted. */
Test(smp, keeps_nothing_but_the_version_that_it_is_told)
{
	struct smp_case *f = smp_case_setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	confirm_by_version(f, "1.1.0.2", ERR_REVERTED); /* it is not what runs */
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	confirm_by_version(f, "1.2.0", ERR_WRONG_VERSION);
	cr_expect_not(f->d.slot[0].confirmed);
	confirm_by_version(f, "1.1.0.2", ERR_OK);
	cr_expect(f->d.slot[0].confirmed);
	smp_case_teardown(f);
}

/* Whoever sent the first reset died before it was answered. */
Test(smp, does_not_reset_a_device_that_runs_its_new_image_on_test)
{
	struct smp_case *f = smp_case_setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	cr_expect_str_eq(f->facts->version, "1.1.0.2");
	cr_expect_eq(f->d.resets, 1);
	expect_run(f, DRIVER_CONFIRM, ERR_OK);
	smp_case_teardown(f);
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
		struct smp_case *f = smp_case_setup();

		f->d.quirks = harmless[i];
		expect_run(f, DRIVER_WRITE, ERR_OK);
		smp_case_expect_written(f);
		expect_run(f, DRIVER_STAGE, ERR_OK);
		expect_run(f, DRIVER_REBOOT, ERR_OK);
		cr_expect_str_eq(f->facts->version, "1.1.0.2", "quirk %zu", i);
		expect_run(f, DRIVER_CONFIRM, ERR_OK);
		smp_case_teardown(f);
	}
}

Test(smp, survives_noise_lines_and_flipped_bits)
{
	struct smp_case *f = smp_case_setup();

	f->d.noise = "\r\n[00:00:01.234] <wrn> app: sensor is late\r\nuart:~$ ";
	f->d.flip_every = 8000;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	smp_case_expect_written(f);
	cr_expect_gt(f->facts->rewinds, 0);
	expect_run(f, DRIVER_STAGE, ERR_OK);
	smp_case_teardown(f);
}

Test(smp, sends_again_what_was_lost)
{
	struct smp_case *f = smp_case_setup();

	memcpy(f->d.drop_request, (unsigned[]){1, 5, 6, 40}, 16);
	memcpy(f->d.drop_answer, (unsigned[]){3, 20, 21, 22}, 16);
	f->d.drop_other = 2;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	smp_case_expect_written(f);
	/* the first piece was lost: an echo finds out, not the 40 s meant for an erase */
	cr_expect_lt(f->d.now_us, 40000000);
	cr_expect_gt(f->d.echoes, 0);
	smp_case_teardown(f);
}

Test(smp, believes_the_list_when_the_last_answer_was_lost)
{
	struct smp_case *f = smp_case_setup();

	expect_run(f, DRIVER_WRITE, ERR_OK);
	uint64_t pieces = f->d.uploads;

	smp_case_teardown(f);
	f = smp_case_setup();
	f->d.drop_answer[0] = (unsigned)pieces;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	cr_expect_leq(f->d.uploads, pieces + 2); /* the server forgot it, the list knows */
	smp_case_teardown(f);
}

Test(smp, waits_for_a_slow_erase)
{
	struct smp_case *f = smp_case_setup();

	f->d.erase_us = 30000000;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	smp_case_expect_written(f);
	smp_case_teardown(f);
}

Test(smp, keeps_alignment_out_of_the_way)
{
	struct smp_case *f = smp_case_setup();

	f->d.align = 32;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	smp_case_expect_written(f);
	cr_expect_eq(f->facts->rewinds, 0);
	smp_case_teardown(f);
}

Test(smp, finds_out_that_params_speak_for_another_wire)
{
	struct smp_case *f = smp_case_setup();

	f->d.buf_size = 2048;
	f->d.buf_count = 2;
	f->d.receive_max = 384;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	smp_case_expect_written(f);
	cr_expect_leq(f->d.longest, 380);
	smp_case_teardown(f);
}

Test(smp, uses_long_messages_where_they_get_through)
{
	struct smp_case *f = smp_case_setup();

	f->d.buf_size = 1024;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	cr_expect_gt(f->d.longest, 980);
	cr_expect_leq(f->d.longest, 1020);
	smp_case_set(f, "max_message", "300");
	f->d.slot[1].used = false;
	f->d.longest = 0;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	cr_expect_leq(f->d.longest, 300);
	smp_case_teardown(f);
}

Test(smp, sends_nothing_that_is_there_already)
{
	struct smp_case *f = smp_case_setup();

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
	smp_case_teardown(f);
}

Test(smp, resumes_after_the_link_was_away)
{
	struct smp_case *f = smp_case_setup();

	f->d.cut_at = 30000;
	f->d.cut_us = 7000000;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	smp_case_expect_written(f);
	cr_expect_lt(f->d.uploads, 165); /* 148 pieces and a few more, not one and a half times */
	smp_case_teardown(f);
}

Test(smp, begins_again_when_the_device_lost_its_power)
{
	struct smp_case *f = smp_case_setup();

	f->d.cut_at = 30000;
	f->d.cut_us = 7000000;
	f->d.cut_reboots = true;
	expect_run(f, DRIVER_WRITE, ERR_OK);
	smp_case_expect_written(f);
	smp_case_teardown(f);
}

Test(smp, erases_a_taken_slot_and_believes_the_list_not_the_code)
{
	struct smp_case *f = smp_case_setup();

	f->d.quirks = SMP_Q_SLOT_TAKEN | SMP_Q_ERASE_RC7;
	f->d.slot[1] = (struct smp_script_slot){.used = true, .version = "0.9.0", .hash = {7}};
	expect_run(f, DRIVER_WRITE, ERR_OK);
	cr_expect_eq(f->d.erases, 1);
	smp_case_expect_written(f);
	smp_case_teardown(f);
}

Test(smp, does_not_touch_a_pending_image)
{
	struct smp_case *f = smp_case_setup();

	f->d.slot[1] = (struct smp_script_slot){
	    .used = true, .version = "0.9.0", .hash = {7}, .pending = true};
	expect_run(f, DRIVER_WRITE, ERR_DEVICE_STATE);
	cr_expect_eq(f->d.erases, 0);
	smp_case_teardown(f);
}

/* MCUboot's own recovery may list slot and version only. */
Test(smp, makes_do_with_a_bare_list)
{
	struct smp_case *f = smp_case_setup();

	f->d.quirks = SMP_Q_BARE_LIST | SMP_Q_NO_PARAMS | SMP_Q_NO_RESUME | SMP_Q_RC_ZERO;
	expect_run(f, DRIVER_IDENTIFY, ERR_OK);
	cr_expect_str_eq(f->facts->version, "1.0.0");
	cr_expect_eq(f->facts->active_hash_len, 0);
	expect_run(f, DRIVER_WRITE, ERR_OK);
	cr_expect_arr_eq(f->d.flash, f->file, f->file_len);
	cr_expect_leq(f->d.longest, 256);
	expect_run(f, DRIVER_REBOOT, ERR_OK);
	smp_case_teardown(f);
}
