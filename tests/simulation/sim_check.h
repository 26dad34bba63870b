/*
 * sim_check: the invariants that are looked at from outside: while a run goes on, and when all is
 * over. (Those that are watched where a thing happens: sim_device.c, sim_platform.c, sim_bus.c.)
 */
#ifndef SUBOTA_SIM_CHECK_H
#define SUBOTA_SIM_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

/* Bytes in the image store. */
uint64_t sim_check_store_bytes(void);

/* Once in a while: everything is bounded. */
void sim_check_bounds(void);
/* No device is on its way out: one that a person has forgotten is back. */
bool sim_check_is_complete(void);
/* No device waits for the image that it confirmed last: that is tried again for ever, with pauses.
 */
bool sim_check_is_quiet(void);
/* What people are told: no good package is refused for its bytes, if nobody lied about them. */
void sim_check_told(const struct event *e);
/* All plans have ended and some time has passed: nothing is left, all agree. */
void sim_check_end(void);

#endif
