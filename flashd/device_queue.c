/*
 * device_queue: see device_queue.h.
 */
#include <stdio.h>

#include "device_end.h"
#include "device_queue.h"
#include "rollout.h"
#include "utf8.h"

static bool
is_absence(enum err e)
{
	return e == ERR_LINK || e == ERR_DEVICE_AWAY || e == ERR_DENIED;
}

bool
device_queue_yields(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;
	const struct device_news *n = data;

	return !u->wrote && is_absence(n->error) && u->troubles >= DEVICE_QUEUE_TROUBLES &&
	       u->yields < DEVICE_QUEUE_YIELDS;
}

void
device_queue_enter(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;

	u->verb = 0;
	u->due = ((const struct device_news *)data)->now;
}

void
device_queue_again(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;
	const struct device_news *n = data;

	device_queue_enter(u, n);
	u->error = n->error;
	utf8_copy(u->detail, sizeof(u->detail), n->detail ? n->detail : "");
	u->yields++;
	u->troubles = 0;
	u->furthest = DEVICE_QUEUED;
	u->since = u->sign = n->now;
	u->spent_ms = 0;
}

bool
device_queue_swaps(void *ctx, const void *data)
{
	(void)data;
	return device_is_active(ctx);
}

bool
device_queue_drops(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;

	(void)data;
	return device_is_active(u) && u->error == ERR_CANCELLED;
}

void
device_queue_anew(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;
	const struct device_news *n = data;

	device_queue_again(u, n);
	u->error = ERR_OK;
	u->detail[0] = 0;
	u->yields = u->denials = u->confusions = u->repeats = 0;
	u->wrote = u->rebooted = u->destructive = u->no_confirm = u->alarmed = u->intact = false;
	u->checked = false;
	u->healthy_since = (struct mono){0};
	u->version[0] = 0;
	u->done_bytes = u->most_bytes = u->rate = u->progress_done = 0;
	u->progress_at = (struct mono){0};
}

void
device_queue_late(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;
	struct device_news n = *(const struct device_news *)data;
	char detail[DEVICE_DETAIL];

	snprintf(detail, sizeof(detail), "expected its turn in time, got none%s%.200s",
	    u->hold_text[0] ? ", last: " : "", u->hold_text);
	n.error = u->hold == ROLLOUT_HOLD_AWAY      ? ERR_DEVICE_AWAY
		  : u->hold == ROLLOUT_HOLD_POLICY  ? ERR_POLICY
		  : u->hold == ROLLOUT_HOLD_DEPENDS ? ERR_DEPENDS
						    : ERR_TIMEOUT;
	n.detail = detail;
	device_end_as(ctx, &n);
}

bool
device_queue_is_absent(const struct device_upgrade *u)
{
	return device_is_active(u) && (u->alarmed || u->troubles > DEVICE_QUEUE_TROUBLES);
}
