/*
 * sim_plans: the plans of the simulated Developer Center: whose turn it is, when it is offered, and
 * how it ends. A plan of a good package must be done in the end, any other must never be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_depends.h"
#include "sim_device.h"
#include "sim_fault.h"
#include "sim_group.h"
#include "sim_mischief.h"
#include "sim_platform.h"
#include "sim_platform_part.h"
#include "sim_quirk.h"

enum {
	STEP_MS = 120000,
	ECHO_MS = 900000,
	PUSH_MS = 600000,  /* again while nobody answers */
	LATER_MS = 120000, /* after a failure or a refusal */
	DEADLINE_MS = 3600000,
	LIVELY_DEADLINE_MS = 4 *
			     3600000, /* windows, a settling time, plans that wait for a person */
	ADDRESS_MS = 900000,          /* the gateway waits 30 s for it */
	TRIES_BAD = 2,                /* failures after which a bad plan is over */
	TRIES_CALM = 6,               /* and a good one, which must not fail in calm weather */
	TRIES_UNMET = 12,             /* and one that waits for another device */
	TRIES_LIVELY = 60             /* and there be refused, until a window opens */
};

struct sim_peer *
sim_plans_peer(int device)
{
	return &sim()->platform->peer[device];
}

struct sim_plan *
sim_plans_current(int device)
{
	struct sim_peer *p = sim_plans_peer(device);

	return p->at < p->n ? &p->plan[p->at] : NULL;
}

bool
sim_plans_is_bad(const struct sim_plan *p)
{
	return p->old || p->wrong || p->package->variant != SIM_GOOD;
}

const char *
sim_plans_target(const struct sim_plan *p)
{
	return p->package->target;
}

static void offer_later(int device, int64_t ms);

/* Another of its group has not ended the plan before. */
static bool
is_ahead(int device)
{
	for (int i = 0; sim_group_has(device) && i < sim()->house->group; i++)
		if (sim_plans_peer(i)->n == 0 || sim_plans_peer(i)->at < sim_plans_peer(device)->at)
			return true;
	return false;
}

/* Another of its group ended this plan, and never kept what it brings: it lied, or is another unit
 * now, which came with it: who has confirmed something else is not believed (flash_group.c). Or it
 * ran that only until it got back what it had (sim_rare.h). */
static bool
is_left_behind(int device)
{
	const char *target = sim_plans_target(sim_plans_current(device));

	for (int i = 0; sim_group_has(device) && i < sim()->house->group; i++)
		if (sim_plans_peer(i)->at > sim_plans_peer(device)->at &&
		    (!sim_device_ran(i, target, 0) || sim_device_came_with(i, target) ||
			(sim()->rare && strcmp(sim_device_version(i), target) != 0)))
			return true;
	return false;
}

/* A group's plans come together; they are the same. */
static void
wait_for_group(int device)
{
	struct sim_stream s = sim_stream("turns of a group");

	if (!sim_group_has(device))
		return;
	sim_plans_current(device)->due = SIM_NEVER;
	for (int i = 0; i < sim()->house->group && !is_ahead(device); i++) {
		s.state += (uint64_t)(device + sim_plans_peer(i)->at);
		int64_t ms = (int64_t)sim_stream_below(&s, 60000);

		sim_plans_current(i)->due = sim()->now + ms * SIM_MS;
		offer_later(i, ms + 1);
	}
}

static void
next_plan(int device)
{
	struct sim_peer *p = sim_plans_peer(device);
	struct sim_plan *n = NULL;

	if (!p->dropped) /* which may still be under way */
		sim_device_sick(device, NULL, SIM_ILL_SILENT);
	p->at++;
	n = sim_plans_current(device);
	if (!n)
		return;
	if (n->package->variant == SIM_SICK && !n->old && !sim_group_spares(device, n->package))
		sim_device_sick(device, n->package->version, (enum sim_illness)n->package->illness);
	n->due = sim()->now + sim_between(1000, 60000) * SIM_MS;
	if (sim()->plan_every && n->due < p->at * sim()->plan_every)
		n->due = p->at * sim()->plan_every + sim_between(0, 60000) * SIM_MS;
	if (sim()->house->in_step)
		n->due += STEP_MS * SIM_MS - n->due % (STEP_MS * SIM_MS);
	offer_later(device, (n->due - sim()->now) / SIM_MS + 1);
	wait_for_group(device);
}

