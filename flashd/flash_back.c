/*
 * flash_back: see flash_back.h.
 */
#include <string.h>

#include "flash_back.h"
#include "flash_unit.h"
#include "log.h"

enum { TRIES = 3 };

/* The one that wrote last, if that did not end well and no other is on its way. */
static const struct device_upgrade *
last_writer(const struct flash *f, const struct roster_device *d)
{
	const struct device_upgrade *u = roster_last_writer(f->ledger.upgrades, d);

	return u && device_is_over(u) && u->state != DEVICE_DONE ? u : NULL;
}

/* Another unit has its place, which nobody here has put on trial; also one that is only now heard
 * of. */
static bool
is_another(const struct roster_device *d, const struct device_upgrade *u, const char *unit)
{
	return !flash_unit_is_of(d, u) || (unit[0] && d->unit[0] && strcmp(unit, d->unit) != 0);
}

static bool
is_due(const struct flash *f, const struct roster_device *d)
{
	const struct device_upgrade *u = d->left_by ? last_writer(f, d) : NULL;

	return u && u->id == d->left_by && d->backs < TRIES;
}

void
flash_back_order(
    struct flash *f, const struct roster_device *d, uint32_t ask_ms, struct flash_order *k)
{
	if (is_due(f, d))
		flash_order_init(
		    k, f->settings, d, PB__VERB__VERB_REVERT, (uint32_t)(f->limits.reboot_ms / 2));
	else
		flash_order_init(k, f->settings, d, PB__VERB__VERB_IDENTIFY, ask_ms);
}

void
flash_back_begins(struct roster_device *d, int verb)
{
	d->asking = true;
	if (verb != PB__VERB__VERB_REVERT)
		return;
	d->left_by = 0; /* until it is asked again */
	d->going_back = true;
	d->backs++;
}

static bool
is_wanted(struct flash *f, struct roster_device *d, const Pb__SessionReport *answer)
{
	const struct device_upgrade *u = last_writer(f, d);

	d->left_by = 0;
	if (!answer || answer->error != ERR_OK)
		return false;
	if (!u || is_another(d, u, answer->unit) || !answer->active_on_trial ||
	    device_see(u, answer) != DEVICE_SEES_NEW_ON_TEST)
		return false;
	if (d->back_from != u->id)
		d->backs = 0;
	d->back_from = d->left_by = u->id;
	if (!is_due(f, d))
		return false;
	struct subject s = device_subject(u);
	log_info(&s, "%s runs on trial, and the upgrade is over: it is sent back", answer->version);
	roster_ask_soon(d, clock_now());
	return true;
}

bool
flash_back_takes(struct flash *f, struct roster_device *d, const Pb__SessionReport *answer)
{
	if (!d->going_back)
		return is_wanted(f, d, answer);
	d->going_back = false;
	roster_ask_soon(d, clock_now()); /* whatever it said: what runs now? */
	return true;
}
