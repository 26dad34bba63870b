/*
 * device: the machine of one upgrade, driven with session reports and a clock of our own.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "device_scene.h"

/* --- the table -------------------------------------------------------------------------------- */

Test(device, ended_upgrade_takes_no_event_and_has_no_deadline)
{
	static const struct device_limits l = {1, 1, 1, 1, 1, 1, 1, 1};

	for (int state = DEVICE_DONE; state < DEVICE_STATES; state++)
		for (int event = 0; event < DEVICE_EVENTS; event++) {
			struct scene s;

			open_scene(&s, state);
			cr_expect_eq(step(&s, event), ERR_PHASE);
			expect(&s, state, 0);
			cr_expect_not(s.u.changed);
			cr_expect_eq(device_deadline(&s.u, &l).ms, INT64_MAX);
		}
}

Test(device, event_without_a_row_changes_nothing_and_one_with_a_row_is_recorded)
{
	for (int state = 0; state < DEVICE_STATES; state++)
		for (int event = 0; event < DEVICE_EVENTS; event++) {
			struct scene s;

			open_scene(&s, state);
			enum err e = step(&s, event);
			cr_expect(e == ERR_OK || e == ERR_PHASE);
			cr_expect_eq(s.u.changed, e == ERR_OK, "%s on %s",
			    device_table.states[state], device_table.events[event]);
			if (e == ERR_PHASE)
				expect(&s, state, 0);
		}
}

/* Whatever the last trouble was: a device that is ours has something to do, an end has nothing. */
Test(device, active_state_always_wants_a_verb_and_no_other_state_does)
{
	for (int state = DEVICE_FLASHING; state <= DEVICE_CONFIRMED; state++)
		for (int event = 0; event < DEVICE_EVENTS; event++) {
			struct scene s;

			open_scene(&s, state);
			s.u.verb = VERB(IDENTIFY);
			if (step(&s, event) == ERR_OK)
				cr_expect_eq(s.u.verb != 0, device_is_active(&s.u), "%s on %s",
				    device_table.states[state], device_table.events[event]);
		}
}

Test(device, counters_rise_with_done_and_with_nothing_else)
{
	for (int state = 0; state < DEVICE_STATES; state++)
		for (int event = 0; event < DEVICE_EVENTS; event++) {
			struct scene s;

			open_scene(&s, state);
			if (step(&s, event) == ERR_OK)
				cr_expect_eq((s.u.effects & DEVICE_DO_RAISE) != 0,
				    s.u.state == DEVICE_DONE, "%s on %s",
				    device_table.states[state], device_table.events[event]);
		}
}

Test(device, every_waiting_or_active_state_ends_at_its_deadline_as_failed)
{
	for (int state = DEVICE_ADMITTED; state <= DEVICE_CONFIRMED; state++) {
		struct scene s;

		open_scene(&s, state);
		cr_expect_eq(step(&s, DEVICE_DEADLINE), ERR_OK);
		expect(&s, DEVICE_FAILED, 0);
		cr_expect_eq(s.u.error, ERR_TIMEOUT);
	}
}

Test(device, every_active_state_asks_the_device_first_after_a_restart)
{
	for (int state = DEVICE_FLASHING; state <= DEVICE_CONFIRMED; state++) {
		struct scene s;

		open_scene(&s, state);
		s.u.verb = VERB(WRITE);
		cr_expect_eq(step(&s, DEVICE_RESTARTED), ERR_OK);
		expect(&s, state, VERB(IDENTIFY));
	}
}

Test(device, every_active_state_survives_every_trouble_or_says_what_it_was)
{
	for (int state = DEVICE_FLASHING; state <= DEVICE_CONFIRMED; state++)
		for (int error = 1; error < 200; error++) {
			struct scene s;

			open_scene(&s, state);
			s.u.verb = VERB(IDENTIFY);
			cr_expect_eq(trouble(&s, (enum err)error), ERR_OK);
			cr_expect(device_is_active(&s.u) || s.u.error != ERR_OK);
		}
}

