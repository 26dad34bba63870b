/*
 * reap: no process outlives its test. The runner is the subreaper of all it starts: whoever loses
 * his parent becomes our child, so children of ours that we did not start were left behind. Works
 * without privileges and across setsid and setuid (killing another user's process needs root).
 */
#ifndef SUBOTA_TESTS_REAP_H
#define SUBOTA_TESTS_REAP_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* Become the subreaper and block the signals that reap_wait waits for. False: no such kernel. */
bool reap_init(void);

/* Start argv[0] (looked up in PATH) with stdout and stderr appended to `log`, stdin empty and the
 * signal mask clear. -1: could not. */
pid_t reap_start(char *const argv[], const char *log);

enum reap_why { REAP_ENDED, REAP_LATE, REAP_INTERRUPTED };

/* Wait until a child ends, at most `timeout_ms`. REAP_ENDED sets *pid and *status (of waitpid);
 * children nobody started end here, too. */
enum reap_why reap_wait(int timeout_ms, pid_t *pid, int *status);

/* Give orphans `grace_ms` to end, then name each that remains on `out`, kill it and its like.
 * Returns how many were named. Call when no child we started is running. */
unsigned reap_orphans(int grace_ms, FILE *out);

/* Kill all children, old and new, until there is none. */
void reap_all(void);

#endif
