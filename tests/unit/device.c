/*
 * device: the machine of one upgrade, driven with session reports and a clock of our own.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "golden.h"
#include "utf8.h"

#define VERB(v) PB__VERB__VERB_##v

static const uint8_t new_hash[32] = {1, 2, 3};
static const uint8_t old_hash[32] = {9, 9, 9};

struct scene {
	struct device_upgrade u;
	struct mono now;
	Pb__SessionReport r;
};

/* An upgrade in `state` whose image is known by hash. */
static void
open_scene(struct scene *s, int state)
{
	Pb__Device d = PB__DEVICE__INIT;

	d.product_key = golden_text("p1");
	d.device_key = golden_text("meter-1");
	s->now = (struct mono){1000000};
	device_init(&s->u, 7, &d, "app", "2.0.0", s->now);
	s->u.state = s->u.furthest = state;
	snprintf(s->u.image_version, sizeof(s->u.image_version), "2.0.0");
	memcpy(s->u.image_hash, new_hash, 32);
	s->u.has_image_hash = true;
	s->u.changed = false;
	pb__session_report__init(&s->r);
}

static enum err
step(struct scene *s, int event)
{
	struct device_news n = {.now = s->now, .error = ERR_OK, .detail = "why"};

	return device_step(&s->u, event, &n);
}

static enum err
trouble(struct scene *s, enum err e)
{
	struct device_news n = {.now = s->now, .error = e, .detail = "expected this, got that"};

	return device_step(&s->u, DEVICE_TROUBLE, &n);
}

static ProtobufCBinaryData
hash(const uint8_t h[32])
{
	return (ProtobufCBinaryData){32, (uint8_t *)(uintptr_t)h};
}

/* The running verb ends as `s->r` says. */
static void
end_verb(struct scene *s)
{
	s->u.running = true;
	s->r.verb = (Pb__Verb)s->u.verb;
	s->r.final = true;
	cr_assert_eq(device_on_final(&s->u, &s->r, s->now), ERR_OK);
	cr_expect_not(s->u.running);
}

/* ... as an answer to IDENTIFY. */
static void
answer(struct scene *s, const char *version, const uint8_t *active, const uint8_t *staged)
{
	cr_expect_eq(s->u.verb, VERB(IDENTIFY));
	s->r.version = golden_text(version);
	s->r.active_hash = active ? hash(active) : (ProtobufCBinaryData){0, NULL};
	s->r.staged_hash = staged ? hash(staged) : (ProtobufCBinaryData){0, NULL};
	end_verb(s);
}

static void
expect(const struct scene *s, int state, int verb)
{
	cr_expect_eq(s->u.state, state, "expected %s, got %s", device_table.states[state],
	    device_table.states[s->u.state]);
	cr_expect_eq(s->u.verb, verb, "expected verb %d, got %d", verb, s->u.verb);
}

/* --- the table -------------------------------------------------------------------------------- */

Test(device, ended_upgrade_takes_no_event_and_has_no_deadline)
{
	static const struct device_limits l = {1, 1, 1, 1, 1, 1};

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
	cr_expect_eq(s.u.say, 1u << PB__PHASE__PHASE_FLASHING);
	s.u.say = 0;
	cr_assert_eq(step(&s, DEVICE_SEES_OLD), ERR_OK);
	cr_expect_eq(s.u.say, 0u);
	for (int state = 0; state < DEVICE_FLASHING; state++)
		cr_expect_eq(device_phase(state), PB__PHASE__PHASE_UNKNOWN);
	for (int state = DEVICE_FLASHING; state < DEVICE_STATES; state++)
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

/* --- trouble ---------------------------------------------------------------------------------- */

Test(device, that_is_away_is_asked_less_and_less_often)
{
	struct scene s;
	int64_t last = 0;

	open_scene(&s, DEVICE_FLASHING);
	for (int i = 0; i < 6; i++) {
		cr_assert_eq(trouble(&s, ERR_LINK), ERR_OK);
		cr_expect_gt(mono_between(s.now, s.u.due), last);
		last = mono_between(s.now, s.u.due);
	}
	cr_assert_eq(trouble(&s, ERR_LINK), ERR_OK);
	cr_expect_eq(mono_between(s.now, s.u.due), last, "the pause has an upper bound");
}

Test(device, that_answers_nonsense_is_given_up_after_some_tries)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	for (int i = 0; i < DEVICE_CONFUSIONS_MAX && s.u.state == DEVICE_FLASHING; i++) {
		s.u.verb = VERB(IDENTIFY);
		s.r.error = ERR_DEVICE_PROTO;
		end_verb(&s);
	}
	expect(&s, DEVICE_FAILED, 0);
	cr_expect_eq(s.u.error, ERR_DEVICE_PROTO);
}

