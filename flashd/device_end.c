/*
 * device_end: see device_end.h.
 */
#include <stdio.h>

#include "device_end.h"
#include "utf8.h"

static void
note(struct device_upgrade *u, enum err e, const char *detail)
{
	u->error = e;
	utf8_copy(u->detail, sizeof(u->detail), detail ? detail : "");
}

static void
stop(struct device_upgrade *u)
{
	u->verb = 0;
	u->due = MONO_NEVER;
}

bool
device_end_goes_back(const struct device_upgrade *u)
{
	return u->error == ERR_WRONG_VERSION || u->error == ERR_CANCELLED ||
	       u->error == ERR_UNHEALTHY;
}

void
device_end_as(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;
	const struct device_news *n = data;

	stop(u);
	note(u, n->error, n->detail);
	if (u->running)
		u->effects |= DEVICE_DO_STOP;
}

void
device_end_done(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;

	(void)data;
	stop(u);
	note(u, ERR_OK, NULL);
	u->effects |= DEVICE_DO_RAISE;
}

void
device_end_reverted(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;
	char detail[DEVICE_DETAIL];

	(void)data;
	stop(u);
	if (device_end_goes_back(u) ||
	    (u->error == ERR_DEVICE_REJECTED && u->furthest >= DEVICE_TESTING))
		return; /* why it went back */
	snprintf(detail, sizeof(detail), "expected version %.64s to run, got %.64s again",
	    u->image_version, u->version[0] ? u->version : "the old one");
	note(u, ERR_REVERTED, detail);
}

/* The time is over: what went wrong last is the reason, if something did. */
void
device_end_late(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;
	struct device_news n = *(const struct device_news *)data;
	char detail[DEVICE_DETAIL];

	snprintf(detail, sizeof(detail), "expected an end of %s in time%s%.200s",
	    device_table.states[u->furthest], u->detail[0] ? ", last: " : "", u->detail);
	n.error = u->error ? (enum err)u->error : ERR_TIMEOUT;
	n.detail = detail;
	device_end_as(u, &n);
}

void
device_end_late_image(void *ctx, const void *data)
{
	struct device_news n = *(const struct device_news *)data;

	n.error = ERR_TIMEOUT;
	n.detail = "expected an image in time, got none";
	device_end_as(ctx, &n);
}

void
device_end_cancel(void *ctx, const void *data)
{
	struct device_news n = *(const struct device_news *)data;

	n.error = ERR_CANCELLED;
	n.detail = n.detail ? n.detail : "cancelled by the platform";
	device_end_as(ctx, &n);
}

void
device_end_supersede(void *ctx, const void *data)
{
	struct device_news n = *(const struct device_news *)data;

	n.error = ERR_CANCELLED;
	n.detail = n.detail ? n.detail : "a newer plan took its place";
	device_end_as(ctx, &n);
}

bool
device_end_is_by_person(void *ctx, const void *data)
{
	(void)ctx;
	return ((const struct device_news *)data)->error == ERR_CANCELLED;
}

bool
device_end_is_marked(void *ctx, const void *data)
{
	return ((const struct device_upgrade *)ctx)->verb == PB__VERB__VERB_STAGE &&
	       device_end_is_by_person(ctx, data);
}

void
device_end_go_back(void *ctx, const void *data)
{
	struct device_upgrade *u = ctx;
	const struct device_news *n = data;

	note(u, n->error, n->detail);
	if (u->state != DEVICE_TESTING)
		return;
	u->verb = PB__VERB__VERB_IDENTIFY;
	u->due = n->now;
}

bool
device_end_is_called_off(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;

	(void)data;
	return u->error == ERR_CANCELLED && !u->destructive && !u->rebooted;
}

void
device_end_call_off(void *ctx, const void *data)
{
	(void)data;
	stop(ctx); /* why is known */
}

bool
device_end_is_replaced(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;

	(void)data;
	return u->replaceable && u->destructive && u->error == ERR_CANCELLED && u->wrote;
}

void
device_end_replaced(void *ctx, const void *data)
{
	(void)data;
	stop(ctx);
}

bool
device_end_may_replace(void *ctx, const void *data)
{
	const struct device_upgrade *u = ctx;

	return u->replaceable && u->destructive &&
	       ((const struct device_news *)data)->error == ERR_CANCELLED;
}

void
device_end_replace_later(void *ctx, const void *data)
{
	const struct device_news *n = data;

	note(ctx, n->error, n->detail);
}

void
device_end_too_late(void *ctx, const void *data)
{
	struct subject s = device_subject(ctx);

	(void)data;
	log_warn(&s, "cancel: expected a state in which it is safe to stop, got %s; going on",
	    device_table.states[((struct device_upgrade *)ctx)->state]);
}
