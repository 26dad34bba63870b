/*
 * device: one upgrade of one device; pure.
 *
 *     identified -> admitted -> waiting -> queued -> flashing -> staged -> testing -> confirmed
 *     -> done, and the other ends: reverted, failed, refused, cancelled
 *
 * What happens is the table in device.c. Every order to the device is one verb of
 * subota.v1.SessionOrder in `verb`, with the time it is due; flashd makes the record durable before
 * the order leaves. Nothing that was sent is believed to have happened: after a restart, a lost
 * link or an unclear answer the next verb is IDENTIFY, and what the device then says of itself is
 * turned into one SEES event (device_see), from which the table goes on. So a killed flashd, a
 * device that was unplugged and a lost answer are one and the same case.
 *
 * Each state has its deadline (device_deadline): nothing waits for ever. Time is counted while
 * flashd runs (`spent_ms` is recorded), so neither a long power cut nor a clock that jumps ends an
 * upgrade.
 */
#ifndef SUBOTA_DEVICE_H
#define SUBOTA_DEVICE_H

#include <stdbool.h>
#include <subota.pb-c.h>

#include "clock.h"
#include "fsm.h"

enum device_state {
	DEVICE_IDENTIFIED, /* offered; if it is recorded, a person was asked */
	DEVICE_ADMITTED,   /* policy said yes; the verdict is on its way */
	DEVICE_WAITING,    /* for the image */
	DEVICE_QUEUED,     /* the image is good; the queue gives it its turn (rollout.h) */
	DEVICE_FLASHING,   /* being asked, written or marked for a test boot */
	DEVICE_STAGED,     /* marked; a reset is due or under way */
	DEVICE_TESTING,    /* reset; must answer with the target's version and hash */
	DEVICE_CONFIRMED,  /* told to keep it; must say that it does */
	DEVICE_DONE,
	DEVICE_REVERTED,
	DEVICE_FAILED,
	DEVICE_REFUSED,
	DEVICE_CANCELLED,
	DEVICE_STATES
};

enum device_event {
	DEVICE_ADMIT,            /* policy accepts the plan */
	DEVICE_VERDICT_SENT,     /* and the gate has it */
	DEVICE_ORDER,            /* a verified image for it */
	DEVICE_TURN,             /* the queue lets it begin */
	DEVICE_REFUSE,           /* image or order is not acceptable */
	DEVICE_SEES_OLD,         /* the new image is neither running nor in the other slot */
	DEVICE_SEES_NEW_STORED,  /* it is in the other slot */
	DEVICE_SEES_NEW_PENDING, /* and marked for the next boot */
	DEVICE_SEES_NEW_ON_TEST, /* it runs, not confirmed */
	DEVICE_SEES_NEW_KEPT,    /* it runs, for good */
	DEVICE_SEES_MISFIT,      /* it runs, but reports another version */
	DEVICE_SEES_BARE,        /* nothing runs: only a boot loader answers */
	DEVICE_WROTE,            /* WRITE succeeded */
	DEVICE_MARKED,           /* STAGE succeeded */
	DEVICE_REBOOTED,         /* REBOOT succeeded: something answers again */
	DEVICE_KEPT,             /* CONFIRM succeeded */
	DEVICE_WENT_BACK,        /* REVERT succeeded */
	DEVICE_CHECKED,          /* CHECK succeeded: a program finds it healthy */
	DEVICE_REPLACED,         /* another unit has its place */
	DEVICE_TROUBLE,          /* a verb failed; error and detail say how */
	DEVICE_DEADLINE,         /* the state's time is over */
	DEVICE_CANCEL,           /* the platform wants it to stop */
	DEVICE_SUPERSEDED,       /* a newer plan for the same component */
	DEVICE_RESTARTED,        /* flashd has just started */
	DEVICE_EVENTS
};

enum device_effect {
	DEVICE_DO_STOP = 1,    /* end the session that works on it */
	DEVICE_DO_VERDICT = 2, /* tell the gate: accepted, or a person was asked */
	DEVICE_DO_RAISE = 4,   /* raise counters and sequence, in the transaction of the state */
	DEVICE_DO_ALARM = 8,   /* tell people that the device may have nothing to run */
};

enum {
	DEVICE_TEXT = 65,
	DEVICE_DETAIL = 301,
	DEVICE_HASH = 32,
	DEVICE_BINDING = 270,
	DEVICE_HOLD = 200
};

/* Answers in a row that made no sense, and verbs in a row that came to nothing, before FLASHING
 * gives up. */
enum { DEVICE_CONFUSIONS_MAX = 5, DEVICE_FRUITLESS_MAX = 20 };

struct device_upgrade {
	uint64_t id;
	/* what every event looks at, in all of hundreds; only state and verb are recorded */
	struct device_upgrade *next;
	struct roster_device *seat; /* once it was found (roster.h) */
	struct mono due;            /* of `verb`; QUEUED: when policy is asked again */
	struct mono since; /* when the state was entered, less the time spent before a restart */
	struct mono sign;  /* last sign of life or progress */
	int state;
	int verb;     /* enum Pb__Verb wanted next; 0 = none */
	int noted;    /* state + 1 that the operator's record has; 0: none */
	unsigned say; /* 1 << Pb__Phase: reports to add when it is recorded */
	unsigned effects;
	bool changed;   /* since it was recorded */
	bool running;   /* a session works on `verb` now */
	bool announced; /* its end is in the event log */

