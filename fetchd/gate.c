/*
 * gate: see gate.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "drop.h"
#include "gate.h"
#include "sweep.h"
#include "talk.h"
#include "works.h"

enum { TICK_MS = 1000, STUCK_MS = 100, ROUNDS_MAX = 16 };

static void
step(struct upgrade *u, int event, const struct upgrade_news *news)
{
	struct subject s = upgrade_subject(u);

	if (upgrade_step(u, event, news) != ERR_OK)
		log_debug(&s, "%s means nothing in state %s", upgrade_table.events[event],
		    upgrade_table.states[u->state]);
}

struct trust_time
gate_time(struct gate *g)
{
	return (struct trust_time){
	    clock_wall_ms(), clock_is_synchronised(), book_bound(&g->book), false};
}

/* --- settling --------------------------------------------------------------------------------- */

/* An image is ready: is it what this upgrade asked for? */
static void
tell_ready(struct upgrade *u, const struct checked *c)
{
	char why[WHY_SIZE] = "";
	struct upgrade_news n = {
	    check_target(c->manifest, u->component, u->target_version, why), why};

	step(u, n.error == ERR_OK ? UPGRADE_IMAGE_READY : UPGRADE_IMAGE_FAILED, &n);
}

static bool
waits(const struct upgrade *u)
{
	return u->state == UPGRADE_WAITING || u->state == UPGRADE_FETCHED;
}

/* An entry that is not accepted any more was damaged, or its keys were revoked. A fresh copy, whose
 * head is judged after its first bytes, shows which. */
static void
spread_ready(struct gate *g, struct image *i)
{
	struct checked c = {0};
	struct image_news lost = {
	    .error = works_open_ready(g, i, &c), .detail = "", .now = clock_now()};

	if (lost.error != ERR_OK) {
		log_error(NULL, "image %" PRIu64 ": its entry in the store is no good any more: %s",
		    i->id, c.why[0] ? c.why : err_text(lost.error));
		checked_fini(&c);
		store_drop(g->store, i->digest);
		if (image_step(i, IMAGE_LOST, &lost) != ERR_OK)
			log_error(NULL, "image %" PRIu64 ": cannot be fetched again", i->id);
		return;
	}
	for (struct upgrade *u = g->book.upgrades; u; u = u->next)
		if (u->image == i->id && waits(u))
			tell_ready(u, &c);
	checked_fini(&c);
	i->used_at = clock_wall_ms();
	i->changed = true;
}

static void
spread_event(struct gate *g, const struct image *i, int event, bool all)
{
	struct upgrade_news n = {(enum err)i->error, i->detail};

	for (struct upgrade *u = g->book.upgrades; u; u = u->next)
		if (u->image == i->id && (all || waits(u)))
			step(u, event, &n);
}

/* flashd may have lost its memory of them while the image was not there. */
static void
ask_about_taken(struct gate *g, const struct image *i)
{
	for (struct upgrade *u = g->book.upgrades; u; u = u->next)
		if (u->image == i->id && u->state == UPGRADE_TAKEN)
			step(u, UPGRADE_DUE, NULL);
}

/* What an image has to say becomes events of its upgrades. */
static void
spread(struct gate *g, struct image *i)
{
	unsigned say = i->effects;

	i->effects &= ~(
	    unsigned)(IMAGE_SAY_FETCHED | IMAGE_SAY_READY | IMAGE_SAY_FAILED | IMAGE_SAY_LOST);
	if (say & IMAGE_SAY_FETCHED)
		spread_event(g, i, UPGRADE_IMAGE_FETCHED, false);
	if (say & (IMAGE_SAY_READY | IMAGE_SAY_FAILED))
		ask_about_taken(g, i);
	if (say & IMAGE_SAY_READY)
		spread_ready(g, i);
	if (say & IMAGE_SAY_FAILED)
		spread_event(g, i, UPGRADE_IMAGE_FAILED, false);
	if (say & IMAGE_SAY_LOST)
		spread_event(g, i, UPGRADE_IMAGE_LOST, true);
}

