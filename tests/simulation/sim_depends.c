/*
 * sim_depends: see sim_depends.h.
 */
#include <stdio.h>
#include <string.h>

#include "flash.h"
#include "gate.h"
#include "sim_depends.h"
#include "sim_device.h"
#include "sim_group.h"
#include "sim_mischief.h"

enum {
	WAITS_MAX = 16,
	WAITS_MS = 240000, /* it is looked at again every minute, and after other ends */
	HEARD_MS = 600000  /* by then flashd knows what a device runs */
};

/* --- the world -------------------------------------------------------------------------------- */

/* The youngest one before that works; sometimes one that does not. */
static const struct sim_package *
find_needed(const struct sim_house *h, int n, bool sick)
{
	int i = n - 1;

	while (i > 0 && h->package[i].variant != SIM_GOOD &&
	       !(sick && h->package[i].variant == SIM_SICK))
		i--;
	return i > 0 ? &h->package[i] : NULL;
}

static void
of_others(struct sim_package *p, const struct sim_package *needs, struct kit_spec *spec)
{
	p->needs = needs;
	spec->depends_model = needs ? "sensor-9" : NULL;
	spec->depends_version = needs ? needs->version : NULL;
}

static void
of_its_own(struct sim_package *p, const struct sim_package *needs, const char *version,
    const char *component, struct kit_spec *spec)
{
	p->needs = needs;
	p->own = true;
	spec->depends_component = component;
	spec->depends_version = version;
}

/* Those of the radios are made after all others; of the first the version is known before. */
static void
of_the_radio(struct sim_house *h, struct sim_package *p, struct kit_spec *spec)
{
	static char version[32];

	snprintf(version, sizeof(version), "7.%d.0", h->n_packages);
	of_its_own(p, &h->package[h->n_packages], version, "radio", spec);
}

void
sim_depends_choose(struct sim_house *h, int n, struct kit_spec *spec)
{
	struct sim_stream s = sim_stream("depends");
	struct sim_package *p = &h->package[n];

	s.state += (uint64_t)n * 7919;
	unsigned kind = (unsigned)sim_stream_below(&s, 10);
	if (n == 0 || n == h->n_packages) /* what they run at first */
		return;
	if (n > h->n_packages) {
		const struct sim_package *app =
		    &h->package[sim_stream_below(&s, (uint64_t)h->n_packages)];

		if (kind < 5 && app->variant == SIM_GOOD)
			of_its_own(p, app, app->version, "app", spec);
	} else if (kind < 5) {
		of_others(p, find_needed(h, n, kind == 0), spec);
	} else if (kind == 5) {
		of_others(p, p, spec);
	} else if (kind == 6 && h->radio) {
		of_the_radio(h, p, spec);
	}
}

/* --- what is promised ------------------------------------------------------------------------- */

static bool
is_radio(const struct sim_package *p)
{
	return p >= sim()->house->package + sim()->house->n_packages;
}

/* Versions rise with the numbers of packages. */
static bool
is_at_least(const char *version, const struct sim_package *least)
{
	const struct sim_house *h = sim()->house;
	int end = is_radio(least) ? h->n_all : h->n_packages;

	for (const struct sim_package *p = least; p < h->package + end; p++)
		if (strcmp(p->version, version) == 0)
			return true;
	return false;
}

static bool
has_now(int number, const struct sim_package *least)
{
	return is_radio(least)
		   ? is_at_least(sim_device_second_version(number), least)
		   : is_at_least(sim_device_version(number), least) && sim_device_is_kept(number);
}

static bool
has_had(int number, const struct sim_package *least)
{
	const struct sim_house *h = sim()->house;
	int end = is_radio(least) ? h->n_all : h->n_packages;

	for (const struct sim_package *p = least; p < h->package + end; p++)
		if (is_radio(least) ? sim_device_second_ran(number, p->version)
				    : sim_device_ran(number, p->version, 0) ||
					  sim_mischief_claimed(number, p->version))
			return true;
	return least == h->package || least == h->package + h->n_packages;
}

typedef bool has_it(int number, const struct sim_package *least);

static bool
go_along(int a, int b)
{
	return sim_group_has(a) && sim_group_has(b);
}

/* By all of whom it is asked. `group`: also by who goes along with the device, and need not have it
 * yet. */
static bool
is_met(int number, const struct sim_package *p, has_it *has, bool group)
{
	if (p->needs && p->own)
		return has(number, p->needs);
	for (int i = 0; p->needs && i < sim()->house->devices; i++)
		if (i != number && (group || !go_along(i, number)) && !has(i, p->needs))
			return false;
	return true;
}

