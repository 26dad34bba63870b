/*
 * device_health: see device_health.h.
 */
#include "device_health.h"

enum { AGAIN_MS = 1000 };

bool
device_health_waits(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;
	const struct device_news *n = data;

	if (u->waits_for_others || u->settle_ms == 0)
		return u->waits_for_others;
	return u->healthy_since.ms == 0 ||
	       mono_between(u->healthy_since, n->now) < (int64_t)u->settle_ms;
}

void
device_health_watch(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;
	const struct device_news *n = data;

	if (u->healthy_since.ms == 0)
		u->healthy_since = n->now;
	u->verb = PB__VERB__VERB_IDENTIFY;
	u->due = mono_after(n->now, AGAIN_MS);
}

void
device_health_lost(struct device_upgrade *u)
{
	u->healthy_since = (struct mono){0};
}
