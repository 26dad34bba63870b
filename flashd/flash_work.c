/*
 * flash_work: see flash_work.h.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crews.h"
#include "flash_back.h"
#include "flash_depends.h"
#include "flash_exec.h"
#include "flash_group.h"
#include "flash_health.h"
#include "flash_nursery.h"
#include "flash_order.h"
#include "flash_queue.h"
#include "flash_restore.h"
#include "flash_talk.h"
#include "flash_unit.h"
#include "flash_work.h"
#include "manifest.h"

enum { ASK_MS = 20000, SAVE_AGAIN_MS = 1000 };

const struct device_upgrade *
flash_work_busy(const struct flash *f, const struct roster_device *d, uint64_t except)
{
	for (const struct device_upgrade *u = f->ledger.upgrades; u; u = u->next)
		if (u->id != except && device_is_active(u) && roster_is_of(u, d))
			return u;
	return NULL;
}

/* --- judging an image ------------------------------------------------------------------------- */

enum err
flash_work_verify(struct flash *f, const struct device_upgrade *u, const uint8_t digest[32],
    struct verify_image *out, char why[WHY_SIZE])
{
	const struct roster_device *d = roster_of(&f->roster, u);
	struct verify_context c = {f->trust, f->ledger.record, f->settings->common.store_dir,
	    flash_time(f, u->wrote), u->wrote ? flash_depends_past : flash_depends_on, f};

	verify_image_init(out);
	if (!d)
		return why_say(why, ERR_UNKNOWN_DEVICE, "expected a configured device, got none");
	struct verify_target t = {.vendor = d->config->vendor,
	    .model = d->config->model,
	    .hw_revision = d->config->hw_revision,
	    .unit = d->unit,
	    .product_key = u->product_key,
	    .device_key = u->device_key,
	    .component = u->component,
	    .version = u->target_version,
	    .driver = d->config->driver};
	enum err e = verify_open(&c, digest, &t, out, why);
	ledger_set_bound(&f->ledger, trust_bound_ms(f->trust));
	clock_alarm_check(&f->clock, f->daemon->events, ledger_bound(&f->ledger));
	return e;
}

/* --- what came of it -------------------------------------------------------------------------- */

/* The unit that it was begun for is gone. */
static void
take_up_anew(struct device_upgrade *u, const struct roster_device *d)
{
	struct device_news n = {.now = clock_now()};
	struct subject s = device_subject(u);

	u->running = false;
	snprintf(u->binding, sizeof(u->binding), "%s", d->binding);
	if (device_step(u, DEVICE_REPLACED, &n) != ERR_OK)
		log_error(&s, "another unit means nothing in %s", device_table.states[u->state]);
}

static void
finish_upgrade(struct flash *f, struct device_upgrade *u, const Pb__SessionReport *r)
{
	struct subject s = device_subject(u);
	struct roster_device *d = roster_of(&f->roster, u);

	if (r && r->error != ERR_OK)
		log_warn(&s, "verb %d: %s: %s", u->verb, err_name(r->error), r->detail);
	if (!r)
		log_warn(&s, "verb %d: the session died", u->verb);
	if (d && r) {
		flash_restore_know(f, d, r);
		roster_learn(d, r);
	}
	if (d && r && r->error == ERR_OK && flash_unit_heard(f, d, r->unit))
		take_up_anew(u, d);
	else if (device_on_final(u, r, clock_now()) != ERR_OK)
		log_error(&s, "an end of verb %d means nothing in %s", u->verb,
		    device_table.states[u->state]);
	if (d && u->state == DEVICE_QUEUED) /* gave its turn back: taken up again when heard */
		roster_on_failure(&f->roster, d, (enum err)u->error, u->detail, clock_now());
}

static void
on_report(void *arg, struct lane *lane, const Pb__SessionReport *r)
{
	struct flash_lane *l = arg;
	struct device_upgrade *u = ledger_find(&l->flash->ledger, l->upgrade);

	(void)lane;
	if (!u || !u->running || (int)r->verb != u->verb)
		return;
	device_on_progress(u, r, clock_now());
	flash_talk_progress(l->flash, u);
	if (u->changed)
		flash_settle(l->flash);
}

