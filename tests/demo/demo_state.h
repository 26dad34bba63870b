/*
 * demo_state: where the upgrade of one device stands, and since when, put together from what the
 * three daemons, the platform and the device say. Pure.
 */
#ifndef SUBOTA_DEMO_STATE_H
#define SUBOTA_DEMO_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

/* clang-format off */
/*      symbol       word            what it means */
#define DEMO_PHASES(X) \
	X(IDLE,      "idle",       "nothing is planned") \
	X(OFFERED,   "planned",    "plan pushed, being judged, waiting for the address") \
	X(FETCHING,  "fetching",   "a courier fetches the package") \
	X(VERIFYING, "verifying",  "the gate checks digests and signatures") \
	X(WAITING,   "waiting",    "image is ready, the line is not") \
	X(FLASHING,  "flashing",   "a session writes the image") \
	X(STAGED,    "rebooting",  "written, marked, being reset") \
	X(TESTING,   "testing",    "rebooted, is it the new image and does it work") \
	X(CONFIRMED, "confirmed",  "the device keeps the new image") \
	X(DONE,      "done",       "runs the new version") \
	X(REVERTED,  "reverted",   "went back to its old image") \
	X(REFUSED,   "refused",    "nothing was written") \
	X(FAILED,    "failed",     "did not work")
/* clang-format on */

enum demo_phase {
#define X(symbol, word, text) DEMO_##symbol,
	DEMO_PHASES(X)
#undef X
	    DEMO_PHASE_COUNT
};

const char *demo_phase_word(enum demo_phase p);
/* Nothing follows it. */
bool demo_phase_is_end(enum demo_phase p);

/* What the daemons say of one device's newest upgrade; "" where they say nothing. */
struct demo_words {
	const char *conversation; /* cloudd: IDLE, OFFERED, ... */
	const char *gate;         /* fetchd, the upgrade: WAITING, FETCHED, ORDERED, TAKEN, ENDED */
	const char *image;        /* fetchd, its image: QUEUED, FETCHING, ... */
	const char *device;       /* flashd: IDENTIFIED, ADMITTED, ..., DONE, ... */
	const char *gate_error;   /* name of an error, or "OK" */
	bool working;             /* flashd has a session at it */
};

enum demo_phase demo_state_phase(const struct demo_words *w);

struct demo_device {
	char name[33];
	char from[65], to[65];
	char running[65]; /* the device's own word */
	enum demo_phase phase;
	struct mono begun, since; /* the upgrade; this phase */
	uint64_t phase_ms[DEMO_PHASE_COUNT];
	uint64_t done, total, rate; /* bytes of this phase, a second */
	uint64_t fetched;           /* package, bytes */
	uint64_t written, write_ms; /* image, bytes; from the first of them to the last */
	uint64_t uploaded;          /* bytes the device got, repeated ones included */
	unsigned boots, reverts;
	bool confirmed;
	char platform[24]; /* what the platform recorded: upgrading, success, failed, ... */
	char detail[200];  /* why it went wrong */
};

/* The phase is now `p`: counts the time of the one that ends. */
void demo_state_enter(struct demo_device *d, enum demo_phase p, struct mono now);

#endif
