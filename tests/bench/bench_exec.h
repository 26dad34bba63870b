/*
 * bench_exec: avrdude and stm32flash, started by flashd from their recipes, beside the same
 * programs started by hand.
 */
#ifndef SUBOTA_BENCH_EXEC_H
#define SUBOTA_BENCH_EXEC_H

#include "bench.h"

void bench_exec(struct bench *b);

#endif
