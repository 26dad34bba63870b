/*
 * bench_gate: a real fetchd with its nursery and couriers; the bench plays cloudd.
 *
 * As root the gate and its couriers run as users of their own. flashd is not there: a package that
 * was verified and stored is all that is asked for.
 */
#ifndef SUBOTA_BENCH_GATE_H
#define SUBOTA_BENCH_GATE_H

#include <sys/types.h>

#include "bus.h"
#include "kit.h"

struct bench_gate {
	char *dir;
	struct kit *kit;
	pid_t pid;
	struct loop *loop;
	struct bus *bus;
	struct bus_link *link;
	uint64_t upgrade;  /* of the last order */
	Pb__Phase phase;   /* what was last reported of it */
	double fetched_at; /* when "fetched" was heard */
	unsigned error;
	char detail[200];
	unsigned unacknowledged;
};

/* Keys, directories, configuration; the gate is not started. NULL when that fails. */
struct bench_gate *bench_gate_new(void);
void bench_gate_free(struct bench_gate *g);

/* Start, and wait until it talks. */
bool bench_gate_start(struct bench_gate *g);
/* SIGKILL for it; what it has started has to end by itself, which is waited for. */
void bench_gate_kill(struct bench_gate *g);
/* SIGKILL for all of them at the same time. */
void bench_gate_kill_all(struct bench_gate *g);
/* SIGTERM, and forget all that it has stored. */
void bench_gate_reset(struct bench_gate *g);

/* Order a package; returns at once. */
bool bench_gate_order(struct bench_gate *g, const char *url, uint64_t size);
/* Turn the loop for at most `ms`; true when the order has come to its end (VERIFIED or a failure).
 */
bool bench_gate_turn(struct bench_gate *g, int ms);
/* Until the end. True: verified and stored. */
bool bench_gate_wait(struct bench_gate *g, double seconds);

/* Bytes that lie in the store: of the download under way; of packages that flashd may read. */
uint64_t bench_gate_incoming(const struct bench_gate *g);
uint64_t bench_gate_published(const struct bench_gate *g);

#endif
