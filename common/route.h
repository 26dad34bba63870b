/*
 * route: who may say what to whom, in which phase, how large. One table; what has no row is
 * refused.
 *
 * `from` is the socket or pipe a message came in on (its owner proved by the kernel), never a field
 * of it.
 */
#ifndef SUBOTA_ROUTE_H
#define SUBOTA_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <subota.pb-c.h>

#include "err.h"

enum who {
	WHO_NONE,
	WHO_CLOUDD,
	WHO_FETCHD,
	WHO_COURIER,
	WHO_FLASHD,
	WHO_SESSION,
	WHO_CTL,
	WHO_ACTOR, /* subotactl on an act socket: may change something */
	WHO_COUNT
};

const char *who_name(enum who who);

enum route_phase {
	ROUTE_GREETING = 1, /* before both Hellos */
	ROUTE_READY = 2,    /* after them */
};

enum { ROUTE_PROTO_MIN = 1, ROUTE_PROTO_MAX = 1 };

/* Largest message on a ZeroMQ link, and on a pipe to a courier or session (a manifest's chunk
 * list). */
enum { ROUTE_BUS_MAX = 64 * 1024, ROUTE_PIPE_MAX = 1024 * 1024 };

struct route_row {
	int kind; /* Pb__Envelope__BodyCase */
	enum who from;
	enum who to;
	unsigned phases; /* route_phase bits */
	size_t max_bytes;
	bool droppable;
	enum err (*check)(const Pb__Envelope *e); /* field ranges: msg_check_<kind> */
};

/* The table and its length, for printing and for tests. */
const struct route_row *route_rows(size_t *n);

const char *route_kind_name(int kind);

/* The row for a kind between two parties, NULL if there is none. */
const struct route_row *route_find(int kind, enum who from, enum who to);

/* All checks after unpacking, in order: version, row (ERR_ROUTE), phase (ERR_PHASE), size
 * (ERR_LIMIT), field ranges (ERR_MESSAGE). Pure. */
enum err route_admit(const Pb__Envelope *e, size_t bytes, enum who from, enum who to,
    enum route_phase phase) MUST_CHECK;

#endif
