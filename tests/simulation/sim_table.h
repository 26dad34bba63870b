/*
 * sim_table: what many seeds came to, for programs and for people.
 */
#ifndef SUBOTA_SIM_TABLE_H
#define SUBOTA_SIM_TABLE_H

#include "sim_run.h"

struct sim_totals {
	struct sim_result sum; /* counts and cover */
	uint64_t first, seeds, violations, lasted_ms;
	double seconds;
};

/* As JSON into a file; as Markdown tables into a file: sums, faults by kind, the state tables with
 * the rows that were never taken and those that need not be. */
void sim_table_json(const struct sim_totals *t, const char *path);
void sim_table_text(const struct sim_totals *t, const char *path);

#endif
