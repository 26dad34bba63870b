/*
 * move: the platform sends the gateway to another server, or makes it another product (00B4, ids 1,
 * 7, 8); pure.
 *
 * Whoever can say 00B4 could otherwise take a gateway away from its owner for good, or have it
 * knock on doors of the owner's network. So a move may only lead where the configuration says it
 * may:
 *
 *  - host and port must be in `move_to` (empty unless somebody writes it: every move is refused).
 *    The ports in it are the only other ones that the process may connect to (Landlock).
 *  - The new server proves itself under the same profile as the first: same authorities, its own
 *    name, the same pin where one is set.
 *  - The name is resolved here. The address in the message is checked for its form and then not
 *    used: it would let the platform choose any address under a name that is allowed.
 *  - A new product must be among the product secrets of this gateway, with that very secret: a
 *    secret that comes over the wire is never learnt.
 *
 * A move is a trial until the platform behind it has let the gateway in; after three failures it is
 * given up for the place before. Both are recorded, with the count. An empty address or product
 * leads back to the configuration's. What is recorded and is not allowed any more at a start is
 * forgotten. (Spec: developer center, section 6.)
 */
#ifndef SUBOTA_MOVE_H
#define SUBOTA_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "dialect.h"

enum { MOVE_FAILURES_MAX = 3, MOVE_LIST_SIZE = 512, MOVE_PORT = 8883 };

/* "" = the configuration's. */
struct move_place {
	char host[DIALECT_HOST_MAX + 1];
	uint16_t port; /* 0 with an empty host */
	char product_key[DIALECT_KEY_MAX + 1];
};

struct move {
	struct move_place now, trial;
	char secret[DIALECT_KEY_MAX + 1]; /* device secret that came with the trial, until used */
	bool trying;
	unsigned failures;
};

/* Where the next connection goes. */
const struct move_place *move_place(const struct move *m);
/* False: we are there, or on the way. */
bool move_begin(struct move *m, const struct move_place *to);
/* In: true when a trial has become the place. */
bool move_accept(struct move *m);
/* A connection came to nothing: true when the trial is over. */
bool move_fail(struct move *m);

/* The next of a list "host:port, host, ..." (port 8883 where none is said); *at moves on, NULL at
 * the end. ERR_MALFORMED. */
enum err move_next(const char **at, char host[DIALECT_HOST_MAX + 1], uint16_t *port) MUST_CHECK;
bool move_is_listed(const char *list, const char *host, uint16_t port);

#endif
