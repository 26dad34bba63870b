/*
 * rollout: in which order upgrades begin, and whether more of them should; pure.
 *
 * Two parts. The machine: one rollout is all upgrades of one product's component to one version;
 * canaries first, then the rest, stopped after too many failures, paused and resumed by a person.
 * It only counts ends and knows whether more may begin; what has begun goes on. It is durable in
 * the ledger, in the transaction of the ends that it counts. The choice: of those that stand in the
 * queue, which one begins now (rollout_pick), and for each other one what holds it.
 *
 * Who waits gains a point of priority a minute, so that none starves. A device that does not
 * answer, or that policy holds, is passed over and stands where it stood. An upgrade that has begun
 * on a device which is not heard any more counts for no limit but its rollout's canaries: a broken
 * device delays nobody.
 */
#ifndef SUBOTA_ROLLOUT_H
#define SUBOTA_ROLLOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "fsm.h"

enum rollout_state {
	ROLLOUT_CANARY,  /* only the first few, until they are done */
	ROLLOUT_OPEN,    /* all, as limits allow */
	ROLLOUT_PAUSED,  /* by a person */
	ROLLOUT_STOPPED, /* after too many failures; a person resumes it */
	ROLLOUT_STATES
};

enum rollout_event {
	ROLLOUT_DONE,   /* an upgrade ended well */
	ROLLOUT_FAILED, /* failed or reverted */
	ROLLOUT_PAUSE,
	ROLLOUT_RESUME,
	ROLLOUT_EVENTS
};

/* Why an upgrade does not begin. */
enum rollout_hold {
	ROLLOUT_HOLD_NONE,
	ROLLOUT_HOLD_AWAY,    /* its device does not answer */
	ROLLOUT_HOLD_POLICY,  /* see the text */
	ROLLOUT_HOLD_BUSY,    /* another upgrade of its device is under way */
	ROLLOUT_HOLD_ORDER,   /* others come first, or its group is not complete */
	ROLLOUT_HOLD_DEPENDS, /* what its manifest depends on does not run yet */
	ROLLOUT_HOLD_PAUSED,
	ROLLOUT_HOLD_STOPPED,
	ROLLOUT_HOLD_CANARY,
	ROLLOUT_HOLD_ALL,     /* as many as may are under way: in all, */
	ROLLOUT_HOLD_PRODUCT, /* of its product, */
	ROLLOUT_HOLD_LINK,    /* on its link */
	ROLLOUT_HOLDS
};

enum { ROLLOUT_TEXT = 65, ROLLOUT_MAX = 64, ROLLOUT_PRIORITY_MAX = 100 };

struct rollout {
	uint64_t id;
	int state;
	char product_key[ROLLOUT_TEXT], component[ROLLOUT_TEXT], version[ROLLOUT_TEXT];
	uint32_t done, failed; /* in all */
	uint32_t failures;     /* since it was last resumed */

	/* below: not recorded */
	bool changed;
	bool stopped_now; /* an event record is due */
	struct rollout *next;
};

/* What configuration says; 0 = no limit, no canaries. */
struct rollout_rules {
	uint32_t canary, stop_after;
};

extern const struct fsm_table rollout_table;

/* The only writer of a state. ERR_PHASE: the event means nothing here. */
enum err rollout_step(struct rollout *r, int event, const struct rollout_rules *rules) MUST_CHECK;

/* An upgrade as the queue sees it. */
struct rollout_entry {
	uint64_t upgrade;
	const struct rollout *rollout;
	const void *link;       /* which line; two are the same when these are */
	const char *product;    /* product key */
	bool active;            /* has begun */
	bool absent;            /* and is not heard: counts for no limit */
	uint32_t canary;        /* of the rules for its device */
	uint32_t parallel;      /* how many of its product at a time; 0 = any */
	uint32_t priority;      /* higher begins first */
	struct mono since;      /* when it came into the queue */
	enum rollout_hold hold; /* in: what else holds it; out: what holds it */
};

struct rollout_limits {
	uint32_t all, link; /* at a time; 0 = any */
	bool paused;        /* everything, by a person */
};

/* Which of `n` entries begins now, NULL for none; `hold` of all others is set. */
struct rollout_entry *rollout_pick(
    struct rollout_entry *entries, size_t n, const struct rollout_limits *l, struct mono now);

/* What holds `e` among them, without anything beginning. */
enum rollout_hold rollout_hold_of(const struct rollout_entry *entries, size_t n,
    const struct rollout_limits *l, const struct rollout_entry *e);

/* "paused"; of enum rollout_hold. */
const char *rollout_hold_name(int hold);

#endif