/* flashd gets at most this many orders in one go, the rest with the next tick. */
static void
carry_out_upgrade(struct gate *g, struct upgrade *u)
{
	unsigned todo = u->effects;

	u->effects = 0;
	if (todo & UPGRADE_ORDER)
		talk_order(g, u);
	if (!(todo & UPGRADE_RELEASE))
		return;
	struct image *i = book_image(&g->book, u->image);
	if (i)
		works_release(g, i);
}

bool
gate_is_unsettled(const struct gate *g)
{
	for (const struct image *i = g->book.images; i; i = i->next)
		if (i->changed || i->effects)
			return true;
	for (const struct upgrade *u = g->book.upgrades; u; u = u->next)
		if (u->changed || u->effects)
			return true;
	return false;
}

/* --- the operator's record -------------------------------------------------------------------- */

static void
note(struct gate *g, const struct upgrade *u, const char *text)
{
	struct event ev = {.name = "state", .about = upgrade_subject(u), .text = text};

	event_write(g->daemon->events, &ev);
}

/* An end that was ours to decide tells why. */
static void
note_state(struct gate *g, const struct upgrade *u)
{
	bool refused = upgrade_end_phase(u->error) == PB__PHASE__PHASE_REFUSED;
	struct event ev = {.name = refused ? "upgrade_refused" : "upgrade_failed",
	    .about = upgrade_subject(u),
	    .error = (enum err)u->error,
	    .text = u->detail};

	if (u->state == UPGRADE_ENDED && u->error != ERR_OK)
		event_write(g->daemon->events, &ev);
	else
		note(g, u, upgrade_table.states[u->state]);
}

/* Where each upgrade has come to, and the package of those that wait for it. */
static void
note_states(struct gate *g)
{
	char text[40];

	for (struct upgrade *u = g->book.upgrades; u; u = u->next) {
		const struct image *i = book_image(&g->book, u->image);

		if (i && i->noted != i->state + 1 && waits(u)) {
			snprintf(text, sizeof(text), "package %s", image_table.states[i->state]);
			note(g, u, text);
		}
		if (u->noted != u->state + 1)
			note_state(g, u);
		u->noted = u->state + 1;
	}
	for (struct image *i = g->book.images; i; i = i->next)
		i->noted = i->state + 1;
}

static enum err
settle_once(struct gate *g)
{
	for (struct image *i = g->book.images; i; i = i->next)
		spread(g, i);
	enum err e = book_save(&g->book);
	if (e != ERR_OK) {
		log_debug(NULL, "cannot record what happened: %s; again in a moment", err_text(e));
		return e;
	}
	note_states(g);
	for (struct image *i = g->book.images; i; i = i->next)
		works_carry_out(g, i);
	for (struct upgrade *u = g->book.upgrades; u; u = u->next)
		if (u->effects)
			carry_out_upgrade(g, u);
	works_check_next(g);
	works_start_queued(g);
	return ERR_OK;
}

static void on_tick(void *arg);

static bool
is_pending(const struct gate *g)
{
	int64_t reports = 0;

	for (const struct upgrade *u = g->book.upgrades; u; u = u->next)
		if (u->state == UPGRADE_ORDERED)
			return true;
	if (gate_is_unsettled(g) || works_is_waiting(g) || talk_is_stuck(g) ||
	    store_left_something(g->store))
		return true;
	/* what cannot be read now may be there */
	return record_get_int(g->book.record, &reports, "SELECT count(*) FROM report", "") !=
		   ERR_OK ||
	       reports > 0;
}

void
gate_settle(struct gate *g)
{
	struct event alarm;

	if (g->settling)
		return;
	g->settling = true;
	works_check_next(g);
	works_start_queued(g);
	g->unsaved = ERR_OK;
	for (int n = 0; n < ROUNDS_MAX && gate_is_unsettled(g) && g->unsaved == ERR_OK; n++)
		g->unsaved = settle_once(g);
	talk_reports(g);
	if (record_alarm_turned(&g->record, g->book.record, &alarm))
		event_write(g->daemon->events, &alarm);
	g->settling = false;
	int wait_ms = talk_is_stuck(g) ? STUCK_MS : TICK_MS;
	if (!g->tick.set && is_pending(g))
		loop_timer_set(
		    g->daemon->loop, &g->tick, mono_after(clock_now(), wait_ms), on_tick, g);
}

