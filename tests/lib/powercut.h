/*
 * powercut: the power of a house's gateway goes, and comes back: all daemons die at once, and of
 * what they wrote there is only what the disk really had.
 *
 * Their state and store lie on an ext4 file system of their own, in an image file behind a loop
 * device. What was not synced is in that file system's cache only. A cut is: SIGKILL for all, the
 * file system shut down without a flush (so that none of its writes passes another on the way into
 * the copy), a copy of the image as it is then, and from then on the copy. Nothing of this is a
 * model: journal, torn files and lost renames are ext4's own.
 *
 * Needs root; in a mount namespace of the calling process, so nothing is left mounted.
 */
#ifndef SUBOTA_TESTS_POWERCUT_H
#define SUBOTA_TESTS_POWERCUT_H

#include "house.h"
#include "sickdisk.h"
#include "tally.h"

struct powercut_view;

struct powercut {
	struct house *h;
	unsigned cuts;
	struct tally lost; /* by the last cut: files that were not as the daemons had left them */
	struct powercut_view *before, *after;
	const char *image;     /* what is mounted, below the house's directory */
	struct sickdisk *sick; /* the disk under it; NULL: one that cannot fail */
};

/* After house_open, before the first start. False: mounting is not to be had here. */
bool powercut_open(struct powercut *p, struct house *h);
/* The same, on a disk that can fail: p->sick. `feature` is for mkfs.ext4 ("^has_journal"). The file
 * system turns read-only when it is damaged, as Debian's are mounted. After a cut the disk is a
 * sound one with what the old one had. */
bool powercut_open_sick(struct powercut *p, struct house *h, const char *feature);
/* The cut; the daemons are started again. */
enum err powercut_now(struct powercut *p) MUST_CHECK;
/* Before the house is closed. */
void powercut_close(struct powercut *p);

#endif
