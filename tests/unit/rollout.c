/*
 * rollout: when more of a rollout may begin, and who begins next.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rollout.h"

/* --- the machine ------------------------------------------------------------------------------ */

static void
expect_steps(const struct rollout_rules *rules, const char *events, int state)
{
	static const char letters[] = "DFPR"; /* in the order of enum rollout_event */
	struct rollout r = {.state = rules->canary ? ROLLOUT_CANARY : ROLLOUT_OPEN};

	for (const char *p = events; *p; p++)
		cr_assert_eq(rollout_step(&r, (int)(strchr(letters, *p) - letters), rules), ERR_OK);
	cr_expect_eq(r.state, state, "%s: expected %s, got %s", events, rollout_table.states[state],
	    rollout_table.states[r.state]);
}

Test(rollout, opens_when_its_canaries_are_done)
{
	const struct rollout_rules rules = {.canary = 2};

	expect_steps(&rules, "", ROLLOUT_CANARY);
	expect_steps(&rules, "D", ROLLOUT_CANARY);
	expect_steps(&rules, "FD", ROLLOUT_CANARY);
	expect_steps(&rules, "DD", ROLLOUT_OPEN);
}

Test(rollout, stops_after_so_many_failures_and_a_person_resumes_it)
{
	const struct rollout_rules rules = {.stop_after = 2};

	expect_steps(&rules, "FDD", ROLLOUT_OPEN);
	expect_steps(&rules, "FDF", ROLLOUT_STOPPED);
	expect_steps(&rules, "FFDF", ROLLOUT_STOPPED);
	expect_steps(&rules, "FFRF", ROLLOUT_OPEN);
	expect_steps(&rules, "FFRFF", ROLLOUT_STOPPED);
}

Test(rollout, failed_canaries_stop_it_before_the_rest)
{
	const struct rollout_rules rules = {.canary = 3, .stop_after = 1};

	expect_steps(&rules, "DDF", ROLLOUT_STOPPED);
	expect_steps(&rules, "DDFR", ROLLOUT_CANARY);
	expect_steps(&rules, "DDFRD", ROLLOUT_OPEN);
}

Test(rollout, paused_one_counts_what_goes_on_and_resumes_where_it_was)
{
	const struct rollout_rules rules = {.canary = 1};

	expect_steps(&rules, "P", ROLLOUT_PAUSED);
	expect_steps(&rules, "PR", ROLLOUT_CANARY);
	expect_steps(&rules, "PDR", ROLLOUT_OPEN);
	expect_steps(&rules, "PFFFR", ROLLOUT_CANARY);
}

Test(rollout, every_end_is_counted_in_every_state)
{
	const struct rollout_rules rules = {0};

	for (int state = 0; state < ROLLOUT_STATES; state++) {
		struct rollout r = {.state = state};

		cr_expect_eq(rollout_step(&r, ROLLOUT_DONE, &rules), ERR_OK);
		r.state = state;
		cr_expect_eq(rollout_step(&r, ROLLOUT_FAILED, &rules), ERR_OK);
		cr_expect_eq(r.done, 1u);
		cr_expect_eq(r.failed, 1u);
		cr_expect(r.changed);
	}
}

/* --- the choice ------------------------------------------------------------------------------- */

enum { MANY = 8 };

struct queue {
	struct rollout rollout;
	struct rollout_entry e[MANY];
	size_t n;
	struct rollout_limits limits;
	struct mono now;
};

/* `n` devices of one product, each on a link of its own, upgrades 1, 2, ... in that order. */
static void
open_queue(struct queue *q, size_t n)
{
	*q = (struct queue){
	    .n = n, .now = {1000000}, .limits = {.link = 1}, .rollout = {.state = ROLLOUT_OPEN}};
	for (size_t i = 0; i < n; i++)
		q->e[i] = (struct rollout_entry){.upgrade = i + 1,
		    .rollout = &q->rollout,
		    .link = &q->e[i],
		    .product = "p1",
		    .priority = 50,
		    .since = {1000000 - 10000 + (int64_t)i}};
}

/* Numbers of those that begin now, one after the other. */
static void
expect_begin(struct queue *q, const char *want)
{
	char got[MANY * 3] = "";
	struct rollout_entry *e = NULL;

	while ((e = rollout_pick(q->e, q->n, &q->limits, q->now)) != NULL) {
		e->active = true;
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%d ", (int)e->upgrade);
	}
	cr_expect_str_eq(got, want);
}

