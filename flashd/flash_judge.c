/*
 * flash_judge: see flash_judge.h.
 */
#include <inttypes.h>
#include <time.h>

#include "device_bare.h"
#include "flash_judge.h"
#include "flash_work.h"
#include "policy_table.h"

void
flash_judge(struct flash *f, uint64_t upgrade, const Pb__PlanOffer *o, bool consent,
    struct policy_verdict *v)
{
	struct roster_device *d = roster_find(
	    &f->roster, o->device->product_key, o->device->device_key, o->component);
	struct policy_device p = {.known = d != NULL};
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm local = {0};
	char busy[64];

	localtime_r(&now, &local);

	if (d) {
		const struct device_upgrade *other = flash_work_busy(f, d, upgrade);

		if (other && device_bare_yields(other))
			other = NULL;
		p = (struct policy_device){.known = true,
		    .consent = consent,
		    .state = d->state,
		    .version = d->version,
		    .battery = d->battery,
		    .signal_dbm = d->signal_dbm,
		    .busy_with = other ? busy : NULL};
		policy_table_apply(f->settings, d->config, &local, &p);
		if (other)
			snprintf(busy, sizeof(busy), "upgrade %" PRIu64 " under way", other->id);
		if (d->state != PB__DEVICE_STATE__DEVICE_STATE_PRESENT)
			roster_ask_soon(d, clock_now());
	}
	policy_judge(&p, o, clock_wall_ms(), v);
}
