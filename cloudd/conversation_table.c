/*
 * conversation_table: the rows of conversation.h, which are its specification, and their actions,
 * which are small and only change the struct.
 */
#include <stdlib.h>
#include <string.h>
#include <subota.pb-c.h>

#include "conversation_act.h"

static const char *const states[] = {
    "IDLE", "OFFERED", "CONFIRMED", "ORDERED", "DOWNLOADING", "FETCHED", "UPDATING", "OVERDUE"};
static const char *const events[] = {"PLAN", "FIRMWARE", "BAD_FIRMWARE", "ACCEPTED", "REJECTED",
    "DEFERRED", "ASKED", "TOLD", "FETCHING", "FETCHED", "WORKING", "DONE", "BAD_END",
    "FETCH_FAILED", "DUE", "GATE_UP", "UNTOLD", "NEXT"};

/* --- guards ----------------------------------------------------------------------------------- */

static bool
is_same_plan(void *ctx, const void *data)
{
	return conversation_act_where(ctx, data) > 0;
}

/* The platform repeats what is over because it has not heard the end yet. */
static bool
is_untold(void *ctx, const void *data)
{
	return ((const struct conversation_news *)data)->untold && is_same_plan(ctx, data);
}

static bool
fits_plan(void *ctx, const void *data)
{
	return conversation_fits(ctx, ((const struct conversation_news *)data)->firmware);
}

/* In the middle of a list: the address of a component whose turn is over, said again because the
 * platform heard the confirmation twice. */
static bool
is_of_before(void *ctx, const void *data)
{
	const struct conversation *c = ctx;
	const struct conversation_news *n = data;

	return c->turn > 0 && strcmp(n->firmware->component, c->plan.component) != 0;
}

static bool
has_firmware(void *ctx, const void *data)
{
	(void)data;
	return ((const struct conversation *)ctx)->firmware;
}

static bool
is_last(void *ctx, const void *data)
{
	const struct conversation_news *n = data;

	return ((const struct conversation *)ctx)->failures + 1 >= n->profile->failures_max;
}

static bool
is_silent(void *ctx, const void *data)
{
	const struct conversation *c = ctx;
	const struct conversation_news *n = data;

	return mono_between(c->heard, n->now) >= (int64_t)n->profile->hung_ms;
}

static bool
has_strikes(void *ctx, const void *data)
{
	(void)data;
	return ((const struct conversation *)ctx)->strikes < CONVERSATION_STRIKES;
}

static bool
runs_target(void *ctx, const void *data)
{
	const struct conversation *c = ctx;

	(void)data;
	return strcmp(c->version, c->plan.target) == 0;
}

/* --- actions ---------------------------------------------------------------------------------- */

static void
take_plan(void *ctx, const void *data)
{
	struct conversation *c = ctx;
	const struct conversation_news *n = data;

	c->plan = *n->plan;
	conversation_act_keep_rest(c, n, 0);
	conversation_act_begin(c, n);
	conversation_act_say(c, DIALECT_PLAN_RECEIVED);
}

static void
replace_plan(void *ctx, const void *data)
{
	struct conversation *c = ctx;

	conversation_act_cancel(c);
	conversation_act_pass(c);
	take_plan(c, data);
}

static void
offer_again(void *ctx, const void *data)
{
	(void)data;
	((struct conversation *)ctx)->effects |= CONVERSATION_OFFER;
}

/* A firmware without a plan: it is its own plan, but flashd is asked all the same. */
static void
plan_firmware(void *ctx, const void *data)
{
	struct conversation *c = ctx;
	const struct conversation_news *n = data;

	c->plan = (struct dialect_plan){.type = n->firmware->type};
	c->turn = 0;
	memcpy(c->plan.component, n->firmware->component, sizeof(c->plan.component));
	memcpy(c->plan.target, n->firmware->target, sizeof(c->plan.target));
	conversation_act_begin(c, n);
}

