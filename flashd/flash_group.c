/*
 * flash_group: see flash_group.h. Groups are small, so looking through all devices is fine.
 */
#include <inttypes.h>
#include <string.h>

#include "device_health.h"
#include "flash_group.h"
#include "flash_health.h"
#include "flash_restore.h"
#include "flash_unit.h"
#include "flash_work.h"
#include "order.h"

/* --- before the first byte -------------------------------------------------------------------- */

static bool
is_first(const struct flash *f, const struct device_upgrade *other, const struct device_upgrade *u)
{
	if (!other)
		return false;
	if (!device_is_over(other))
		return true;
	return other->state != DEVICE_DONE &&
	       flash_unit_is_of(roster_of(&f->roster, other), other) &&
	       strcmp(other->target_version, u->target_version) == 0;
}

static bool
waits_for_order(const struct flash *f, const struct roster_device *d,
    const struct device_upgrade *u, char text[DEVICE_HOLD])
{
	for (size_t i = 0; d->config->after[0] && i < f->roster.n; i++) {
		const struct roster_device *before = &f->roster.devices[i];
		const struct flash_settings_device *c = before->config;
		const struct device_upgrade *other = roster_newest(f->ledger.upgrades, before);

		if (!order_is_after(d->config, c) || !is_first(f, other, u))
			continue;
		snprintf(text, DEVICE_HOLD, "expected device %.40s to be done first, got %s",
		    c->name, device_table.states[other->state]);
		return true;
	}
	return false;
}

/* It gets back what it had, which is nothing that its group does. */
static bool
is_restored(const struct flash *f, const struct roster_device *d, const struct device_upgrade *u)
{
	return u && !device_is_over(u) && flash_restore_is_one(f, d, u);
}

/* It has kept already what `of` brings to another of its group, which could not keep it: that one
 * may follow. What came since and ended before its device was begun with does not count. Of one
 * with which nothing was begun so far its word is taken: so it was delivered. What failed and was
 * confirmed late all the same (flash_restore.c) is kept. */
static bool
is_ahead(const struct flash *f, const struct roster_device *d, const struct device_upgrade *u,
    const struct device_upgrade *of)
{
	if (u && !device_is_over(u))
		return false;
	while (u && !(roster_is_for(u, d) && (u->wrote || u->rebooted || u->state == DEVICE_DONE)))
		u = u->next;
	if (!u)
		return !d->on_trial && !d->regressed && strcmp(d->version, of->target_version) == 0;
	bool kept = u->state == DEVICE_DONE ||
		    (u->state == DEVICE_FAILED && !d->regressed && flash_restore_is_one(f, d, u));

	return kept && strcmp(u->target_version, of->target_version) == 0;
}

bool
flash_group_has_begun(const struct flash *f, const struct roster_device *d)
{
	for (size_t i = 0; d->config->together[0] && i < f->roster.n; i++) {
		const struct roster_device *other = &f->roster.devices[i];
		const struct device_upgrade *u = roster_newest(f->ledger.upgrades, other);

		if (order_is_together(d->config, other->config) && u && device_is_active(u) &&
		    !is_restored(f, other, u))
			return true;
	}
	return false;
}

/* A group that has begun is complete. */
static bool
waits_for_group(const struct flash *f, const struct roster_device *d,
    const struct device_upgrade *of, char text[DEVICE_HOLD])
{
	const char *missing = NULL, *what = NULL;

	if (flash_group_has_begun(f, d))
		return false;
	for (size_t i = 0; d->config->together[0] && i < f->roster.n; i++) {
		const struct roster_device *other = &f->roster.devices[i];
		const struct device_upgrade *u = roster_newest(f->ledger.upgrades, other);

		if (!order_is_together(d->config, other->config))
			continue;
		bool restored = is_restored(f, other, u);
		if (u && u->state == DEVICE_QUEUED && !restored &&
		    other->state == PB__DEVICE_STATE__DEVICE_STATE_PRESENT)
			continue;
		if (is_ahead(f, other, u, of))
			continue;
		missing = other->config->name;
		what = u && !device_is_over(u) ? device_table.states[u->state] : "none";
		if (u && u->state == DEVICE_QUEUED)
			what = restored ? "what it had before" : "one whose device is away";
	}
	if (missing)
		snprintf(text, DEVICE_HOLD,
		    "expected all of group %.40s to be ready, got for %.40s: %s",
		    d->config->together, missing, what);
	return missing != NULL;
}

