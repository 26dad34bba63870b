/*
 * flashd, as a real process with real sessions, between a gate that the test plays and a device on
 * a pseudo-terminal: upgrades that end well, devices that do not behave, and cancels.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "flashhouse_expect.h"

/* A house with a signed package in its store and flashd running. */
static void
open_house(struct flashhouse *h)
{
	flashhouse_open(h);
	flashhouse_publish(h);
	flashhouse_start(h);
}

static void
close_house(struct flashhouse *h)
{
	cr_expect_eq(flashhouse_stop(h), 0);
	flashhouse_close(h);
}

Test(flashd, upgrade_goes_through_every_phase_to_done)
{
	static const Pb__Phase phases[] = {PB__PHASE__PHASE_FLASHING, PB__PHASE__PHASE_STAGED,
	    PB__PHASE__PHASE_TESTING, PB__PHASE__PHASE_CONFIRMED, PB__PHASE__PHASE_DONE};
	struct flashhouse h;

	open_house(&h);
	flashhouse_begin(&h, 7);
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		const Pb__Report *r = flashhouse_report(&h, 7, phases[i]);

		cr_assert_not_null(r, "phase %d is missing", (int)phases[i]);
		cr_expect_eq(r->error, 0u);
	}
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect_str_eq(flashhouse_end(&h, 7)->version, FLASHHOUSE_VERSION);
	cr_expect_not_null(
	    flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, FLASHHOUSE_VERSION));
	flashhouse_expect_upgraded(&h, h.device);
	close_house(&h);
}

/* Upgrade 7 is done, and the device has said so. */
static void
open_upgraded_house(struct flashhouse *h)
{
	open_house(h);
	flashhouse_begin(h, 7);
	flashhouse_expect_end(h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_assert_not_null(
	    flashhouse_device(h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, FLASHHOUSE_VERSION));
	flashhouse_forget(h);
}

/* trust: 49 */
Test(flashd, plan_for_what_runs_already_is_rejected_as_already)
{
	struct flashhouse h;

	open_upgraded_house(&h);
	flashhouse_offer(&h, 8);
	flashhouse_expect_verdict(&h, 8, PB__VERDICT__VERDICT_REJECT, ERR_ALREADY);
	flashhouse_offer(&h, 7); /* once more the one that has ended */
	flashhouse_expect_verdict(&h, 7, PB__VERDICT__VERDICT_REJECT, ERR_ALREADY);
	close_house(&h);
}

Test(flashd, progress_is_told_while_it_writes)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_slow_down(&h, 4, 100);
	flashhouse_begin(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect_gt(flashhouse_count(&h, PB__ENVELOPE__BODY_PROGRESS), 0);
	cr_expect_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_BUSY, NULL));
	close_house(&h);
}

/* --- reports ---------------------------------------------------------------------------------- */

Test(flashd, reports_are_said_again_to_a_new_gate_until_they_are_acknowledged)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_begin(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	uint64_t id = flashhouse_end(&h, 7)->id;
	flashhouse_reconnect(&h);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect_eq(flashhouse_end(&h, 7)->id, id, "the same report has the same id");
	cr_expect_not_null(flashhouse_report(&h, 7, PB__PHASE__PHASE_FLASHING));
	flashhouse_ack_all(&h);
	flashhouse_offer(&h, 9); /* when this is answered, the acknowledgements are through */
	cr_assert_not_null(flashhouse_verdict(&h, 9));
	flashhouse_reconnect(&h);
	cr_assert_not_null(
	    flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, FLASHHOUSE_VERSION));
	cr_expect_eq(flashhouse_count(&h, PB__ENVELOPE__BODY_REPORT), 0u);
	close_house(&h);
}

/* It may have changed since, and the platform is to believe what it hears last. */
Test(flashd, how_a_device_is_now_is_told_after_each_report_that_is_said_again, .timeout = 150)
{
	struct flashhouse h;

	open_upgraded_house(&h);
	for (int i = 0; i < 9000 && !flashhouse_count(&h, PB__ENVELOPE__BODY_REPORT); i++)
		loop_once(h.loop, 10);
	cr_expect_not_null(
	    flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, FLASHHOUSE_VERSION));
	close_house(&h);
}

/* --- devices that do not behave --------------------------------------------------------------- */