void
sim_plans_end(int device, bool done)
{
	struct sim_plan *p = sim_plans_current(device);

	sim_plans_peer(device)->dropped = NULL;
	p->done = done;
	p->over = true;
	sim_say("platform", "plan %d of device %d, %s: %s", sim_plans_peer(device)->at, device,
	    p->old ? "old" : sim_variant_name(p->package->variant), done ? "done" : "failed");
	next_plan(device);
}

static void
drop(int device, bool at_once)
{
	struct sim_peer *p = sim_plans_peer(device);
	struct sim_plan *n = sim_plans_current(device);

	sim_say("platform", "plan %d of device %d is dropped", p->at, device);
	n->over = true;
	p->dropped = n->package;
	next_plan(device);
	if (!at_once || is_ahead(device))
		return;
	sim_plans_current(device)->due = sim()->now;
	sim_plans_offer(device, false);
}

void
sim_plans_drop(int device, bool at_once)
{
	struct sim_peer *p = sim_plans_peer(device);
	struct sim_plan *n = sim_plans_current(device);
	int at = p->at;

	if (!n || !n->offered || at + 1 >= p->n)
		return;
	for (int i = 0; i < sim()->house->devices; i++)
		if (i == device ||
		    (sim_group_has(i) && sim_group_has(device) && sim_plans_peer(i)->at == at))
			drop(i, at_once);
}

const struct sim_package *
sim_platform_wants(int device)
{
	const struct sim_plan *n = sim_plans_current(device);

	return n && n->offered ? n->package : NULL;
}

struct echo {
	int device;
	const struct sim_plan *plan;
};

static void
say_again(void *arg)
{
	struct echo *e = arg;

	if (!sim()->calm && sim_plans_peer(e->device)->in) {
		sim()->counts.faults[SIM_FAULT_PLAN_LATE]++;
		sim_platform_send_plan(e->device, e->plan);
	}
	free(e);
}

/* In hostile worlds an offer comes once more, long after, when another is under way or none. */
static void
echo(int device, const struct sim_plan *n)
{
	struct echo *e = NULL;

	if (!sim()->hostile || !sim_chance(5) || !(e = malloc(sizeof(*e))))
		return;
	*e = (struct echo){device, n};
	sim_after(sim_between(1000, ECHO_MS) * SIM_MS, say_again, e);
}

void
sim_plans_offer(int device, bool asked)
{
	struct sim_peer *p = sim_plans_peer(device);
	struct sim_plan *n = sim_plans_current(device);

	if (!n || !p->in || sim()->now < n->due)
		return;
	if (!asked && n->offered && p->last != 0 && p->last != DIALECT_FAILURE &&
	    p->last != DIALECT_REFUSED && p->last != DIALECT_DOWNLOAD_ERROR &&
	    p->last != DIALECT_SUCCESS && sim()->now - n->since < 1800 * 1000 * SIM_MS)
		return; /* under way */
	if (sim()->local && strcmp(p->version, sim_plans_target(n)) == 0 && !n->old) {
		sim_plans_end(device, true); /* a person was faster */
		return;
	}
	n->offered = true;
	n->known = sim()->lively || sim()->local || sim()->late;
	n->since = sim()->now;
	if (!sim_quirk_pushes(device))
		sim_platform_send_plan(device, n);
	echo(device, n);
	offer_later(device, PUSH_MS);
}

static void
offer_now(void *arg)
{
	sim_plans_offer((int)(intptr_t)arg, false);
}

static void
offer_later(int device, int64_t ms)
{
	sim_after(ms * SIM_MS, offer_now, (void *)(intptr_t)device);
}