	char product_key[DEVICE_TEXT], device_key[DEVICE_TEXT];
	char component[DEVICE_TEXT], target_version[DEVICE_TEXT];
	bool has_digest;
	uint8_t digest[DEVICE_HASH]; /* of the manifest: names the store entry */

	/* from the manifest, set with DEVICE_ORDER; for the counters and the health check only */
	char image_version[DEVICE_TEXT]; /* as the device will say it */
	char binding[DEVICE_BINDING];    /* of the counters it will raise */
	uint64_t sequence, counter;
	uint32_t generation;
	uint8_t image_sha256[DEVICE_HASH];

	/* what the driver found out */
	uint8_t image_hash[DEVICE_HASH]; /* under which the device lists the image */
	bool has_image_hash;
	bool wrote;       /* some byte may have reached the device: set when WRITE is ordered */
	bool destructive; /* its driver leaves nothing to run while it writes; kept with `wrote` */
	bool rebooted;    /* a REBOOT may have reached the device */
	char version[DEVICE_TEXT]; /* running on the device, as last heard */
	bool on_trial;             /* not kept, and the device does tell */

	int error;
	char detail[DEVICE_DETAIL];
	uint64_t spent_ms;    /* in this state, when last recorded */
	uint32_t min_battery; /* what the plan wants: it is judged again when its turn comes */
	int32_t min_signal_dbm;
	char source_version[DEVICE_TEXT]; /* the device has to run this one; "" = any */
	uint64_t added;                   /* the ledger's: in the order in which they came */

	/* below: not recorded */
	bool no_confirm;             /* its driver cannot */
	bool alarmed;                /* bare beyond its time: a newer plan may take its place */
	bool intact;                 /* an image runs, it said so after all that was written */
	unsigned troubles;           /* in a row; back-off */
	unsigned denials;            /* times it refused to keep the image */
	unsigned confusions;         /* in a row, without progress */
	unsigned repeats;            /* of what was done before without effect; back-off */
	uint64_t settle_ms;          /* it must have run so long, and */
	uint64_t check_ms;           /* a program must find it healthy within that time; 0: none */
	bool checked;                /* and did */
	bool independent;            /* its manifest depends on nothing */
	bool replaceable;            /* where DESTRUCTIVE, the image before is written again */
	bool waits_for_others;       /* its group must run theirs, too, before it is kept */
	struct mono told_at;         /* QUEUED: when the gate heard last that it waits */
	struct mono healthy_since;   /* TESTING: it has answered as it should; 0 = not yet */
	unsigned yields;             /* times it gave its turn back */
	int hold;                    /* QUEUED: enum rollout_hold, why it does not begin */
	char hold_text[DEVICE_HOLD]; /* and in words */
	int furthest;        /* state reached since the start: only getting on restarts the clock */
	uint64_t most_bytes; /* furthest that writing has come; only beyond it is progress */
	uint64_t done_bytes, total_bytes, rate;
	struct mono progress_at;
	uint64_t progress_done;
};

/* Times per state, in ms. */
struct device_limits {
	uint64_t ask_ms;     /* IDENTIFIED: until a person says yes */
	uint64_t wait_ms;    /* ADMITTED, WAITING: until the image comes */
	uint64_t queue_ms;   /* QUEUED: until its turn comes, its device being away included */
	uint64_t away_ms;    /* FLASHING: without a sign of life */
	uint64_t flash_ms;   /* FLASHING: in all */
	uint64_t reboot_ms;  /* STAGED */
	uint64_t test_ms;    /* TESTING */
	uint64_t confirm_ms; /* CONFIRMED */
};

/* Data of an event; `now` is always set. */
struct device_news {
	struct mono now;
	enum err error;
	const char *detail;
};

extern const struct fsm_table device_table;

/* The only writer of a state. ERR_PHASE: the event means nothing here. */
enum err device_step(struct device_upgrade *u, int event, const struct device_news *n) MUST_CHECK;

/* A new upgrade in IDENTIFIED. */
void device_init(struct device_upgrade *u, uint64_t id, const Pb__Device *device,
    const char *component, const char *target_version, struct mono now);

/* Which SEES event the answer to IDENTIFY is. Where device and driver know hashes, only they
 * count; a version alone decides where there are none. */
int device_see(const struct device_upgrade *u, const Pb__SessionReport *r);
/* A guard of the table: an image that nobody kept is in the way; ours is not written over what the
 * device would go back to. */
bool device_see_in_the_way(void *ctx, const void *data);

/* Progress of the running verb: learn facts, count bytes, note signs of life. */
void device_on_progress(struct device_upgrade *u, const Pb__SessionReport *r, struct mono now);

/* The verb has ended: `r` is the session's last word, NULL = it died without one. Steps the
 * machine. */
enum err device_on_final(
    struct device_upgrade *u, const Pb__SessionReport *r, struct mono now) MUST_CHECK;

/* When DEVICE_DEADLINE is due; MONO_NEVER for an ended upgrade. */
struct mono device_deadline(const struct device_upgrade *u, const struct device_limits *l);

/* Time for the whole of `verb`, in ms. */
uint32_t device_verb_ms(const struct device_upgrade *u, const struct device_limits *l);

/* Does the verb need the image? */
bool device_needs_image(int verb);
bool device_is_over(const struct device_upgrade *u);
/* Past QUEUED and not over: the device is ours. */
bool device_is_active(const struct device_upgrade *u);
/* The phase that reports the state; PHASE_UNKNOWN before QUEUED, which is VERIFIED: the image is
 * good, no byte has left. */
Pb__Phase device_phase(int state);
struct subject device_subject(const struct device_upgrade *u);

#endif