Test(device, that_refuses_has_failed_at_once)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	s.u.verb = VERB(WRITE);
	s.r.error = ERR_DEVICE_REJECTED;
	s.r.detail = golden_text("expected rc 0, got rc 5");
	end_verb(&s);
	expect(&s, DEVICE_FAILED, 0);
	cr_expect_str_eq(s.u.detail, "expected rc 0, got rc 5");
}

Test(device, that_will_not_keep_its_new_image_is_taken_back_to_the_old_one)
{
	struct scene s;

	open_scene(&s, DEVICE_TESTING);
	for (int i = 0; i < 3; i++) {
		s.u.verb = VERB(CONFIRM);
		s.r.error = ERR_DEVICE_REJECTED;
		s.r.detail = golden_text("confirmation denied");
		end_verb(&s);
		expect(&s, DEVICE_TESTING, i < 2 ? VERB(IDENTIFY) : VERB(REVERT));
		s.u.troubles = 0; /* it answers in between */
	}
	cr_assert_eq(device_step(&s.u, DEVICE_SEES_OLD, &(struct device_news){.now = s.now}),
	    ERR_OK);
	expect(&s, DEVICE_REVERTED, 0);
	cr_expect_eq(s.u.error, ERR_DEVICE_REJECTED);
	cr_expect_str_eq(s.u.detail, "confirmation denied");
}

Test(device, byte_that_arrived_makes_up_for_the_tries_before)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	s.u.verb = VERB(WRITE);
	s.u.confusions = s.u.troubles = 4;
	s.r.done_bytes = 100;
	s.now.ms += 5000;
	device_on_progress(&s.u, &s.r, s.now);
	cr_expect_eq(s.u.confusions, 0u);
	cr_expect_eq(s.u.troubles, 0u);
	cr_expect_eq(s.u.sign.ms, s.now.ms);
	s.now.ms += 2000;
	s.r.done_bytes = 2100;
	device_on_progress(&s.u, &s.r, s.now);
	cr_expect_eq(s.u.rate, 1000u);
}

/* --- refusing, cancelling --------------------------------------------------------------------- */

Test(device, refusal_before_the_first_byte_is_refused_and_after_it_failed)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	cr_assert_eq(step(&s, DEVICE_REFUSE), ERR_OK);
	expect(&s, DEVICE_REFUSED, 0);
	open_scene(&s, DEVICE_FLASHING);
	s.u.wrote = true;
	cr_assert_eq(step(&s, DEVICE_REFUSE), ERR_OK);
	expect(&s, DEVICE_FAILED, 0);
}

Test(device, cancel_stops_what_is_safe_to_stop_and_nothing_else)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	s.u.verb = VERB(WRITE);
	s.u.running = s.u.wrote = true;
	cr_assert_eq(step(&s, DEVICE_CANCEL), ERR_OK);
	expect(&s, DEVICE_CANCELLED, 0);
	cr_expect(s.u.effects & DEVICE_DO_STOP);
	for (int state = DEVICE_STAGED; state <= DEVICE_CONFIRMED; state++) {
		open_scene(&s, state);
		s.u.verb = VERB(REBOOT);
		cr_assert_eq(step(&s, DEVICE_CANCEL), ERR_OK);
		expect(&s, state, VERB(REBOOT));
	}
	open_scene(&s, DEVICE_FLASHING);
	s.u.verb = VERB(STAGE); /* it may be marked already */
	cr_assert_eq(step(&s, DEVICE_CANCEL), ERR_OK);
	expect(&s, DEVICE_FLASHING, VERB(STAGE));
}