Test(device, each_new_phase_is_reported_once)
{
	struct scene s;

	open_scene(&s, DEVICE_WAITING);
	cr_assert_eq(step(&s, DEVICE_ORDER), ERR_OK);
	cr_expect_eq(s.u.say, 1u << PB__PHASE__PHASE_VERIFIED);
	cr_assert_eq(step(&s, DEVICE_TURN), ERR_OK);
	cr_expect_eq(s.u.say, 1u << PB__PHASE__PHASE_VERIFIED | 1u << PB__PHASE__PHASE_FLASHING);
	s.u.say = 0;
	cr_assert_eq(step(&s, DEVICE_SEES_OLD), ERR_OK);
	cr_expect_eq(s.u.say, 0u);
	for (int state = 0; state < DEVICE_QUEUED; state++)
		cr_expect_eq(device_phase(state), PB__PHASE__PHASE_UNKNOWN);
	for (int state = DEVICE_QUEUED; state < DEVICE_STATES; state++)
		cr_expect_neq(device_phase(state), PB__PHASE__PHASE_UNKNOWN);
}

/* --- whole ways ------------------------------------------------------------------------------- */

Test(device, upgrade_goes_from_the_plan_to_done)
{
	struct scene s;

	open_scene(&s, DEVICE_IDENTIFIED);
	s.u.has_image_hash = false;
	cr_assert_eq(step(&s, DEVICE_ADMIT), ERR_OK);
	cr_expect_eq(s.u.effects, (unsigned)DEVICE_DO_VERDICT);
	cr_assert_eq(step(&s, DEVICE_VERDICT_SENT), ERR_OK);
	expect(&s, DEVICE_WAITING, 0);
	cr_assert_eq(step(&s, DEVICE_ORDER), ERR_OK);
	expect(&s, DEVICE_QUEUED, 0);
	cr_assert_eq(step(&s, DEVICE_TURN), ERR_OK);
	answer(&s, "1.0.0", old_hash, NULL);
	expect(&s, DEVICE_FLASHING, VERB(WRITE));
	s.u.wrote = true;
	s.r.image_hash = hash(new_hash);
	end_verb(&s);
	cr_expect(s.u.has_image_hash);
	expect(&s, DEVICE_FLASHING, VERB(STAGE));
	end_verb(&s);
	expect(&s, DEVICE_STAGED, VERB(REBOOT));
	end_verb(&s);
	expect(&s, DEVICE_TESTING, VERB(IDENTIFY));
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(CONFIRM));
	end_verb(&s);
	expect(&s, DEVICE_CONFIRMED, VERB(IDENTIFY));
	s.r.active_confirmed = true;
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_DONE, 0);
	cr_expect_eq(s.u.error, ERR_OK);
	cr_expect(s.u.effects & DEVICE_DO_RAISE);
}

Test(device, device_without_slots_resets_by_itself_and_confirms_nothing)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	s.u.verb = VERB(STAGE);
	s.u.wrote = true;
	cr_assert_eq(trouble(&s, ERR_UNSUPPORTED), ERR_OK);
	expect(&s, DEVICE_STAGED, VERB(REBOOT));
	cr_assert_eq(trouble(&s, ERR_UNSUPPORTED), ERR_OK);
	expect(&s, DEVICE_TESTING, VERB(IDENTIFY));
	answer(&s, "2.0.0", NULL, NULL);
	expect(&s, DEVICE_TESTING, VERB(CONFIRM));
	cr_assert_eq(trouble(&s, ERR_UNSUPPORTED), ERR_OK);
	expect(&s, DEVICE_CONFIRMED, VERB(IDENTIFY));
	answer(&s, "2.0.0", NULL, NULL);
	expect(&s, DEVICE_DONE, 0);
}

