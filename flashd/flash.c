/*
 * flash: see flash.h.
 */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "flash.h"
#include "flash_plug.h"
#include "flash_talk.h"
#include "flash_unit.h"
#include "flash_work.h"

enum { ROUNDS_MAX = 16, SOON_MS = 250, RECORD_MS = 1000 };

void
flash_note(
    struct flash *f, const char *name, const struct device_upgrade *u, enum err e, const char *text)
{
	struct event ev = {.name = name, .about = device_subject(u), .error = e, .text = text};

	event_write(f->daemon->events, &ev);
}

/* --- settling --------------------------------------------------------------------------------- */

/* The record is safe: now the world may hear of it. */
static void
carry_out(struct flash *f, struct device_upgrade *u)
{
	unsigned todo = u->effects;
	struct device_news n = {.now = clock_now()};

	u->effects = 0;
	if (todo & DEVICE_DO_STOP)
		flash_work_stop(f, u);
	if (todo & DEVICE_DO_ALARM)
		flash_note(f, "device_bare", u, (enum err)u->error, u->detail);
	if (!(todo & DEVICE_DO_VERDICT) || u->state > DEVICE_ADMITTED)
		return;
	bool asked = u->state == DEVICE_IDENTIFIED;
	if ((asked ? flash_talk_asked(f, u) : flash_talk_accept(f, u)) != ERR_OK) {
		if (bus_is_up(f->gate)) /* else it is said when the gate is back */
			u->effects |= DEVICE_DO_VERDICT;
		return;
	}
	if (!asked && device_step(u, DEVICE_VERDICT_SENT, &n) != ERR_OK)
		log_debug(NULL, "a verdict for nobody");
}

/* For the operator's record: where each upgrade has come to. */
static void
note_state(struct flash *f, struct device_upgrade *u)
{
	if (u->noted == u->state + 1)
		return;
	u->noted = u->state + 1;
	flash_note(f, "state", u, ERR_OK, device_table.states[u->state]);
}

static bool
is_unsettled(const struct flash *f)
{
	for (const struct device_upgrade *u = f->ledger.upgrades; u; u = u->next)
		if (u->changed || u->say || u->effects)
			return true;
	return ledger_is_unsaved(&f->ledger); /* a rollout */
}

static enum err
settle_once(struct flash *f)
{
	flash_work_announce(f);
	enum err e = ledger_save(&f->ledger, clock_now());

	if (e != ERR_OK) {
		log_debug(NULL, "cannot record what happened: %s; again in a moment", err_text(e));
		return e;
	}
	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		note_state(f, u);
		if (u->effects)
			carry_out(f, u);
	}
	return ERR_OK;
}

static void on_tick(void *arg);

static void
set_tick(struct flash *f, bool soon, int soon_ms)
{
	struct mono now = clock_now(), due = flash_work_next(f);

	if (f->resend_at.ms < due.ms && ledger_has_reports(&f->ledger))
		due = f->resend_at;
	if (soon && mono_after(now, soon_ms).ms < due.ms)
		due = mono_after(now, soon_ms);
	if (due.ms <= now.ms) /* a step that keeps failing must not spin */
		due = mono_after(now, soon_ms);
	loop_timer_set(f->daemon->loop, &f->tick, due, on_tick, f);
}

void
flash_settle(struct flash *f)
{
	struct event alarm;
	enum err e = ERR_OK;

	if (f->settling)
		return;
	f->settling = true;
	for (int round = 0; round < ROUNDS_MAX && e == ERR_OK; round++) {
		if (is_unsettled(f))
			e = settle_once(f);
		if (e == ERR_OK && !flash_work_start(f) && !is_unsettled(f))
			break;
	}
	flash_talk_reports(f);
	flash_talk_devices(f);
	flash_talk_signs(f, clock_now());
	if (record_alarm_turned(&f->record, f->ledger.record, &alarm))
		event_write(f->daemon->events, &alarm);
	set_tick(f, is_unsettled(f), e == ERR_OK ? SOON_MS : RECORD_MS);
	f->settling = false;
}

