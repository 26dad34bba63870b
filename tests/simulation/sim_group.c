/*
 * sim_group: see sim_group.h.
 */
#include <stdio.h>
#include <string.h>

#include "sim_device.h"
#include "sim_group.h"
#include "sim_mischief.h"
#include "sim_platform.h"

enum { QUEUE_MS = 15 * 60000, TEST_MS = 30 * 60000, LATELY_MS = 20 * 60000 };

/* --- the world -------------------------------------------------------------------------------- */

void
sim_group_choose(struct sim_house *h)
{
	struct sim_stream s = sim_stream("groups");

	if (sim_stream_chance(&s, sim()->depends ? 40 : 75))
		h->group = 2 + (int)sim_stream_below(&s, (uint64_t)h->devices - 1);
}

void
sim_group_settings(struct sim_house *h)
{
	struct sim_stream s = sim_stream("group settings");

	h->flash.queue_ms = QUEUE_MS;
	h->flash.test_ms = TEST_MS; /* for the slowest of them */
	h->flash.policies[0].restore = sim_stream_chance(&s, 50);
	bool settles = sim_stream_chance(&s, 50);
	for (int i = 0; i < h->devices; i++) {
		struct flash_settings_device *d = &h->flash.devices[i];

		d->settle_ms = settles ? 1000 * sim_stream_below(&s, 60) : 0;
		if (i < h->group)
			snprintf(d->together, sizeof(d->together), "all-or-none");
	}
}

/* --- what is promised ------------------------------------------------------------------------- */

bool
sim_group_has(int number)
{
	return number < sim()->house->group;
}

bool
sim_group_spares(int number, const struct sim_package *p)
{
	return sim_group_has(number) &&
	       (int)(p->sequence % (unsigned)sim()->house->group) != number;
}

/* Whether it runs this, has kept it, or did run it a moment ago: then all were well, and this one
 * went back before it could keep it. */
static bool
is_along(int number, const struct sim_package *p)
{
	return strcmp(sim_device_version(number), p->version) == 0 ||
	       sim_device_ran(number, p->version, 0) ||
	       sim_device_started(number, p->version, sim()->now - LATELY_MS * SIM_MS);
}

/* One that is written once more for a device that had it asks nobody. After a plan was
 * withdrawn each may have an upgrade of its own. Who said that it runs it already, while flashd
 * knew of nothing else that it confirmed, is taken at its word. */
void
sim_group_keeps(int number, const struct sim_package *p)
{
	if (!sim_group_has(number) || p == sim()->house->package ||
	    sim_device_ran(number, p->version, 0))
		return;
	for (int i = 0; i < sim()->house->group; i++)
		if (sim_plans_has_dropped(i))
			return;
	for (int i = 0; i < sim()->house->group; i++) {
		if (sim_mischief_claimed(i, p->version))
			continue;
		if (p->variant == SIM_SICK && !sim_group_spares(i, p))
			sim_violate(2, "device %d keeps %s, which does not work on device %d",
			    number, p->version, i);
		else if (i != number && !is_along(i, p))
			sim_violate(2, "device %d keeps %s, device %d of its group runs %s", number,
			    p->version, i, sim_device_version(i));
	}
}