static void
unplug_in_mid_flash(bool with_power)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_slow_down(&h, 4, 100);
	flashhouse_begin(&h, 7);
	cr_assert(flashhouse_until_written(&h, h.image_len / 3));
	smp_tty_unplug(h.device, with_power);
	/* flashd notices: it cannot be busy with a device that is gone for long */
	for (int i = 0; i < 30; i++)
		loop_once(h.loop, 10);
	smp_tty_plug(h.device);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	flashhouse_expect_upgraded(&h, h.device);
	close_house(&h);
}

Test(flashd, device_unplugged_in_mid_flash_is_finished_when_it_is_back)
{
	unplug_in_mid_flash(false);
}

Test(flashd, device_that_lost_its_power_in_mid_flash_is_finished_when_it_is_back)
{
	unplug_in_mid_flash(true);
}

Test(flashd, image_that_the_bootloader_does_not_start_is_reported_as_reverted)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_quirk(&h, SMP_Q_REFUSES_BOOT);
	flashhouse_begin(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_REVERTED, ERR_REVERTED);
	flashhouse_expect_old(&h);
	smp_tty_take(h.device)->quirks = 0;
	smp_tty_give(h.device);
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
	flashhouse_offer(&h, 8); /* no counter rose: the same package may try again */
	flashhouse_expect_verdict(&h, 8, PB__VERDICT__VERDICT_ACCEPT, ERR_OK);
	flashhouse_order(&h, 8);
	flashhouse_expect_end(&h, 8, PB__PHASE__PHASE_DONE, ERR_OK);
	close_house(&h);
}

Test(flashd, device_that_never_comes_back_from_its_reset_ends_at_the_deadline)
{
	struct flashhouse h;

	flashhouse_open(&h);
	snprintf(h.extra, sizeof(h.extra), "reboot_deadline = 2 s\ntest_deadline = 2 s");
	flashhouse_publish(&h);
	flashhouse_start(&h);
	flashhouse_quirk(&h, SMP_Q_NEVER_BACK);
	flashhouse_begin(&h, 7);
	const Pb__Report *r = flashhouse_end(&h, 7);
	cr_assert_not_null(r);
	cr_expect_eq(r->phase, PB__PHASE__PHASE_FAILED);
	cr_expect_neq(r->error, 0u);
	close_house(&h);
}

Test(flashd, device_that_is_away_makes_a_plan_wait_and_no_upgrade_fail)
{
	struct flashhouse h;

	flashhouse_open(&h);
	flashhouse_publish(&h);
	smp_tty_unplug(h.device, false);
	flashhouse_start(&h);
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_AWAY, NULL));
	flashhouse_offer(&h, 7);
	flashhouse_expect_verdict(&h, 7, PB__VERDICT__VERDICT_DEFER, ERR_DEVICE_AWAY);
	smp_tty_plug(h.device);
	flashhouse_begin_for(
	    &h, 7, &(struct flashhouse_target){0}); /* asked at once, not in a while */
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	close_house(&h);
}

/* Nobody has to want anything of it. (Without hearing of it: after the next question's pause.) */
Test(flashd, device_that_is_plugged_in_is_asked_and_reported_by_itself)
{
	struct flashhouse h;

	flashhouse_open(&h);
	smp_tty_unplug(h.device, false);
	flashhouse_start(&h);
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_AWAY, NULL));
	smp_tty_plug(h.device);
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
	close_house(&h);
}

/* --- cancel ----------------------------------------------------------------------------------- */

Test(flashd, cancel_in_mid_flash_stops_the_writing_and_leaves_the_old_image)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_slow_down(&h, 10, 100);
	flashhouse_begin(&h, 7);
	cr_assert(flashhouse_until_written(&h, h.image_len / 4));
	flashhouse_cancel(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_CANCELLED, ERR_CANCELLED);
	flashhouse_expect_old(&h);
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
	flashhouse_forget(&h);
	flashhouse_slow_down(&h, 0, 100);
	flashhouse_offer(&h, 8);
	flashhouse_expect_verdict(&h, 8, PB__VERDICT__VERDICT_ACCEPT, ERR_OK);
	flashhouse_order(&h, 8);
	flashhouse_expect_end(&h, 8, PB__PHASE__PHASE_DONE, ERR_OK);
	flashhouse_expect_upgraded(&h, h.device);
	close_house(&h);
}

