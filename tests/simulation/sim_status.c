/*
 * sim_status: what the simulated Developer Center makes of statuses (0114): their order, whether
 * they are true, and what they do to the plan that is out.
 *
 * One that it works off late, from the queue of a connection that is gone (sim_late.h), is to it
 * like any other: a status names no plan. It answers it, believes the version in it, and counts an
 * end against the plan that is out. What the gateway has to keep is held only against what came in
 * time: the order was looked at when the message reached the broker.
 */
#include <string.h>

#include "dialect.h"
#include "sim.h"
#include "sim_device.h"
#include "sim_house.h"
#include "sim_late.h"
#include "sim_platform.h"
#include "sim_platform_part.h"
#include "sim_quirk.h"

/* In lively worlds a device is expelled in the middle of all, and records are lost: what is said
 * for a while after that (`muddled`) need not fit what was said before. */
static bool
is_muddled(int device)
{
	return sim()->now < sim_plans_peer(device)->muddled;
}

static void
check_order(int device, struct sim_order *o, int status, bool refused)
{
	int last = o->last;
	bool late = false;

	if (!sim_order_hear(o, status, refused, &late) && !is_muddled(device))
		sim_violate(3, "device %d: status %d follows status %d%s", device, status, last,
		    late ? ", out of turn" : "");
}

/* The newer one of an old package may have been withdrawn. A unit known by its serial number that
 * has taken the device's place has floors of its own: of what it was delivered with nobody knows
 * the sequence (flashd/counters.h). */
static bool
had_newer(int device, const struct sim_package *p)
{
	const struct sim_house *h = sim()->house;

	for (int i = 0; i < h->n_packages; i++)
		if (h->package[i].sequence > p->sequence &&
		    sim_device_was_given(device, h->package[i].version))
			return true;
	return false;
}

static bool
is_of(const struct sim_package *p, const char *version)
{
	return p && strcmp(version, p->target) == 0;
}

/* A plan and an address that came late may have begun one once more that was over. */
static bool
is_stale(const struct sim_peer *p, const char *version)
{
	for (int i = 0; p->stale && i < p->at; i++)
		if (is_of(p->plan[i].package, version))
			return true;
	return false;
}

static void
on_success(int device, const char *version)
{
	struct sim_peer *p = sim_plans_peer(device);
	struct sim_plan *n = sim_plans_current(device);

	if ((is_of(p->dropped, version) || is_of(p->early, version) || is_stale(p, version)) &&
	    strcmp(version, sim_plans_target(n)) != 0 && sim_device_ran(device, version, 0)) {
		n->begun = n->confirmed = false; /* it was the one before that was told about */
		return;
	}
	if (n->old && n->package->variant == SIM_GOOD && !had_newer(device, n->package)) {
		sim_plans_end(device, true);
		return;
	}
	if (sim_plans_is_bad(n)) {
		sim_violate(1, "device %d: success is reported of a package that is %s", device,
		    n->old ? "old" : sim_variant_name(n->package->variant));
		return;
	}
	if (strcmp(version, sim_plans_target(n)) != 0) {
		sim_violate(3, "device %d: success with version %s, expected %s", device, version,
		    sim_plans_target(n));
		return;
	}
	if (!sim_device_ran(device, version, 0))
		sim_violate(
		    3, "device %d: success with %s, which it does not keep", device, version);
	sim_plans_end(device, true);
}

static void
send_address(int device, const struct sim_plan *n)
{
	if (sim_quirk_misfits(device))
		sim_say("platform", "sends device %d another address", device);
	else if (!sim_plans_peer(device)->silent)
		sim_platform_send_firmware(device, n->package, false);
	sim_plans_peer(device)->silent = false;
}

static void
judge(int device, struct sim_plan *n, int status, bool again, const char *version)
{
	const struct sim_peer *p = sim_plans_peer(device);

	n->since = sim()->now;
	n->waits = status == DIALECT_CONFIRMED || (sim_order_is_end(status) && n->waits);
	if (status == DIALECT_DOWNLOAD_START && !n->confirmed && !is_muddled(device) && !p->gap &&
	    !sim_order_owes(&p->order[0], DIALECT_CONFIRMED))
		sim_violate(3, "device %d: status 4 of a plan that was not confirmed", device);
	if (status == DIALECT_CONFIRMED) {
		n->confirmed = true;
		n->confirmed_at = sim()->now;
		sim()->counts.upgrades += !again;
		send_address(device, n);
	}
	if (again || !sim_order_is_end(status))
		return;
	if (status == DIALECT_SUCCESS)
		on_success(device, version);
	else
		sim_plans_failed(device, status == DIALECT_REFUSED);
}

