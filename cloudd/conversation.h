/*
 * conversation: what the platform and one device say to each other about an upgrade; pure.
 *
 *     idle -> offered -> confirmed -> ordered -> downloading -> fetched -> updating -> idle
 *     (0111) status 1    status 2    0113, 4      5, 5, ...      8          9           11 or 12
 *
 * The platform decides what is offered, flashd what is done; this machine only translates between
 * the two, and never says more than has been reported: 11 follows a report of DONE and nothing
 * else, 12 a report of an end, or our own giving up before anything was ordered. A silent upgrade
 * is cancelled and asked again, not declared dead: the device may be in the middle of it.
 *
 * A plan with several components is one upgrade after another, in the order of its list, each with
 * an id and statuses of its own. The rest of the list waits in `rest`: a component that ends well,
 * or runs its target version already, is followed by the next (ON_NEXT); any other end drops the
 * rest, of which nothing has been said yet, and the platform repeats it with its next try.
 *
 * Actions leave bits in `effects` and statuses in `says`; the caller makes both durable together
 * with the state before anything leaves. Times come in as an argument. (Spec: developer center, 8.)
 */
#ifndef SUBOTA_CONVERSATION_H
#define SUBOTA_CONVERSATION_H

#include "clock.h"
#include "dialect.h"
#include "fsm.h"

enum conversation_state {
	CONVERSATION_IDLE,
	CONVERSATION_OFFERED,     /* to flashd, whose verdict is awaited */
	CONVERSATION_CONFIRMED,   /* to the platform, whose firmware address is awaited */
	CONVERSATION_ORDERED,     /* from the gate */
	CONVERSATION_DOWNLOADING, /* the gate has reported progress */
	CONVERSATION_FETCHED,     /* flashd's turn */
	CONVERSATION_UPDATING,    /* it works on the device */
	CONVERSATION_OVERDUE,     /* silent for too long: cancelled, outcome awaited */
	CONVERSATION_STATES
};

enum conversation_event {
	CONVERSATION_ON_PLAN,         /* 0111: plan, n_more, fresh, untold */
	CONVERSATION_ON_FIRMWARE,     /* 0113: firmware, fresh */
	CONVERSATION_ON_BAD_FIRMWARE, /* 0113 that was refused: error, detail */
	CONVERSATION_ON_ACCEPTED,     /* PlanVerdict */
	CONVERSATION_ON_REJECTED,     /* ... error, detail */
	CONVERSATION_ON_DEFERRED,     /* ... until */
	CONVERSATION_ON_ASKED,        /* ... wait_ms: flashd asks a person */
	CONVERSATION_ON_TOLD,         /* the platform has our status 2 */
	CONVERSATION_ON_FETCHING,     /* Progress of the download */
	CONVERSATION_ON_FETCHED,      /* Report: the image is complete, or even verified */
	CONVERSATION_ON_WORKING, /* Report or Progress: the device is being written, tested, ... */
	CONVERSATION_ON_DONE,    /* Report: version */
	CONVERSATION_ON_BAD_END, /* Report of any other end: version, error, detail */
	CONVERSATION_ON_FETCH_FAILED, /* Report of the gate: error, detail */
	CONVERSATION_ON_DUE,          /* `due` has come */
	CONVERSATION_ON_GATE_UP,      /* the link to the gate is there again */
	CONVERSATION_ON_UNTOLD,       /* the platform did not take our status 2 after all */
	CONVERSATION_ON_NEXT,         /* idle, and the plan's list goes on: fresh */
	CONVERSATION_EVENTS
};

enum conversation_effect {
	CONVERSATION_OFFER = 1,  /* PlanOffer for `upgrade` */
	CONVERSATION_ORDER = 2,  /* FetchOrder for `upgrade` */
	CONVERSATION_CANCEL = 4, /* Cancel for `cancelled` */
	CONVERSATION_INFO = 8,   /* 0044 with `version`, after the statuses */
};

enum { CONVERSATION_SAYS_MAX = 4, CONVERSATION_STRIKES = 3, CONVERSATION_REST_MAX = 19 };

struct conversation {
	/* recorded */
	int state;
	uint64_t upgrade; /* the last one, also when idle */
	struct dialect_plan plan;
	struct dialect_firmware *firmware; /* heap; NULL before 0113 and when idle */
	struct dialect_plan *rest;         /* heap; components of the list yet to come */
	size_t n_rest;
	uint64_t turn;                         /* of this component in its list, from 0 */
	uint64_t failures;                     /* downloads, since the last 11 or 12 */
	uint64_t ask_at;                       /* DEFER: wall clock in ms to send 0115, 0 = never */
	char version[DIALECT_VERSION_MAX + 1]; /* of the plan's component; "" = not known */
	int error;                             /* enum err: why the last upgrade went as it did */
	char detail[WHY_SIZE];

	/* not recorded */
	struct mono due; /* MONO_NEVER = no timer */
	/* until then the address may come that was awaited when it failed; MONO_NEVER: until a
	 * while after the platform has heard that it failed */
	struct mono crossed;
	struct mono heard; /* the last sign of life in this upgrade */
	unsigned strikes;  /* times that it has been cancelled in silence */
	unsigned effects;
	uint64_t cancelled;
	int says[CONVERSATION_SAYS_MAX]; /* statuses for the platform, in order */
	size_t n_says;
};

/* What comes with an event; members that an event does not name above are not looked at, but `now`
 * and `profile` always are. Borrowed for the call. */
struct conversation_news {
	struct mono now;
	const struct profile *profile;
	const struct dialect_plan *plan; /* the first of 1 + n_more */
	size_t n_more;
	const struct dialect_firmware *firmware;
	const char *component; /* the device's, for answers to nonsense */
	uint64_t fresh;        /* id for a new upgrade; taken when `upgrade` equals it afterwards */
	bool untold;           /* the platform has not confirmed yet how the last one ended */
	uint64_t until;        /* wall clock, ms */
	uint64_t wait_ms;      /* at most until flashd knows */
	const char *version;   /* "" or NULL = not known */
	int error;
	const char *detail;
};

extern const struct fsm_table conversation_table;

void conversation_init(struct conversation *c);
void conversation_fini(struct conversation *c);
void conversation_drop_firmware(struct conversation *c);

/* One step. ERR_PHASE: the event means nothing in this state, nothing has changed. ERR_NOMEM. */
enum err conversation_step(struct conversation *c, int event, const struct conversation_news *n,
    const struct subject *s) MUST_CHECK;

/* After a restart: set the timer that belongs to the recorded state. `told`: the platform has all
 * that was said so far. */
void conversation_resume(
    struct conversation *c, const struct profile *p, struct mono now, bool told);

/* The platform has heard all that was said so far. */
void conversation_heard_all(struct conversation *c, const struct profile *p, struct mono now);

/* Whether an upgrade is under way; then the version must not be announced, because the platform
 * takes it for the outcome. */
bool conversation_is_busy(const struct conversation *c);

/* Room for a whole rest; ERR_NOMEM. */
enum err conversation_need_rest(struct conversation *c) MUST_CHECK;

/* Whether a firmware is the one of the plan: component, target version, type. */
bool conversation_fits(const struct conversation *c, const struct dialect_firmware *f);

/* The event that a Report or Progress stands for; -1 for none. `from_gate`: its source is fetchd.
 */
int conversation_event_of(int phase, bool from_gate);

#endif
