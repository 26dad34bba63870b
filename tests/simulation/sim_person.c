/*
 * sim_person: see sim_person.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "cloud_act.h"
#include "flash_act.h"
#include "sim.h"
#include "sim_house.h"
#include "sim_install.h"
#include "sim_person.h"
#include "sim_platform.h"

/* --- cloudd ----------------------------------------------------------------------------------- */

struct act {
	const char *what, *device;
	enum err e;
};

static void
call_act(void *arg)
{
	struct act *a = arg;
	AUTO(mem) char *json = NULL;

	a->e = cloud_act(sim()->proc[SIM_CLOUDD].self, a->what, a->device, &json);
	sim_uplink_set_timer();
}

void
sim_person_orders(const char *what, const char *device)
{
	struct act a = {what, device, ERR_OFFLINE};

	if (sim()->proc[SIM_CLOUDD].alive && sim_call(&sim()->proc[SIM_CLOUDD], call_act, &a))
		sim_say(NULL, "a person says %s %s: %s", what, device, err_name(a.e));
}

/* --- rollouts --------------------------------------------------------------------------------- */

struct person {
	bool pause, one; /* one rollout instead of all */
	enum err e;
};

/* As flashd: an order on its act socket. */
static void
order(struct flash *f, struct person *p, const char *argument)
{
	AUTO(mem) char *json = NULL;

	p->e = flash_act_on_order(f, p->pause ? "pause" : "resume", argument, &json);
}

static void
act(void *arg)
{
	struct person *p = arg;
	struct flash *f = sim()->proc[SIM_FLASHD].self;
	char number[24];

	if (!p->one)
		order(f, p, "all");
	for (const struct rollout *r = p->one ? f->ledger.rollouts : NULL; r; r = r->next) {
		if (p->pause ? r != f->ledger.rollouts : r->state < ROLLOUT_PAUSED)
			continue;
		snprintf(number, sizeof(number), "%llu", (unsigned long long)r->id);
		order(f, p, number);
	}
}

static void
resume_all(void *arg)
{
	struct person p = {.one = arg != NULL};

	if (!sim()->proc[SIM_FLASHD].alive || !sim_call(&sim()->proc[SIM_FLASHD], act, &p) ||
	    p.e == ERR_FULL || p.e == ERR_SYSTEM)
		sim_after(1000 * SIM_MS, resume_all, arg);
	else
		sim_say(
		    NULL, "a person resumes %s: %s", p.one ? "a rollout" : "all", err_name(p.e));
}

/* Every other time only the newest rollout. */
static void
pause_for_a_while(void *arg)
{
	unsigned turn = (unsigned)(uintptr_t)arg;
	struct person p = {.pause = true, .one = turn % 2, .e = ERR_OFFLINE};

	if (!sim()->calm && sim()->proc[SIM_FLASHD].alive &&
	    sim_call(&sim()->proc[SIM_FLASHD], act, &p))
		sim_say(NULL, "a person pauses %s: %s", p.one ? "a rollout" : "all", err_name(p.e));
	sim_after(20000 * SIM_MS, resume_all, p.one || sim()->calm ? sim() : NULL);
	sim_after(61000 * SIM_MS, pause_for_a_while, (void *)(uintptr_t)(turn + 1));
}

/* --- plans that wait for a person ------------------------------------------------------------- */

enum { LOOK_MS = 20000 };

struct answer {
	const char *what; /* confirm, reject or cancel */
	uint64_t upgrade;
	enum err e;
};

static void
give(void *arg)
{
	struct answer *a = arg;
	AUTO(mem) char *json = NULL;
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)a->upgrade);
	a->e = flash_act_on_order(sim()->proc[SIM_FLASHD].self, a->what, number, &json);
}

static void
tell_flashd(const char *what, uint64_t upgrade)
{
	struct answer a = {what, upgrade, ERR_OFFLINE};

	if (sim_call(&sim()->proc[SIM_FLASHD], give, &a))
		sim_say(NULL, "a person says %s to upgrade %llu: %s", what,
		    (unsigned long long)upgrade, err_name(a.e));
}

