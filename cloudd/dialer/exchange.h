/*
 * exchange: what the dialer does all its life: takes requests (dialer.h), makes calls (call.h), and
 * relays (relay.h). One thread, one poll. While a name is resolved it does nothing else: the
 * connection before has been given up by then.
 */
#ifndef SUBOTA_EXCHANGE_H
#define SUBOTA_EXCHANGE_H

#include "call.h"
#include "dialer.h"
#include "directory.h"
#include "relay.h"
#include "resolver.h"

enum exchange_state { EXCHANGE_FREE, EXCHANGE_CALLING, EXCHANGE_TALKING };

struct exchange_line {
	enum exchange_state state;
	uint32_t id;
	struct call call;
	struct relay relay;
};

struct exchange {
	int fd; /* to cloudd; borrowed */
	const struct directory *list;
	struct resolver resolver;
	struct exchange_line lines[DIALER_CALLS];
};

/* Until cloudd is gone, or (ERR_NOT_FOUND, with a log line) names cannot be resolved any more
 * without a new start. `x->fd`, `x->list` and `x->resolver` are set. */
enum err exchange_run(struct exchange *x) MUST_CHECK;

#endif
