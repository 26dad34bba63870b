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