/* Or it is another unit, as it was delivered: its group takes it for done (flash_group.c). */
static bool
has_or_follows(int number, const struct sim_package *least)
{
	return has_now(number, least) ||
	       (sim_group_has(number) && !sim_device_came_with(number, sim_device_version(number)));
}

bool
sim_depends_is_met(int number, const struct sim_package *p)
{
	return is_met(number, p, has_now, false) && is_met(number, p, has_or_follows, true);
}

/* Who had it and has not any more was exchanged, of which flashd hears when it asks again. */
void
sim_depends_writes(int number, const struct sim_package *p)
{
	if (p && !is_met(number, p, has_had, false))
		sim_violate(2, "device %d is given %s, which needs %s on %s", number, p->version,
		    p->needs->version, p->own ? "its other processor" : "all others");
}

static const struct sim_package *
package_of(uint64_t upgrade)
{
	const struct gate *g = sim()->proc[SIM_FETCHD].self;
	const struct upgrade *u = g ? book_upgrade(&g->book, upgrade) : NULL;
	const struct image *i = u ? book_image(&g->book, u->image) : NULL;

	return i ? sim_house_package(i->url) : NULL;
}

/* It has had it for a while. */
static bool
has_long(int number, const struct sim_package *least)
{
	int64_t lately = sim()->now - HEARD_MS * SIM_MS;

	return has_now(number, least) &&
	       (is_radio(least) || !sim_device_ran(number, sim_device_version(number), lately));
}

static int
number_of(const char *device_key)
{
	int number = -1;

	return sscanf(device_key, "d%d", &number) == 1 ? number : -1;
}

void
sim_depends_ends(const Pb__Envelope *e)
{
	const Pb__Report *r = e->report;
	const struct sim_package *p = package_of(e->upgrade);

	if (r->phase < PB__PHASE__PHASE_DONE || r->error != ERR_DEPENDS || !p)
		return;
	if (!p->needs)
		sim_violate(
		    3, "%s depends on nothing, and ends as if it did: %s", p->version, r->detail);
	else if (sim()->calm && sim()->now - sim()->calm_at > HEARD_MS * SIM_MS &&
		 is_met(number_of(r->device->device_key), p, has_long, true))
		sim_violate(3, "%s ends for what is there for long: %s", p->version, r->detail);
}

/* --- who waits -------------------------------------------------------------------------------- */

struct wait {
	uint64_t upgrade;
	int64_t since; /* from then on what it waits for does not come */
};

/* Something may change there, as far as flashd knows; a group is waited for to the end. */
static bool
may_come(const struct flash *f, const struct roster_device *d, int number, int other)
{
	if (go_along(number, other))
		return true;
	for (const struct device_upgrade *u = f->ledger.upgrades; u; u = u->next)
		if (!device_is_over(u) && roster_is_for(u, d))
			return true;
	return !d->version[0] || d->on_trial;
}

static bool
waits_in_vain(const struct flash *f, const struct device_upgrade *u)
{
	const struct sim_package *p = package_of(u->id);
	int number = number_of(u->device_key);

	if (u->state != DEVICE_QUEUED || u->hold != ROLLOUT_HOLD_DEPENDS || !p || p->own)
		return false;
	for (int i = 0; i < sim()->house->devices; i++)
		if (i != number && may_come(f, &f->roster.devices[i], number, i))
			return false;
	return true;
}

static struct wait *
wait_of(uint64_t upgrade)
{
	static struct wait all[WAITS_MAX];

	for (unsigned i = 0; i < WAITS_MAX; i++)
		if (all[i].upgrade == upgrade)
			return &all[i];
	memmove(all + 1, all, sizeof(all) - sizeof(all[0]));
	all[0] = (struct wait){upgrade, SIM_NEVER};
	return &all[0];
}

void
sim_depends_watch(void)
{
	const struct flash *f = sim()->proc[SIM_FLASHD].self;

	for (const struct device_upgrade *u = f ? f->ledger.upgrades : NULL; u; u = u->next) {
		if (device_is_over(u))
			continue;
		struct wait *w = wait_of(u->id);

		if (!waits_in_vain(f, u))
			w->since = SIM_NEVER;
		else if (w->since == SIM_NEVER)
			w->since = sim()->now;
		else if (sim()->now - w->since > WAITS_MS * SIM_MS)
			sim_violate(4, "upgrade %llu waits for what is not on its way: %s",
			    (unsigned long long)u->id, u->hold_text);
	}
}
