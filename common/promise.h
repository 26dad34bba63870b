/*
 * promise: the table of what each process promises before it meets its first hostile byte: users'
 * business apart, everything that sandbox.h makes true. One row per process; `subotactl sandbox`
 * prints it.
 */
#ifndef SUBOTA_PROMISE_H
#define SUBOTA_PROMISE_H

#include "landlock.h"
#include "seccomp.h"

struct sandbox_promise {
	const char *name;    /* process, for messages */
	const char *program; /* "subota-session" */
	uint64_t max_memory; /* RLIMIT_AS in bytes, 0 = leave (sanitizer builds always leave it) */
	uint64_t max_files;  /* RLIMIT_NOFILE, hard */
	uint64_t max_file_size; /* RLIMIT_FSIZE, 0 = leave */
	bool apart; /* started as root: mounts, IPC and a network without interface of its own */
	const struct landlock_rule *files; /* NULL: any file (unit tests) */
	const char *ports; /* place with TCP ports to connect to; NULL none, "*" any */
	const struct seccomp_set *const *calls; /* ended by NULL; NULL: any call */
};

/* The promise of a process ("flashd", "session"); NULL when there is none. */
const struct sandbox_promise *promise_find(const char *name);
/* All of them, in the order in which data comes from the network to a device. */
const struct sandbox_promise *promise_rows(size_t *n);

#endif
