/*
 * bench_jail: what the split into processes and their jails cost, against the same code in one
 * process; what an envelope on the bus costs, what the tap does; what a flood does to a flash.
 */
#ifndef SUBOTA_BENCH_JAIL_H
#define SUBOTA_BENCH_JAIL_H

#include "bench.h"

void bench_jail(struct bench *b);

/* bench_bus.c: envelopes; CPU seconds that one takes over the bus, 0 when it could not be had. */
double bench_bus(struct bench *b);
/* bench_birth.c: a session, with its jail and without. */
void bench_birth(struct bench *b);
/* bench_flood.c */
void bench_flood(struct bench *b);

#endif