static void
order(void *ctx, const void *data)
{
	struct conversation *c = ctx;
	const struct conversation_news *n = data;

	c->effects |= CONVERSATION_ORDER;
	conversation_act_wait(c, n, n->profile->hung_ms);
	conversation_act_say(c, DIALECT_DOWNLOAD_START);
}

static void
order_again(void *ctx, const void *data)
{
	(void)data;
	((struct conversation *)ctx)->effects |= CONVERSATION_ORDER;
}

static void
confirm(void *ctx, const void *data)
{
	struct conversation *c = ctx;

	(void)data;
	c->due = MONO_NEVER; /* the clock starts when the platform has heard it */
	conversation_act_say(c, DIALECT_CONFIRMED);
}

static void
await_url(void *ctx, const void *data)
{
	const struct conversation_news *n = data;

	conversation_act_wait(ctx, n, n->profile->url_wait_ms);
}

static void
await_telling(void *ctx, const void *data)
{
	(void)data;
	((struct conversation *)ctx)->due = MONO_NEVER;
}

static void
refuse(void *ctx, const void *data)
{
	struct conversation *c = ctx;
	const struct conversation_news *n = data;

	conversation_act_note(c, n->error, n->detail);
	conversation_act_end(c);
	conversation_act_say(c, DIALECT_REFUSED);
}

static void
refuse_now(void *ctx, const void *data)
{
	struct conversation *c = ctx;

	refuse(c, data);
	c->ask_at = ((const struct conversation_news *)data)->until;
}

static void
give_up_offer(void *ctx, const void *data)
{
	struct conversation *c = ctx;

	(void)data;
	conversation_act_cancel(c);
	conversation_act_note(c, ERR_TIMEOUT, "expected a verdict of flashd, got none in time");
	conversation_act_end(c);
	conversation_act_say(c, DIALECT_REFUSED);
}

static void
fail(void *ctx, const void *data)
{
	struct conversation *c = ctx;
	const struct conversation_news *n = data;

	conversation_act_learn(c, n);
	conversation_act_note(c, n->error, n->detail);
	c->failures = 0;
	conversation_act_end(c);
	conversation_act_say(c, DIALECT_FAILURE);
}

static void
fail_cancel(void *ctx, const void *data)
{
	conversation_act_cancel(ctx);
	fail(ctx, data);
}

static void
fail_for_now(void *ctx, const void *data)
{
	fail(ctx, data);
	((struct conversation *)ctx)->ask_at = ((const struct conversation_news *)data)->until;
}

static void
fail_urlless(void *ctx, const void *data)
{
	struct conversation_news n = *(const struct conversation_news *)data;

	n.error = ERR_NO_URL;
	n.detail = err_text(ERR_NO_URL);
	fail_cancel(ctx, &n);
}

static void
fail_misfit(void *ctx, const void *data)
{
	struct conversation_news n = *(const struct conversation_news *)data;
	const struct conversation *c = ctx;
	char why[WHY_SIZE];

	n.error = why_say(why, ERR_MISMATCH, "expected firmware %s %s, got %s %s",
	    c->plan.component, c->plan.target, n.firmware->component, n.firmware->target);
	n.detail = why;
	fail_cancel(ctx, &n);
}

/* 0113 out of nothing, and malformed: the platform's own SDK answers 12. */
static void
answer_bad(void *ctx, const void *data)
{
	struct conversation *c = ctx;
	const struct conversation_news *n = data;

	c->plan = (struct dialect_plan){0};
	snprintf(c->plan.component, sizeof(c->plan.component), "%s", n->component);
	c->upgrade = n->fresh;
	fail(c, n);
}

static void
fail_fetch(void *ctx, const void *data)
{
	struct conversation *c = ctx;
	const struct conversation_news *n = data;

	conversation_act_note(c, n->error, n->detail);
	c->failures++;
	conversation_act_cancel(c); /* flashd waits for an image that will not come */
	conversation_act_end(c);
	conversation_act_say(c, DIALECT_DOWNLOAD_ERROR);
}

static void
still_loading(void *ctx, const void *data)
{
	struct conversation *c = ctx;
	const struct conversation_news *n = data;

	c->due = mono_after(n->now, (int64_t)n->profile->downloading_ms);
	conversation_act_say(c, DIALECT_DOWNLOADING);
}

