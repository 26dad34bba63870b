/*
 * device_health: see device_health.h.
 */
#include <stdio.h>

#include "device_end.h"
#include "device_health.h"
#include "utf8.h"

enum { AGAIN_MS = 1000 };

static bool
has_to_settle(const struct device_upgrade *u, struct mono now)
{
	return u->settle_ms > 0 && (u->healthy_since.ms == 0 ||
				       mono_between(u->healthy_since, now) < (int64_t)u->settle_ms);
}

static bool
has_to_be_checked(const struct device_upgrade *u)
{
	return u->check_ms > 0 && !u->checked;
}

/* The program is asked before the others are waited for: they may wait for us. */
bool
device_health_waits(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;
	const struct device_news *n = data;

	return has_to_settle(u, n->now) || (u->waits_for_others && !has_to_be_checked(u));
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
	u->checked = false;
}

bool
device_health_asks(void *ctx, const void *data)
{
	(void)data;
	return has_to_be_checked(ctx);
}

void
device_health_ask(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;

	u->verb = PB__VERB__VERB_CHECK;
	u->due = ((const struct device_news *)data)->now;
}

void
device_health_good(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;

	u->checked = true;
	u->verb = PB__VERB__VERB_IDENTIFY;
	u->due = ((const struct device_news *)data)->now;
}

bool
device_health_is_bad(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;

	return u->verb == PB__VERB__VERB_CHECK &&
	       (((const struct device_news *)data)->error == ERR_UNHEALTHY ||
		   u->confusions >= DEVICE_CONFUSIONS_MAX);
}

void
device_health_bad(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;
	const struct device_news *n = data;

	const char *said = n->detail ? n->detail : "";
	char detail[DEVICE_DETAIL];

	snprintf(detail, sizeof(detail), "%s%.260s",
	    n->error == ERR_UNHEALTHY ? "" : "health check: cannot be made: ", said);
	u->error = ERR_UNHEALTHY;
	utf8_copy(u->detail, sizeof(u->detail), detail);
	u->verb = PB__VERB__VERB_REVERT;
	u->due = n->now;
}

bool
device_health_was_bad(void *ctx, const void *data)
{
	(void)data;
	return ((const struct device_upgrade *)ctx)->error == ERR_UNHEALTHY;
}

void
device_health_stuck(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;
	struct device_news n = *(const struct device_news *)data;
	char detail[DEVICE_DETAIL];

	snprintf(detail, sizeof(detail), "%.200s; and back: %.80s", u->detail,
	    n.detail ? n.detail : err_text(n.error));
	n.error = ERR_UNHEALTHY;
	n.detail = detail;
	device_end_as(ctx, &n);
}

bool
device_health_kept_waits(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;

	return (u->wrote || u->rebooted) && device_health_waits(ctx, data);
}

bool
device_health_kept_asks(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;

	return (u->wrote || u->rebooted) && device_health_asks(ctx, data);
}

bool
device_health_is_well(const struct device_upgrade *u)
{
	return u->state == DEVICE_CONFIRMED || u->state == DEVICE_DONE ||
	       (u->state == DEVICE_TESTING && u->healthy_since.ms > 0 && !has_to_be_checked(u));
}
