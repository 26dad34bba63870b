/*
 * device_health: a new image is kept only after it has run for a while, and with its group.
 */
#include "device_health.h"
#include "device_scene.h"

static void
open_testing(struct scene *s, uint64_t settle_ms)
{
	open_scene(s, DEVICE_TESTING);
	s->u.verb = VERB(IDENTIFY);
	s->u.settle_ms = settle_ms;
}

Test(device_health, image_that_has_to_settle_is_asked_again_before_it_is_kept)
{
	struct scene s;

	open_testing(&s, 10000);
	for (int i = 0; i < 10; i++) {
		answer(&s, "2.0.0", new_hash, old_hash);
		expect(&s, DEVICE_TESTING, VERB(IDENTIFY));
		cr_expect_gt(s.u.due.ms, s.now.ms);
		s.now.ms += 1000;
	}
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(CONFIRM));
}

Test(device_health, silence_or_another_answer_begins_the_while_anew)
{
	struct scene s;

	open_testing(&s, 10000);
	answer(&s, "2.0.0", new_hash, old_hash);
	s.now.ms += 9000;
	cr_assert_eq(trouble(&s, ERR_TIMEOUT), ERR_OK);
	s.now.ms += 2000;
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(IDENTIFY));
	answer(&s, "1.0.0", old_hash, new_hash);
	expect(&s, DEVICE_REVERTED, 0);
}

Test(device_health, device_without_slots_settles_too)
{
	struct scene s;

	open_testing(&s, 5000);
	s.u.wrote = true;
	s.r.active_confirmed = true;
	answer(&s, "2.0.0", new_hash, NULL);
	expect(&s, DEVICE_TESTING, VERB(IDENTIFY));
	s.now.ms += 5000;
	answer(&s, "2.0.0", new_hash, NULL);
	expect(&s, DEVICE_DONE, 0);
}

Test(device_health, nothing_is_kept_while_others_of_the_group_do_not_run_theirs)
{
	struct scene s;
	static const struct device_limits l = {.test_ms = 1000, .flash_ms = 50000};

	open_testing(&s, 0);
	s.u.waits_for_others = true;
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(IDENTIFY));
	cr_expect_eq(
	    mono_between(s.u.since, device_deadline(&s.u, &l)), 51000, "they may still be written");
	s.u.waits_for_others = false;
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(CONFIRM));
}

Test(device_health, without_a_while_and_a_group_it_is_kept_at_once)
{
	struct scene s;

	open_testing(&s, 0);
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(CONFIRM));
}

/* --- a program -------------------------------------------------------------------------------- */

static void
open_checked(struct scene *s, bool slots)
{
	open_testing(s, 0);
	s->u.check_ms = 5000;
	s->u.wrote = s->u.rebooted = true;
	s->r.active_confirmed = !slots;
	answer(s, "2.0.0", new_hash, slots ? old_hash : NULL);
	expect(s, DEVICE_TESTING, VERB(CHECK));
}

/* The program's session ends so. */
static void
says(struct scene *s, enum err e)
{
	s->r.error = e;
	s->r.detail = golden_text(e ? "health check of m: expected exit status 0, got 3" : "");
	s->r.destructive = true; /* the driver exec is */
	end_verb(s);
	s->r.error = ERR_OK;
	s->r.destructive = false;
}

Test(device_health, a_program_is_asked_and_then_the_device_before_it_is_kept)
{
	struct scene s;
	static const struct device_limits l = {.test_ms = 1000};

	open_checked(&s, true);
	cr_expect_eq(mono_between(s.u.since, device_deadline(&s.u, &l)), 6000);
	cr_expect_gt(device_verb_ms(&s.u, &l), 5000, "the program's own time is over first");
	says(&s, ERR_OK);
	cr_expect_not(s.u.destructive, "a program says nothing of the device");
	expect(&s, DEVICE_TESTING, VERB(IDENTIFY));
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(CONFIRM));
}

Test(device_health, a_device_that_the_program_finds_unhealthy_goes_back_for_that_reason)
{
	struct scene s;

	open_checked(&s, true);
	says(&s, ERR_UNHEALTHY);
	expect(&s, DEVICE_TESTING, VERB(REVERT));
	end_verb(&s);
	expect(&s, DEVICE_TESTING, VERB(IDENTIFY));
	answer(&s, "1.0.0", old_hash, new_hash);
	expect(&s, DEVICE_REVERTED, 0);
	cr_expect_eq(s.u.error, ERR_UNHEALTHY);
	cr_expect_str_eq(s.u.detail, "health check of m: expected exit status 0, got 3");
}

Test(device_health, one_that_does_not_go_back_at_once_is_told_again_and_never_kept)
{
	struct scene s;

	open_checked(&s, true);
	says(&s, ERR_UNHEALTHY);
	cr_assert_eq(trouble(&s, ERR_TIMEOUT), ERR_OK);
	cr_assert_eq(step(&s, DEVICE_RESTARTED), ERR_OK);
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(REVERT));
	cr_expect_eq(s.u.error, ERR_UNHEALTHY);
}

Test(device_health, a_restart_before_the_programs_answer_asks_it_again)
{
	struct scene s;

	open_checked(&s, true);
	cr_assert_eq(step(&s, DEVICE_RESTARTED), ERR_OK);
	expect(&s, DEVICE_TESTING, VERB(IDENTIFY));
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(CHECK));
}