static void
say_loading(void *ctx, const void *data)
{
	((struct conversation *)ctx)->heard = ((const struct conversation_news *)data)->now;
	still_loading(ctx, data);
}

static void
hear(void *ctx, const void *data)
{
	((struct conversation *)ctx)->heard = ((const struct conversation_news *)data)->now;
}

static void
say_fetched(void *ctx, const void *data)
{
	const struct conversation_news *n = data;

	conversation_act_wait(ctx, n, n->profile->hung_ms);
	conversation_act_say(ctx, DIALECT_DOWNLOADED);
}

static void
keep_working(void *ctx, const void *data)
{
	const struct conversation_news *n = data;

	((struct conversation *)ctx)->strikes = 0;
	conversation_act_wait(ctx, n, n->profile->updating_ms);
}

static void
say_updating(void *ctx, const void *data)
{
	keep_working(ctx, data);
	conversation_act_say(ctx, DIALECT_UPDATING);
}

static void
say_both(void *ctx, const void *data)
{
	conversation_act_say(ctx, DIALECT_DOWNLOADED);
	say_updating(ctx, data);
}

static void
succeed(void *ctx, const void *data)
{
	struct conversation *c = ctx;

	conversation_act_learn(c, data);
	conversation_act_note(c, ERR_OK, "");
	c->failures = 0;
	c->effects |= CONVERSATION_INFO;
	conversation_act_pass(c);
	conversation_act_say(c, DIALECT_SUCCESS);
}

static void
cancel_silent(void *ctx, const void *data)
{
	struct conversation *c = ctx;
	const struct conversation_news *n = data;

	conversation_act_cancel(c);
	c->strikes++;
	conversation_act_wait(c, n, n->profile->updating_ms);
}

static void
give_up(void *ctx, const void *data)
{
	struct conversation_news n = *(const struct conversation_news *)data;

	n.error = ERR_TIMEOUT;
	n.detail = "expected the outcome of the upgrade, got none";
	fail(ctx, &n);
}

static void
leave_it(void *ctx, const void *data)
{
	struct conversation *c = ctx;

	(void)data;
	conversation_act_note(c, ERR_TIMEOUT, "no report, but the device runs the target version");
	c->effects |= CONVERSATION_INFO;
	conversation_act_pass(c);
}

/* --- the table -------------------------------------------------------------------------------- */

#define GO(s, e, guard, action, next, note) \
	{ \
		CONVERSATION_##s, CONVERSATION_ON_##e, guard, action, CONVERSATION_##next, note \
	}
#define STAY(s, e, guard, action, note) \
	{ \
		CONVERSATION_##s, CONVERSATION_ON_##e, guard, action, FSM_SAME, note \
	}
#define ALWAYS(e, note) \
	{ \
		FSM_ANY, CONVERSATION_ON_##e, NULL, NULL, FSM_SAME, note \
	}