static void
on_final(void *arg, struct lane *lane, const Pb__SessionReport *r)
{
	struct flash_lane *l = arg;
	struct device_upgrade *u = ledger_find(&l->flash->ledger, l->upgrade);

	(void)lane;
	if (u && u->running) {
		finish_upgrade(l->flash, u, r);
	} else if (!l->upgrade && l->device && !flash_back_takes(l->flash, l->device, r)) {
		flash_restore_know(l->flash, l->device, r);
		roster_on_answer(&l->flash->roster, l->device, r, clock_now());
		if (r && r->error == ERR_OK) {
			flash_unit_heard(l->flash, l->device, r->unit);
			flash_depends_news(l->flash, clock_now());
			flash_restore_watch(l->flash, l->device, r);
		}
	}
	flash_settle(l->flash);
}

static void
on_idle(void *arg, struct lane *lane)
{
	struct flash_lane *l = arg;

	(void)lane;
	if (l->device)
		l->device->asking = false;
	l->device = NULL;
	l->upgrade = 0;
	flash_settle(l->flash);
}

void
flash_work_stop(struct flash *f, const struct device_upgrade *u)
{
	for (size_t i = 0; i < f->n_lanes; i++)
		if (f->lanes[i].upgrade == u->id)
			lane_stop(f->lanes[i].lane);
}

/* --- orders ----------------------------------------------------------------------------------- */

static void
refuse_image(struct device_upgrade *u, enum err e, const char *why)
{
	struct device_news n = {.now = clock_now(), .error = e, .detail = why};
	struct subject s = device_subject(u);

	log_warn(&s, "image refused: %s: %s", err_name(e), why);
	if (device_step(u, DEVICE_REFUSE, &n) != ERR_OK)
		log_error(&s, "a refusal means nothing in %s", device_table.states[u->state]);
}

/* The session could not be started: as if it had said so. */
static void
fail_start(struct flash *f, struct device_upgrade *u, enum err e, const char *why)
{
	Pb__SessionReport r = PB__SESSION_REPORT__INIT;

	r.verb = (Pb__Verb)u->verb;
	r.final = true;
	r.error = e;
	r.detail = (char *)(uintptr_t)why;
	finish_upgrade(f, u, &r);
}

/* The descriptor of the device's GPIO lines, -1 = none. */
static int
pins_of(const struct flash *f, const struct roster_device *d)
{
	return f->pins && d ? f->pins[d - f->roster.devices].fd : -1;
}

/* The lane with what this device needs. */
static enum err
start_lane(struct flash *f, struct flash_lane *l, const struct roster_device *d,
    struct flash_order *k, int image_fd, char why[WHY_SIZE])
{
	bool check = k->o.verb == PB__VERB__VERB_CHECK;
	struct places places = {0};

	flash_health_places_for(f->settings, d->config, (int)k->o.verb, &places);
	lane_lend_pins(l->lane, check ? -1 : pins_of(f, d));
	lane_lend_exec(
	    l->lane, places.n ? &places : NULL, check && !flash_health_uses_port(d->config));
	enum err e = lane_start(l->lane, &k->line, image_fd, &k->o, why);
	places_fini(&places);
	return e;
}

static void
send_order(struct flash *f, struct flash_lane *l, struct device_upgrade *u, struct flash_order *k,
    int image_fd)
{
	char why[WHY_SIZE] = "";

	u->running = true;
	l->upgrade = u->id;
	l->device = roster_of(&f->roster, u);
	enum err e = start_lane(f, l, l->device, k, image_fd, why);
	if (e == ERR_OK)
		return;
	if (lane_is_idle(l->lane))
		*l = (struct flash_lane){.flash = f, .lane = l->lane};
	fail_start(f, u, e, why);
}

