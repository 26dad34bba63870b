/*
 * attempt: what a process that was taken over might try, as data: one or two system calls each, and
 * for whom it is meant to succeed.
 */
#ifndef SUBOTA_ESCAPE_ATTEMPT_H
#define SUBOTA_ESCAPE_ATTEMPT_H

#include <stddef.h>

#include "inject.h"
#include "places.h"

/* Who is tried. */
enum attempt_who {
	ATTEMPT_CLOUDD = 1,
	ATTEMPT_FETCHD = 2,
	ATTEMPT_COURIER = 4,
	ATTEMPT_FLASHD = 8,
	ATTEMPT_SESSION = 16,
	ATTEMPT_NURSERY = 32, /* the gate's */
	ATTEMPT_EXEC = 64,
	ATTEMPT_FLASHER = 128,
	ATTEMPT_FLASH_NURSERY = 256, /* flashd's */
	ATTEMPT_EXEC_NURSERY = 512,  /* the same where there is a device by driver exec */
	ATTEMPT_DIALER = 1024,       /* cloudd's */
};

/* How an argument is made. */
enum attempt_kind {
	ATTEMPT_NUMBER,
	ATTEMPT_TEXT,    /* address of a path; "$name/rest": by the places */
	ATTEMPT_PID,     /* a place whose path is a number */
	ATTEMPT_TCP,     /* address of 127.0.0.1 with the port that the place names */
	ATTEMPT_UNIX,    /* address of a socket at the path that the place names */
	ATTEMPT_NETLINK, /* address of a netlink address of the groups `number` */
	ATTEMPT_OWN,     /* a stream socket of the family `number` that the process has; -1: none */
	ATTEMPT_RESULT,  /* what the call before returned */
	ATTEMPT_ROOM,    /* address of 512 bytes, each of value `number` */
};

struct attempt_arg {
	enum attempt_kind kind;
	long number; /* for ATTEMPT_UNIX: 1 = abstract */
	const char *text;
};

struct attempt_call {
	long nr;
	struct attempt_arg args[6];
};

struct attempt {
	const char *name;
	unsigned meant_for;           /* enum attempt_who, for whom it shall succeed */
	struct attempt_call calls[2]; /* nr -1: none */
};

const struct attempt *attempt_rows(size_t *n);
/* Who may succeed only because Landlock's ABI is this old (landlock.h) and no other layer carries
 * it; `since`: the ABI that denies it. */
unsigned attempt_gap(const struct attempt *a, int abi, int *since);

/* Whom the firewall by user denies it; those it is meant for, too (a nursery, whose couriers need
 * more than it does). */
unsigned attempt_walled(const struct attempt *a);

struct attempt_result {
	enum inject_end end;
	int error; /* errno of INJECT_RETURNED, 0: it succeeded */
};

/* Make process `pid` try it. A descriptor it got is closed again. A connection counts once it has
 * come about, a socket for datagrams once one has left: that is asked from here, of the same
 * socket. */
struct attempt_result attempt_run(const struct attempt *a, pid_t pid, const struct places *places);
bool attempt_succeeded(const struct attempt_result *r);
/* "allowed", "killed", "EACCES", ...; static storage. */
const char *attempt_text(const struct attempt_result *r);

#endif
