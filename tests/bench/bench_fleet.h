/*
 * bench_fleet: several devices at once, all healthy or one of them not, and very many.
 */
#ifndef SUBOTA_BENCH_FLEET_H
#define SUBOTA_BENCH_FLEET_H

#include "bench.h"
#include "house.h"

void bench_fleet(struct bench *b);
/* The same with swupdate as the gateway (bench_forward.h). */
void bench_fleet_swupdate(struct bench *b);
/* 16, 64 and 256 (one of them only looks on) at once. */
void bench_crowd(struct bench *b);

/* A signed package 1.2.NUMBER for this model in the drop directory; its name is `file`. */
bool bench_fleet_lay_down(
    struct house *h, const char *model, unsigned number, size_t size, char file[40]);
/* Order it for PRODUCT/DEVICE; the number of the upgrade, 0 when it was refused. */
uint64_t bench_fleet_order(struct house *h, const char *file, unsigned number, const char *keys);

#endif
