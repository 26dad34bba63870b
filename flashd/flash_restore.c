/*
 * flash_restore: see flash_restore.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "device_bare.h"
#include "device_end.h"
#include "flash_judge.h"
#include "flash_restore.h"
#include "flash_unit.h"
#include "flash_work.h"
#include "policy_table.h"

enum { AGAIN_MS = 60000, AGAIN_SHIFT_MAX = 7, NUMBERS_PER_MS = 16 };

/* The one that has left the device with nothing to run, if there is one; *free: no other is on its
 * way. */
static struct device_upgrade *
find_bare(const struct flash *f, const struct roster_device *d, bool *free_of_others)
{
	struct device_upgrade *bare = NULL;

	*free_of_others = true;
	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		if (device_is_over(u) || !roster_is_for(u, d))
			continue;
		if (device_bare_yields(u))
			bare = u;
		else
			*free_of_others = false;
	}
	return bare;
}

bool
flash_restore_is_wanted(const struct flash *f, const struct roster_device *d)
{
	const struct flash_settings_policy *p = policy_table_find(f->settings, d->config);

	return p && p->restore;
}

bool
flash_restore_in_group(const struct flash *f, const struct roster_device *d)
{
	return d->config->together[0] && flash_restore_is_wanted(f, d);
}

static uint64_t
next_number(const struct flash *f)
{
	uint64_t id = clock_wall_ms() * NUMBERS_PER_MS;

	while (ledger_find(&f->ledger, id))
		id++;
	return id;
}

static void
tell(struct flash *f, const struct roster_device *d, enum err e, const char *version,
    const char *why)
{
	struct event ev = {.name = e == ERR_OK ? "restore_begins" : "restore_impossible",
	    .about = roster_subject(d),
	    .error = e,
	    .expected = version,
	    .got = d->version,
	    .text = why};

	event_write(f->daemon->events, &ev);
}

static enum err
begin(struct flash *f, struct roster_device *d, const struct counters_row *row, char why[WHY_SIZE])
{
	struct device_news n = {.now = clock_now()};
	Pb__Device device = PB__DEVICE__INIT;
	struct device_upgrade fresh, *u = NULL;
	struct verify_image v;

	device.product_key = (char *)(uintptr_t)d->config->product_key;
	device.device_key = (char *)(uintptr_t)d->config->device_key;
	device_init(&fresh, next_number(f), &device, d->config->component, row->version, n.now);
	enum err e = flash_work_verify(f, &fresh, row->digest, &v, why);

	if (e != ERR_OK)
		return e;
	flash_judge_take_image(f, &fresh, &v);
	verify_image_fini(&v);
	e = ledger_add(&f->ledger, &fresh, &u);
	if (e == ERR_OK)
		e = device_step(u, DEVICE_ADMIT, &n);
	if (e == ERR_OK)
		e = device_step(u, DEVICE_ORDER, &n);
	if (u)
		u->effects &= ~(unsigned)DEVICE_DO_VERDICT; /* nobody asked */
	return e;
}

static enum err
confirmed(const struct flash *f, const struct roster_device *d, struct counters_row *out)
{
	struct counters_key key = roster_key(d);

	return counters_get(f->ledger.record, &key, out);
}

bool
flash_restore_is_one(
    const struct flash *f, const struct roster_device *d, const struct device_upgrade *u)
{
	struct counters_row row;

	return confirmed(f, d, &row) == ERR_OK && u->has_digest &&
	       memcmp(row.digest, u->digest, sizeof(row.digest)) == 0;
}

enum err
flash_restore_can(struct flash *f, const struct roster_device *d, char why[WHY_SIZE])
{
	Pb__Device device = PB__DEVICE__INIT;
	struct counters_row row;
	struct device_upgrade u;
	struct verify_image v;

	if (!flash_restore_is_wanted(f, d))
		return why_say(why, ERR_POLICY, "expected a policy with restore, got none");
	if (confirmed(f, d, &row) != ERR_OK)
		return why_say(
		    why, ERR_NOT_FOUND, "expected an image that was confirmed, got none");
	device.product_key = (char *)(uintptr_t)d->config->product_key;
	device.device_key = (char *)(uintptr_t)d->config->device_key;
	device_init(&u, 0, &device, d->config->component, row.version, clock_now());
	enum err e = flash_work_verify(f, &u, row.digest, &v, why);

	verify_image_fini(&v);
	return e;
}

static void
put_off(struct roster_device *d, struct mono now)
{
	unsigned shift = d->restores < AGAIN_SHIFT_MAX ? d->restores : AGAIN_SHIFT_MAX;

	d->restores++;
	d->restore_at = mono_after(now, (int64_t)AGAIN_MS << shift);
}

