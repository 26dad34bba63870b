/*
 * bench_cloud: what a thousand sub-devices cost cloudd.
 */
#ifndef SUBOTA_BENCH_CLOUD_H
#define SUBOTA_BENCH_CLOUD_H

#include "bench.h"

void bench_cloud(struct bench *b);

#endif
