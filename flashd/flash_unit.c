/*
 * flash_unit: see flash_unit.h.
 */
#include "flash_unit.h"

#include <stdio.h>
#include <string.h>

static void
bind_to(const struct roster_device *d, const char *unit, char out[COUNTERS_BINDING])
{
	const struct flash_settings_device *c = d->config;

	counters_binding(out, c->vendor, c->model, c->hw_revision, unit);
}

enum err
flash_unit_load(struct flash *f)
{
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < f->roster.n; i++) {
		struct roster_device *d = &f->roster.devices[i];
		struct counters_key key = roster_key(d);

		e = unit_get(f->ledger.record, &key, d->unit);
		bind_to(d, d->unit, d->binding);
	}
	return e;
}

/* In the audit log, as an entry of no upgrade. */
static enum err
put_down(struct flash *f, const struct roster_device *d, const char *unit)
{
	struct device_upgrade none = {0};
	char head[AUDIT_HEAD], text[WHY_SIZE];

	snprintf(none.product_key, sizeof(none.product_key), "%s", d->config->product_key);
	snprintf(none.device_key, sizeof(none.device_key), "%s", d->config->device_key);
	snprintf(none.component, sizeof(none.component), "%s", d->config->component);
	snprintf(none.version, sizeof(none.version), "%s", d->version);
	snprintf(text, sizeof(text), "expected unit %.64s, got %.64s: replaced", d->unit, unit);
	return journal_add(
	    &f->ledger.journal, &none, PB__PHASE__PHASE_UNKNOWN, ERR_MISMATCH, text, head);
}

static enum err
save(struct flash *f, const struct roster_device *d, const char *unit, const char *binding)
{
	struct counters_key key = roster_key(d);
	bool first = !d->unit[0];
	enum err e = record_begin(f->ledger.record);

	if (e != ERR_OK)
		return e;
	e = unit_set(f->ledger.record, &key, unit, binding, first);
	if (e == ERR_OK && !first)
		e = put_down(f, d, unit);
	if (e == ERR_OK)
		e = record_commit(f->ledger.record);
	if (e != ERR_OK)
		record_rollback(f->ledger.record);
	return e;
}

/* What is recorded of this device's upgrades was this unit's all the time. */
static void
adopt(struct flash *f, const struct roster_device *d, const char *binding)
{
	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		if (!roster_is_for(u, d) || strcmp(u->binding, d->binding) != 0)
			continue;
		snprintf(u->binding, sizeof(u->binding), "%s", binding);
		u->changed = true;
	}
}

static void
tell(struct flash *f, const struct roster_device *d, const char *unit)
{
	struct event e = {.name = "device_replaced",
	    .about = roster_subject(d),
	    .error = ERR_MISMATCH,
	    .expected = d->unit,
	    .got = unit,
	    .text = "another unit has the device's place; it is taken up anew"};

	event_write(f->daemon->events, &e);
}

bool
flash_unit_heard(struct flash *f, struct roster_device *d, const char *unit)
{
	char binding[COUNTERS_BINDING];
	bool replaced = d->unit[0] != 0;
	struct subject s = roster_subject(d);

	if (!unit[0] || strcmp(unit, d->unit) == 0)
		return false;
	bind_to(d, unit, binding);
	enum err e = save(f, d, unit, binding);
	if (e != ERR_OK) { /* it is heard again */
		log_warn(&s, "cannot record unit %s: %s", unit, err_text(e));
		return false;
	}
	if (replaced)
		tell(f, d, unit);
	else
		adopt(f, d, binding);
	snprintf(d->unit, sizeof(d->unit), "%s", unit);
	snprintf(d->binding, sizeof(d->binding), "%s", binding);
	if (!replaced)
		return false;
	d->regressed = false;
	d->restores = 0;
	d->restore_at = (struct mono){0};
	d->report_due = true;
	return true;
}

bool
flash_unit_is_of(const struct roster_device *d, const struct device_upgrade *u)
{
	return !d || !u->binding[0] || strcmp(u->binding, d->binding) == 0;
}
