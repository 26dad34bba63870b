/*
 * Whatever dies, in whichever phase: the upgrade ends rightly, and the device is never left with
 * something that was not signed.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "bus_client.h"
#include "flashhouse_expect.h"

static void
open_house(struct flashhouse *h)
{
	flashhouse_open(h);
	flashhouse_publish(h);
	flashhouse_start(h);
	flashhouse_slow_down(h, 3, 400);
}

static void
close_house(struct flashhouse *h)
{
	cr_expect_eq(flashhouse_stop(h), 0);
	flashhouse_close(h);
}

static void
expect_done(struct flashhouse *h)
{
	flashhouse_expect_end(h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	flashhouse_expect_upgraded(h, h->device);
	close_house(h);
}

/* flashd dies as soon as it has reported the phase, and another one takes over. */
static void
kill_in(Pb__Phase phase)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_begin(&h, 7);
	cr_assert_not_null(flashhouse_report(&h, 7, phase));
	flashhouse_kill(&h);
	flashhouse_forget(&h);
	flashhouse_start(&h);
	expect_done(&h);
}

Test(flashd_restart, flashd_killed_when_flashing_begins)
{
	kill_in(PB__PHASE__PHASE_FLASHING);
}

Test(flashd_restart, flashd_killed_when_the_image_is_staged)
{
	kill_in(PB__PHASE__PHASE_STAGED);
}

Test(flashd_restart, flashd_killed_when_the_new_image_is_tested)
{
	kill_in(PB__PHASE__PHASE_TESTING);
}

Test(flashd_restart, flashd_killed_when_the_new_image_is_confirmed)
{
	kill_in(PB__PHASE__PHASE_CONFIRMED);
}

Test(flashd_restart, flashd_killed_when_all_is_done_says_so_again)
{
	kill_in(PB__PHASE__PHASE_DONE);
}

/* After a restart it runs another image, 7.7.7, on trial. */
static void
expect_known_after_a_restart(struct flashhouse *h, const char *version)
{
	flashhouse_kill(h);
	struct smp_script *d = smp_tty_take(h->device);
	snprintf(d->slot[0].version, sizeof(d->slot[0].version), "7.7.7");
	d->slot[0].confirmed = false;
	d->slot[0].hash[0] ^= 1;
	smp_tty_give(h->device);
	flashhouse_forget(h);
	flashhouse_start(h);
	cr_expect_not_null(flashhouse_device(h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, version));
	close_house(h);
}

Test(flashd_restart, device_found_with_an_image_on_trial_is_known_by_what_it_confirmed)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_begin(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	expect_known_after_a_restart(&h, FLASHHOUSE_VERSION);
}

static uint64_t
requests_of(struct flashhouse *h)
{
	uint64_t n = smp_tty_take(h->device)->requests;

	smp_tty_give(h->device);
	return n;
}

static void
until_asked(struct flashhouse *h, uint64_t times)
{
	uint64_t enough = requests_of(h) + times;
	struct mono end = mono_after(clock_now(), 20000);

	while (requests_of(h) < enough && !mono_reached(clock_now(), end))
		loop_once(h->loop, 1);
	cr_expect_geq(requests_of(h), enough);
}

/* Nothing was ever confirmed here, and what was heard before died with flashd. */
Test(flashd_restart, version_on_trial_is_not_told_when_its_upgrade_ends_with_the_device_away)
{
	struct flashhouse h;
	char meter[600];

	flashhouse_open(&h);
	flashhouse_publish(&h);
	snprintf(h.extra, sizeof(h.extra), "test_deadline = 1 s\nask_every = 1 s\n");
	snprintf(meter, sizeof(meter),
	    "[flashd.device meter]\nproduct_key = p1\ndevice_key = meter-1\nvendor = acme\n"
	    "model = sensor-9\ndriver = smp\nport = %s/tty\nreply_ms = 300\nretries = 2\n"
	    "reset_wait_ms = 100\nsettle = 4 s\n",
	    h.dir);
	h.devices = meter;
	flashhouse_start(&h);
	flashhouse_begin(&h, 7);
	cr_assert_not_null(flashhouse_report(&h, 7, PB__PHASE__PHASE_TESTING));
	flashhouse_kill(&h);
	flashhouse_forget(&h);
	flashhouse_start(&h);
	until_asked(&h, 8); /* more than one session asks in one go */
	smp_tty_unplug(h.device, true);
	cr_assert_not_null(flashhouse_report(&h, 7, PB__PHASE__PHASE_FAILED));
	const Pb__DeviceReport *r = flashhouse_device(
	    &h, PB__DEVICE_STATE__DEVICE_STATE_AWAY, NULL);
	cr_assert_not_null(r);
	cr_expect_str_eq(r->version, "");
	smp_tty_plug(h.device);
	cr_expect_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
	close_house(&h);
}