/* clang-format off */
static const struct fsm_row rows[] = {
	/*   state        event         guard         action         next         says, note */
	STAY(IDLE,        PLAN,         is_untold,    NULL,                       "hears it soon"),
	GO(  IDLE,        PLAN,         NULL,         take_plan,     OFFERED,     "1, ask flashd"),
	STAY(IDLE,        FIRMWARE,     conversation_act_is_untold, conversation_act_drop, "hears it soon"),
	STAY(IDLE,        FIRMWARE,     conversation_act_is_crossed, conversation_act_drop, "12 crossed it"),
	GO(  IDLE,        FIRMWARE,     NULL,         plan_firmware, OFFERED,     "ask flashd"),
	STAY(IDLE,        BAD_FIRMWARE, NULL,         answer_bad,                 "12"),
	GO(  IDLE,        NEXT,         conversation_act_has_rest, conversation_act_next, OFFERED, "1"),

	STAY(OFFERED,     PLAN,         is_same_plan, conversation_act_repeat,    "1 again"),
	STAY(OFFERED,     PLAN,         NULL,         replace_plan,               "cancel, 1"),
	GO(  OFFERED,     ACCEPTED,     has_firmware, order,         ORDERED,     "4 without a 2"),
	GO(  OFFERED,     ACCEPTED,     NULL,         confirm,       CONFIRMED,   "2"),
	STAY(OFFERED,     FIRMWARE,     conversation_act_is_early, NULL,          "for ACCEPTED"),
	GO(  OFFERED,     REJECTED,     conversation_act_is_needless, conversation_act_skip, IDLE, "next"),
	GO(  OFFERED,     REJECTED,     NULL,         refuse,        IDLE,        "3"),
	GO(  OFFERED,     DEFERRED,     NULL,         refuse_now,    IDLE,        "3, ask later"),
	STAY(OFFERED,     ASKED,        NULL,         conversation_act_hold,      "a person"),
	GO(  OFFERED,     BAD_END,      NULL,         refuse,        IDLE,        "3"),
	GO(  OFFERED,     FETCH_FAILED, NULL,         refuse,        IDLE,        "3"),
	GO(  OFFERED,     DONE,         NULL,         succeed,       IDLE,        "11, version"),
	GO(  OFFERED,     DUE,          NULL,         give_up_offer, IDLE,        "3, no verdict"),
	STAY(OFFERED,     GATE_UP,      NULL,         offer_again,                "idempotent"),

	GO(  CONFIRMED,   FIRMWARE,     fits_plan,    order,         ORDERED,     "4"),
	STAY(CONFIRMED,   FIRMWARE,     is_of_before, NULL,                       "one before, said again"),
	GO(  CONFIRMED,   FIRMWARE,     NULL,         fail_misfit,   IDLE,        "12, another"),
	GO(  CONFIRMED,   BAD_FIRMWARE, NULL,         fail_cancel,   IDLE,        "12"),
	STAY(CONFIRMED,   ACCEPTED,     NULL,         NULL,                       "said again"),
	GO(  CONFIRMED,   REJECTED,     NULL,         fail,          IDLE,        "12, after all"),
	GO(  CONFIRMED,   DEFERRED,     NULL,         fail_for_now,  IDLE,        "12, ask later"),
	STAY(CONFIRMED,   TOLD,         NULL,         await_url,                  "30 s from now"),
	STAY(CONFIRMED,   UNTOLD,       NULL,         await_telling,              "no 30 s yet"),
	GO(  CONFIRMED,   BAD_END,      NULL,         fail,          IDLE,        "12"),
	GO(  CONFIRMED,   FETCH_FAILED, NULL,         fail,          IDLE,        "12"),
	GO(  CONFIRMED,   DONE,         NULL,         succeed,       IDLE,        "11, version"),
	GO(  CONFIRMED,   DUE,          NULL,         fail_urlless,  IDLE,        "12, no 0113"),
	STAY(CONFIRMED,   GATE_UP,      NULL,         offer_again,                "idempotent"),

	GO(  ORDERED,     FETCHING,     NULL,         say_loading,   DOWNLOADING, "5"),
	GO(  ORDERED,     FETCHED,      NULL,         say_fetched,   FETCHED,     "8, had it"),
	GO(  ORDERED,     WORKING,      NULL,         say_both,      UPDATING,    "8, 9"),
	GO(  ORDERED,     FETCH_FAILED, is_last,      fail_cancel,   IDLE,        "12, not 6"),
	GO(  ORDERED,     FETCH_FAILED, NULL,         fail_fetch,    IDLE,        "6"),
	GO(  ORDERED,     BAD_END,      NULL,         fail,          IDLE,        "12"),
	GO(  ORDERED,     DONE,         NULL,         succeed,       IDLE,        "11, version"),
	GO(  ORDERED,     DUE,          NULL,         cancel_silent, OVERDUE,     "hours later"),
	STAY(ORDERED,     GATE_UP,      NULL,         order_again,                "idempotent"),

	STAY(DOWNLOADING, FETCHING,     NULL,         hear,                       "5 has a clock"),
	GO(  DOWNLOADING, FETCHED,      NULL,         say_fetched,   FETCHED,     "8"),
	GO(  DOWNLOADING, WORKING,      NULL,         say_both,      UPDATING,    "8, 9"),
	GO(  DOWNLOADING, FETCH_FAILED, is_last,      fail_cancel,   IDLE,        "12, not 6"),
	GO(  DOWNLOADING, FETCH_FAILED, NULL,         fail_fetch,    IDLE,        "6"),
	GO(  DOWNLOADING, BAD_END,      NULL,         fail,          IDLE,        "12"),
	GO(  DOWNLOADING, DONE,         NULL,         succeed,       IDLE,        "11, version"),
	GO(  DOWNLOADING, DUE,          is_silent,    cancel_silent, OVERDUE,     "hours later"),
	STAY(DOWNLOADING, DUE,          NULL,         still_loading,              "5, every 5 s"),
	STAY(DOWNLOADING, GATE_UP,      NULL,         order_again,                "idempotent"),

	STAY(FETCHED,     FETCHED,      NULL,         conversation_act_wait_on,   "verified, or in its queue"),
	STAY(FETCHED,     FETCHING,     NULL,         NULL,                       "a straggler"),
	GO(  FETCHED,     WORKING,      NULL,         say_updating,  UPDATING,    "9"),
	GO(  FETCHED,     FETCH_FAILED, NULL,         fail_cancel,   IDLE,        "12 after an 8"),
	GO(  FETCHED,     BAD_END,      NULL,         fail,          IDLE,        "12"),
	GO(  FETCHED,     DONE,         NULL,         succeed,       IDLE,        "11, version"),
	GO(  FETCHED,     DUE,          NULL,         cancel_silent, OVERDUE,     "hours later"),
	STAY(FETCHED,     GATE_UP,      NULL,         order_again,                "idempotent"),

	STAY(UPDATING,    WORKING,      NULL,         keep_working,               "20 min anew"),
	STAY(UPDATING,    FETCHED,      NULL,         NULL,                       "a straggler"),
	STAY(UPDATING,    FETCHING,     NULL,         NULL,                       "a straggler"),
	STAY(UPDATING,    FETCH_FAILED, NULL,         NULL,                       "flashd has it"),
	GO(  UPDATING,    BAD_END,      NULL,         fail,          IDLE,        "12"),
	GO(  UPDATING,    DONE,         NULL,         succeed,       IDLE,        "11, version"),
	GO(  UPDATING,    DUE,          NULL,         cancel_silent, OVERDUE,     "if it is safe"),
	STAY(UPDATING,    GATE_UP,      NULL,         order_again,                "idempotent"),

	STAY(OVERDUE,     WORKING,      NULL,         keep_working,               "alive"),
	STAY(OVERDUE,     FETCHED,      NULL,         keep_working,               "alive"),
	STAY(OVERDUE,     FETCHING,     NULL,         keep_working,               "alive"),
	GO(  OVERDUE,     FETCH_FAILED, NULL,         fail,          IDLE,        "12"),
	GO(  OVERDUE,     BAD_END,      NULL,         fail,          IDLE,        "12"),
	GO(  OVERDUE,     DONE,         NULL,         succeed,       IDLE,        "11, version"),
	STAY(OVERDUE,     DUE,          has_strikes,  cancel_silent,              "once more"),
	GO(  OVERDUE,     DUE,          runs_target,  leave_it,      IDLE,        "version only"),
	GO(  OVERDUE,     DUE,          NULL,         give_up,       IDLE,        "12, who knows"),
	STAY(OVERDUE,     GATE_UP,      NULL,         order_again,                "says it again"),

	ALWAYS(PLAN,         "one upgrade at a time"),
	ALWAYS(FIRMWARE,     "not asked for, or said again"),
	ALWAYS(BAD_FIRMWARE, "not asked for"),
};

const struct fsm_table conversation_table = {
	"conversation", states, CONVERSATION_STATES, events, CONVERSATION_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]),
};
/* clang-format on */
