/*
 * bench_wear: what an upgrade writes to the gateway's disk, by daemon, beside the size of its
 * package, and what a house writes in which nothing happens.
 */
#ifndef SUBOTA_BENCH_WEAR_H
#define SUBOTA_BENCH_WEAR_H

#include "bench.h"

void bench_wear(struct bench *b);

#endif