static bool
keeps_it(struct flashhouse *h)
{
	struct smp_script *d = smp_tty_take(h->device);
	bool kept = d->resets > 0 && d->slot[0].confirmed;

	smp_tty_give(h->device);
	return kept;
}

static void
cancel_as_a_person(struct flashhouse *h)
{
	struct bus_answer answer = {0};
	char path[400];

	snprintf(path, sizeof(path), "%s/run/flashd-act/sock", h->dir);
	cr_assert_eq(bus_client_act(path, "cancel", "7", 5000, &answer), ERR_OK);
	AUTO(mem) char *json = answer.json;

	cr_assert_eq(answer.error, ERR_OK, "%s", json);
}

/* The device keeps the image as it was told, does not say so, and is not seen again in time. */
static void
fail_after_it_was_kept(struct flashhouse *h, bool cancelled)
{
	flashhouse_open(h);
	flashhouse_publish(h);
	snprintf(h->extra, sizeof(h->extra), "test_deadline = 5 s\nask_every = 1 s\n");
	smp_tty_take(h->device)->booted_quirks = SMP_Q_MARK_SILENT;
	smp_tty_give(h->device);
	flashhouse_start(h);
	flashhouse_begin(h, 7);
	cr_assert_not_null(flashhouse_report(h, 7, PB__PHASE__PHASE_TESTING));
	struct mono end = mono_after(clock_now(), 10000);
	while (!keeps_it(h) && !mono_reached(clock_now(), end))
		loop_once(h->loop, 1);
	if (cancelled)
		cancel_as_a_person(h);
	smp_tty_unplug(h->device, false);
	cr_assert_not_null(flashhouse_report(h, 7, PB__PHASE__PHASE_FAILED));
	flashhouse_forget(h);
}

static void
fail_with_the_image_kept(struct flashhouse *h)
{
	fail_after_it_was_kept(h, false);
}

Test(flashd_restart, image_that_runs_for_good_after_its_upgrade_failed_is_confirmed_all_the_same)
{
	struct flashhouse h;

	fail_with_the_image_kept(&h);
	smp_tty_plug(h.device);
	cr_assert_not_null(
	    flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, FLASHHOUSE_VERSION));
	expect_known_after_a_restart(&h, FLASHHOUSE_VERSION);
}

/* Found by the simulator: as before the end, it was too late. */
Test(flashd_restart, image_that_runs_for_good_is_confirmed_though_a_person_cancelled_it_too_late)
{
	struct flashhouse h;

	fail_after_it_was_kept(&h, true);
	smp_tty_plug(h.device);
	cr_assert_not_null(
	    flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, FLASHHOUSE_VERSION));
	expect_known_after_a_restart(&h, FLASHHOUSE_VERSION);
}

/* It has the hash of the image that failed, and the version of the one before. */
Test(flashd_restart, device_that_contradicts_itself_after_its_upgrade_failed_has_confirmed_nothing)
{
	struct flashhouse h;

	fail_with_the_image_kept(&h);
	struct smp_script *d = smp_tty_take(h.device);
	snprintf(d->slot[0].version, sizeof(d->slot[0].version), "1.0.0");
	smp_tty_give(h.device);
	smp_tty_plug(h.device);
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
	expect_known_after_a_restart(&h, "7.7.7");
}

