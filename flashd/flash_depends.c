/*
 * flash_depends: see flash_depends.h.
 */
#include "flash_depends.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "flash_work.h"
#include "order.h"

static bool
is_meant(const struct flash_settings_device *c, const struct verify_target *t, const Tr__Depends *d)
{
	bool own = strcmp(c->product_key, t->product_key) == 0 &&
		   strcmp(c->device_key, t->device_key) == 0;

	if (strcmp(c->component, d->component) != 0)
		return false;
	if (!d->vendor[0])
		return own;
	return !own && strcmp(c->vendor, d->vendor) == 0 && strcmp(c->model, d->model) == 0;
}

/* The upgrade of a device that is not over; the ledger's list is newest first. */
static const struct device_upgrade *
pending(const struct flash *f, const struct roster_device *r)
{
	for (const struct device_upgrade *u = f->ledger.upgrades; u; u = u->next)
		if (!device_is_over(u) && roster_is_for(u, r))
			return u;
	return NULL;
}

static bool
go_together(const struct flash *f, const struct verify_target *t, const struct roster_device *r)
{
	const struct roster_device *own = roster_find(
	    &f->roster, t->product_key, t->device_key, t->component);

	return own && order_is_together(own->config, r->config);
}

/* Do they go together, and would what is on its way be enough? */
static bool
comes_along(const struct flash *f, const struct verify_target *t, const struct roster_device *r,
    const struct device_upgrade *u, const Tr__Depends *d)
{
	struct manifest_seen s = {.name = r->config->name,
	    .known = u->state >= DEVICE_QUEUED,
	    .sequence = u->sequence,
	    .image_sha256 = u->image_sha256,
	    .version = u->image_version};
	char why[WHY_SIZE];

	return go_together(f, t, r) && manifest_satisfies(d, &s, why) == ERR_OK;
}

static enum err
check_one(const struct flash *f, const struct verify_target *t, const struct roster_device *r,
    const Tr__Depends *d, char why[WHY_SIZE])
{
	struct counters_key key = roster_key(r);
	struct counters_row row;
	bool known = counters_get(f->ledger.record, &key, &row) == ERR_OK && !r->regressed;
	struct manifest_seen s = {.name = r->config->name,
	    .known = known,
	    .sequence = row.sequence,
	    .image_sha256 = row.image_sha256,
	    .version = r->unkept ? "" : r->version};
	char seen[WHY_SIZE];
	enum err e = manifest_satisfies(d, &s, seen);
	const struct device_upgrade *u = e ? pending(f, r) : NULL;

	if (e == ERR_OK || (u && comes_along(f, t, r, u, d)))
		return ERR_OK;
	if (u)
		return why_say(why, ERR_AGAIN, "%.130s; upgrade %" PRIu64 " of it is %s", seen,
		    u->id, device_table.states[u->state]);
	if (!r->version[0])
		return why_say(why, ERR_AGAIN, "%.150s; it has not answered yet", seen);
	if (r->unkept)
		return why_say(why, ERR_AGAIN, "%.150s; it runs one on trial", seen);
	if (go_together(f, t, r)) /* nothing of the group begins before it has an upgrade, too */
		return why_say(why, ERR_AGAIN, "%.150s; its group waits for it", seen);
	return why_say(why, ERR_DEPENDS, "%s", seen);
}

enum err
flash_depends_on(void *arg, const struct verify_target *t, const Tr__Depends *d, char why[WHY_SIZE])
{
	const struct flash *f = arg;
	enum err worst = ERR_OK;
	char one[WHY_SIZE] = "";
	size_t n = 0;

	for (size_t i = 0; i < f->roster.n && worst != ERR_DEPENDS; i++) {
		const struct roster_device *r = &f->roster.devices[i];

		if (!is_meant(r->config, t, d))
			continue;
		enum err e = check_one(f, t, r, d, one);

		n++;
		if (e == ERR_OK)
			continue;
		worst = e;
		memcpy(why, one, WHY_SIZE);
	}
	if (n > 0)
		return worst;
	if (!d->vendor[0])
		return why_say(why, ERR_DEPENDS,
		    "expected component %.64s of %.64s/%.64s to be configured, got none",
		    d->component, t->product_key, t->device_key);
	return why_say(why, ERR_DEPENDS,
	    "expected a device %.64s/%.64s with component %.64s on this gateway, got none",
	    d->vendor, d->model, d->component);
}

enum err
flash_depends_past(
    void *arg, const struct verify_target *t, const Tr__Depends *d, char why[WHY_SIZE])
{
	(void)arg, (void)t, (void)d, (void)why;
	return ERR_OK;
}

enum err
flash_depends_hold(struct flash *f, struct device_upgrade *u, char why[WHY_SIZE])
{
	struct verify_image v;

	if (u->independent)
		return ERR_OK;
	enum err e = flash_work_verify(f, u, u->digest, &v, why);
	bool waits = e == ERR_OK && v.waits;

	if (e == ERR_OK)
		u->independent = v.manifest->n_depends == 0;
	verify_image_fini(&v);
	return waits ? ERR_AGAIN : e == ERR_DEPENDS ? e : ERR_OK;
}

void
flash_depends_news(struct flash *f, struct mono now)
{
	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next)
		if (u->state == DEVICE_QUEUED && u->hold == ROLLOUT_HOLD_DEPENDS)
			u->due = now;
}
