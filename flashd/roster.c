/*
 * roster: see roster.h.
 */
#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "policy.h"
#include "roster.h"

enum { MISS_MS = 5000, MISS_SHIFT_MAX = 10 };

static bool
is_same_device(const struct flash_settings_device *a, const struct flash_settings_device *b)
{
	return strcmp(a->product_key, b->product_key) == 0 &&
	       strcmp(a->device_key, b->device_key) == 0;
}

/* The order of the configuration is the order of the list. */
static void
find_place(struct roster *r, struct roster_device *d)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct roster_device *other = &r->devices[i];

		if (!is_same_device(other->config, d->config))
			continue;
		d->place += other < d;
		d->places++;
	}
}

enum err
roster_init(struct roster *r, const struct flash_settings *config, struct mono now)
{
	*r = (struct roster){.n = config->n_devices, .ask_every_ms = config->ask_every_ms};
	r->devices = calloc(r->n ? r->n : 1, sizeof(*r->devices));
	if (!r->devices)
		return ERR_NOMEM;
	for (size_t i = 0; i < r->n; i++)
		r->devices[i].config = &config->devices[i];
	for (size_t i = 0; i < r->n; i++) {
		struct roster_device *d = &r->devices[i];

		find_place(r, d);
		d->battery = POLICY_BATTERY_UNKNOWN;
		d->ask_at = now;
		d->report_due = true;
		counters_binding(
		    d->binding, d->config->vendor, d->config->model, d->config->hw_revision);
	}
	return ERR_OK;
}

void
roster_fini(struct roster *r)
{
	free(r->devices);
	*r = (struct roster){0};
}

struct roster_device *
roster_find(
    const struct roster *r, const char *product_key, const char *device_key, const char *component)
{
	struct roster_device *near = NULL;

	for (size_t i = 0; i < r->n; i++) {
		const struct flash_settings_device *c = r->devices[i].config;

		if (strcmp(c->device_key, device_key) != 0 || /* products have many devices */
		    strcmp(c->product_key, product_key) != 0)
			continue;
		near = &r->devices[i];
		if (strcmp(c->component, component) == 0)
			return near;
	}
	return near;
}

static void
set_state(struct roster_device *d, Pb__DeviceState state)
{
	d->report_due |= d->state != state;
	d->state = state;
}

void
roster_learn(struct roster_device *d, const Pb__SessionReport *a)
{
	if (!a->version[0] || strcmp(a->version, d->version) == 0)
		return;
	snprintf(d->version, sizeof(d->version), "%.64s", a->version);
	d->report_due = true;
}

void
roster_on_failure(
    struct roster *r, struct roster_device *d, enum err e, const char *why, struct mono now)
{
	unsigned shift = d->misses < MISS_SHIFT_MAX ? d->misses : MISS_SHIFT_MAX;
	uint64_t wait = (uint64_t)MISS_MS << shift;
	struct subject s = roster_subject(d);

	if (d->error != (int)e)
		log_info(
		    &s, "device %s does not answer: %s, %s", d->config->name, err_name(e), why);
	d->asking = false;
	d->misses++;
	d->error = e;
	snprintf(d->detail, sizeof(d->detail), "%s", why);
	set_state(d, PB__DEVICE_STATE__DEVICE_STATE_AWAY);
	d->ask_at = mono_after(now, (int64_t)(wait < r->ask_every_ms ? wait : r->ask_every_ms));
}

void
roster_on_answer(
    struct roster *r, struct roster_device *d, const Pb__SessionReport *a, struct mono now)
{
	struct subject s = roster_subject(d);

	if (!a || a->error != ERR_OK) {
		roster_on_failure(r, d, a ? (enum err)a->error : ERR_SESSION,
		    a ? a->detail : "expected a last word of the session, got none", now);
		return;
	}
	if (d->state != PB__DEVICE_STATE__DEVICE_STATE_PRESENT)
		log_info(&s, "device %s is there, version %s", d->config->name, a->version);
	d->asking = false;
	d->misses = 0;
	d->error = ERR_OK;
	d->detail[0] = 0;
	set_state(d, PB__DEVICE_STATE__DEVICE_STATE_PRESENT);
	roster_learn(d, a);
	d->ask_at = mono_after(now, (int64_t)r->ask_every_ms);
}

void
roster_ask_soon(struct roster_device *d, struct mono now)
{
	d->misses = 0;
	d->ask_at = now;
}

struct subject
roster_subject(const struct roster_device *d)
{
	return (struct subject){0, d->config->product_key, d->config->device_key};
}
