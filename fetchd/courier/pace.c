/*
 * pace: see pace.h.
 */
#include "pace.h"

void
pace_init(struct pace *p, struct mono now, uint32_t low_bytes, uint32_t low_seconds,
    uint32_t total_seconds)
{
	*p = (struct pace){.low_bytes = low_bytes, .low_seconds = low_seconds};
	p->deadline = total_seconds ? mono_after(now, (int64_t)total_seconds * 1000) : MONO_NEVER;
	p->window_end = MONO_NEVER;
}

void
pace_begin(struct pace *p, struct mono now, uint32_t connect_ms, uint64_t received)
{
	p->window_base = received;
	p->window_end = MONO_NEVER;
	if (p->low_bytes && p->low_seconds)
		p->window_end = mono_after(now, (int64_t)p->low_seconds * 1000 + connect_ms);
}

enum pace_verdict
pace_check(struct pace *p, struct mono now, uint64_t received)
{
	if (mono_reached(now, p->deadline))
		return PACE_OVER;
	if (!mono_reached(now, p->window_end))
		return PACE_FINE;
	if (received - p->window_base < (uint64_t)p->low_bytes * p->low_seconds)
		return PACE_SLOW;
	p->window_base = received;
	p->window_end = mono_after(now, (int64_t)p->low_seconds * 1000);
	return PACE_FINE;
}
