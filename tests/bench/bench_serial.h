/*
 * bench_serial: how much of a serial line a real session uses (G6).
 *
 * Real sessions write to virtual sub-devices of stock limits (messages of 380 bytes, 4 buffers),
 * all lines at once. The share is what the line carried between 5 and 95 % of the image, over what
 * it could have carried; beside each session runs one that may have one request in flight only.
 */
#ifndef SUBOTA_BENCH_SERIAL_H
#define SUBOTA_BENCH_SERIAL_H

#include "bench.h"

void bench_serial(struct bench *b);

#endif
