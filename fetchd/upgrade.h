/*
 * upgrade: what the gate knows of one upgrade; pure.
 *
 *     waiting -> fetched -> ordered -> taken -> ended
 *
 * The image is a matter of its own (image.h); this is the thread from the platform's FetchOrder to
 * flashd's word that it has taken over. Everything is idempotent by the upgrade's id: a repeated
 * order says again what was said last. Actions leave bits in `effects`; reports among them become
 * durable records in the same transaction as the state.
 */
#ifndef SUBOTA_UPGRADE_H
#define SUBOTA_UPGRADE_H

#include <subota.pb-c.h>

#include "clock.h"
#include "fsm.h"

enum upgrade_state {
	UPGRADE_WAITING, /* for the image */
	UPGRADE_FETCHED, /* its bytes are here */
	UPGRADE_ORDERED, /* verified; flashd is told until it answers */
	UPGRADE_TAKEN,   /* flashd has reported on it */
	UPGRADE_ENDED,
	UPGRADE_STATES
};

enum upgrade_event {
	UPGRADE_IMAGE_FETCHED,
	UPGRADE_IMAGE_READY,
	UPGRADE_IMAGE_FAILED, /* error and detail are set */
	UPGRADE_IMAGE_LOST,
	UPGRADE_HEARD,    /* flashd reported on it */
	UPGRADE_OVER,     /* flashd reported its end */
	UPGRADE_CANCEL,   /* the platform wants it to stop */
	UPGRADE_REPEATED, /* the platform ordered it again */
	UPGRADE_DUE,      /* flashd has been silent for a while, or has just come back */
	UPGRADE_EVENTS
};

enum upgrade_effect {
	UPGRADE_SAY_FETCHED = 1,
	UPGRADE_SAY_VERIFIED = 2,
	UPGRADE_SAY_END = 4, /* FAILED, REFUSED or CANCELLED, by `error` */
	UPGRADE_ORDER = 8,   /* FlashOrder to flashd */
	UPGRADE_PASS_ON = 16, /* the Cancel goes on to flashd */
	UPGRADE_RELEASE = 32, /* the image has one user fewer */
};

enum { UPGRADE_AGAIN_MS = 5000, UPGRADE_TEXT_MAX = 64, UPGRADE_DETAIL_MAX = 300 };

struct upgrade {
	uint64_t id;
	int state;
	char product_key[UPGRADE_TEXT_MAX + 1], device_key[UPGRADE_TEXT_MAX + 1];
	char component[UPGRADE_TEXT_MAX + 1], target_version[UPGRADE_TEXT_MAX + 1];
	uint64_t image;
	int error;
	char detail[UPGRADE_DETAIL_MAX + 1];
	bool local; /* a person's (drop.h): cloudd knows nothing of it and is told nothing */

	/* below: not recorded */
	bool changed; /* since it was recorded */
	int noted;    /* state + 1 that the operator's record has; 0: none */
	unsigned effects;
	struct mono order_again;
	struct mono progress_at;
	struct upgrade *next;
};

/* Data of IMAGE_FAILED. */
struct upgrade_news {
	enum err error;
	const char *detail;
};

extern const struct fsm_table upgrade_table;

/* ERR_PHASE: the event means nothing here. */
enum err upgrade_step(struct upgrade *u, int event, const struct upgrade_news *news) MUST_CHECK;

void upgrade_init(struct upgrade *u, uint64_t id, uint64_t image, const Pb__FetchOrder *o);
/* The phase in which an upgrade that failed at the gate ends: REFUSED for what trust and the
 * platform's digests forbid, CANCELLED, else FAILED. */
Pb__Phase upgrade_end_phase(int error);
/* Whether a phase ends an upgrade. */
bool upgrade_is_end(Pb__Phase phase);
struct subject upgrade_subject(const struct upgrade *u);

#endif
