/*
 * clock_alarm: see clock_alarm.h.
 */
#include "clock_alarm.h"
#include "clock.h"

bool
clock_alarm_check(struct clock_alarm *a, struct event_log *events, uint64_t bound_ms)
{
	uint64_t now = clock_wall_ms();
	bool behind = now < bound_ms;
	char expected[CLOCK_TEXT], got[CLOCK_TEXT];

	if (behind == a->on)
		return behind;
	a->on = behind;
	clock_text(bound_ms, expected);
	clock_text(now, got);
	event_write(
	    events, &(struct event){.name = behind ? "clock_behind" : "clock_good",
			.error = behind ? ERR_TIME : ERR_OK,
			.expected = expected,
			.got = got,
			.text = behind ? "the clock is before what was signed and verified: set it"
				       : "the clock is not before what was verified any more"});
	return behind;
}