/* The record says that this order may leave, then it leaves. */
static void
start_upgrade(struct flash *f, struct flash_lane *l, struct device_upgrade *u)
{
	struct roster_device *d = roster_of(&f->roster, u);
	struct verify_image v;
	struct flash_order k;
	char why[WHY_SIZE] = "";
	enum err e = ERR_OK;

	verify_image_init(&v);
	if (device_needs_image(u->verb))
		e = flash_work_verify(f, u, u->digest, &v, why);
	if (e == ERR_OK && v.waits)
		e = ERR_DEPENDS; /* it was met when its turn came */
	if (e != ERR_OK) {
		refuse_image(u, e, why);
		return;
	}
	if (u->verb == PB__VERB__VERB_CHECK)
		flash_health_order(&k, d->config, device_verb_ms(u, &f->limits));
	else
		flash_order_init(&k, f->settings, d, u->verb, device_verb_ms(u, &f->limits));
	k.o.target_version = u->image_version;
	if (v.payload)
		flash_order_add_image(&k, &v);
	u->wrote |= u->verb == PB__VERB__VERB_WRITE;
	u->changed = true;
	e = ledger_save(&f->ledger, clock_now());
	if (e == ERR_OK)
		send_order(f, l, u, &k, v.fd);
	else
		u->due = mono_after(clock_now(), SAVE_AGAIN_MS);
	verify_image_fini(&v);
}

static void
start_question(struct flash *f, struct flash_lane *l, struct roster_device *d)
{
	struct flash_order k;
	char why[WHY_SIZE] = "";

	flash_back_order(f, d, ASK_MS, &k);
	enum err e = start_lane(f, l, d, &k, -1, why);
	if (e != ERR_OK) {
		roster_on_failure(&f->roster, d, e, why, clock_now());
		return;
	}
	flash_back_begins(d, (int)k.o.verb);
	l->device = d;
	l->upgrade = 0;
}

/* --- whose turn it is ------------------------------------------------------------------------- */

static bool
is_ready(const struct device_upgrade *u, struct mono now)
{
	return device_is_active(u) && u->verb != 0 && !u->running && mono_reached(now, u->due);
}

/* What an idle lane could do next. */
struct choice {
	struct device_upgrade *upgrade;
	struct roster_device *device; /* to be asked, where there is no upgrade */
};

/* For each lane, in one pass over the upgrades and one over the devices: whatever has waited
 * longest. */
static void
choose(struct flash *f, struct choice *best, struct mono now)
{
	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		struct roster_device *d = is_ready(u, now) ? roster_seat(&f->roster, u) : NULL;
		struct choice *c = d ? &best[d->lane_number] : NULL;

		if (c && (!c->upgrade || u->due.ms < c->upgrade->due.ms))
			c->upgrade = u;
	}
	roster_count(&f->roster, f->ledger.upgrades);
	for (size_t i = 0; i < f->roster.n; i++) {
		struct roster_device *d = &f->roster.devices[i];
		struct choice *c = &best[d->lane_number];

		if (d->asking || !mono_reached(now, d->ask_at) || roster_is_busy(d))
			continue;
		if (!c->device || d->ask_at.ms < c->device->ask_at.ms)
			c->device = d;
	}
}

static bool
start_lanes(struct flash *f, struct mono now)
{
	AUTO(mem) struct choice *best = calloc(f->n_lanes + 1, sizeof(*best));
	bool changed = false;

	if (!best)
		return false;
	choose(f, best, now);
	for (size_t i = 0; i < f->n_lanes; i++) {
		struct flash_lane *l = &f->lanes[i];

		if (!lane_is_idle(l->lane))
			continue;
		if (best[i].upgrade)
			start_upgrade(f, l, best[i].upgrade);
		else if (best[i].device)
			start_question(f, l, best[i].device);
		changed |= best[i].upgrade != NULL;
	}
	return changed;
}

/* An upgrade of a device that is no longer in the configuration. */
static bool
drop_strangers(struct flash *f, struct mono now)
{
	struct device_news n = {.now = now,
	    .error = ERR_UNKNOWN_DEVICE,
	    .detail = "expected a configured device, got none any more"};
	bool changed = false;

	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		if (device_is_over(u) || roster_seat(&f->roster, u))
			continue;
		changed |= device_step(u, DEVICE_REFUSE, &n) == ERR_OK ||
			   device_step(u, DEVICE_DEADLINE, &n) == ERR_OK;
	}
	return changed;
}

bool
flash_work_start(struct flash *f)
{
	struct mono now = clock_now();
	bool changed = drop_strangers(f, now);

	changed |= flash_restore_start(f);
	changed |= flash_queue_start(f);
	flash_group_refresh(f);
	return start_lanes(f, now) || changed;
}

static struct mono
earlier(struct mono a, struct mono b)
{
	return a.ms < b.ms ? a : b;
}

