/*
 * relay: carries bytes between a server and cloudd's stream, and looks at none. Non-blocking; a
 * buffer each way, and what does not fit waits where it is.
 *
 * It ends when either side has ended and what that one said before has been passed on. cloudd never
 * ends one direction only, so after its end what the server still says is for nobody.
 */
#ifndef SUBOTA_RELAY_H
#define SUBOTA_RELAY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "err.h"

enum { RELAY_BYTES = 8192, RELAY_LAST_MS = 5000 };

/* One direction. */
struct relay_way {
	int from, to;
	size_t at, end; /* of what has been read and not been written */
	bool ended;     /* nothing comes any more */
	uint8_t bytes[RELAY_BYTES];
};

struct relay {
	struct relay_way up, down; /* to the server, from it */
	bool deaf;                 /* cloudd takes nothing more */
	int error;                 /* errno of the server's socket, 0: none */
	struct mono due;           /* of the last words, MONO_NEVER: nobody has ended */
};

/* Both descriptors are non-blocking, and the relay's from now on. */
void relay_init(struct relay *r, int server, int stream);
void relay_fini(struct relay *r);

/* What to wait for, in p[0] the server and in p[1] the stream; and until r->due. */
void relay_wants(const struct relay *r, struct pollfd p[2]);
/* After waiting. ERR_AGAIN: it goes on. ERR_CLOSED: one side has ended it. ERR_NETWORK: r->error
 * has. */
enum err relay_step(struct relay *r, struct mono now) MUST_CHECK;

#endif
