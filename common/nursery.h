/*
 * nursery: where the processes are born that a daemon has work done by: couriers for the gate,
 * sessions and their flasher programs for flashd.
 *
 * They must run under another uid than the daemon, which has no privilege left when it needs one;
 * and a daemon that can neither fork nor exec cannot be made to run anything. So one small helper
 * (subota-nursery, nursery/main.c) is started before the daemon drops its privileges; it drops to
 * their uid at once and then does one thing: it starts the programs of its table with the
 * descriptors that the daemon passes it, and says when they ended. Nothing privileged stays alive.
 * Without root the same path runs under one uid. Under systemd it is a unit of its own behind a
 * socket (nursery_connect): the daemon's unit then never has root; in a container it listens at
 * that socket by itself (nursery/listen.h). It dies with its daemon (its socket ends), and what it
 * started dies with it. Each daemon has one of its own, so that a courier and a session have not
 * even a parent in common.
 *
 * Rejected: one nursery for both daemons (it would need both users and the network); the path of
 * the program in the request (a daemon that was taken over could have anything started).
 *
 * Wire: a SOCK_SEQPACKET pair, one struct per packet, both ends built together.
 */
#ifndef SUBOTA_NURSERY_H
#define SUBOTA_NURSERY_H

#include <stdint.h>
#include <sys/types.h>

#include "auto.h"
#include "err.h"
#include "places.h"

enum {
	NURSERY_FDS = 4,      /* descriptors of one process, at most */
	NURSERY_WORDS = 8192, /* bytes of what it may reach, each place with its NUL */
};

enum nursery_verb { NURSERY_SPAWN = 1, NURSERY_KILL = 2 };

/* What can be started; for whom, and from where, the table in nursery/brood.c says. */
enum nursery_program {
	NURSERY_COURIER = 1,
	NURSERY_SESSION = 2,
	NURSERY_EXEC = 3,
	NURSERY_CREW = 4
};

/* daemon -> helper; SPAWN carries the descriptors by SCM_RIGHTS, and in the bytes that follow
 * places, "$name=path", each with its NUL */
struct nursery_request {
	uint32_t verb;
	uint32_t id;      /* names one process for as long as the nursery lives */
	uint32_t program; /* enum nursery_program */
};

/* helper -> daemon, once per process: it ended, or (pid 0) could not be started */
struct nursery_note {
	uint32_t id;
	int32_t pid;
	int32_t status; /* as of waitpid */
	uint32_t error; /* enum err */
};

struct nursery;

struct nursery_setup {
	const char *program;         /* path of subota-nursery */
	const char *parent;          /* for whom: "fetchd", "flashd" */
	const char *mode;            /* of the sandbox, words of sandbox.h */
	uid_t uid;                   /* of all that is started */
	gid_t gid, group;            /* group: one more, 0 = none */
	const struct places *places; /* of its programs and of what they may reach */
};

/* The command line of subota-nursery: ends with NULL, freed with nursery_free_argv. NULL: no
 * memory. */
char **nursery_argv(const struct nursery_setup *s);
void nursery_free_argv(char **argv);

/* Start the helper. Caller frees, which ends it. */
enum err nursery_start(const struct nursery_setup *s, struct nursery **out) MUST_CHECK;
/* The same when a service manager owns the socket at `path` and starts one nursery for each
 * connection to it: then the daemon needs no privilege at all. ERR_OFFLINE: nobody listens there.
 */
enum err nursery_connect(const char *path, struct nursery **out) MUST_CHECK;
void nursery_free(struct nursery *n);
AUTO_DEFINE(nursery, struct nursery *, nursery_free)

/* Readable when there is a note, or when the helper died. */
int nursery_fd(const struct nursery *n);
/* 0 when a service manager started it. */
pid_t nursery_pid(const struct nursery *n);

/* What is to be started; all is borrowed. */
struct nursery_birth {
	enum nursery_program program;
	int fds[NURSERY_FDS]; /* its 3, 4, ... */
	size_t n_fds;
	const struct places
	    *places; /* of those of the nursery, what this one may reach; may be NULL */
};

/* Have a process started; *id names it, never 0, and comes back in its note. What goes wrong there
 * is in the note. Waits a moment for a nursery that is busy, then ERR_AGAIN; ERR_CLOSED: it is
 * dead; ERR_LIMIT: too many places. */
enum err nursery_spawn(struct nursery *n, const struct nursery_birth *b, uint32_t *id) MUST_CHECK;
/* SIGKILL for one that does not end by itself. Errors as above. */
enum err nursery_kill(struct nursery *n, uint32_t id) MUST_CHECK;
/* ERR_AGAIN: none now; ERR_CLOSED: the helper is dead. */
enum err nursery_read(struct nursery *n, struct nursery_note *out) MUST_CHECK;

#endif
