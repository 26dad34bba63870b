/*
 * device_queue: standing in the queue, giving a turn back, and going back on a person's word.
 */
#include "device_queue.h"
#include "device_scene.h"
#include "rollout.h"

Test(device_queue, order_puts_it_in_the_queue_and_only_its_turn_lets_it_begin)
{
	struct scene s;

	open_scene(&s, DEVICE_WAITING);
	cr_assert_eq(step(&s, DEVICE_ORDER), ERR_OK);
	expect(&s, DEVICE_QUEUED, 0);
	cr_expect_not(device_is_active(&s.u));
	cr_assert_eq(step(&s, DEVICE_RESTARTED), ERR_OK);
	expect(&s, DEVICE_QUEUED, 0);
	cr_assert_eq(step(&s, DEVICE_TURN), ERR_OK);
	expect(&s, DEVICE_FLASHING, VERB(IDENTIFY));
}

Test(device_queue, device_that_went_before_the_first_byte_gives_its_turn_back)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	s.u.verb = VERB(IDENTIFY);
	for (int i = 0; i < DEVICE_QUEUE_TROUBLES; i++)
		cr_assert_eq(trouble(&s, ERR_DEVICE_AWAY), ERR_OK);
	expect(&s, DEVICE_FLASHING, VERB(IDENTIFY));
	s.now.ms += 5000;
	cr_assert_eq(trouble(&s, ERR_DEVICE_AWAY), ERR_OK);
	expect(&s, DEVICE_QUEUED, 0);
	cr_expect_eq(s.u.since.ms, s.now.ms);
	cr_expect_eq(s.u.error, ERR_DEVICE_AWAY);
	cr_assert_eq(step(&s, DEVICE_TURN), ERR_OK);
	cr_expect_eq(s.u.since.ms, s.now.ms, "the time to write it begins anew");
}

Test(device_queue, written_device_or_one_that_answers_nonsense_keeps_its_turn)
{
	struct scene s;

	open_scene(&s, DEVICE_FLASHING);
	s.u.wrote = true;
	for (int i = 0; i < 5; i++)
		cr_assert_eq(trouble(&s, ERR_DEVICE_AWAY), ERR_OK);
	cr_expect_eq(s.u.state, DEVICE_FLASHING);
	cr_expect(device_queue_is_absent(&s.u), "but nobody waits for it");
	open_scene(&s, DEVICE_FLASHING);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(trouble(&s, ERR_TIMEOUT), ERR_OK);
	cr_expect_eq(s.u.state, DEVICE_FLASHING);
}

Test(device_queue, device_that_comes_and_goes_does_not_queue_for_ever)
{
	struct scene s;
	int yields = 0;

	open_scene(&s, DEVICE_FLASHING);
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(trouble(&s, ERR_LINK), ERR_OK);
		if (s.u.state != DEVICE_QUEUED)
			continue;
		yields++;
		cr_assert_eq(step(&s, DEVICE_TURN), ERR_OK);
	}
	cr_expect_eq(yields, DEVICE_QUEUE_YIELDS);
}

Test(device_queue, turn_that_never_comes_ends_it_and_says_what_held_it)
{
	struct scene s;

	open_scene(&s, DEVICE_QUEUED);
	s.u.hold = ROLLOUT_HOLD_AWAY;
	snprintf(s.u.hold_text, sizeof(s.u.hold_text), "expected an answer, got silence");
	cr_assert_eq(step(&s, DEVICE_DEADLINE), ERR_OK);
	expect(&s, DEVICE_FAILED, 0);
	cr_expect_eq(s.u.error, ERR_DEVICE_AWAY);
	cr_expect_not_null(strstr(s.u.detail, "silence"), "%s", s.u.detail);
	cr_expect_eq(s.u.say, 1u << PB__PHASE__PHASE_FAILED);
}

/* --- cancel ----------------------------------------------------------------------------------- */

static enum err
cancel(struct scene *s)
{
	struct device_news n = {
	    .now = s->now, .error = ERR_CANCELLED, .detail = "cancelled by a person"};

	return device_step(&s->u, DEVICE_CANCEL, &n);
}

