/*
 * sandbox: what a process gives up before it meets its first hostile byte.
 *
 * As data: one struct sandbox_promise per process. Order matters because Landlock, capabilities and
 * seccomp bind one thread only: drop privileges before the first library starts a thread. Here:
 * uid, gid, groups, capabilities, no new privileges, resource limits, not dumpable, closed
 * descriptors, empty environment.
 */
#ifndef SUBOTA_SANDBOX_H
#define SUBOTA_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

struct sandbox_promise {
	const char *name;    /* process, for messages */
	uint64_t max_memory; /* RLIMIT_AS in bytes, 0 = leave (sanitizer builds always leave it) */
	uint64_t max_files;  /* RLIMIT_NOFILE, hard */
	uint64_t max_file_size; /* RLIMIT_FSIZE, 0 = leave */
	bool may_fork; /* false: RLIMIT_NPROC is not touched, but children are none of its business
			*/
};

/* Drop to uid:gid (only when we are root; otherwise they must be ours already or ERR_DENIED), no
 * supplementary groups but `group` (0 = none), no capabilities in any set, no_new_privs, limits,
 * dumpable 0. */
enum err sandbox_enter(
    const struct sandbox_promise *p, uid_t uid, gid_t gid, gid_t group) MUST_CHECK;

/* Close every descriptor from `lowest` up. */
void sandbox_close_from(int lowest);

/* Start `path` with argv, an empty environment, and fds[i] as descriptor 3 + i; 0 is /dev/null, 1
 * and 2 stay. The child is killed when we die. Exec, never a bare fork. */
enum err sandbox_spawn(
    const char *path, char *const argv[], const int *fds, size_t n_fds, pid_t *pid) MUST_CHECK;

#endif
