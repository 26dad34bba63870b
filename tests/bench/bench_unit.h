/*
 * bench_unit: a Modbus device (modbus_dev.h, unit 17) at a line of some rate and latency, kept
 * alive by a thread. It answers when the last byte of a request has arrived: it needs no time.
 */
#ifndef SUBOTA_BENCH_UNIT_H
#define SUBOTA_BENCH_UNIT_H

#include <stdbool.h>
#include <stdint.h>

struct bench_unit;

/* A pseudo-terminal behind the symbolic link `path`. NULL when it cannot be made. */
struct bench_unit *bench_unit_start(const char *path, unsigned baud, unsigned latency_ms);
void bench_unit_stop(struct bench_unit *u);
/* Pieces of an image that were written. */
unsigned bench_unit_writes(const struct bench_unit *u);

#endif