static void
on_tick(void *arg)
{
	struct flash *f = arg;
	struct device_news n = {.now = clock_now()};

	for (struct device_upgrade *u = f->ledger.upgrades; u; u = u->next) {
		if (!mono_reached(n.now, device_deadline(u, &f->limits)))
			continue;
		if (device_step(u, DEVICE_DEADLINE, &n) != ERR_OK)
			log_error(
			    NULL, "a deadline without a row in %s", device_table.states[u->state]);
	}
	flash_settle(f);
}

struct trust_time
flash_time(struct flash *f, bool settled)
{
	return (struct trust_time){
	    clock_wall_ms(), clock_is_synchronised(), ledger_bound(&f->ledger), settled};
}

/* --- start and end ---------------------------------------------------------------------------- */

static enum err
open_trust(struct flash *f)
{
	struct trust_policy policy = {.lab = f->settings->lab};
	char state[300];

	snprintf(state, sizeof(state), "%s/roots", f->daemon->state_dir);
	if (mkdir(state, 0700) < 0 && errno != EEXIST)
		return ERR_SYSTEM;
	enum err e = trust_open(f->settings->trust_dir, state, &policy, &f->trust);
	if (e != ERR_OK)
		log_error(NULL, "cannot use the trust anchors in %s: %s", f->settings->trust_dir,
		    err_text(e));
	else if (trust_refuses_all(f->trust))
		log_error(NULL, "no usable root document in %s: every package will be refused",
		    f->settings->trust_dir);
	return e;
}

static enum err
open_ledger(struct flash *f)
{
	char path[300];
	bool fresh = false;

	snprintf(path, sizeof(path), "%s/flashd.db", f->daemon->state_dir);
	enum err e = ledger_open(path, clock_now(), &f->ledger, &fresh);
	if (e != ERR_OK) {
		log_error(NULL, "cannot open %s: %s", path, err_text(e));
		return e;
	}
	if (record_was_damaged(f->ledger.record))
		event_write(f->daemon->events,
		    &(struct event){.name = "record_damaged",
			.error = ERR_CORRUPT,
			.text = "the ledger was damaged and set aside: the state of devices and "
				"their counters are learned anew"});
	clock_alarm_check(&f->clock, f->daemon->events, ledger_bound(&f->ledger));
	if (fresh)
		log_warn(NULL,
		    "%s is new: until upgrades are confirmed only the signed floors "
		    "protect against old images",
		    path);
	return ERR_OK;
}

static void
set_limits(struct flash *f)
{
	const struct flash_settings *s = f->settings;

	f->limits = (struct device_limits){.wait_ms = s->wait_ms,
	    .queue_ms = s->queue_ms,
	    .ask_ms = s->ask_ms,
	    .away_ms = s->away_ms,
	    .flash_ms = s->flash_ms,
	    .reboot_ms = s->reboot_ms,
	    .test_ms = s->test_ms,
	    .confirm_ms = s->confirm_ms};
}

enum err
flash_start(struct flash *f, struct daemon *d)
{
	*f = (struct flash){.daemon = d,
	    .settings = d->settings,
	    .plug = f->plug,
	    .sockets = f->sockets,
	    .nursery = f->nursery,
	    .pins = f->pins};
	if (sodium_init() < 0)
		return ERR_SYSTEM;
	set_limits(f);
	enum err e = open_ledger(f);
	if (e == ERR_OK)
		e = open_trust(f);
	if (e == ERR_OK)
		e = roster_init(&f->roster, f->settings, clock_now());
	if (e == ERR_OK)
		e = flash_unit_load(f);
	if (e == ERR_OK)
		e = flash_work_open(f);
	if (e == ERR_OK)
		e = flash_plug_start(f);
	if (e == ERR_OK)
		e = flash_talk_open(f);
	if (e == ERR_OK)
		flash_settle(f);
	return e;
}

void
flash_stop(struct flash *f)
{
	loop_timer_clear(f->daemon->loop, &f->tick);
	flash_plug_stop(f);
	flash_work_close(f);
	trust_close(f->trust);
	roster_fini(&f->roster);
	ledger_close(&f->ledger);
}
