/*
 * bench_house: the whole house of real processes: memory of the idle daemons (G10), from the push
 * of a plan to the first byte of its package (G11), and what of a corrupt image reaches a device.
 */
#ifndef SUBOTA_BENCH_HOUSE_H
#define SUBOTA_BENCH_HOUSE_H

#include "bench.h"

void bench_house(struct bench *b);

#endif