Test(rollout, everybody_begins_where_nothing_is_limited)
{
	struct queue q;

	open_queue(&q, 3);
	expect_begin(&q, "1 2 3 ");
	cr_expect_null(rollout_pick(NULL, 0, &q.limits, q.now));
}

Test(rollout, one_at_a_time_begins_on_each_link)
{
	struct queue q;

	open_queue(&q, 4);
	q.e[1].link = q.e[0].link;
	q.e[3].link = q.e[2].link;
	expect_begin(&q, "1 3 ");
	cr_expect_eq(q.e[1].hold, ROLLOUT_HOLD_LINK);
}

Test(rollout, as_many_begin_as_may_of_a_product_and_in_all)
{
	struct queue q;

	open_queue(&q, 6);
	for (size_t i = 0; i < 3; i++)
		q.e[i].parallel = 2;
	for (size_t i = 3; i < 6; i++)
		q.e[i].product = "p2";
	q.limits.all = 4;
	expect_begin(&q, "1 2 4 5 ");
	cr_expect_eq(q.e[2].hold, ROLLOUT_HOLD_PRODUCT);
	cr_expect_eq(q.e[5].hold, ROLLOUT_HOLD_ALL);
}

Test(rollout, device_that_is_not_heard_any_more_holds_nobody_up)
{
	struct queue q;

	open_queue(&q, 2);
	q.e[1].link = q.e[0].link;
	q.limits.all = 1;
	q.e[0].active = q.e[0].absent = true;
	expect_begin(&q, "2 ");
}

Test(rollout, rest_waits_for_the_canaries)
{
	struct queue q;

	open_queue(&q, 4);
	q.rollout.state = ROLLOUT_CANARY;
	for (size_t i = 0; i < q.n; i++)
		q.e[i].canary = 2;
	q.rollout.done = 1;
	expect_begin(&q, "1 ");
	cr_expect_eq(q.e[3].hold, ROLLOUT_HOLD_CANARY);
	open_queue(&q, 2);
	q.rollout.state = ROLLOUT_CANARY;
	q.e[0].canary = q.e[1].canary = 1;
	q.e[0].active = q.e[0].absent = true;
	expect_begin(&q, "");
}

Test(rollout, nothing_begins_while_it_is_paused_or_stopped)
{
	struct queue q;

	open_queue(&q, 1);
	q.rollout.state = ROLLOUT_PAUSED;
	expect_begin(&q, "");
	cr_expect_eq(q.e[0].hold, ROLLOUT_HOLD_PAUSED);
	open_queue(&q, 1);
	q.rollout.state = ROLLOUT_STOPPED;
	expect_begin(&q, "");
	cr_expect_eq(q.e[0].hold, ROLLOUT_HOLD_STOPPED);
	open_queue(&q, 1);
	q.limits.paused = true;
	expect_begin(&q, "");
	cr_expect_eq(q.e[0].hold, ROLLOUT_HOLD_PAUSED);
}

Test(rollout, who_is_away_or_held_by_policy_is_passed_over)
{
	struct queue q;

	open_queue(&q, 3);
	q.limits.all = 1;
	q.e[0].hold = ROLLOUT_HOLD_AWAY;
	q.e[1].hold = ROLLOUT_HOLD_POLICY;
	expect_begin(&q, "3 ");
	cr_expect_eq(q.e[0].hold, ROLLOUT_HOLD_AWAY);
	cr_expect_eq(q.e[1].hold, ROLLOUT_HOLD_POLICY);
}

Test(rollout, higher_priority_begins_first_but_none_starves)
{
	struct queue q;

	open_queue(&q, 3);
	q.e[2].priority = 90;
	expect_begin(&q, "3 1 2 ");
	open_queue(&q, 3);
	q.e[2].priority = 90;
	q.e[1].since.ms = q.now.ms - 41 * 60000; /* 41 points by waiting */
	expect_begin(&q, "2 3 1 ");
}

Test(rollout, every_hold_has_a_name)
{
	for (int i = 0; i < ROLLOUT_HOLDS; i++)
		for (int k = 0; k < i; k++)
			cr_expect_str_neq(rollout_hold_name(i), rollout_hold_name(k));
	cr_expect_str_eq(rollout_hold_name(ROLLOUT_HOLDS), "unknown");
}
