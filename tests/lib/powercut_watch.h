/*
 * powercut_watch: tells when something is written below a directory, so that the power can be cut
 * amid that write.
 */
#ifndef SUBOTA_TESTS_POWERCUT_WATCH_H
#define SUBOTA_TESTS_POWERCUT_WATCH_H

#include <stdbool.h>

enum { POWERCUT_WATCH_WHAT = 64 };

/* Wait for a change of anything below `root` but logs and what SQLite keeps in memory, for at most
 * so long. True with its name in `what` ("cloudd/cloudd.db-wal written"); false: nothing came, or
 * it cannot be watched. */
bool powercut_watch(const char *root, int ms, char what[POWERCUT_WATCH_WHAT]);

#endif
