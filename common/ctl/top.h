/*
 * top: one screen of everything that runs: processes, links, devices and the upgrades they are in.
 * Pure: from the daemons' answers and what /proc said, twice, into lines of text.
 */
#ifndef SUBOTA_TOP_H
#define SUBOTA_TOP_H

#include "ask.h"

enum { TOP_PROCESSES = 64, TOP_LINE = 512 };

struct top_process {
	char name[16], pid[16];
	uint64_t memory, cpu_ms;
};

/* One look at everything. Members of cJSON are NULL when that daemon did not answer. */
struct top_look {
	struct mono at;
	cJSON *status[ASK_DAEMONS];
	cJSON *devices, *upgrades; /* merged (merge.h) */
	cJSON *store;
	size_t n_processes;
	struct top_process processes[TOP_PROCESSES];
};

/* Frees what it holds. */
void top_look_fini(struct top_look *l);

/* The screen of `now`: at most `height` lines of at most `width` columns, each with its line end.
 * `before` is an earlier look, for what goes by in a second; NULL = none. Devices at work come
 * first. A heap string, the caller's; NULL without memory. */
char *top_render(
    const struct top_look *now, const struct top_look *before, unsigned width, unsigned height);

#endif