static void
on_status(int device, int status, const char *version)
{
	struct sim_peer *p = sim_plans_peer(device);
	struct sim_plan *n = sim_plans_current(device);
	bool again = status == p->last;

	sim_say("platform", "hears status %d of device %d, version %s", status, device, version);
	p->last = status;
	sim_quirk_hears(status);
	sim_late_hears(status);
	if (status == DIALECT_PLAN_RECEIVED)
		p->radio_open = p->gap = false; /* whatever became of the list before */
	if (n && n->offered && status == DIALECT_PLAN_RECEIVED)
		n->begun = true;
	if (n && n->begun) /* else it is about what was over already */
		judge(device, n, status, again, version);
	if (status == DIALECT_SUCCESS || status == DIALECT_FAILURE)
		sim_plans_learn(device, version);
}

/* Of the second component: the order of what is said, and whether success is true. */
static void
on_radio(int device, int status, const char *versions)
{
	struct sim_peer *p = sim_plans_peer(device);
	const char *version = strncmp(versions, "radio:", 6) == 0 ? versions + 6 : "";

	sim_say(
	    "platform", "hears status %d of the radio of device %d, %s", status, device, versions);
	p->radio_open = !sim_order_is_end(status) && !p->needless;
	if (status == DIALECT_PLAN_RECEIVED)
		p->radio = p->radio_offered;
	if (status == DIALECT_CONFIRMED && p->radio_last != status && p->radio) {
		sim()->counts.upgrades++;
		sim_platform_send_firmware(device, p->radio, true);
	}
	p->radio_last = status;
	if (status == DIALECT_SUCCESS && !sim_device_second_ran(device, version))
		sim_violate(3, "device %d: success of a radio with \"%s\", which it does not keep",
		    device, versions);
}

/* --- when they come --------------------------------------------------------------------------- */

void
sim_status_hear(int device, bool radio, int status, const char *version)
{
	if (radio)
		on_radio(device, status, version);
	else
		on_status(device, status, version);
}

void
sim_status_said(int device, bool radio, int status, bool refused)
{
	check_order(device, &sim_plans_peer(device)->order[radio], status, refused);
}

void
sim_status_keep(int device, bool radio, int status)
{
	struct sim_peer *p = sim_plans_peer(device);
	struct sim_plan *n = sim_plans_current(device);

	check_order(device, &p->order[radio], status, false);
	if (status == DIALECT_PLAN_RECEIVED && radio)
		p->radio = p->radio_offered;
	else if (status == DIALECT_PLAN_RECEIVED && n && n->offered)
		n->begun = true;
	if (radio && sim_order_is_end(status))
		p->radio_open = false; /* it may be worked off while nobody is logged in */
	if (!radio && n && status != DIALECT_CONFIRMED)
		n->waits = false;
	p->gap = true;
}

static void
late_radio(struct sim_peer *p, int device, int status)
{
	if (sim_order_is_end(status))
		p->radio_open = false;
	if (status != DIALECT_CONFIRMED || !p->radio)
		return;
	sim_order_push(&p->order[1]);
	sim_platform_send_firmware(device, p->radio, true);
}

void
sim_status_late(int device, bool radio, int status, const char *version)
{
	struct sim_peer *p = sim_plans_peer(device);
	struct sim_plan *n = sim_plans_current(device);

	sim_say("platform", "hears late: status %d of %sdevice %d, version %s", status,
	    radio ? "the radio of " : "", device, version);
	if (radio) {
		late_radio(p, device, status);
		return;
	}
	p->last = status;
	if (n && n->offered) {
		n->waits = false;
		n->since = sim()->now;
	}
	if (n && n->offered && status == DIALECT_CONFIRMED) {
		sim_order_push(&p->order[0]);
		p->gap = true;
		send_address(device, n);
	}
	if (n && n->offered && sim_order_is_end(status) && status != DIALECT_SUCCESS)
		sim_plans_failed(device, status == DIALECT_REFUSED);
	if (status == DIALECT_SUCCESS || status == DIALECT_FAILURE)
		sim_plans_learn(device, version);
}
