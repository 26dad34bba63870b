/*
 * device: trouble, refusals, cancelling and deadlines of one upgrade.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "device_scene.h"
#include "utf8.h"

/* --- trouble ---------------------------------------------------------------------------------- */

Test(device, that_is_away_is_asked_less_and_less_often)
{
	struct scene s;
	int64_t last = 0;

	open_scene(&s, DEVICE_FLASHING);
	s.u.wrote = true; /* else it gives its turn back (device_queue.c) */
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

/* Half an image each time, and then nonsense: writing the same half again is no progress. */
Test(device, that_loses_what_it_was_given_again_and_again_is_given_up)
{
	struct scene s;
	int tries = 0;

	open_scene(&s, DEVICE_FLASHING);
	for (; tries < 50 && s.u.state == DEVICE_FLASHING; tries++) {
		s.u.verb = VERB(WRITE);
		s.r.error = ERR_DEVICE_PROTO;
		s.r.done_bytes = 0;
		s.r.verb = PB__VERB__VERB_WRITE;
		device_on_progress(&s.u, &s.r, s.now);
		s.r.done_bytes = 5000;
		end_verb(&s);
	}
	expect(&s, DEVICE_FAILED, 0);
	cr_expect_leq(tries, DEVICE_CONFUSIONS_MAX + 1);
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
    .queue_ms = 200000,
    .away_ms = 1000,
    .flash_ms = 20000,
    .reboot_ms = 3000,
    .test_ms = 4000,
    .confirm_ms = 5000};

Test(device, each_state_has_its_deadline)
{
	static const int64_t want[] = {[DEVICE_ADMITTED] = 100000,
	    [DEVICE_WAITING] = 100000,
	    [DEVICE_QUEUED] = 200000,
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
