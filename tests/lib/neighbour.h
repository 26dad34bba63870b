/*
 * neighbour: a process that somebody has taken over, speaking to its neighbour on the bus: at the
 * level of envelopes (each kind that it may say, with hostile fields, in hostile order, now and
 * then what it may not say) and at that of bytes on the socket. What it does follows from a seed.
 */
#ifndef SUBOTA_TESTS_NEIGHBOUR_H
#define SUBOTA_TESTS_NEIGHBOUR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "route.h"

struct neighbour {
	const char *path; /* of the socket that the victim has bound */
	enum who self, to;
	uid_t uid; /* whose part it plays; not changed unless we are root */
	uint64_t seed;
	unsigned n;            /* envelopes, or connections */
	const char *device[2]; /* product key and device key of one that is there */
};

/* In a child that becomes the user; returns its pid. */
pid_t neighbour_envelopes(const struct neighbour *n);
pid_t neighbour_bytes(const struct neighbour *n);
/* As many legal envelopes as the victim takes, those that cost it the most, until it is killed;
 * `n` does not count. */
pid_t neighbour_flood(const struct neighbour *n);
/* Wait for its end; true: it did all that it was told. */
bool neighbour_wait(pid_t pid);

#endif
