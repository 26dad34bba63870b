/*
 * nursery: where couriers are born.
 *
 * A courier must run under another uid than the gate, but the gate has no privilege left when it
 * needs one. So fetchd starts one small helper before it drops privileges; the helper drops to the
 * courier's uid at once and then does one thing: it starts the courier program with the two
 * descriptors the gate passes it, and says when it ended. Nothing privileged stays alive. Without
 * root the same path runs under one uid. Under systemd it is a unit of its own behind a socket
 * (nursery_connect): the gate's unit then has neither root nor a network; in a container it listens
 * at that socket by itself (nursery/listen.h). It dies with the gate
 * (its socket ends); couriers end by themselves when their channel ends. The helper is a program of
 * its own, so that an idle gateway does not map libcurl.
 *
 * Wire: a SOCK_SEQPACKET pair, one struct per packet, both ends built together.
 */
#ifndef SUBOTA_NURSERY_H
#define SUBOTA_NURSERY_H

#include <stdint.h>
#include <sys/types.h>

#include "auto.h"
#include "err.h"

enum { NURSERY_COURIERS_MAX = 16 };

enum nursery_verb { NURSERY_SPAWN = 1, NURSERY_KILL = 2 };

/* gate -> helper; SPAWN carries the two descriptors (channel, file) by SCM_RIGHTS */
struct nursery_request {
	uint32_t verb;
	uint32_t id; /* minted by the gate, names one courier */
};

/* helper -> gate, once per courier: it ended, or (pid 0) could not be started */
struct nursery_note {
	uint32_t id;
	int32_t pid;
	int32_t status; /* as of waitpid */
	uint32_t error; /* enum err */
};

struct nursery;

struct nursery_setup {
	const char *program; /* path of subota-nursery */
	const char *courier; /* path of what it starts */
	uid_t uid;           /* of both */
	gid_t gid;
	const char *mode;    /* of the sandbox, words of sandbox.h */
	const char *ca_file; /* that couriers may read; "": none */
};

/* Start the helper. Caller frees, which ends it. */
enum err nursery_start(const struct nursery_setup *s, struct nursery **out) MUST_CHECK;
/* The same when a service manager owns the socket at `path` and starts one nursery for each
 * connection to it (`subota-nursery COURIER [CA_FILE]`, the couriers' user): then the gate needs no
 * privilege at all. ERR_OFFLINE: nobody listens there. */
enum err nursery_connect(const char *path, struct nursery **out) MUST_CHECK;
void nursery_free(struct nursery *n);
AUTO_DEFINE(nursery, struct nursery *, nursery_free)

/* Readable when there is a note, or when the helper died. */
int nursery_fd(const struct nursery *n);
/* 0 when a service manager started it. */
pid_t nursery_pid(const struct nursery *n);

/* Both descriptors are borrowed. ERR_CLOSED: the helper is dead. */
enum err nursery_spawn(struct nursery *n, uint32_t id, int chan_fd, int file_fd) MUST_CHECK;
/* SIGKILL for a courier that does not end by itself. */
enum err nursery_kill(struct nursery *n, uint32_t id) MUST_CHECK;
/* ERR_AGAIN: none now; ERR_CLOSED: the helper is dead. */
enum err nursery_read(struct nursery *n, struct nursery_note *out) MUST_CHECK;

#endif