struct mono
flash_work_next(struct flash *f)
{
	struct mono due = earlier(flash_queue_next(f), flash_restore_next(f));

	for (const struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		struct roster_device *d = device_is_over(u) ? NULL : roster_of(&f->roster, u);

		due = earlier(due, device_deadline(u, &f->limits));
		due = earlier(due, flash_talk_sign_due(f, u));
		if (d && device_is_active(u) && u->verb && !u->running && lane_is_idle(d->lane))
			due = earlier(due, u->due);
	}
	roster_count(&f->roster, f->ledger.upgrades);
	for (size_t i = 0; i < f->roster.n; i++) {
		const struct roster_device *d = &f->roster.devices[i];

		if (lane_is_idle(d->lane) && !roster_is_busy(d))
			due = earlier(due, d->ask_at);
	}
	return due;
}

/* --- ends ------------------------------------------------------------------------------------- */

/* False: all ends are known. */
static bool
announce_some(struct flash *f)
{
	static const char *const names[DEVICE_STATES] = {[DEVICE_DONE] = "device_done",
	    [DEVICE_REVERTED] = "device_reverted",
	    [DEVICE_FAILED] = "device_failed",
	    [DEVICE_REFUSED] = "upgrade_refused",
	    [DEVICE_CANCELLED] = "upgrade_cancelled"};
	bool some = false;

	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		struct roster_device *d = NULL;

		if (!device_is_over(u) || u->announced)
			continue;
		d = roster_of(&f->roster, u);
		some = u->announced = true;
		flash_note(f, names[u->state], u, (enum err)u->error, u->detail);
		flash_queue_count(f, u);
		flash_group_ended(f, u);
		flash_depends_news(f, clock_now());
		if (d)
			roster_ask_soon(d, clock_now());
	}
	return some;
}

/* An end may end others of its group, now: later, it would stop what comes next. */
void
flash_work_announce(struct flash *f)
{
	while (announce_some(f))
		;
}

/* --- lanes ------------------------------------------------------------------------------------ */

/* The number of the lane for a port, n_lanes when there is none yet. */
static size_t
find_lane(const struct flash *f, const char *port)
{
	size_t i = 0;

	while (i < f->n_lanes && strcmp(lane_port(f->lanes[i].lane), port) != 0)
		i++;
	return i;
}

static enum err
add_lane(struct flash *f, const char *port)
{
	struct flash_lane *l = &f->lanes[f->n_lanes];
	struct lane_handler h = {on_report, on_final, on_idle, l};
	enum err e = lane_new(f->daemon->loop, f->nursery, port, &h, &l->lane);

	if (e != ERR_OK)
		return e;
	lane_lend_crews(l->lane, f->crews);
	lane_lend_socket(l->lane, link_sockets_find(&f->sockets, port));
	l->flash = f;
	f->n_lanes++;
	return ERR_OK;
}

enum err
flash_work_open(struct flash *f)
{
	enum err e = ERR_OK;

	f->lanes = calloc(f->roster.n ? f->roster.n : 1, sizeof(*f->lanes));
	if (!f->lanes)
		return ERR_NOMEM;
	if (f->settings->links_per_session > 1)
		e = crews_new(f->nursery, f->settings->links_per_session, &f->crews);
	for (size_t i = 0; e == ERR_OK && i < f->roster.n; i++) {
		struct roster_device *d = &f->roster.devices[i];

		d->lane_number = find_lane(f, d->config->port);
		if (d->lane_number == f->n_lanes)
			e = add_lane(f, d->config->port);
		d->lane = f->lanes[d->lane_number].lane;
	}
	return e == ERR_OK ? flash_nursery_watch(f) : e;
}

void
flash_work_close(struct flash *f)
{
	flash_nursery_unwatch(f);
	for (size_t i = 0; i < f->n_lanes; i++)
		lane_free(f->lanes[i].lane);
	free(f->lanes);
	link_sockets_fini(&f->sockets);
	for (size_t i = 0; f->pins && i < f->roster.n; i++)
		pins_close(&f->pins[i]);
	free(f->pins);
	f->pins = NULL;
	flash_nursery_end(f);
	crews_free(f->crews);
	f->crews = NULL;
}
