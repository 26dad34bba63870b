/*
 * call: a TCP connection to a server that is being made: the addresses of its name are tried in the
 * resolver's order, each for a bounded time, until one can be connected to. Non-blocking but for
 * the resolver.
 */
#ifndef SUBOTA_CALL_H
#define SUBOTA_CALL_H

#include <netdb.h>
#include <stdint.h>

#include "auto.h"
#include "clock.h"
#include "err.h"

enum { CALL_PATIENCE_MS = 10000, CALL_WHY = 160 };

struct call {
	struct addrinfo *all;      /* of getaddrinfo; ours */
	const struct addrinfo *at; /* being tried */
	int fd;                    /* -1: none */
	int64_t patience_ms;       /* for each address */
	struct mono due;           /* of the one being tried */
	enum err error;            /* the last that failed, and why */
	char why[CALL_WHY];
};

/* The addresses of a server; blocks for as long as the resolver does. The caller frees them
 * (freeaddrinfo). ERR_NETWORK with `why` (CALL_WHY bytes): there is none. */
enum err call_resolve(const char *host, uint16_t port, struct addrinfo **out, char *why) MUST_CHECK;

/* Begin with the first of these addresses, which are the call's from now on. */
void call_init(struct call *c, struct addrinfo *all, int64_t patience_ms, struct mono now);
void call_fini(struct call *c);

/* Go on. ERR_AGAIN: when c->fd can be written to, or at c->due, again. ERR_OK: *fd is connected,
 * without delay for small packets, and the caller's. Else no address is left; c->why says what
 * became of the last one: ERR_NETWORK, or ERR_TIMEOUT. */
enum err call_step(struct call *c, struct mono now, int *fd) MUST_CHECK;

#endif
