/*
 * powercut_watch: tells when something is written below a directory, so that the power can be cut
 * amid that write.
 */
#ifndef SUBOTA_TESTS_POWERCUT_WATCH_H
#define SUBOTA_TESTS_POWERCUT_WATCH_H

#include <stdbool.h>

enum { POWERCUT_WATCH_WHAT = 64 };

/* From now on the calling process, and all that it starts, run on one processor. A watcher there is
 * woken amid a write and runs before its writer does anything else, its sync above all: else most
 * of what was written would be on the disk before anybody can cut the power. Where the kernel
 * allows neither this nor precedence (powercut_watch), that is how it is. */
void powercut_watch_share_cpu(void);

/* Wait for a change of anything below `root` but logs and what SQLite keeps in memory, for at most
 * so long. True with its name in `what` ("cloudd/cloudd.db-wal written"); false: nothing came, or
 * it cannot be watched. The caller has precedence over every other process until it ends the watch:
 * after the cut. */
bool powercut_watch(const char *root, int ms, char what[POWERCUT_WATCH_WHAT]);
void powercut_watch_end(void);

#endif
