/*
 * roster: see roster.h.
 */
#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "policy.h"
#include "roster.h"

enum { MISS_MS = 5000, MISS_SHIFT_MAX = 10 };

/* By product, then device: the components of a device are neighbours. */
static int
compare_keys(const struct flash_settings_device *c, const char *product_key, const char *device_key)
{
	int by_product = strcmp(c->product_key, product_key);

	return by_product ? by_product : strcmp(c->device_key, device_key);
}

/* Of two entries of the same component the one that was configured first. */
static int
compare(const void *a, const void *b)
{
	const struct roster_device *x = *(struct roster_device *const *)a;
	const struct roster_device *y = *(struct roster_device *const *)b;
	int by_keys = compare_keys(x->config, y->config->product_key, y->config->device_key);

	return by_keys ? by_keys : (x > y) - (x < y);
}

/* The order of the configuration is the order of the list. */
static void
find_leaders(struct roster *r)
{
	for (size_t i = 0, first = 0; i < r->n; i++) {
		struct roster_device *d = r->by_name[i];
		const struct flash_settings_device *c = r->by_name[first]->config;

		if (compare_keys(d->config, c->product_key, c->device_key) != 0)
			first = i;
		d->leader = r->by_name[first];
		d->place = (unsigned)(i - first);
		for (size_t k = first; k <= i; k++)
			r->by_name[k]->places = (unsigned)(i - first) + 1;
	}
}

enum err
roster_init(struct roster *r, const struct flash_settings *config, struct mono now)
{
	*r = (struct roster){.n = config->n_devices, .ask_every_ms = config->ask_every_ms};
	r->devices = calloc(r->n ? r->n : 1, sizeof(*r->devices));
	r->by_name = calloc(r->n ? r->n : 1, sizeof(struct roster_device *));
	if (!r->devices || !r->by_name) {
		roster_fini(r);
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < r->n; i++) {
		struct roster_device *d = &r->devices[i];

		d->config = &config->devices[i];
		r->by_name[i] = d;
		d->battery = POLICY_BATTERY_UNKNOWN;
		d->ask_at = now;
		d->report_due = true;
		counters_binding(
		    d->binding, d->config->vendor, d->config->model, d->config->hw_revision, NULL);
	}
	qsort(r->by_name, r->n, sizeof(struct roster_device *), compare);
	find_leaders(r);
	return ERR_OK;
}

void
roster_fini(struct roster *r)
{
	free(r->by_name);
	free(r->devices);
	*r = (struct roster){0};
}

/* --- finding ---------------------------------------------------------------------------------- */

/* The place of a device's first component, r->n when there is none. */
static size_t
find_first(const struct roster *r, const char *product_key, const char *device_key)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_keys(r->by_name[middle]->config, product_key, device_key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < r->n && compare_keys(r->by_name[low]->config, product_key, device_key) == 0)
		return low;
	return r->n;
}

struct roster_device *
roster_find(
    const struct roster *r, const char *product_key, const char *device_key, const char *component)
{
	size_t first = find_first(r, product_key, device_key);
	struct roster_device *near = NULL;

	for (size_t i = first; i < r->n && r->by_name[i]->leader == r->by_name[first]; i++) {
		near = r->by_name[i];
		if (strcmp(near->config->component, component) == 0)
			return near;
	}
	return near;
}

struct roster_device *
roster_of(const struct roster *r, const struct device_upgrade *u)
{
	struct roster_device *d = u->seat;

	if (!d)
		d = roster_find(r, u->product_key, u->device_key, u->component);
	return d && strcmp(d->config->component, u->component) == 0 ? d : NULL;
}

struct roster_device *
roster_seat(const struct roster *r, struct device_upgrade *u)
{
	u->seat = roster_of(r, u);
	return u->seat;
}

bool
roster_is_of(const struct device_upgrade *u, const struct roster_device *d)
{
	if (u->seat)
		return u->seat->leader == d->leader;
	return compare_keys(d->config, u->product_key, u->device_key) == 0;
}

void
roster_tell_again(struct roster *r, const char *product_key, const char *device_key)
{
	for (size_t i = 0; i < r->n; i++) {
		struct roster_device *d = &r->devices[i];

		d->report_due |= compare_keys(d->config, product_key, device_key) == 0;
	}
}

bool
roster_is_for(const struct device_upgrade *u, const struct roster_device *d)
{
	return roster_is_of(u, d) && strcmp(u->component, d->config->component) == 0;
}

struct device_upgrade *
roster_newest(struct device_upgrade *list, const struct roster_device *d)
{
	struct device_upgrade *u = list;

	while (u && !roster_is_for(u, d))
		u = u->next;
	return u;
}

struct device_upgrade *
roster_last_writer(struct device_upgrade *list, const struct roster_device *d)
{
	struct device_upgrade *u = list;

	while (u && (!roster_is_for(u, d) || (!u->wrote && device_is_over(u))))
		u = u->next;
	return u;
}

struct counters_key
roster_key(const struct roster_device *d)
{
	const struct flash_settings_device *c = d->config;

	return (struct counters_key){c->product_key, c->device_key, d->binding, c->component};
}

void
roster_count(struct roster *r, const struct device_upgrade *list)
{
	for (size_t i = 0; i < r->n; i++)
		r->devices[i].active = 0;
	for (const struct device_upgrade *u = list; u; u = u->next) {
		const struct roster_device *d = NULL;

		if (!device_is_active(u))
			continue;
		d = u->seat ? u->seat : roster_find(r, u->product_key, u->device_key, u->component);
		if (d)
			d->leader->active++;
	}
}

bool
roster_is_busy(const struct roster_device *d)
{
	return d->leader->active > 0;
}

/* --- what they say ---------------------------------------------------------------------------- */

static void
set_state(struct roster_device *d, Pb__DeviceState state)
{
	d->report_due |= d->state != state;
	d->state = state;
}

/* What may be undone by the next start is no version to tell anybody, unless it has to be better
 * than none. */
static void
learn(struct roster_device *d, const Pb__SessionReport *a, bool better_than_none)
{
	if (!a->version[0])
		return;
	d->on_trial = a->active_on_trial;
	d->unkept &= d->on_trial;
	if ((d->on_trial && (d->version[0] || !better_than_none)) ||
	    strcmp(a->version, d->version) == 0)
		return;
	snprintf(d->version, sizeof(d->version), "%.64s", a->version);
	d->unkept = d->on_trial;
	d->report_due = true;
}

void
roster_learn(struct roster_device *d, const Pb__SessionReport *a)
{
	learn(d, a, false);
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
	d->destructive = a->destructive;
	learn(d, a, true);
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