static void
says_it_runs(struct flashhouse *h, const char *version)
{
	struct smp_script *d = smp_tty_take(h->device);

	snprintf(d->slot[0].version, sizeof(d->slot[0].version), "%s", version);
	smp_tty_give(h->device);
	smp_tty_plug(h->device);
	cr_assert_not_null(flashhouse_device(h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, version));
}

/* Found by the simulator (seed 3301021): the plan that came to nothing had the last word. */
Test(flashd_restart, image_that_runs_for_good_is_confirmed_also_after_a_plan_that_was_cancelled)
{
	struct flashhouse h;

	fail_with_the_image_kept(&h);
	says_it_runs(&h, "1.0.0");
	flashhouse_offer(&h, 8);
	flashhouse_expect_verdict(&h, 8, PB__VERDICT__VERDICT_ACCEPT, ERR_OK);
	flashhouse_cancel(&h, 8);
	cr_assert_not_null(flashhouse_report(&h, 8, PB__PHASE__PHASE_CANCELLED));
	smp_tty_unplug(h.device, false);
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_AWAY, NULL));
	says_it_runs(&h, FLASHHOUSE_VERSION);
	expect_known_after_a_restart(&h, FLASHHOUSE_VERSION);
}

static bool
is_back(struct flashhouse *h)
{
	struct smp_script *d = smp_tty_take(h->device);
	bool back = strcmp(d->slot[0].version, "1.0.0") == 0;

	smp_tty_give(h->device);
	return back;
}

/* Nobody tests what it runs any more, nobody would keep it. */
Test(flashd_restart, device_that_comes_back_on_trial_after_its_upgrade_failed_is_sent_back)
{
	struct flashhouse h;

	fail_with_the_image_kept(&h);
	smp_tty_take(h.device)->slot[0].confirmed = false;
	smp_tty_give(h.device);
	smp_tty_plug(h.device);
	struct mono end = mono_after(clock_now(), 20000);
	while (!is_back(&h) && !mono_reached(clock_now(), end))
		loop_once(h.loop, 1);
	cr_expect(is_back(&h));
	close_house(&h);
}

Test(flashd_restart, flashd_killed_while_it_waits_for_the_image)
{
	struct flashhouse h;

	open_house(&h);
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
	flashhouse_offer(&h, 7);
	flashhouse_expect_verdict(&h, 7, PB__VERDICT__VERDICT_ACCEPT, ERR_OK);
	flashhouse_kill(&h);
	flashhouse_forget(&h);
	flashhouse_start(&h);
	/* it has heard the new link's greeting: an order into the old one would be lost */
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
	flashhouse_order(&h, 7);
	expect_done(&h);
}

Test(flashd_restart, flashd_killed_in_mid_write_resumes_and_does_not_begin_anew)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_begin(&h, 7);
	cr_assert(flashhouse_until_written(&h, h.image_len / 2));
	uint64_t uploads = smp_tty_take(h.device)->uploads;
	smp_tty_give(h.device);
	flashhouse_kill(&h);
	flashhouse_forget(&h);
	flashhouse_start(&h);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	uint64_t all = smp_tty_take(h.device)->uploads;
	smp_tty_give(h.device);
	cr_expect_lt(all, 2 * uploads + uploads / 2,
	    "the first half was sent once, %u of %u pieces", (unsigned)uploads, (unsigned)all);
	expect_done(&h);
}

Test(flashd_restart, flashd_killed_again_and_again_gets_there)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_begin(&h, 7);
	for (size_t part = 1; part < 8; part++) {
		cr_assert(flashhouse_until_written(&h, part * h.image_len / 10));
		flashhouse_kill(&h);
		flashhouse_forget(&h);
		flashhouse_start(&h);
	}
	expect_done(&h);
}

