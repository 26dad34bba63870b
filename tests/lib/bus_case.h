/*
 * bus_case: the gate (server) and cloudd (client) on a real bus in a scratch directory, both in
 * this process but each with its own loop, and hostile peers made of bare ZeroMQ sockets.
 */
#ifndef SUBOTA_TESTS_BUS_CASE_H
#define SUBOTA_TESTS_BUS_CASE_H

#include "bus.h"

struct bus_node {
	struct loop *loop;
	struct bus *bus; /* NULL: not running */
	struct bus_link *link;
	bool hung; /* its loop does not turn */
	unsigned ups, downs, messages;
	unsigned before; /* messages that had come when it last went up */
	int last_kind;
	uint64_t last_upgrade, last_seq;
};

struct bus_case {
	char dir[64];
	char path[100], tap[100], control[100];
	struct bus_node server, client;
};

/* Only the directory; starting is the test's. */
void bus_case_open(struct bus_case *c);
void bus_case_close(struct bus_case *c);

/* Pings every 50 ms, 3 misses, penalty 20 ms, retry 500 ms. */
void bus_case_server(struct bus_case *c, uid_t peer);
void bus_case_client(struct bus_case *c);
/* Both, and wait until both are up. */
void bus_case_both(struct bus_case *c);
void bus_case_stop(struct bus_node *n);

/* Let both loops turn once. */
void bus_case_turn(struct bus_case *c);
/* Let them turn until `condition`; fails the test after 20 s. */
#define BUS_WAIT(c, condition) \
	do { \
		int64_t end_ = clock_now().ms + 20000; \
		bool seen_ = false; \
		while (!(seen_ = (condition)) && clock_now().ms < end_) \
			bus_case_turn(c); \
		cr_assert(seen_, "waited in vain for %s", #condition); \
	} while (0)

/* A link state for the gate, told apart by `upgrade`. */
enum err bus_case_say(struct bus_node *n, uint64_t upgrade);

/* A bare DEALER at `path`; `id` NULL leaves the routing id to libzmq. */
struct bus_raw {
	void *ctx, *socket;
};
void bus_raw_open(struct bus_raw *r, const char *path, const char *id);
void bus_raw_close(struct bus_raw *r);
void bus_raw_send(struct bus_raw *r, const void *data, size_t len, bool more);
/* Any envelope, whatever it says. */
void bus_raw_envelope(struct bus_raw *r, const Pb__Envelope *e);
void bus_raw_hello(struct bus_raw *r, const char *who, unsigned min, unsigned max);
/* The next message if there is one; caller frees. */
Pb__Envelope *bus_raw_next(struct bus_raw *r);
/* Let the loops turn until it comes. */
Pb__Envelope *bus_raw_wait(struct bus_case *c, struct bus_raw *r);

#endif