Test(device, old_image_after_the_reset_is_a_revert_and_says_both_versions)
{
	struct scene s;

	open_scene(&s, DEVICE_TESTING);
	s.u.verb = VERB(IDENTIFY);
	answer(&s, "1.0.0", old_hash, NULL);
	expect(&s, DEVICE_REVERTED, 0);
	cr_expect_eq(s.u.error, ERR_REVERTED);
	cr_expect(strstr(s.u.detail, "2.0.0") && strstr(s.u.detail, "1.0.0"), "%s", s.u.detail);
}

Test(device, that_says_when_it_is_to_keep_its_image_that_it_has_gone_back_is_reverted)
{
	struct scene s;

	open_scene(&s, DEVICE_TESTING);
	s.u.verb = VERB(CONFIRM);
	snprintf(s.u.version, sizeof(s.u.version), "1.0.0");
	cr_assert_eq(trouble(&s, ERR_REVERTED), ERR_OK);
	expect(&s, DEVICE_REVERTED, 0);
	cr_expect_eq(s.u.error, ERR_REVERTED);
	cr_expect(strstr(s.u.detail, "2.0.0") && strstr(s.u.detail, "1.0.0"), "%s", s.u.detail);
}

Test(device, newer_plan_takes_the_place_of_one_whose_yes_has_not_left_yet)
{
	struct scene s;

	open_scene(&s, DEVICE_ADMITTED);
	cr_assert_eq(step(&s, DEVICE_SUPERSEDED), ERR_OK);
	expect(&s, DEVICE_CANCELLED, 0);
	cr_expect_eq(s.u.error, ERR_CANCELLED);
}

Test(device, right_image_with_the_wrong_version_goes_back_and_keeps_the_reason)
{
	struct scene s;

	open_scene(&s, DEVICE_TESTING);
	s.u.verb = VERB(IDENTIFY);
	answer(&s, "2.0.1", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(REVERT));
	end_verb(&s);
	answer(&s, "1.0.0", old_hash, new_hash);
	expect(&s, DEVICE_REVERTED, 0);
	cr_expect_eq(s.u.error, ERR_WRONG_VERSION);
	cr_expect_not_null(strstr(s.u.detail, "2.0.1"), "%s", s.u.detail);
}

Test(device, that_cannot_go_back_from_the_wrong_image_has_failed)
{
	struct scene s;

	open_scene(&s, DEVICE_TESTING);
	s.u.verb = VERB(REVERT);
	cr_assert_eq(trouble(&s, ERR_UNSUPPORTED), ERR_OK);
	expect(&s, DEVICE_FAILED, 0);
}

Test(device, another_image_on_trial_goes_back_before_anything_is_written)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	s.u.verb = VERB(WRITE);
	s.u.on_trial = true;
	cr_assert_eq(trouble(&s, ERR_DEVICE_STATE), ERR_OK);
	expect(&s, DEVICE_FLASHING, VERB(REVERT));
	end_verb(&s);
	expect(&s, DEVICE_FLASHING, VERB(IDENTIFY));
	answer(&s, "1.0.0", old_hash, NULL);
	expect(&s, DEVICE_FLASHING, VERB(WRITE));
	cr_expect_not(s.u.on_trial);
	cr_assert_eq(trouble(&s, ERR_DEVICE_STATE), ERR_OK);
	expect(&s, DEVICE_FAILED, 0);
}

Test(device, lost_reset_is_sent_again_but_not_at_once)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	cr_assert_eq(step(&s, DEVICE_MARKED), ERR_OK);
	expect(&s, DEVICE_STAGED, VERB(REBOOT));
	cr_expect_eq(s.u.due.ms, s.now.ms);
	cr_assert_eq(step(&s, DEVICE_SEES_NEW_PENDING), ERR_OK);
	expect(&s, DEVICE_STAGED, VERB(REBOOT));
	int64_t first = mono_between(s.now, s.u.due);
	cr_assert_eq(step(&s, DEVICE_SEES_NEW_PENDING), ERR_OK);
	cr_expect_gt(first, 0);
	cr_expect_gt(mono_between(s.now, s.u.due), first);
}

