/*
 * outage: a house of eight devices whose gateway loses its power again and again, at moments that a
 * seed chooses, three of four of them amid a write to its disk, while plan after plan upgrades all
 * devices. For the short share of the system tests
 * and for subota-powercut, which makes a thousand cuts of it and may do so in several sittings.
 *
 * What has to hold: every plan ends with each device on its new version, confirmed, and with status
 * 11 for each; no status says that an upgrade failed or was refused; no device went back; no record
 * was taken for damaged; the signed log is whole. A cut whose daemons do not come up again breaks
 * it, too.
 *
 * No wait in it is judged by the clock of a busy machine: a plan may take so many cuts, a daemon's
 * start minutes.
 */
#ifndef SUBOTA_TESTS_OUTAGE_H
#define SUBOTA_TESTS_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "tally.h"

enum { OUTAGE_DEVICES = 8, OUTAGE_WHY = 600 };

struct outage {
	/* Set by the caller; the tallies too, when it goes on with an earlier sitting. */
	uint64_t random;          /* of the seed, or where an earlier sitting stopped */
	unsigned wanted;          /* cuts, those of earlier sittings included */
	const char *found;        /* directory for the house if something breaks; NULL: it goes */
	bool (*is_stopped)(void); /* by a person: end soon; NULL: never */
	void (*on_plan)(struct outage *o); /* one has ended well; may be NULL */

	unsigned cuts, plans, upgrades, starts, statuses;
	unsigned lossless;    /* cuts in which the disk had all that was written */
	unsigned lost;        /* upgrades that did not end rightly: what breaks it */
	struct tally moments; /* cuts by what was under way: a state of a device, image, upgrade */
	struct tally writes;  /* cuts amid a write, by what was written */
	struct tally files;   /* cuts by what the disk did not have */
	char why[OUTAGE_WHY]; /* what broke; "" = nothing */
};

/* Where a seed begins. */
uint64_t outage_random(uint64_t seed);
/* False where a disk of its own is not to be had: not root, no loop devices. Otherwise the sitting
 * has ended, with why, stopped, or with all cuts. */
bool outage_run(struct outage *o);

#endif