/* The device's count of requests is a clock that knows where the upgrade stands. */
static void
kill_at_request(uint64_t n)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_slow_down(&h, 1, 200);
	flashhouse_begin(&h, 7);
	struct mono end = mono_after(clock_now(), 20000);
	while (requests_of(&h) < n && !mono_reached(clock_now(), end))
		loop_once(h.loop, 1);
	flashhouse_kill(&h);
	flashhouse_forget(&h);
	flashhouse_start(&h);
	expect_done(&h);
}

Test(flashd_restart, flashd_killed_after_any_number_of_requests_to_the_device)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_begin(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	uint64_t all = requests_of(&h);
	expect_done(&h);
	for (uint64_t n = 3; n < 9; n++) /* the first questions and pieces */
		kill_at_request(n);
	for (uint64_t n = 7; n > 0; n--) /* mark, reset, test, confirm */
		kill_at_request(all - n);
}

Test(flashd_restart, flashd_stopped_in_mid_write_ends_with_zero_and_goes_on_when_started)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_begin(&h, 7);
	cr_assert(flashhouse_until_written(&h, h.image_len / 3));
	cr_expect_eq(flashhouse_stop(&h), 0);
	flashhouse_forget(&h);
	flashhouse_start(&h);
	expect_done(&h);
}

/* --- sessions --------------------------------------------------------------------------------- */

Test(flashd_restart, session_killed_in_mid_write_is_replaced)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_begin(&h, 7);
	cr_assert(flashhouse_until_written(&h, h.image_len / 3));
	int pid = flashhouse_session(&h);
	cr_assert_gt(pid, 0);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	expect_done(&h);
}

Test(flashd_restart, sessions_die_with_flashd)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_begin(&h, 7);
	cr_assert(flashhouse_until_written(&h, h.image_len / 3));
	int pid = flashhouse_session(&h);
	cr_assert_gt(pid, 0);
	flashhouse_kill(&h);
	cr_expect(flashhouse_has_ended(&h, pid), "nobody writes to a device without flashd");
	flashhouse_start(&h);
	expect_done(&h);
}

/* --- the gate --------------------------------------------------------------------------------- */

Test(flashd_restart, gate_that_goes_away_does_not_stop_an_upgrade)
{
	struct flashhouse h;

	open_house(&h);
	flashhouse_begin(&h, 7);
	cr_assert(flashhouse_until_written(&h, h.image_len / 3));
	flashhouse_reconnect(&h);
	expect_done(&h);
}

/* --- the record ------------------------------------------------------------------------------- */

/* trust: 48 */
Test(flashd_restart, damaged_record_is_put_aside_and_the_signed_floors_still_hold)
{
	struct flashhouse h;
	char path[320];

	open_house(&h);
	flashhouse_begin(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect_eq(flashhouse_stop(&h), 0);
	flashhouse_forget(&h);
	snprintf(path, sizeof(path), "%s/state/flashd", h.dir);
	kit_write(path, "flashd.db", "this was a database", 19);
	flashhouse_start(&h);
	cr_assert_not_null(
	    flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, FLASHHOUSE_VERSION));
	flashhouse_offer(&h, 8);
	flashhouse_expect_verdict(&h, 8, PB__VERDICT__VERDICT_REJECT, ERR_ALREADY);
	close_house(&h);
}

/* The gate has not heard the end, and orders again what nobody remembers: the device's own hash
 * says how it ended. */
/* trust: record-rebuilt */
Test(flashd_restart, end_that_a_damaged_record_held_is_read_from_the_device)
{
	struct flashhouse h;
	char path[320];

	open_house(&h);
	flashhouse_begin(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect_eq(flashhouse_stop(&h), 0);
	flashhouse_forget(&h);
	uint64_t uploads = smp_tty_take(h.device)->uploads;
	smp_tty_give(h.device);
	snprintf(path, sizeof(path), "%s/state/flashd", h.dir);
	kit_write(path, "flashd.db", "this was a database", 19);
	flashhouse_start(&h);
	cr_assert_not_null(
	    flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, FLASHHOUSE_VERSION));
	flashhouse_order(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect_eq(smp_tty_take(h.device)->uploads, uploads, "nothing was written");
	smp_tty_give(h.device);
	close_house(&h);
}
