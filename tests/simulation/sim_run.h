/*
 * sim_run: one seed, from its beginning to its end, in this process, which must be a fresh one.
 */
#ifndef SUBOTA_SIM_RUN_H
#define SUBOTA_SIM_RUN_H

#include <stdbool.h>

#include "sim.h"
#include "sim_cover.h"

struct sim_result {
	uint64_t seed, digest;
	struct sim_counts counts;
	int violated; /* number of the invariant; 0 = none, -1 = the program died */
	char violation[400];
	char outcome[300];
	int64_t lasted_ms; /* virtual */
	unsigned n_faults;
	struct sim_cover cover;
};

/* `dir`: empty, of its own. `skip`: see sim_fault.h. */
void sim_run(
    uint64_t seed, const char *dir, const bool *skip, bool timeline, struct sim_result *out);

#endif
