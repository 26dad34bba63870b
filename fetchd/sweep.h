/*
 * sweep: entries and incoming files of the store that no record of the gate knows are removed: at
 * start, and again while something is left that a disk error kept from being removed.
 */
#ifndef SUBOTA_SWEEP_H
#define SUBOTA_SWEEP_H

#include "gate.h"

void sweep_store(struct gate *g);

/* Try again, once a minute, what could not be removed. True: there still is something. */
bool sweep_again(struct gate *g, struct mono now);

#endif
