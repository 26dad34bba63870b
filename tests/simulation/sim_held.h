/*
 * sim_held: what a process holds: memory that it allocated and descriptors that it opened. When it
 * dies its descriptors are closed, as the kernel does; its memory is only no longer counted.
 *
 * Memory is counted only once sim_held_begin was called, and only what our own code allocates:
 * libraries call past the wrapped functions.
 */
#ifndef SUBOTA_SIM_HELD_H
#define SUBOTA_SIM_HELD_H

#include "sim.h"

void sim_held_begin(void);
uint64_t sim_held_bytes(enum sim_who who);
unsigned sim_held_descriptors(enum sim_who who);

/* This descriptor is no longer the process' that opened it: another one has got it. */
void sim_held_give(int fd);
void sim_held_died(enum sim_who who);

#endif