bool
flash_group_holds(const struct flash *f, const struct roster_device *d,
    const struct device_upgrade *u, char text[DEVICE_HOLD])
{
	if (flash_restore_is_one(f, d, u)) /* it undoes what the group did */
		return false;
	return waits_for_order(f, d, u, text) || waits_for_group(f, d, u, text);
}

enum err
flash_group_check(struct flash *f, const struct device_upgrade *u, char why[WHY_SIZE])
{
	const struct roster_device *d = roster_of(&f->roster, u);
	char none[WHY_SIZE];

	if (!d || !d->config->together[0] || flash_restore_is_one(f, d, u))
		return ERR_OK;
	for (size_t i = 0; i < f->roster.n; i++) {
		struct roster_device *other = &f->roster.devices[i];

		if ((other != d && !order_is_together(d->config, other->config)) ||
		    !other->destructive || flash_restore_can(f, other, none) == ERR_OK)
			continue;
		return why_say(why, ERR_POLICY,
		    "expected that each of group %.40s can be taken back, got device %.40s, which"
		    " has nothing to run while it is written: %.110s",
		    d->config->together, other->config->name, none);
	}
	return ERR_OK;
}

/* --- before it is kept ------------------------------------------------------------------------ */

static bool
waits_for_others(const struct flash *f, const struct roster_device *d)
{
	for (size_t i = 0; d->config->together[0] && i < f->roster.n; i++) {
		const struct roster_device *other = &f->roster.devices[i];
		const struct device_upgrade *u = roster_newest(f->ledger.upgrades, other);

		if (order_is_together(d->config, other->config) && u && !device_health_is_well(u) &&
		    !device_is_over(u))
			return true;
	}
	return false;
}

static bool
anybody_waits(const struct flash *f)
{
	for (size_t i = 0; i < f->roster.n; i++)
		if (f->roster.devices[i].config->settle_ms ||
		    flash_health_is(f->roster.devices[i].config) ||
		    f->roster.devices[i].config->together[0])
			return true;
	return false;
}

void
flash_group_refresh(struct flash *f)
{
	if (!anybody_waits(f))
		return;
	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		const struct roster_device *d = device_is_active(u) ? roster_of(&f->roster, u)
								    : NULL;

		if (!d)
			continue;
		u->settle_ms = d->config->settle_ms;
		u->check_ms = flash_health_is(d->config) ? d->config->health_ms : 0;
		u->waits_for_others = waits_for_others(f, d) && !is_restored(f, d, u);
		u->replaceable = flash_restore_in_group(f, d);
	}
}

/* --- one of them failed ----------------------------------------------------------------------- */

static void
take_along(struct flash *f, struct device_upgrade *u, const char *name)
{
	char why[WHY_SIZE];
	struct device_news n = {.now = clock_now(),
	    .detail = why,
	    .error = why_say(why, ERR_CANCELLED,
		"expected all of a group to succeed, got a failure of %.64s", name)};

	if (device_step(u, DEVICE_CANCEL, &n) != ERR_OK)
		log_debug(NULL, "nothing to stop");
	flash_note(f, "group_stopped", u, ERR_CANCELLED, why);
}

void
flash_group_ended(struct flash *f, const struct device_upgrade *u)
{
	const struct roster_device *d = roster_of(&f->roster, u);

	if (!d || !d->config->together[0] || u->state == DEVICE_DONE ||
	    flash_restore_is_one(f, d, u))
		return;
	for (size_t i = 0; i < f->roster.n; i++) {
		const struct roster_device *member = &f->roster.devices[i];
		struct device_upgrade *other = roster_newest(f->ledger.upgrades, member);

		if (order_is_together(d->config, member->config) && other &&
		    !device_is_over(other) && other->error != ERR_CANCELLED &&
		    !is_restored(f, member, other))
			take_along(f, other, d->config->name);
	}
}
