/*
 * powercut_view: the files of a directory tree as a reader sees them at a moment, to be compared
 * with what is there after a power cut.
 */
#ifndef SUBOTA_TESTS_POWERCUT_VIEW_H
#define SUBOTA_TESTS_POWERCUT_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "tally.h"

enum { POWERCUT_VIEW_FILES = 256, POWERCUT_VIEW_PATH = 160 };

struct powercut_view {
	unsigned n;
	struct {
		char path[POWERCUT_VIEW_PATH]; /* below the root of the tree */
		uint64_t size, sum;
	} file[POWERCUT_VIEW_FILES]; /* more are not looked at */
};

/* All plain files below `root`, but for logs of events and what SQLite keeps in memory (-shm).
 * Fast: it comes between a write and the cut. */
void powercut_view_take(struct powercut_view *v, const char *root);
/* How `after` differs from `before`: one count per file, named by its directory and kind and by
 * what became of it ("flashd/ledger.db-wal older", "store/ a file gone"). */
void powercut_view_compare(
    const struct powercut_view *before, const struct powercut_view *after, struct tally *out);
/* The path with "N" for names that are numbers or digests. */
void powercut_view_kind(const char *path, char *out, size_t size);

#endif