/* One in five is never answered, one in five gets a no; once it is calm, all get a yes. */
static void
answer(void *arg)
{
	const struct flash *f = sim()->proc[SIM_FLASHD].self;
	struct sim_stream s = sim_stream("answers");

	(void)arg;
	sim_after(LOOK_MS * SIM_MS, answer, NULL);
	if (!sim()->proc[SIM_FLASHD].alive)
		return;
	for (const struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		if (u->state != DEVICE_IDENTIFIED)
			continue;
		s.state ^= u->id * 0x9e3779b97f4a7c15u;
		unsigned how = sim()->calm ? 4 : (unsigned)sim_stream_below(&s, 5);
		if (how == 0)
			continue;
		tell_flashd(how == 1 ? "reject" : "confirm", u->id);
		return; /* the list may be another now */
	}
}

void
sim_person_cancels(unsigned which)
{
	const struct flash *f = sim()->proc[SIM_FLASHD].self;
	uint64_t ids[32];
	unsigned n = 0;

	if (!sim()->proc[SIM_FLASHD].alive)
		return;
	for (const struct device_upgrade *u = f->ledger.upgrades; u && n < 32; u = u->next)
		if (!device_is_over(u))
			ids[n++] = u->id;
	if (n)
		tell_flashd("cancel", ids[which % n]);
}

void
sim_person_cancels_on(int device)
{
	const struct flash *f = sim()->proc[SIM_FLASHD].self;
	char key[16];

	snprintf(key, sizeof(key), "d%d", device);
	for (const struct device_upgrade *u = sim()->proc[SIM_FLASHD].alive ? f->ledger.upgrades
									    : NULL;
	     u; u = u->next)
		if (device_is_active(u) && strcmp(u->device_key, key) == 0) {
			tell_flashd("cancel", u->id);
			return;
		}
}

void
sim_person_cancels_for(int device)
{
	const struct flash *f = sim()->proc[SIM_FLASHD].self;
	const struct device_upgrade *u = f ? f->ledger.upgrades : NULL;
	char key[16];

	snprintf(key, sizeof(key), "d%d", device);
	while (u && (device_is_over(u) || strcmp(u->device_key, key) != 0))
		u = u->next;
	if (u)
		tell_flashd("cancel", u->id);
}

void
sim_person_rolls(unsigned which, bool pause)
{
	const struct flash *f = sim()->proc[SIM_FLASHD].self;
	uint64_t ids[32];
	unsigned n = 0;

	if (!sim()->proc[SIM_FLASHD].alive || sim()->seed % 4 != 1)
		return; /* elsewhere nobody would resume it */
	for (const struct rollout *r = f->ledger.rollouts; r && n < 32; r = r->next)
		ids[n++] = r->id;
	if (n)
		tell_flashd(pause ? "pause" : "resume", ids[which % n]);
}

/* --- devices that are given up ---------------------------------------------------------------- */

static void
bring_back(void *arg)
{
	const struct cloud *c = sim()->proc[SIM_CLOUDD].self; /* its first member */
	const struct subdevice *s = sim()->proc[SIM_CLOUDD].alive ? c->devices.first : NULL;

	while (s && !s->gone)
		s = s->next;
	if (s)
		sim_bus_cut(1); /* flashd tells of all its devices anew */
	sim_after(60000 * SIM_MS, bring_back, arg);
}

void
sim_person_new(void)
{
	if (sim()->seed % 4 == 1) /* no draw: the other seeds stay what they were */
		sim_after(30000 * SIM_MS, pause_for_a_while, NULL);
	if (sim()->local)
		sim_install_new();
	if (!sim()->lively)
		return;
	sim_after(LOOK_MS * SIM_MS, answer, NULL);
	sim_after(60000 * SIM_MS, bring_back, NULL);
}
