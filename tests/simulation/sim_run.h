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

/* How large a world is; zero: as the seed says. */
struct sim_scale {
	int devices, plans;
	int64_t plan_every; /* ns */
	size_t events;      /* room for so many from the beginning */
	bool timeline;
};

/* A run in pieces, for sim_day.c: the world, without faults (returns how many plans a device has);
 * the processes; the rest, until all is over and has been quiet for a while; what came of it. */
int sim_run_begin(uint64_t seed, const char *dir, const struct sim_scale *scale);
void sim_run_start(void);
void sim_run_end(void);
void sim_run_result(struct sim_result *out);

/* `dir`: empty, of its own. `skip`: see sim_fault.h. */
void sim_run(
    uint64_t seed, const char *dir, const bool *skip, bool timeline, struct sim_result *out);

#endif
