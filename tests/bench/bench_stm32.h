/*
 * bench_stm32: how fast a session writes an STM32 through its boot loader, as a share of what the
 * protocol allows, and beside stm32flash.
 */
#ifndef SUBOTA_BENCH_STM32_H
#define SUBOTA_BENCH_STM32_H

#include "bench.h"

void bench_stm32(struct bench *b);

#endif