static bool
restore(struct flash *f, struct roster_device *d, struct device_upgrade *bare, struct mono now)
{
	struct counters_key key = roster_key(d);
	struct device_news n = {
	    .now = now, .detail = "the image that was confirmed last takes its place"};
	struct counters_row row;
	char why[WHY_SIZE] = "";
	enum err e = counters_get(f->ledger.record, &key, &row);

	put_off(d, now);
	if (e == ERR_OK && bare && memcmp(bare->digest, row.digest, sizeof(row.digest)) == 0)
		return false; /* that is what is being written */
	if (e == ERR_OK)
		e = begin(f, d, &row, why);
	tell(f, d, e, row.version, why);
	if (e != ERR_OK)
		return false;
	d->regressed = false; /* until it is asked again */
	if (bare && device_step(bare, DEVICE_SUPERSEDED, &n) != ERR_OK)
		log_debug(NULL, "nothing to supersede");
	return true;
}

/* False: it confirmed nothing that is known. */
static bool
find_confirmed(struct flash *f, const struct roster_device *d, struct counters_row *row)
{
	struct counters_key key = roster_key(d);

	return counters_get(f->ledger.record, &key, row) == ERR_OK && row->version[0];
}

void
flash_restore_know(struct flash *f, struct roster_device *d, const Pb__SessionReport *answer)
{
	struct counters_row row;

	if (!answer || !answer->active_on_trial || d->version[0] || !find_confirmed(f, d, &row))
		return;
	snprintf(d->version, sizeof(d->version), "%s", row.version);
	d->report_due = true;
}

/* Of what was stopped with its group: the settings say so, `replaceable` of one that is over is not
 * recorded. */
static bool
is_unwanted(
    const struct flash *f, const struct roster_device *d, const struct device_upgrade *u)
{
	if (u->error == ERR_CANCELLED)
		return u->destructive && flash_restore_in_group(f, d);
	return device_end_goes_back(u);
}

/* The last upgrade that wrote ended before anybody had seen it end well, and now the device runs,
 * for good, the very image that it wrote: what it raises is raised late, and nothing older takes
 * its place. It is judged as before the end (device_see.c): of a device that knows hashes both hash
 * and version have to say so, and one that contradicts itself is believed neither; of another the
 * version. Not what was found ill, nor what was stopped with its group and is replaced, nor what
 * another unit runs; but what a person stopped when it was being kept, which was too late.
 */
static bool
ended_well_after_all(
    struct flash *f, const struct roster_device *d, const Pb__SessionReport *answer)
{
	struct device_upgrade *u = roster_last_writer(f->ledger.upgrades, d);

	if (!u || u->state != DEVICE_FAILED || !answer->active_confirmed ||
	    device_see(u, answer) != DEVICE_SEES_NEW_KEPT)
		return false;
	if (is_unwanted(f, d, u) || !flash_unit_is_of(d, u))
		return false;
	u->effects |= DEVICE_DO_RAISE;
	u->changed = true;
	return true;
}

void
flash_restore_watch(struct flash *f, struct roster_device *d, const Pb__SessionReport *answer)
{
	struct counters_row row;
	struct event e = {.name = "device_regressed",
	    .about = roster_subject(d),
	    .error = ERR_WRONG_VERSION,
	    .expected = row.version,
	    .got = d->version,
	    .text = "the device runs another version than it confirmed"};

	bool known = find_confirmed(f, d, &row);
	bool same = (known && strcmp(row.version, d->version) == 0) ||
		    ended_well_after_all(f, d, answer);

	if (known && !same && !d->regressed)
		event_write(f->daemon->events, &e);
	d->regressed = known && !same;
	if (same)
		d->restores = 0;
}

bool
flash_restore_start(struct flash *f)
{
	struct mono now = clock_now();
	bool changed = false, free_of_others = false;

	for (size_t i = 0; i < f->roster.n; i++) {
		struct roster_device *d = &f->roster.devices[i];

		if (!flash_restore_is_wanted(f, d) || !mono_reached(now, d->restore_at))
			continue;
		struct device_upgrade *bare = find_bare(f, d, &free_of_others);
		bool regressed = d->regressed && d->state == PB__DEVICE_STATE__DEVICE_STATE_PRESENT;

		if ((bare || regressed) && free_of_others)
			changed |= restore(f, d, bare, now);
	}
	return changed;
}

struct mono
flash_restore_next(const struct flash *f)
{
	struct mono due = MONO_NEVER;

	for (size_t i = 0; i < f->roster.n; i++) {
		const struct roster_device *d = &f->roster.devices[i];

		if (d->regressed && flash_restore_is_wanted(f, d) && d->restore_at.ms < due.ms)
			due = d->restore_at;
	}
	return due;
}