Test(device_health, a_program_that_cannot_be_started_time_and_again_found_nothing_healthy)
{
	struct scene s;

	open_checked(&s, true);
	for (int i = 0; i < DEVICE_CONFUSIONS_MAX - 1; i++) {
		says(&s, ERR_SYSTEM);
		expect(&s, DEVICE_TESTING, VERB(IDENTIFY));
		answer(&s, "2.0.0", new_hash, old_hash);
		expect(&s, DEVICE_TESTING, VERB(CHECK));
	}
	says(&s, ERR_SYSTEM);
	expect(&s, DEVICE_TESTING, VERB(REVERT));
	cr_expect_eq(s.u.error, ERR_UNHEALTHY);
	cr_expect(strstr(s.u.detail, "cannot be made"), "%s", s.u.detail);
}

Test(device_health, a_device_without_a_way_back_fails_for_the_programs_reason)
{
	struct scene s;

	open_checked(&s, false);
	says(&s, ERR_UNHEALTHY);
	expect(&s, DEVICE_TESTING, VERB(REVERT));
	s.r.error = ERR_UNSUPPORTED;
	s.r.detail = golden_text("expected a verb of driver xmodem, got 6");
	end_verb(&s);
	expect(&s, DEVICE_FAILED, 0);
	cr_expect_eq(s.u.error, ERR_UNHEALTHY);
	cr_expect(strstr(s.u.detail, "got 3; and back: expected a verb"), "%s", s.u.detail);
}

Test(device_health, a_device_without_slots_is_checked_also_when_its_reset_was_not_seen)
{
	struct scene s;

	for (int state = DEVICE_FLASHING; state <= DEVICE_STAGED; state++) {
		open_scene(&s, state);
		s.u.verb = VERB(IDENTIFY);
		s.u.check_ms = 5000;
		s.u.wrote = true;
		s.r.active_confirmed = true;
		answer(&s, "2.0.0", new_hash, NULL);
		expect(&s, DEVICE_TESTING, VERB(CHECK));
	}
	open_scene(&s, DEVICE_FLASHING);
	s.u.verb = VERB(IDENTIFY);
	s.u.check_ms = 5000;
	s.r.active_confirmed = true;
	answer(&s, "2.0.0", new_hash, NULL);
	expect(&s, DEVICE_DONE, 0); /* it ran this before: nothing was done to it */
}

Test(device_health, the_program_is_asked_before_the_group_is_waited_for)
{
	struct scene s;

	open_testing(&s, 0);
	s.u.check_ms = 5000;
	s.u.waits_for_others = true;
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(CHECK));
	cr_expect_not(device_health_is_well(&s.u));
	says(&s, ERR_OK);
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(IDENTIFY));
	cr_expect(device_health_is_well(&s.u));
}

static void
cancel_while_marked(struct scene *s)
{
	struct device_news n = {.error = ERR_CANCELLED, .detail = "the group"};

	open_scene(s, DEVICE_FLASHING);
	s->u.verb = VERB(STAGE);
	n.now = s->now;
	cr_assert_eq(device_step(&s->u, DEVICE_CANCEL, &n), ERR_OK);
}

Test(device_health, what_is_cancelled_with_its_group_while_it_is_marked_goes_back_once_it_runs)
{
	struct scene s;

	cancel_while_marked(&s);
	expect(&s, DEVICE_FLASHING, VERB(STAGE));
	end_verb(&s);
	expect(&s, DEVICE_STAGED, VERB(REBOOT));
	end_verb(&s);
	expect(&s, DEVICE_TESTING, VERB(IDENTIFY));
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(REVERT));
	cr_expect_eq(s.u.error, ERR_CANCELLED);
}

/* The mark did not take: there is nothing to go back from. */
Test(device_health, what_is_cancelled_while_it_is_marked_is_not_marked_again)
{
	struct scene s;

	cancel_while_marked(&s);
	s.r.error = ERR_LINK;
	end_verb(&s);
	s.r.error = ERR_OK;
	expect(&s, DEVICE_FLASHING, VERB(IDENTIFY));
	answer(&s, "1.0.0", old_hash, new_hash);
	expect(&s, DEVICE_CANCELLED, 0);
	cr_expect_eq(s.u.error, ERR_CANCELLED);
	cr_expect_str_eq(s.u.detail, "the group");
}

/* --- a group that cannot go back -------------------------------------------------------------- */

Test(device_health, what_is_cancelled_with_its_group_and_cannot_go_back_fails_for_that_reason)
{
	for (int state = DEVICE_FLASHING; state <= DEVICE_TESTING; state++) {
		struct scene s;
		struct device_news n = {.error = ERR_CANCELLED, .detail = "the group"};

		open_scene(&s, state);
		s.u.verb = VERB(WRITE);
		s.u.replaceable = s.u.wrote = s.u.destructive = true;
		n.now = s.now;
		cr_assert_eq(device_step(&s.u, DEVICE_CANCEL, &n), ERR_OK);
		expect(&s, state, state == DEVICE_TESTING ? VERB(IDENTIFY) : VERB(WRITE));
		s.u.verb = VERB(IDENTIFY);
		s.r.active_confirmed = true;
		answer(&s, "2.0.0", new_hash, NULL);
		expect(&s, DEVICE_FAILED, 0);
		cr_expect_eq(s.u.error, ERR_CANCELLED);
		cr_expect_str_eq(s.u.detail, "the group");
		cr_expect_not(s.u.effects & DEVICE_DO_RAISE);
	}
}