Test(device, mark_that_was_lost_before_a_reset_is_set_again_and_after_it_is_a_revert)
{
	struct scene s;

	open_scene(&s, DEVICE_STAGED);
	cr_assert_eq(step(&s, DEVICE_SEES_NEW_STORED), ERR_OK);
	expect(&s, DEVICE_FLASHING, VERB(STAGE));
	open_scene(&s, DEVICE_STAGED);
	s.u.rebooted = true;
	cr_assert_eq(step(&s, DEVICE_SEES_NEW_STORED), ERR_OK);
	expect(&s, DEVICE_REVERTED, 0);
}

/* --- what a device says ----------------------------------------------------------------------- */

struct look {
	const char *version;
	const uint8_t *active, *staged;
	bool confirmed, pending, wrote, no_confirm;
	int event;
};

static const struct look looks[] = {
    {"1.0.0", old_hash, NULL, true, false, true, false, DEVICE_SEES_OLD},
    {"2.0.0", old_hash, NULL, true, false, true, false, DEVICE_SEES_OLD}, /* a lie */
    {"1.0.0", old_hash, new_hash, true, false, true, false, DEVICE_SEES_NEW_STORED},
    {"1.0.0", old_hash, new_hash, true, true, true, false, DEVICE_SEES_NEW_PENDING},
    {"2.0.0", new_hash, old_hash, false, false, true, false, DEVICE_SEES_NEW_ON_TEST},
    {"2.0.0", new_hash, old_hash, true, false, true, false, DEVICE_SEES_NEW_KEPT},
    {"2.0.0", new_hash, old_hash, false, false, true, true, DEVICE_SEES_NEW_KEPT},
    {"2.0.1", new_hash, old_hash, true, false, true, false, DEVICE_SEES_MISFIT},
    /* no hashes: the version alone, and only after something was written */
    {"2.0.0", NULL, NULL, true, false, true, false, DEVICE_SEES_NEW_KEPT},
    {"2.0.0", NULL, NULL, true, false, false, false, DEVICE_SEES_OLD},
    {"1.0.0", NULL, NULL, true, false, true, false, DEVICE_SEES_OLD},
    {"", NULL, NULL, false, false, true, false, DEVICE_SEES_OLD},
};

Test(device, answers_are_read_by_hash_and_only_without_one_by_version)
{
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		const struct look *l = &looks[i];
		struct scene s;

		open_scene(&s, DEVICE_FLASHING);
		s.u.wrote = l->wrote;
		s.u.no_confirm = l->no_confirm;
		s.r.version = golden_text(l->version);
		s.r.active_hash = l->active ? hash(l->active) : (ProtobufCBinaryData){0, NULL};
		s.r.staged_hash = l->staged ? hash(l->staged) : (ProtobufCBinaryData){0, NULL};
		s.r.active_confirmed = l->confirmed;
		s.r.staged_pending = l->pending;
		cr_expect_eq(device_see(&s.u, &s.r), l->event, "row %zu: expected %s, got %s", i,
		    device_table.events[l->event], device_table.events[device_see(&s.u, &s.r)]);
	}
}

Test(device, session_that_died_or_answered_another_verb_is_trouble)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	s.u.verb = VERB(WRITE);
	cr_assert_eq(device_on_final(&s.u, NULL, s.now), ERR_OK);
	expect(&s, DEVICE_FLASHING, VERB(IDENTIFY));
	cr_expect_eq(s.u.error, ERR_SESSION);
	cr_expect_gt(s.u.due.ms, s.now.ms);
	s.r.verb = VERB(CONFIRM);
	cr_assert_eq(device_on_final(&s.u, &s.r, s.now), ERR_OK);
	cr_expect_eq(s.u.error, ERR_SESSION);
}