Test(flashd, cancel_before_the_image_ends_the_plan)
{
	struct flashhouse h;

	open_house(&h);
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
	flashhouse_offer(&h, 7);
	flashhouse_expect_verdict(&h, 7, PB__VERDICT__VERDICT_ACCEPT, ERR_OK);
	flashhouse_cancel(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_CANCELLED, ERR_CANCELLED);
	flashhouse_expect_untouched(&h);
	close_house(&h);
}

Test(flashd, cancel_after_the_reset_comes_too_late)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_slow_down(&h, 0, 500);
	flashhouse_begin(&h, 7);
	cr_assert_not_null(flashhouse_report(&h, 7, PB__PHASE__PHASE_STAGED));
	flashhouse_cancel(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	flashhouse_expect_upgraded(&h, h.device);
	close_house(&h);
}

/* --- two devices ------------------------------------------------------------------------------ */

struct two {
	struct flashhouse h;
	struct smp_tty *second;
};

static const struct flashhouse_target second = {.device_key = "meter-2"};

static void
open_two(struct two *t)
{
	char path[200];
	struct smp_script *d = NULL;

	flashhouse_open(&t->h);
	snprintf(path, sizeof(path), "%.180s/tty2", t->h.dir);
	snprintf(t->h.extra, sizeof(t->h.extra),
	    "[flashd.device two]\nproduct_key = p1\ndevice_key = meter-2\nvendor = acme\n"
	    "model = sensor-9\ndriver = smp\nport = %.120s\nreply_ms = 300\nretries = 2\n"
	    "reset_wait_ms = 100\n",
	    path);
	t->second = smp_tty_start(path, geteuid() ? geteuid() : 65534);
	d = smp_tty_take(t->h.device);
	char version[100];
	uint8_t hash[32];
	snprintf(version, sizeof(version), "%s", d->image_version);
	memcpy(hash, d->image_hash, 32);
	smp_tty_give(t->h.device);
	smp_tty_expect(t->second, version, hash);
	flashhouse_publish(&t->h);
	flashhouse_start(&t->h);
}

static void
close_two(struct two *t)
{
	cr_expect_eq(flashhouse_stop(&t->h), 0);
	smp_tty_stop(t->second);
	flashhouse_close(&t->h);
}

static void
pace_second(struct two *t, unsigned piece_ms)
{
	smp_tty_take(t->second)->chunk_us = piece_ms * 1000;
	smp_tty_give(t->second);
}

Test(flashd, devices_on_two_links_are_written_at_the_same_time)
{
	struct two t;

	open_two(&t);
	flashhouse_slow_down(&t.h, 6, 100);
	pace_second(&t, 100); /* until the first has begun, however slow the machine is */
	cr_assert_not_null(
	    flashhouse_device(&t.h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
	flashhouse_begin_for(&t.h, 2, &second);
	flashhouse_offer(&t.h, 1);
	flashhouse_expect_verdict(&t.h, 1, PB__VERDICT__VERDICT_ACCEPT, ERR_OK);
	flashhouse_order(&t.h, 1);
	cr_assert(flashhouse_until_written(&t.h, 1));
	size_t other = smp_tty_take(t.second)->flash_len;
	smp_tty_give(t.second);
	pace_second(&t, 6);
	cr_expect(other > 0, "the first began while the second was being written");
	flashhouse_expect_end(&t.h, 1, PB__PHASE__PHASE_DONE, ERR_OK);
	flashhouse_expect_end(&t.h, 2, PB__PHASE__PHASE_DONE, ERR_OK);
	flashhouse_expect_upgraded(&t.h, t.h.device);
	flashhouse_expect_upgraded(&t.h, t.second);
	close_two(&t);
}

Test(flashd, device_that_hangs_does_not_delay_the_other_one)
{
	struct two t;

	open_two(&t);
	flashhouse_slow_down(&t.h, 0, 60000); /* it boots for a minute */
	flashhouse_begin(&t.h, 1);
	cr_assert_not_null(flashhouse_report(&t.h, 1, PB__PHASE__PHASE_STAGED));
	flashhouse_begin_for(&t.h, 2, &second);
	flashhouse_expect_end(&t.h, 2, PB__PHASE__PHASE_DONE, ERR_OK);
	flashhouse_expect_upgraded(&t.h, t.second);
	close_two(&t);
}
