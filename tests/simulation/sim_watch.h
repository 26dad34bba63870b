/*
 * sim_watch: rules that hold from step to step, watched from beside the processes: what the state
 * machines may do when, how long a device may stay in a state, what is fetched how often.
 */
#ifndef SUBOTA_SIM_WATCH_H
#define SUBOTA_SIM_WATCH_H

#include <stdint.h>

#include "fsm.h"

/* A state machine is about to take a step: a device's turn comes in a maintenance window, a package
 * is good and in the store. `ctx` is the step's. */
void sim_watch_step(const struct fsm_table *t, int event, const void *ctx);
/* Once in a while: no upgrade stays in a state for longer than it may. */
void sim_watch_time(void);

/* fetchd orders flashd to write the package of this upgrade: it is in the store for good. */
void sim_watch_ordered(uint64_t upgrade);
/* What it ordered was made up: flashd will blame the whole package, which is then fetched again. */
void sim_watch_blamed(uint64_t upgrade);
/* A courier starts for this job: none that was in the store, if nothing took it out of there. */
void sim_watch_fetch(uint64_t job);
/* fetchd takes the entry of this name out of the store: none that is wanted and as it should be. */
void sim_watch_remove(const char *name);
/* One ended that brought nothing: that is not tried again and again. */
void sim_watch_dry(uint64_t job);
/* A fault of this kind strikes: some excuse that a package is fetched once more. */
void sim_watch_fault(int kind);

#endif