Test(device_queue, cancelled_test_goes_back_to_the_old_image)
{
	struct scene s;

	open_scene(&s, DEVICE_TESTING);
	s.u.verb = VERB(CONFIRM);
	s.u.wrote = true;
	cr_assert_eq(cancel(&s), ERR_OK);
	expect(&s, DEVICE_TESTING, VERB(IDENTIFY));
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(REVERT));
	end_verb(&s);
	answer(&s, "1.0.0", old_hash, new_hash);
	expect(&s, DEVICE_REVERTED, 0);
	cr_expect_eq(s.u.error, ERR_CANCELLED);
	cr_expect_str_eq(s.u.detail, "cancelled by a person");
}

Test(device_queue, cancel_before_the_reset_lets_it_boot_once_and_go_back)
{
	struct scene s;

	open_scene(&s, DEVICE_STAGED);
	s.u.verb = VERB(REBOOT);
	s.u.wrote = s.u.rebooted = true;
	cr_assert_eq(cancel(&s), ERR_OK);
	expect(&s, DEVICE_STAGED, VERB(REBOOT));
	end_verb(&s);
	answer(&s, "2.0.0", new_hash, old_hash);
	expect(&s, DEVICE_TESTING, VERB(REVERT));
	cr_expect_eq(s.u.error, ERR_CANCELLED);
}

Test(device_queue, device_that_cannot_go_back_goes_on)
{
	struct scene s;

	open_scene(&s, DEVICE_TESTING);
	s.u.error = ERR_CANCELLED;
	s.u.verb = VERB(REVERT);
	cr_assert_eq(trouble(&s, ERR_UNSUPPORTED), ERR_OK);
	expect(&s, DEVICE_TESTING, VERB(CONFIRM));
	cr_expect_eq(s.u.error, ERR_OK);
}

Test(device_queue, platforms_cancel_takes_nothing_back_that_may_be_about_to_work)
{
	struct scene s;

	open_scene(&s, DEVICE_TESTING);
	s.u.verb = VERB(CONFIRM);
	cr_assert_eq(step(&s, DEVICE_CANCEL), ERR_OK);
	expect(&s, DEVICE_TESTING, VERB(CONFIRM));
	cr_expect_eq(s.u.error, ERR_OK);
}

/* --- another unit ----------------------------------------------------------------------------- */

Test(device_queue, another_unit_in_its_place_is_begun_from_the_beginning_in_every_active_state)
{
	for (int state = DEVICE_FLASHING; state <= DEVICE_CONFIRMED; state++) {
		struct scene s;

		open_scene(&s, state);
		s.u.verb = VERB(IDENTIFY);
		s.u.wrote = s.u.rebooted = s.u.destructive = s.u.no_confirm = s.u.checked = true;
		s.u.denials = s.u.confusions = s.u.yields = 3;
		s.u.error = ERR_UNHEALTHY;
		cr_assert_eq(step(&s, DEVICE_REPLACED), ERR_OK);
		expect(&s, DEVICE_QUEUED, 0);
		cr_expect_eq(s.u.error, ERR_OK);
		cr_expect_not(
		    s.u.wrote || s.u.rebooted || s.u.destructive || s.u.no_confirm || s.u.checked);
		cr_expect_eq(s.u.denials + s.u.confusions + s.u.yields, 0);
		cr_expect(s.u.say & 1u << PB__PHASE__PHASE_VERIFIED);
	}
}

Test(device_queue, another_unit_has_nothing_to_take_back)
{
	for (int state = DEVICE_FLASHING; state <= DEVICE_CONFIRMED; state++) {
		struct scene s;

		open_scene(&s, state);
		s.u.error = ERR_CANCELLED;
		cr_assert_eq(step(&s, DEVICE_REPLACED), ERR_OK);
		expect(&s, DEVICE_CANCELLED, 0);
	}
}

Test(device_queue, another_unit_means_nothing_to_an_upgrade_that_has_not_begun)
{
	for (int state = DEVICE_IDENTIFIED; state <= DEVICE_QUEUED; state++) {
		struct scene s;

		open_scene(&s, state);
		cr_expect_eq(step(&s, DEVICE_REPLACED), ERR_PHASE);
	}
}