static void
on_tick(void *arg)
{
	struct gate *g = arg;
	struct mono now = clock_now();

	for (struct upgrade *u = g->book.upgrades; u; u = u->next)
		if (u->state == UPGRADE_ORDERED && mono_reached(now, u->order_again))
			step(u, UPGRADE_DUE, NULL);
	talk_flush(g);
	works_forget_failed(g);
	sweep_again(g, now);
	gate_settle(g);
}

/* --- start and end ---------------------------------------------------------------------------- */

static enum err
open_trust(struct gate *g)
{
	struct trust_policy policy = {.lab = g->settings->lab};
	char state[300];

	snprintf(state, sizeof(state), "%s/roots", g->daemon->state_dir);
	if (mkdir(state, 0700) < 0 && errno != EEXIST)
		return ERR_SYSTEM;
	enum err e = trust_open(g->settings->trust_dir, state, &policy, &g->trust);
	if (e == ERR_OK && trust_refuses_all(g->trust))
		log_error(NULL, "no usable root document in %s: every package will be refused",
		    g->settings->trust_dir);
	return e;
}

static enum err
open_files(struct gate *g)
{
	char path[300];
	bool fresh = false;

	snprintf(path, sizeof(path), "%s/fetchd.db", g->daemon->state_dir);
	enum err e = book_open(path, &g->book, &fresh);
	if (e != ERR_OK) {
		log_error(NULL, "cannot open %s: %s", path, err_text(e));
		return e;
	}
	if (record_was_damaged(g->book.record))
		event_write(g->daemon->events,
		    &(struct event){.name = "record_damaged",
			.error = ERR_CORRUPT,
			.text = "the book was damaged and set aside: packages are fetched anew"});
	clock_alarm_check(&g->clock, g->daemon->events, book_bound(&g->book));
	e = store_open(g->settings->common.store_dir, g->settings->quota, &g->store);
	if (e != ERR_OK) {
		log_error(NULL, "cannot use the store %s: %s", g->settings->common.store_dir,
		    err_text(e));
		return e;
	}
	e = open_trust(g);
	if (e != ERR_OK)
		log_error(NULL, "cannot use the trust anchors in %s: %s", g->settings->trust_dir,
		    err_text(e));
	return e;
}

enum err
gate_start(struct gate *g, struct daemon *d, struct nursery *nursery)
{
	struct download_handler couriers = works_handler(g);

	*g = (struct gate){.daemon = d,
	    .settings = d->settings,
	    .nursery = nursery,
	    .check_fd = -1,
	    .drop = {.in = -1, .out = -1}};
	clock_boot_id(g->boot_id);
	snprintf(g->hosts_text, sizeof(g->hosts_text), "%s", g->settings->hosts);
	snprintf(g->redirects_text, sizeof(g->redirects_text), "%s", g->settings->redirect_hosts);
	g->n_hosts = settings_split(g->hosts_text, g->hosts);
	g->n_redirects = settings_split(g->redirects_text, g->redirects);
	enum err e = open_files(g);
	if (e == ERR_OK)
		e = downloads_new(d->loop, nursery, &couriers, &g->downloads);
	if (e == ERR_OK)
		e = talk_open(g);
	if (e != ERR_OK)
		return e;
	works_restart(g);
	drop_sweep(g);
	gate_settle(g);
	return ERR_OK;
}

void
gate_stop(struct gate *g)
{
	works_stop(g);
	follow_drop(g, g->follow.job);
	loop_timer_clear(g->daemon->loop, &g->tick);
	loop_timer_clear(g->daemon->loop, &g->drop_sweep);
	downloads_free(g->downloads);
	nursery_free(g->nursery);
	trust_close(g->trust);
	store_close(g->store);
	book_close(&g->book);
	held_fini(&g->to_cloud);
	held_fini(&g->to_flash);
}
