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
	int ends[2];       /* pipe: numbers of sessions that have ended */
	int last_pid;      /* of a session: no process has it */
	void (*on_child)(void *arg, int pid, int status);
	void *on_child_arg;
	struct bus_link *bound; /* those that wait for their other end */
};

struct solo *solo(void);

/* The pipe and its watch. */
enum err solo_thread_init(void) MUST_CHECK;
/* Run `fn` in a thread of its own, which nobody waits for. */
enum err solo_thread_start(void *(*fn)(void *arg), void *arg) MUST_CHECK;

#endif
