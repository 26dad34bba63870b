/*
 * sandbox: a process keeps its promise (promise.h) before it meets its first hostile byte.
 *
 * Order matters, because namespaces, ids, capabilities and Landlock bind the calling thread only:
 *
 *     sandbox_apart       while still root, once everything that needs the network's names is done
 *     sandbox_enter       uid, gid, groups, capabilities, no new privileges, limits, not dumpable
 *     zmq_ctx_new         looks up a protocol's name
 *     sandbox_lock_files  Landlock
 *     zmq_socket          starts threads
 *     sandbox_lock_calls  seccomp, for all threads; before the first message is read
 *
 * What cannot be kept is an error (ERR_DENIED, with a log line), and the process does not start;
 * `degrade` makes it a warning. A layer can be left out for debugging, never under systemd.
 */
#ifndef SUBOTA_SANDBOX_H
#define SUBOTA_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "promise.h"

enum sandbox_layer {
	SANDBOX_FILES = 1, /* Landlock: files, TCP ports, signals, abstract sockets */
	SANDBOX_CALLS = 2, /* seccomp */
	SANDBOX_APART = 4, /* namespaces */
	SANDBOX_ALL = 7,
};

struct sandbox_mode {
	unsigned off; /* layers left out */
	bool degrade; /* go on without what this kernel cannot do */
};

/* "require", "degrade", "none", "no-files", "no-calls", "no-apart", or several with commas between
 * them: what follows overrules. ERR_INVALID for any other word. */
enum err sandbox_mode_parse(const char *text, struct sandbox_mode *out) MUST_CHECK;
/* The same as text; `out` has 40 bytes. */
const char *sandbox_mode_text(const struct sandbox_mode *m, char out[40]);
/* ERR_DENIED, with a log line, when layers are off and a service manager started us; else a loud
 * word for what is off. */
enum err sandbox_mode_admit(const struct sandbox_mode *m) MUST_CHECK;

/* Mounts, IPC and network of its own, no interface in it; nothing unless promised and root. */
enum err sandbox_apart(const struct sandbox_promise *p, const struct sandbox_mode *m) MUST_CHECK;
/* Landlock; `places` for the names in the promise. */
enum err sandbox_lock_files(const struct sandbox_promise *p, const struct sandbox_mode *m,
    const struct places *places) MUST_CHECK;
/* A warning with what this kernel's Landlock leaves to other layers; for those that are started
 * once, not for each courier and session. */
void sandbox_tell_gaps(const struct sandbox_promise *p);
/* seccomp. Programs built with sanitizers say so and go on: they need more calls. */
enum err sandbox_lock_calls(
    const struct sandbox_promise *p, const struct sandbox_mode *m) MUST_CHECK;

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
