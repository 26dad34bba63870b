/*
 * sim_rare: see sim_rare.h.
 */
#include <stdio.h>
#include <string.h>

#include "flash.h"
#include "flash_restore.h"
#include "roster.h"
#include "sim_device.h"
#include "sim_platform.h"
#include "sim_platform_part.h"
#include "sim_rare.h"

enum { LOOK_MS = 5000 };

/* --- the world -------------------------------------------------------------------------------- */

/* Of those worlds in which all devices have the same plans: they are one rollout, or a group. */
static bool
has_rollout(void)
{
	return sim()->grouped && sim()->seed % 4 == 1;
}

void
sim_rare_choose(struct sim_house *h)
{
	struct sim_stream s = sim_stream("rare");

	h->bare = !has_rollout() && !h->radio && sim_stream_chance(&s, 85);
	h->loader = h->bare && sim_stream_chance(&s, 50);
	h->runs_by_itself = h->loader && sim_stream_chance(&s, 50);
	h->checks = sim_stream_chance(&s, 60);
	h->products = has_rollout() || sim_stream_chance(&s, 50) ? 1 : SIM_PRODUCTS;
	h->in_step = true;
	h->no_test = h->serials = h->sources = h->forgets = false;
	if (!has_rollout())
		h->joins = h->group ? h->group : h->devices;
	h->group = 0;
}

/* All of it at the same time, until the first failure stops it; then a person resumes. */
static void
set_rollout(struct flash_settings_policy *p)
{
	sim()->house->flash.parallel = p->parallel = p->canary = 0;
	p->stop_after = 1;
}

void
sim_rare_settings(struct sim_house *h)
{
	struct sim_stream s = sim_stream("rollout");

	h->flash.policies[0].restore = true;
	if (has_rollout())
		set_rollout(&h->flash.policies[0]);
	for (size_t i = 0; i < h->flash.n_devices; i++) {
		struct flash_settings_device *d = &h->flash.devices[i];

		d->health_ms = 60000;
		snprintf(d->health_command, sizeof(d->health_command), "%s",
		    h->checks ? "/opt/health" : "");
		if (h->bare && !h->loader)
			snprintf(d->driver, sizeof(d->driver), "mcuboot");
		if (has_rollout())
			d->settle_ms = 5000 + 1000 * sim_stream_below(&s, 40);
	}
}

/* --- they join -------------------------------------------------------------------------------- */

struct view {
	bool can;  /* each runs what it has confirmed, and could get it back */
	bool idle; /* nothing is under way */
};

/* As flashd. */
static void
look(void *arg)
{
	struct flash *f = sim()->proc[SIM_FLASHD].self;
	struct view *v = arg;
	char why[WHY_SIZE];

	for (int i = 0; i < sim()->house->joins; i++)
		v->can &= !f->roster.devices[i].regressed &&
			  flash_restore_can(f, &f->roster.devices[i], why) == ERR_OK;
	for (const struct device_upgrade *u = f->ledger.upgrades; u; u = u->next)
		v->idle &= device_is_over(u);
}

/* All have come to the same plan. */
static bool
is_in_step(void)
{
	bool same = true;

	for (int i = 0; i < sim()->house->joins; i++)
		same &= sim_plans_peer(i)->at == sim_plans_peer(0)->at;
	return same;
}

static void
set_together(const char *word, int group)
{
	struct sim_house *h = sim()->house;

	sim_say(NULL, "a person lets %d devices go together", group);
	sim_kill(&sim()->proc[SIM_FLASHD]);
	h->group = group;
	for (int i = 0; i < h->joins; i++)
		snprintf(
		    h->flash.devices[i].together, sizeof(h->flash.devices[i].together), "%s", word);
}

/* What was spared because of its group is so no longer, and who was ahead waits no longer. */
static void
part(void)
{
	set_together("", 0);
	for (int i = 0; i < sim()->house->joins; i++) {
		struct sim_plan *n = sim_plans_current(i);

		if (n && n->package->variant == SIM_SICK)
			sim_device_sick(
			    i, n->package->version, (enum sim_illness)n->package->illness);
		if (!n || n->due != SIM_NEVER)
			continue;
		n->due = sim()->now;
		sim_plans_offer(i, false);
	}
}

/* A person follows what flashd says: a group of which one cannot be taken back, or was not, is
 * none until each has confirmed something anew. */
static void
arrange(void *arg)
{
	struct sim_house *h = sim()->house;
	struct sim_proc *p = &sim()->proc[SIM_FLASHD];
	struct view v = {true, true};

	if (sim_plans_left() == 0)
		return;
	sim_after(LOOK_MS * SIM_MS, arrange, arg);
	if (!p->alive || !sim_call(p, look, &v) || !v.idle)
		return;
	if (!h->group && v.can && is_in_step() && !sim()->calm)
		set_together("all-or-none", h->joins);
	else if (h->group && h->bare && !v.can)
		part();
}

void
sim_rare_begin(void)
{
	if (sim()->house->joins)
		sim_after(LOOK_MS * SIM_MS, arrange, NULL);
}

/* --- what is promised ------------------------------------------------------------------------- */

/* Is it a version that one of the group cannot live with? */
static bool
is_ill(const char *version)
{
	const struct sim_house *h = sim()->house;

	for (int i = 0; i < h->n_packages; i++)
		if (strcmp(h->package[i].version, version) == 0)
			return h->package[i].variant == SIM_SICK;
	return false;
}

void
sim_rare_check_end(void)
{
	const struct sim_house *h = sim()->house;

	for (int i = 0; sim()->rare && i < h->group; i++) {
		if (strcmp(sim_device_version(i), sim_device_version(0)) != 0)
			sim_violate(2, "in the end device %d runs %s, device 0 of its group %s", i,
			    sim_device_version(i), sim_device_version(0));
		if (h->bare && is_ill(sim_device_version(i)))
			sim_violate(2, "in the end device %d runs %s, which is ill on one of them",
			    i, sim_device_version(i));
	}
}
