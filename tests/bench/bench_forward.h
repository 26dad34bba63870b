/*
 * bench_forward: Debian's swupdate as a gateway: its forwarder handler (swuforward) hands one
 * package to several devices, each of them a swupdate of its own behind a line (bench_relay.h).
 *
 * What a fleet of ours is asked (bench_fleet.h) is asked here: the same number of image bytes at
 * the same rate; one device down, dying, hung from the start, hung in the middle.
 */
#ifndef SUBOTA_BENCH_FORWARD_H
#define SUBOTA_BENCH_FORWARD_H

#include "bench.h"

/* `image`: bytes; `baud` of each line. */
void bench_forward(struct bench *b, size_t image, unsigned baud);

#endif
