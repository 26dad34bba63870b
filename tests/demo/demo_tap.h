/*
 * demo_tap: when each phase of an upgrade began, to the millisecond, from the lines of cloudd's tap
 * (bus_client.h). Looking ten times a second misses phases that take less. Pure.
 */
#ifndef SUBOTA_DEMO_TAP_H
#define SUBOTA_DEMO_TAP_H

#include "demo_state.h"

struct demo_marks {
	char device[33]; /* device key */
	uint64_t at[DEMO_PHASE_COUNT]; /* ms since 1970 of its first beginning; 0: not seen */
};

/* Take one line; false when it says nothing of this device's phases. */
bool demo_tap_take(struct demo_marks *m, const char *line);

/* Durations: each phase that was seen lasts until the next one that was seen. Leaves `ms` alone
 * when the end was not seen. */
void demo_tap_durations(const struct demo_marks *m, uint64_t ms[DEMO_PHASE_COUNT]);

#endif
