/*
 * rollout: see rollout.h. The table is the specification of the machine, holds[] of the choice.
 */
#include <stdio.h>
#include <string.h>

#include "rollout.h"

static const char *const states[] = {"CANARY", "OPEN", "PAUSED", "STOPPED"};
static const char *const events[] = {"DONE", "FAILED", "PAUSE", "RESUME"};

/* --- the machine ------------------------------------------------------------------------------ */

/* With this end. */
static bool
is_proven(void *ctx, const void *data)
{
	return ((struct rollout *)ctx)->done + 1 >= ((const struct rollout_rules *)data)->canary;
}

static bool
was_proven(void *ctx, const void *data)
{
	return ((struct rollout *)ctx)->done >= ((const struct rollout_rules *)data)->canary;
}

static bool
is_enough(void *ctx, const void *data)
{
	const struct rollout_rules *r = data;

	return r->stop_after > 0 && ((struct rollout *)ctx)->failures + 1 >= r->stop_after;
}

static void
count_done(void *ctx, const void *data)
{
	(void)data;
	((struct rollout *)ctx)->done++;
}

static void
count_failed(void *ctx, const void *data)
{
	struct rollout *r = ctx;

	(void)data;
	r->failed++;
	r->failures++;
}

static void
stop(void *ctx, const void *data)
{
	count_failed(ctx, data);
	((struct rollout *)ctx)->stopped_now = true;
}

static void
forgive(void *ctx, const void *data)
{
	(void)data;
	((struct rollout *)ctx)->failures = 0;
}

enum { ROLLOUT_SAME = FSM_SAME };
#define ROW(state, event, guard, action, next, note) \
	{ \
		ROLLOUT_##state, ROLLOUT_##event, guard, action, ROLLOUT_##next, note \
	}

/* clang-format off */
static const struct fsm_row rows[] = {
	/*  state    event   guard       action        next     note */
	ROW(CANARY,  DONE,   is_proven,  count_done,   OPEN,    "the rest may begin"),
	ROW(CANARY,  DONE,   NULL,       count_done,   SAME,    ""),
	ROW(CANARY,  FAILED, is_enough,  stop,         STOPPED, "nothing more begins"),
	ROW(CANARY,  FAILED, NULL,       count_failed, SAME,    "another canary"),
	ROW(CANARY,  PAUSE,  NULL,       NULL,         PAUSED,  "by a person"),
	ROW(OPEN,    DONE,   NULL,       count_done,   SAME,    ""),
	ROW(OPEN,    FAILED, is_enough,  stop,         STOPPED, "nothing more begins"),
	ROW(OPEN,    FAILED, NULL,       count_failed, SAME,    ""),
	ROW(OPEN,    PAUSE,  NULL,       NULL,         PAUSED,  "by a person"),
	ROW(PAUSED,  DONE,   NULL,       count_done,   SAME,    "what had begun goes on"),
	ROW(PAUSED,  FAILED, NULL,       count_failed, SAME,    "what had begun goes on"),
	ROW(PAUSED,  RESUME, was_proven, forgive,      OPEN,    "by a person"),
	ROW(PAUSED,  RESUME, NULL,       forgive,      CANARY,  "by a person"),
	ROW(STOPPED, DONE,   NULL,       count_done,   SAME,    "what had begun goes on"),
	ROW(STOPPED, FAILED, NULL,       count_failed, SAME,    "what had begun goes on"),
	ROW(STOPPED, PAUSE,  NULL,       NULL,         PAUSED,  "seen by a person"),
	ROW(STOPPED, RESUME, was_proven, forgive,      OPEN,    "counts failures anew"),
	ROW(STOPPED, RESUME, NULL,       forgive,      CANARY,  "counts failures anew"),
};

const struct fsm_table rollout_table = {
	"rollout", states, ROLLOUT_STATES, events, ROLLOUT_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]),
};
/* clang-format on */
#undef ROW

enum err
rollout_step(struct rollout *r, int event, const struct rollout_rules *rules)
{
	char name[32];
	struct fsm_table named = rollout_table;

	snprintf(name, sizeof(name), "rollout %llu", (unsigned long long)r->id);
	named.name = name;
	enum err e = fsm_step(&named, &r->state, event, r, rules, NULL);
	r->changed |= e == ERR_OK;
	return e;
}

/* --- the choice ------------------------------------------------------------------------------- */

struct choice {
	const struct rollout_entry *entries;
	size_t n;
	const struct rollout_limits *limits;
};

static bool
is_any(const struct rollout_entry *a, const struct rollout_entry *b)
{
	(void)a, (void)b;
	return true;
}

static bool
is_same_product(const struct rollout_entry *a, const struct rollout_entry *b)
{
	return strcmp(a->product, b->product) == 0;
}

