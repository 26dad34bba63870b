/*
 * flash_plug: see flash_plug.h. Nothing is done in the event itself: a node appears before its
 * rights are set, and a loose plug makes many events, so one look a moment later serves for all.
 */
#include "flash_plug.h"

#include <poll.h>
#include <string.h>

enum { SETTLE_MS = 500 };

enum err
flash_plug_prepare(struct plug **out, const struct flash_settings *s)
{
	enum err e = plug_new(out);

	for (size_t i = 0; e == ERR_OK && i < s->n_devices; i++)
		e = plug_add(*out, s->devices[i].port);
	return e;
}

static void
wake_upgrades(struct flash *f, const struct roster_device *d, struct mono at)
{
	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		bool same = strcmp(u->product_key, d->config->product_key) == 0 &&
			    strcmp(u->device_key, d->config->device_key) == 0;

		if (same && device_is_active(u) && !u->running && u->due.ms > at.ms)
			u->due = at;
	}
}

static void
on_port(void *arg, const char *port)
{
	struct flash *f = arg;
	struct mono at = mono_after(clock_now(), SETTLE_MS);

	for (size_t i = 0; i < f->roster.n; i++) {
		struct roster_device *d = &f->roster.devices[i];

		if (strcmp(d->config->port, port) != 0)
			continue;
		if (!d->asking)
			roster_ask_soon(d, at);
		wake_upgrades(f, d, at);
	}
}

static void
on_readable(void *arg, short revents)
{
	struct flash *f = arg;

	(void)revents;
	plug_read(f->plug, on_port, f);
	flash_settle(f);
}

enum err
flash_plug_start(struct flash *f)
{
	if (!f->plug)
		return ERR_OK;
	return loop_watch_fd(f->daemon->loop, plug_fd(f->plug), POLLIN, on_readable, f);
}

void
flash_plug_stop(struct flash *f)
{
	if (!f->plug)
		return;
	loop_unwatch_fd(f->daemon->loop, plug_fd(f->plug));
	plug_free(f->plug);
	f->plug = NULL;
}
