/*
 * flash_judge: see flash_judge.h.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "device_bare.h"
#include "flash_judge.h"
#include "flash_work.h"
#include "policy_table.h"

enum { BUSY_TEXT = 64 };

/* What policy has to know of the device; `busy` is what keeps it from being free, if something
 * does.
 */
static struct roster_device *
look(struct flash *f, uint64_t upgrade, const Pb__PlanOffer *o, struct policy_device *p,
    char busy[BUSY_TEXT])
{
	struct roster_device *d = roster_find(
	    &f->roster, o->device->product_key, o->device->device_key, o->component);
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm local = {0};

	*p = (struct policy_device){.known = d != NULL};
	if (!d)
		return NULL;
	const struct device_upgrade *other = flash_work_busy(f, d, upgrade);

	if (other && device_bare_yields(other))
		other = NULL;
	*p = (struct policy_device){.known = true,
	    .state = d->state,
	    .version = d->version,
	    .on_trial = d->on_trial,
	    .battery = d->battery,
	    .signal_dbm = d->signal_dbm,
	    .busy_with = other ? busy : NULL};
	localtime_r(&now, &local);
	policy_table_apply(f->settings, d->config, &local, p);
	if (other)
		snprintf(busy, BUSY_TEXT, "upgrade %" PRIu64 " under way", other->id);
	return d;
}

void
flash_judge(struct flash *f, uint64_t upgrade, const Pb__PlanOffer *o, bool consent,
    struct policy_verdict *v)
{
	struct policy_device p;
	char busy[BUSY_TEXT];
	struct roster_device *d = look(f, upgrade, o, &p, busy);

	p.consent = consent;
	if (d && d->state != PB__DEVICE_STATE__DEVICE_STATE_PRESENT)
		roster_ask_soon(d, clock_now());
	policy_judge(&p, o, clock_wall_ms(), v);
}

void
flash_judge_explain(
    struct flash *f, const Pb__PlanOffer *o, struct policy_verdict *v, why_on_check *fn, void *arg)
{
	struct policy_device p;
	char busy[BUSY_TEXT];

	look(f, 0, o, &p, busy);
	policy_judge(&p, o, clock_wall_ms(), v);
	policy_explain(&p, o, fn, arg);
}

void
flash_judge_again(struct flash *f, const struct device_upgrade *u, struct policy_verdict *v)
{
	Pb__Device device = PB__DEVICE__INIT;
	Pb__PlanOffer o = PB__PLAN_OFFER__INIT;

	device.product_key = (char *)(uintptr_t)u->product_key;
	device.device_key = (char *)(uintptr_t)u->device_key;
	o.device = &device;
	o.component = (char *)(uintptr_t)u->component;
	o.source_version = (char *)(uintptr_t)u->source_version;
	o.target_version = (char *)(uintptr_t)u->target_version;
	o.min_battery_percent = u->min_battery;
	o.min_signal_dbm = u->min_signal_dbm;
	flash_judge(f, u->id, &o, true, v);
}

enum err
flash_judge_agreed(const struct device_upgrade *u, const Pb__FlashOrder *o, char why[WHY_SIZE])
{
	if (strcmp(u->product_key, o->device->product_key) != 0 ||
	    strcmp(u->device_key, o->device->device_key) != 0)
		return why_say(why, ERR_MISMATCH, "expected device %.64s/%.64s, got %.64s/%.64s",
		    u->product_key, u->device_key, o->device->product_key, o->device->device_key);
	if (strcmp(u->component, o->component) != 0 ||
	    strcmp(u->target_version, o->target_version) != 0)
		return why_say(why, ERR_MISMATCH, "expected %.64s %.64s, got %.64s %.64s",
		    u->component, u->target_version, o->component, o->target_version);
	if (o->manifest_digest.len != sizeof(u->digest))
		return why_say(why, ERR_MISMATCH, "expected a manifest digest of 32 bytes, got %zu",
		    o->manifest_digest.len);
	return ERR_OK;
}

void
flash_judge_take_image(
    const struct flash *f, struct device_upgrade *u, const struct verify_image *v)
{
	const struct roster_device *d = roster_find(
	    &f->roster, u->product_key, u->device_key, u->component);

	memcpy(u->digest, v->digest, sizeof(u->digest));
	u->has_digest = true;
	snprintf(u->image_version, sizeof(u->image_version), "%s", v->payload->version);
	snprintf(u->binding, sizeof(u->binding), "%s", d->binding);
	u->sequence = v->manifest->sequence;
	u->counter = v->manifest->security_counter;
	u->generation = v->generation;
	u->independent = v->manifest->n_depends == 0;
	memcpy(u->image_sha256, v->payload->image_sha256.data, sizeof(u->image_sha256));
}
