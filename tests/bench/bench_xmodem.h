/*
 * bench_xmodem: XMODEM-1K and YMODEM beside lrzsz's senders: share of what stop and wait allows,
 * and the time for all of it.
 */
#ifndef SUBOTA_BENCH_XMODEM_H
#define SUBOTA_BENCH_XMODEM_H

#include "bench.h"

void bench_xmodem(struct bench *b);

#endif
