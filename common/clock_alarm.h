/*
 * clock_alarm: people are told when the wall clock is before a time that is known to have passed
 * (trust.h): such a clock is taken for that time, and whatever it stamps is wrong.
 */
#ifndef SUBOTA_CLOCK_ALARM_H
#define SUBOTA_CLOCK_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

struct clock_alarm {
	bool on;
};

/* Is the clock behind `bound_ms`? The event clock_behind when it has become so; clock_good when it
 * is not any more. */
bool clock_alarm_check(struct clock_alarm *a, struct event_log *events, uint64_t bound_ms);

#endif
