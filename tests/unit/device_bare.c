/*
 * device: upgrades of devices that have nothing to run while they are written.
 */
#include "device_bare.h"
#include "device_scene.h"

/* The driver leaves nothing to run; something was written; no hashes. */
static void
open_bare(struct scene *s, int state)
{
	open_scene(s, state);
	s->u.has_image_hash = false;
	s->u.destructive = true;
	s->u.wrote = true;
	s->r.destructive = true;
	s->u.verb = VERB(IDENTIFY);
}

static void
fail_write(struct scene *s, enum err e, uint64_t done_bytes)
{
	s->u.verb = VERB(WRITE);
	s->r.error = e;
	s->r.done_bytes = done_bytes;
	end_verb(s);
	s->r.error = ERR_OK;
}

Test(device_bare, boot_loader_without_an_image_is_written_at_once_and_again_after_pauses)
{
	struct scene s;
	int64_t last = 0;

	open_bare(&s, DEVICE_FLASHING);
	s.u.wrote = false;
	answer(&s, "", NULL, NULL);
	expect(&s, DEVICE_FLASHING, VERB(WRITE));
	cr_expect_eq(s.u.due.ms, s.now.ms);
	for (int i = 0; i < 12; i++) {
		s.u.wrote = true;
		s.u.verb = VERB(IDENTIFY);
		answer(&s, "", NULL, NULL);
		expect(&s, DEVICE_FLASHING, VERB(WRITE));
		cr_expect(mono_between(s.now, s.u.due) > last || i > 9);
		last = mono_between(s.now, s.u.due);
	}
	cr_expect_leq(last, 600000);
}

Test(device_bare, new_version_that_runs_ends_it)
{
	struct scene s;

	open_bare(&s, DEVICE_TESTING);
	s.r.active_confirmed = true;
	answer(&s, "2.0.0", NULL, NULL);
	expect(&s, DEVICE_DONE, 0);
	cr_expect(s.u.effects & DEVICE_DO_RAISE);
}

Test(device_bare, written_device_that_has_nothing_to_run_is_written_again_not_called_reverted)
{
	for (int state = DEVICE_STAGED; state <= DEVICE_CONFIRMED; state++) {
		struct scene s;

		open_bare(&s, state);
		s.u.rebooted = true;
		answer(&s, "", NULL, NULL);
		expect(&s, DEVICE_FLASHING, VERB(WRITE));
	}
}

Test(device_bare, device_that_still_runs_its_old_version_after_all_is_told_as_reverted)
{
	struct scene s;

	open_bare(&s, DEVICE_TESTING);
	answer(&s, "1.0.0", NULL, NULL);
	expect(&s, DEVICE_REVERTED, 0);
}

Test(device_bare, no_error_while_it_is_written_ends_it_as_failed)
{
	static const enum err errors[] = {ERR_DEVICE_REJECTED, ERR_VERIFY, ERR_SYSTEM, ERR_TIMEOUT,
	    ERR_AMBIGUOUS, ERR_DEVICE_PROTO, ERR_LINK, ERR_DEVICE_AWAY, ERR_CONFIG};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct scene s;

		open_bare(&s, DEVICE_FLASHING);
		for (int k = 0; k < 30; k++) {
			fail_write(&s, errors[i], 500);
			expect(&s, DEVICE_FLASHING, VERB(IDENTIFY));
		}
	}
}

Test(device_bare, refusal_before_the_first_byte_of_a_device_that_runs_is_a_failure)
{
	struct scene s;

	open_bare(&s, DEVICE_FLASHING);
	answer(&s, "1.0.0", NULL, NULL);
	expect(&s, DEVICE_FLASHING, VERB(WRITE));
	fail_write(&s, ERR_DEVICE_REJECTED, 0);
	expect(&s, DEVICE_FAILED, 0);
	open_bare(&s, DEVICE_FLASHING);
	answer(&s, "1.0.0", NULL, NULL);
	fail_write(&s, ERR_DEVICE_REJECTED, 1);
	expect(&s, DEVICE_FLASHING, VERB(IDENTIFY));
}

