/*
 * fsm: a table of a lamp with a lock, walked by hand.
 */
#include <criterion/criterion.h>

#include "fsm.h"

enum { OFF, ON, BROKEN, STATES };
enum { PRESS, HIT, ASK, EVENTS };

struct lamp {
	int state;
	bool locked;
	int actions;
	int state_in_action;
	const void *data;
};

static bool
is_unlocked(void *ctx, const void *data)
{
	(void)data;
	return !((struct lamp *)ctx)->locked;
}

static void
act(void *ctx, const void *data)
{
	struct lamp *l = ctx;

	l->actions++;
	l->state_in_action = l->state;
	l->data = data;
}

static const char *const states[] = {"OFF", "ON", "BROKEN"};
static const char *const events[] = {"PRESS", "HIT", "ASK"};
static const struct fsm_row rows[] = {
    {OFF, PRESS, is_unlocked, act, ON, "light"},
    {OFF, PRESS, NULL, NULL, FSM_SAME, "locked"},
    {ON, PRESS, NULL, act, OFF, "dark"},
    {BROKEN, HIT, NULL, NULL, FSM_SAME, "cannot break more"},
    {FSM_ANY, HIT, NULL, act, BROKEN, "breaks"},
    {FSM_ANY, ASK, NULL, act, FSM_SAME, "looks"},
};
static const struct fsm_table table = {
    "lamp", states, STATES, events, EVENTS, rows, sizeof(rows) / sizeof(rows[0])};

static enum err
step(struct lamp *l, int event, const void *data)
{
	return fsm_step(&table, &l->state, event, l, data, NULL);
}

Test(fsm, takes_the_first_row_that_fits)
{
	struct lamp l = {.state = BROKEN};

	cr_expect_eq(step(&l, HIT, NULL), ERR_OK);
	cr_expect_eq(l.state, BROKEN);
	cr_expect_eq(l.actions, 0, "the row of BROKEN stands before that of every state");
	l.state = ON;
	cr_expect_eq(step(&l, HIT, NULL), ERR_OK);
	cr_expect_eq(l.state, BROKEN);
	cr_expect_eq(l.actions, 1);
}

Test(fsm, passes_on_to_the_next_row_when_a_guard_says_no)
{
	struct lamp l = {.locked = true};

	cr_expect_eq(step(&l, PRESS, NULL), ERR_OK);
	cr_expect_eq(l.state, OFF);
	cr_expect_eq(l.actions, 0);
	l.locked = false;
	cr_expect_eq(step(&l, PRESS, NULL), ERR_OK);
	cr_expect_eq(l.state, ON);
}

Test(fsm, refuses_an_event_without_a_row_and_changes_nothing)
{
	struct lamp l = {.state = BROKEN};

	cr_expect_eq(step(&l, PRESS, NULL), ERR_PHASE);
	cr_expect_eq(l.state, BROKEN);
	cr_expect_eq(l.actions, 0);
	cr_expect_null(fsm_find(&table, BROKEN, PRESS, &l, NULL));
}

Test(fsm, calls_the_action_after_the_new_state_is_set_and_hands_it_the_event)
{
	struct lamp l = {0};
	int news = 7;

	cr_expect_eq(step(&l, PRESS, &news), ERR_OK);
	cr_expect_eq(l.state_in_action, ON);
	cr_expect_eq(l.data, &news);
}

Test(fsm, keeps_the_state_in_a_row_of_every_state)
{
	for (int s = 0; s < STATES; s++) {
		struct lamp l = {.state = s};

		cr_expect_eq(step(&l, ASK, NULL), ERR_OK);
		cr_expect_eq(l.state, s);
		cr_expect_eq(l.actions, 1);
	}
}

Test(fsm, finds_a_row_without_taking_it)
{
	struct lamp l = {.state = ON};

	cr_expect_eq(fsm_find(&table, ON, PRESS, &l, NULL), &rows[2]);
	cr_expect_eq(l.state, ON);
	cr_expect_eq(l.actions, 0);
}

Test(fsm, knows_nothing_in_an_empty_table)
{
	struct fsm_table empty = {"empty", states, STATES, events, EVENTS, rows, 0};
	int state = OFF;

	cr_expect_eq(fsm_step(&empty, &state, PRESS, NULL, NULL, NULL), ERR_PHASE);
}