/* The device is said to run this. What the platform was told while it was so may be said again
 * after a cut, when the device is away: it may have been on trial where nothing was confirmed
 * before, and have been exchanged since (DESIGN.md 2: reports come at start and on change, so
 * cloudd has nothing newer of one that is away). */
void
sim_plans_learn(int device, const char *version)
{
	struct sim_peer *p = sim_plans_peer(device);
	struct sim_plan *n = sim_plans_current(device);

	if (!version[0])
		return;
	if (strcmp(version, sim()->house->package[0].version) != 0 &&
	    !sim_device_ran(device, version, 0) &&
	    strcmp(sim_device_version(device), version) != 0 && strcmp(p->version, version) != 0 &&
	    !sim_mischief_claimed(device, version))
		sim_violate(3, "device %d is said to run %s, which it never did", device, version);
	snprintf(p->version, sizeof(p->version), "%s", version);
	/* Of the plan before, too: no 11 without a report of DONE, and a version is outcome enough
	 * (developer center, 13). */
	if (p->dropped && strcmp(version, p->dropped->target) == 0)
		sim_order_leave(&p->order[0]);
	if (n && !n->over && strcmp(version, sim_plans_target(n)) == 0 && !n->old &&
	    (n->offered || n->known)) {
		sim_order_leave(&p->order[0]);
		p->early = p->last == DIALECT_SUCCESS ? NULL : n->package;
		sim_plans_end(device, true);
	}
}

void
sim_plans_failed(int device, bool refused)
{
	struct sim_plan *n = sim_plans_current(device);
	unsigned *count = refused ? &n->refusals : &n->failures;
	unsigned most = refused && sim()->lively ? TRIES_LIVELY : TRIES_CALM;
	bool bad = sim_plans_is_bad(n) || n->overtaken || is_left_behind(device);

	if (sim()->rare && refused &&
	    strcmp(sim_platform_version(device), sim_plans_target(n)) == 0) {
		sim_plans_end(device, true); /* by another way than this plan */
		return;
	}
	n->due = sim()->now + LATER_MS * SIM_MS;
	n->offered = n->begun = n->confirmed = false;
	offer_later(device, LATER_MS + 1);
	if (!sim_plans_is_bad(n) && !refused && sim()->gentle && !n->waits)
		sim_violate(6, "device %d: a good plan (%s) fails because a process died", device,
		    sim_plans_target(n));
	if (!bad && !sim()->calm)
		return;
	++*count;
	if (!bad && !sim_depends_is_met(device, n->package)) { /* who lacks it may never get it */
		if (*count >= TRIES_UNMET)
			sim_plans_end(device, false);
		return;
	}
	if (bad && *count >= TRIES_BAD) {
		sim_plans_end(device, false);
	} else if (*count >= most) {
		sim_violate(6, "device %d: a good plan (%s) ends badly %u times in calm weather",
		    device, sim_plans_target(n), *count);
		sim_plans_end(device, false);
	}
}

void
sim_plans_overtake(int device, const struct sim_package *by)
{
	struct sim_peer *p = sim_plans_peer(device);

	for (int i = p->at; i < p->n; i++)
		p->plan[i].overtaken |= p->plan[i].package->sequence < by->sequence;
}

const struct sim_package *
sim_plans_next(int device)
{
	const struct sim_peer *p = sim_plans_peer(device);

	return p->plan[p->at < p->n ? p->at : p->n - 1].package;
}