Test(device_bare, deadline_gives_an_alarm_and_goes_on_with_a_new_clock)
{
	for (int state = DEVICE_FLASHING; state <= DEVICE_CONFIRMED; state++) {
		struct scene s;

		open_bare(&s, state);
		s.now.ms += 5000000;
		for (int i = 0; i < 3; i++) {
			s.u.effects = 0;
			cr_assert_eq(step(&s, DEVICE_DEADLINE), ERR_OK);
			expect(&s, DEVICE_FLASHING, VERB(IDENTIFY));
			cr_expect(s.u.effects & DEVICE_DO_ALARM);
			cr_expect_eq(s.u.since.ms, s.now.ms);
			cr_expect_str_eq(s.u.detail,
			    "expected version 2.0.0 to run in time, got none; going on");
			cr_expect_eq(s.u.error, ERR_TIMEOUT);
		}
	}
}

Test(device_bare, alarms_that_are_more_frequent_than_pauses_are_long_put_no_look_off)
{
	struct scene s;

	open_bare(&s, DEVICE_FLASHING);
	s.u.repeats = 9;
	s.u.due = s.now; /* and the device is away */
	cr_assert_eq(step(&s, DEVICE_DEADLINE), ERR_OK);
	s.u.due = mono_after(s.now, 512000);
	struct mono due = s.u.due;
	for (int i = 0; i < 2; i++) {
		s.now.ms += 180000;
		cr_assert_eq(step(&s, DEVICE_DEADLINE), ERR_OK);
		expect(&s, DEVICE_FLASHING, VERB(IDENTIFY));
		cr_expect_eq(s.u.due.ms, due.ms);
	}
}

/* A look in its place would see what was seen before: each write would end as a look. */
Test(device_bare, alarms_that_are_more_frequent_than_pauses_are_long_put_no_write_off)
{
	struct scene s;

	open_bare(&s, DEVICE_FLASHING);
	s.u.repeats = 9;
	answer(&s, "", NULL, NULL);
	struct mono due = s.u.due;
	cr_assert_gt(mono_between(s.now, due), 400000);
	for (int i = 0; i < 2; i++) {
		s.now.ms += 180000;
		cr_assert_eq(step(&s, DEVICE_DEADLINE), ERR_OK);
		expect(&s, DEVICE_FLASHING, VERB(WRITE));
		cr_expect_eq(s.u.due.ms, due.ms);
		cr_expect(s.u.effects & DEVICE_DO_ALARM);
	}
	s.now.ms += 180000; /* it was due and could not be done */
	cr_assert_eq(step(&s, DEVICE_DEADLINE), ERR_OK);
	expect(&s, DEVICE_FLASHING, VERB(IDENTIFY));
}

Test(device_bare, only_after_an_alarm_a_newer_plan_takes_its_place)
{
	struct scene s;

	open_bare(&s, DEVICE_FLASHING);
	cr_expect_not(device_bare_yields(&s.u));
	cr_assert_eq(step(&s, DEVICE_DEADLINE), ERR_OK);
	cr_expect(device_bare_yields(&s.u));
	cr_assert_eq(step(&s, DEVICE_SUPERSEDED), ERR_OK);
	expect(&s, DEVICE_CANCELLED, 0);
	cr_expect_not(device_bare_yields(&s.u));
	open_scene(&s, DEVICE_FLASHING);
	cr_expect_eq(step(&s, DEVICE_SUPERSEDED), ERR_PHASE);
}

Test(device_bare, image_that_is_not_acceptable_any_more_ends_it_so_that_another_can_come)
{
	struct scene s;

	open_bare(&s, DEVICE_FLASHING);
	cr_assert_eq(step(&s, DEVICE_REFUSE), ERR_OK);
	expect(&s, DEVICE_FAILED, 0);
}

/* It would be read again and again, and nobody would fetch a fresh copy. */
Test(device_bare, image_that_is_found_spoilt_while_it_is_written_ends_it_so_that_it_is_fetched_anew)
{
	static const enum err errors[] = {ERR_TOCTOU, ERR_CORRUPT};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct scene s;

		open_bare(&s, DEVICE_FLASHING);
		fail_write(&s, errors[i], 500);
		expect(&s, DEVICE_FAILED, 0);
		cr_expect_eq(s.u.error, errors[i]);
	}
}
