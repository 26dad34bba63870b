/*
 * landlock: which files and TCP ports a process may still open, as data, by the kernel's Landlock.
 * Binds the calling thread and those it starts later: to be called before a library starts one.
 *
 * What the kernel is too old for is left out (`landlock_abi`): ABI 2 (Debian 12's own kernel) knows
 * files and renaming, 3 truncation, 4 TCP ports, 5 device ioctls, 6 abstract sockets and signals.
 */
#ifndef SUBOTA_LANDLOCK_H
#define SUBOTA_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "places.h"

enum landlock_right {
	LANDLOCK_READ = 1,    /* files and lists of directories */
	LANDLOCK_WRITE = 2,   /* existing files */
	LANDLOCK_MAKE = 4,    /* files and directories: make, remove, rename */
	LANDLOCK_SOCKETS = 8, /* sockets in this directory: make, remove */
	LANDLOCK_DEVICE = 16, /* ioctls of devices */
	LANDLOCK_RUN = 32,    /* execute */
	LANDLOCK_MAY_BE_ABSENT = 64,
	/* A link to a file that is replaced now and then: the files of the directory it leads to
	 * may be read, unless that is one of the first level, /etc or /run itself. */
	LANDLOCK_REPLACED = 128,
};

struct landlock_rule {
	const char *place; /* a path (which may be absent), or a name of places.h; NULL ends */
	unsigned rights;   /* enum landlock_right, for it and all below */
};

enum {
	LANDLOCK_ABI_MIN = 2, /* below, renaming between directories is always refused */
	LANDLOCK_ABI_PORTS = 4,
	LANDLOCK_ABI_DEVICES = 5,
	LANDLOCK_ABI_SCOPES = 6,
};

/* What this kernel offers, 0: nothing. */
int landlock_abi(void);

/* What is free where the ABI is older than `since`, and who limits it there. */
struct landlock_gap {
	int since; /* 0 ends */
	const char *what, *instead;
};

/* All of them, by ABI; static storage. */
const struct landlock_gap *landlock_gaps(void);

/* Only `rules` and `also` (may be NULL), TCP connections only to the ports that `ports` (a name of
 * places.h; NULL: none) stands for ("*", itself or as its path: every port), no TCP bind, no
 * abstract socket and no signal beyond ourselves and our children. Needs no_new_privs. ERR_SYSTEM
 * with a log line for a place that is missing. */
enum err landlock_enter(const struct landlock_rule *rules, const struct landlock_rule *also,
    const char *ports, const struct places *places) MUST_CHECK;

/* "read write device", of such bits; `out` has 64 bytes. */
const char *landlock_rights_text(unsigned rights, char out[64]);

#endif
