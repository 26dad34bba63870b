/*
 * solo: what the one process holds together; README.md.
 */
#ifndef SUBOTA_SOLO_H
#define SUBOTA_SOLO_H

#include "loop.h"

struct solo {
	const char *config;
	struct loop *loop; /* everybody's */
	unsigned started;  /* daemons, in the order of their sockets: flashd, fetchd, cloudd */
	struct bus_link *bound; /* those that wait for their other end */
};

struct solo *solo(void);

/* Be a session with these descriptors; those that are taken are -1 afterwards. */
enum err solo_session_run(int fds[], size_t n) MUST_CHECK;
/* Run `fn` in a thread of its own, which nobody waits for. */
enum err solo_thread_start(void *(*fn)(void *arg), void *arg) MUST_CHECK;

#endif