Test(device, cancel_does_not_leave_a_device_without_a_runnable_image)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	s.u.verb = VERB(WRITE);
	s.u.destructive = s.u.wrote = true;
	cr_assert_eq(step(&s, DEVICE_CANCEL), ERR_OK);
	expect(&s, DEVICE_FLASHING, VERB(WRITE));
}

Test(device, detail_that_is_cut_is_cut_between_characters)
{
	struct scene s;
	char reason[502] = "x";
	struct device_news n = {.detail = reason};

	open_scene(&s, DEVICE_WAITING);
	for (size_t i = 1; i < 501; i += 2)
		memcpy(reason + i, "\xc3\xa0", 2);
	n.now = s.now;
	cr_assert_eq(device_step(&s.u, DEVICE_CANCEL, &n), ERR_OK);
	cr_expect_gt(strlen(s.u.detail), 290);
	cr_expect(utf8_is_text((const uint8_t *)s.u.detail, strlen(s.u.detail)),
	    "half a character would never get past the gate");
}

/* --- time ------------------------------------------------------------------------------------- */

static const struct device_limits limits = {.wait_ms = 100000,
    .away_ms = 1000,
    .flash_ms = 20000,
    .reboot_ms = 3000,
    .test_ms = 4000,
    .confirm_ms = 5000};

Test(device, each_state_has_its_deadline)
{
	static const int64_t want[] = {[DEVICE_ADMITTED] = 100000,
	    [DEVICE_WAITING] = 100000,
	    [DEVICE_FLASHING] = 1000,
	    [DEVICE_STAGED] = 3000,
	    [DEVICE_TESTING] = 4000,
	    [DEVICE_CONFIRMED] = 5000};

	for (int state = DEVICE_ADMITTED; state <= DEVICE_CONFIRMED; state++) {
		struct scene s;

		open_scene(&s, state);
		cr_expect_eq(mono_between(s.now, device_deadline(&s.u, &limits)), want[state],
		    "%s", device_table.states[state]);
	}
}

Test(device, that_gives_signs_of_life_is_written_until_the_time_for_all_of_it_is_over)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	s.u.sign = mono_after(s.now, 19500);
	cr_expect_eq(mono_between(s.now, device_deadline(&s.u, &limits)), 20000);
}

Test(device, going_back_to_a_state_does_not_start_its_clock_again)
{
	struct scene s;

	open_scene(&s, DEVICE_STAGED);
	struct mono since = s.u.since;
	s.now.ms += 500;
	cr_assert_eq(step(&s, DEVICE_SEES_NEW_STORED), ERR_OK); /* back to FLASHING */
	cr_expect_eq(s.u.since.ms, since.ms);
	cr_assert_eq(step(&s, DEVICE_MARKED), ERR_OK);
	cr_expect_eq(s.u.since.ms, since.ms);
	cr_assert_eq(step(&s, DEVICE_REBOOTED), ERR_OK);
	cr_expect_eq(s.u.since.ms, s.now.ms);
}

Test(device, late_end_names_the_last_trouble)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	cr_assert_eq(trouble(&s, ERR_LINK), ERR_OK);
	cr_assert_eq(step(&s, DEVICE_DEADLINE), ERR_OK);
	expect(&s, DEVICE_FAILED, 0);
	cr_expect_eq(s.u.error, ERR_LINK);
	cr_expect_not_null(strstr(s.u.detail, "got that"), "%s", s.u.detail);
}

Test(device, verbs_have_times_that_fit_the_limits)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	s.u.verb = VERB(WRITE);
	cr_expect_eq(device_verb_ms(&s.u, &limits), 20000u);
	s.u.verb = VERB(REBOOT);
	cr_expect_eq(device_verb_ms(&s.u, &limits), 1500u);
	struct device_limits huge = {.flash_ms = UINT64_MAX};
	s.u.verb = VERB(WRITE);
	cr_expect_eq(device_verb_ms(&s.u, &huge), UINT32_MAX);
	for (int verb = VERB(IDENTIFY); verb <= VERB(REVERT); verb++)
		cr_expect_eq(device_needs_image(verb), verb == VERB(WRITE) || verb == VERB(STAGE));
}