static bool
is_same_link(const struct rollout_entry *a, const struct rollout_entry *b)
{
	return a->link == b->link;
}

static bool
is_same_rollout(const struct rollout_entry *a, const struct rollout_entry *b)
{
	return a->rollout == b->rollout;
}

static uint32_t
count(const struct choice *c, const struct rollout_entry *e, bool absent_too,
    bool (*same)(const struct rollout_entry *a, const struct rollout_entry *b))
{
	uint32_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += c->entries[i].active && (absent_too || !c->entries[i].absent) &&
		     same(&c->entries[i], e);
	return n;
}

static bool
is_paused(const struct choice *c, const struct rollout_entry *e)
{
	return c->limits->paused || (e->rollout && e->rollout->state == ROLLOUT_PAUSED);
}

static bool
is_stopped(const struct choice *c, const struct rollout_entry *e)
{
	(void)c;
	return e->rollout && e->rollout->state == ROLLOUT_STOPPED;
}

/* Canaries that have begun or are done leave no room for one more. */
static bool
is_behind_canaries(const struct choice *c, const struct rollout_entry *e)
{
	return e->rollout && e->rollout->state == ROLLOUT_CANARY && e->canary > 0 &&
	       e->rollout->done + count(c, e, true, is_same_rollout) >= e->canary;
}

static bool
is_full(const struct choice *c, const struct rollout_entry *e)
{
	return c->limits->all && count(c, e, false, is_any) >= c->limits->all;
}

static bool
is_product_full(const struct choice *c, const struct rollout_entry *e)
{
	return e->parallel && count(c, e, false, is_same_product) >= e->parallel;
}

static bool
is_link_full(const struct choice *c, const struct rollout_entry *e)
{
	return c->limits->link && count(c, e, false, is_same_link) >= c->limits->link;
}

/* clang-format off */
static const struct {
	enum rollout_hold hold;
	const char *name;
	bool (*is)(const struct choice *c, const struct rollout_entry *e); /* NULL: the caller knows */
} holds[ROLLOUT_HOLDS] = {
	/* hold                 name       holds when */
	{ROLLOUT_HOLD_NONE,    "next",    NULL},
	{ROLLOUT_HOLD_AWAY,    "away",    NULL},
	{ROLLOUT_HOLD_POLICY,  "policy",  NULL},
	{ROLLOUT_HOLD_BUSY,    "busy",    NULL},
	{ROLLOUT_HOLD_ORDER,   "order",   NULL},
	{ROLLOUT_HOLD_DEPENDS, "depends", NULL},
	{ROLLOUT_HOLD_PAUSED,  "paused",  is_paused},
	{ROLLOUT_HOLD_STOPPED, "stopped", is_stopped},
	{ROLLOUT_HOLD_CANARY,  "canary",  is_behind_canaries},
	{ROLLOUT_HOLD_ALL,     "all",     is_full},
	{ROLLOUT_HOLD_PRODUCT, "product", is_product_full},
	{ROLLOUT_HOLD_LINK,    "link",    is_link_full},
};
/* clang-format on */

const char *
rollout_hold_name(int hold)
{
	return hold >= 0 && hold < ROLLOUT_HOLDS ? holds[hold].name : "unknown";
}

static enum rollout_hold
hold_of(const struct choice *c, const struct rollout_entry *e)
{
	if (e->hold != ROLLOUT_HOLD_NONE)
		return e->hold;
	for (int i = 0; i < ROLLOUT_HOLDS; i++)
		if (holds[i].is && holds[i].is(c, e))
			return holds[i].hold;
	return ROLLOUT_HOLD_NONE;
}

enum rollout_hold
rollout_hold_of(const struct rollout_entry *entries, size_t n, const struct rollout_limits *l,
    const struct rollout_entry *e)
{
	const struct choice c = {entries, n, l};

	return hold_of(&c, e);
}

/* Does `a` begin before `b`? */
static bool
is_before(const struct rollout_entry *a, const struct rollout_entry *b, struct mono now)
{
	int64_t x = mono_between(a->since, now) / 60000 + a->priority;
	int64_t y = mono_between(b->since, now) / 60000 + b->priority;

	if (x != y)
		return x > y;
	return a->since.ms != b->since.ms ? a->since.ms < b->since.ms : a->upgrade < b->upgrade;
}

struct rollout_entry *
rollout_pick(
    struct rollout_entry *entries, size_t n, const struct rollout_limits *l, struct mono now)
{
	const struct choice c = {entries, n, l};
	struct rollout_entry *best = NULL;

	for (size_t i = 0; i < n; i++) {
		struct rollout_entry *e = &entries[i];

		if (e->active)
			continue;
		e->hold = hold_of(&c, e);
		if (e->hold == ROLLOUT_HOLD_NONE && (!best || is_before(e, best, now)))
			best = e;
	}
	return best;
}
