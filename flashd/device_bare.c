/*
 * device_bare: see device_bare.h.
 */
#include <stdio.h>
#include <string.h>

#include "device_bare.h"

enum { PAUSE_MS = 1000, PAUSE_SHIFT_MAX = 9 }; /* up to 8.5 minutes: flash wears out */

bool
device_bare_is(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;

	(void)data;
	return u->destructive && u->wrote && !u->intact;
}

bool
device_bare_goes_on(void *ctx, const void *data)
{
	const struct device_news *n = data;

	return device_bare_is(ctx, data) && n->error != ERR_TOCTOU && n->error != ERR_CORRUPT;
}

static void
want_later(struct device_upgrade *u, int verb, struct mono now)
{
	unsigned shift = u->repeats < PAUSE_SHIFT_MAX ? u->repeats : PAUSE_SHIFT_MAX;

	u->repeats++;
	u->verb = verb;
	u->due = mono_after(now, (int64_t)PAUSE_MS << shift);
}

void
device_bare_write(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;
	const struct device_news *n = data;

	if (u->wrote) {
		want_later(u, PB__VERB__VERB_WRITE, n->now);
		return;
	}
	u->verb = PB__VERB__VERB_WRITE;
	u->due = n->now;
}

void
device_bare_alarm(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;
	const struct device_news *n = data;
	struct mono due = u->due;
	bool writes = u->verb == PB__VERB__VERB_WRITE && due.ms > n->now.ms;
	char last[150];

	if (!u->alarmed) {
		snprintf(last, sizeof(last), "%.149s", u->detail);
		snprintf(u->detail, sizeof(u->detail),
		    "expected version %.64s to run in time, got none; going on%s%s",
		    u->image_version, last[0] ? ", last: " : "", last);
	}
	u->alarmed = true;
	u->error = u->error ? u->error : ERR_TIMEOUT;
	u->effects |= DEVICE_DO_ALARM;
	u->furthest = DEVICE_FLASHING;
	u->since = u->sign = n->now;
	u->spent_ms = 0;
	u->confusions = 0;
	want_later(u, PB__VERB__VERB_IDENTIFY, n->now);
	if (due.ms >= u->due.ms)
		return;
	u->due = due; /* alarms may be more frequent than pauses are long */
	if (writes)   /* a look instead would lead to the same write, behind a pause and an alarm */
		u->verb = PB__VERB__VERB_WRITE;
}

bool
device_bare_yields(const struct device_upgrade *u)
{
	return u->alarmed && u->state == DEVICE_FLASHING;
}

void
device_bare_learn(struct device_upgrade *u, int event)
{
	if (event == DEVICE_SEES_OLD)
		u->intact = true;
	else if (event == DEVICE_SEES_BARE || u->done_bytes > 0)
		u->intact = false;
}