bool
sim_plans_has_dropped(int device)
{
	return sim_plans_peer(device)->dropped != NULL;
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* In lively worlds some plans ask for what the device has not. */
static int
is_wrong(const struct sim_plan *k, struct sim_stream *s)
{
	bool wrong = sim()->lively && sim_stream_chance(s, 8);

	return wrong && !k->radio ? 1 + (int)sim_stream_below(s, 2) : 0;
}

void
sim_plans_make(int device, int n)
{
	struct sim_peer *p = sim_plans_peer(device);
	const struct sim_house *h = sim()->house;
	int package = 1, good = 0;
	struct sim_stream s = sim_stream("wrong plans");

	if (sim()->grouped && device > 0) { /* all have the same */
		p->n = sim_plans_peer(0)->n;
		memcpy(p->plan, sim()->platform->first, sizeof(p->plan));
		p->at = -1;
		next_plan(device);
		return;
	}
	s.state += (uint64_t)device;
	for (p->n = 0; p->n < n && package < h->n_packages; p->n++) {
		struct sim_plan *k = &p->plan[p->n];

		if (good > 1 && sim_chance(8) && !h->forgets) {
			*k = (struct sim_plan){.package = &h->package[good - 1], .old = true};
			if (k->package->variant == SIM_GOOD)
				continue;
		}
		*k = (struct sim_plan){.package = &h->package[package]};
		if (h->radio && (p->n + device) % 2)
			k->radio = &h->package[h->n_packages + 1 + p->n / 2 % (SIM_RADIOS - 1)];
		k->wrong = is_wrong(k, &s);
		if (k->package->variant == SIM_GOOD && !k->wrong)
			good = package;
		package++;
	}
	memcpy(sim()->platform->first, p->plan, sizeof(p->plan));
	p->at = -1;
	next_plan(device);
}

/* In lively worlds the gateway may have been away meanwhile. */
static bool
is_silent_for_long(const struct sim_plan *n)
{
	int64_t since = n->since;

	if (sim()->lively && !sim()->calm)
		return false;
	if (sim()->lively && sim()->calm_at > since)
		since = sim()->calm_at;
	return sim()->now - since > ADDRESS_MS * SIM_MS;
}

void
sim_plans_check(void)
{
	for (int i = 0; i < sim()->house->devices; i++) {
		const struct sim_plan *n = sim_plans_current(i);
		int64_t since = sim()->calm_at;
		int64_t most = sim()->lively ? LIVELY_DEADLINE_MS : DEADLINE_MS;

		if (!n || !n->confirmed)
			continue;
		if (n->waits && is_silent_for_long(n))
			sim_violate(4, "device %d: nothing follows the confirmation", i);
		if (!sim()->calm)
			continue;
		if (n->confirmed_at > since)
			since = n->confirmed_at;
		if (sim()->now - since > most * SIM_MS)
			sim_violate(4,
			    "device %d: a plan (%s) was confirmed and does not end, last "
			    "status %d",
			    i, sim_plans_target(n), sim_plans_peer(i)->last);
	}
}

bool
sim_plans_is_done(char *why, size_t size)
{
	for (int i = 0; i < sim()->house->devices; i++) {
		const struct sim_plan *n = sim_plans_current(i);

		if (!n && !sim_plans_peer(i)->radio_open)
			continue;
		snprintf(why, size, "the radio of device %d", i);
		if (n)
			snprintf(why, size, "plan %d of device %d (%s to %s), last status %d",
			    sim_plans_peer(i)->at, i,
			    n->old ? "old" : sim_variant_name(n->package->variant),
			    sim_plans_target(n), sim_plans_peer(i)->last);
		return false;
	}
	return true;
}

unsigned
sim_plans_left(void)
{
	unsigned left = 0;

	for (int i = 0; i < sim()->house->devices; i++)
		left += (unsigned)(sim_plans_peer(i)->n - sim_plans_peer(i)->at) +
			sim_plans_peer(i)->radio_open;
	return left;
}

const char *
sim_platform_version(int device)
{
	return sim_plans_peer(device)->version;
}

void
sim_plans_outcome(char *out, size_t size)
{
	size_t at = 0;

	for (int i = 0; i < sim()->house->devices; i++)
		for (int k = 0; k < sim_plans_peer(i)->n && at + 3 < size; k++)
			at += (size_t)snprintf(
			    out + at, size - at, "%c", sim_plans_peer(i)->plan[k].done ? 'd' : 'f');
}
