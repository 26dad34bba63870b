/*
 * download: see download.h.
 *
 * Between a courier's start and its first request lie ten milliseconds and more: a new process, its
 * forty libraries, OpenSSL's start. So a courier starts without knowing what for, and gets file and
 * order later; one may be started before it is needed.
 */
#include <poll.h>
#include <sys/socket.h>

#include "auto.h"

#include "chan.h"
#include "download.h"
#include "hatch.h"
#include "log.h"
#include "msg.h"

enum {
	STOP_MS = 3000,       /* from closing the channel to SIGKILL */
	SILENCE_MS = 120000,  /* a courier speaks 4 times a second; a slow disk may stop it */
	TICK_MS = 1000,
	READY_MS = 6000       /* how long one waits for work; it would leave after 10 s itself */
};

struct download {
	struct downloads *of;
	uint64_t job;        /* 0 = has no work yet */
	uint32_t id;
	struct chan *chan;   /* NULL once closed */
	int hatch;           /* for the file, until it has work */
	Pb__Envelope *final; /* last word */
	struct mono kill_at;
	struct download *next;
};

struct downloads {
	struct loop *loop;
	struct nursery *nursery;
	struct download_handler handler;
	struct download *list;
	struct loop_timer tick;
};

static void
close_chan(struct download *d)
{
	if (!d->chan)
		return;
	loop_unwatch_fd(d->of->loop, chan_fd(d->chan));
	chan_free(d->chan);
	d->chan = NULL;
}

static void
free_download(struct download *d)
{
	close_chan(d);
	if (d->hatch >= 0)
		close(d->hatch);
	msg_free(d->final);
	free(d);
}

/* One message from the courier; false when there is none (any more). */
static bool
take_one(struct download *d)
{
	AUTO(msg) Pb__Envelope *e = NULL;
	enum err got = chan_recv(d->chan, &e);

	if (got == ERR_AGAIN)
		return false;
	if (got != ERR_OK || e->body_case != PB__ENVELOPE__BODY_COURIER_REPORT) {
		if (got != ERR_CLOSED)
			log_error(NULL, "courier %u: expected a report, got: %s", (unsigned)d->id,
			    err_text(got));
		close_chan(d);
		d->kill_at = mono_after(clock_now(), STOP_MS);
		return false;
	}
	d->kill_at = mono_after(clock_now(), e->courier_report->final ? STOP_MS : SILENCE_MS);
	if (e->courier_report->final && !d->final)
		d->final = HAND_OVER(e);
	else if (!d->final && d->job)
		d->of->handler.on_report(d->of->handler.arg, d->job, e->courier_report);
	return true;
}

static void
on_readable(void *arg, short revents)
{
	(void)revents;
	take_one(arg);
}

/* It ends by itself when its channel does. */
static void
send_home(struct download *d)
{
	close_chan(d);
	d->kill_at = mono_after(clock_now(), STOP_MS);
}

static void
on_tick(void *arg)
{
	struct downloads *ds = arg;
	struct mono now = clock_now();

	for (struct download *d = ds->list; d; d = d->next) {
		if (!mono_reached(now, d->kill_at))
			continue;
		if (!d->job && d->chan) {
			send_home(d);
			continue;
		}
		log_warn(NULL, "courier %u does not end or speak: killed", (unsigned)d->id);
		d->kill_at = mono_after(now, STOP_MS);
		if (nursery_kill(ds->nursery, d->id) != ERR_OK)
			log_error(NULL, "cannot reach the nursery");
	}
	if (ds->list)
		loop_timer_set(ds->loop, &ds->tick, mono_after(now, TICK_MS), on_tick, ds);
}

static void
end_one(struct downloads *ds, const struct nursery_note *note)
{
	for (struct download **at = &ds->list; *at; at = &(*at)->next) {
		struct download *d = *at;

		if (d->id != note->id)
			continue;
		while (d->chan && take_one(d))
			; /* what it said before it ended */
		*at = d->next;
		log_debug(NULL, "courier %u ended, status 0x%x", (unsigned)d->id,
		    (unsigned)note->status);
		if (d->job)
			ds->handler.on_end(ds->handler.arg, d->job,
			    d->final ? d->final->courier_report : NULL);
		free_download(d);
		return;
	}
}

static void
on_nursery(void *arg, short revents)
{
	struct downloads *ds = arg;
	struct nursery_note note;
	enum err e = nursery_read(ds->nursery, &note);

	(void)revents;
	if (e == ERR_OK)
		end_one(ds, &note);
	if (e != ERR_CLOSED)
		return;
	loop_unwatch_fd(ds->loop, nursery_fd(ds->nursery));
	ds->handler.on_lost(ds->handler.arg);
}

enum err
downloads_new(struct loop *loop, struct nursery *nursery, const struct download_handler *h,
    struct downloads **out)
{
	struct downloads *ds = calloc(1, sizeof(*ds));

	if (!ds)
		return ERR_NOMEM;
	ds->loop = loop;
	ds->nursery = nursery;
	ds->handler = *h;
	enum err e = loop_watch_fd(loop, nursery_fd(nursery), POLLIN, on_nursery, ds);
	if (e == ERR_OK)
		*out = ds;
	else
		free(ds);
	return e;
}

void
downloads_free(struct downloads *ds)
{
	if (!ds)
		return;
	loop_unwatch_fd(ds->loop, nursery_fd(ds->nursery));
	loop_timer_clear(ds->loop, &ds->tick);
	for (struct download *d = ds->list, *next; d; d = next) {
		next = d->next;
		free_download(d);
	}
	free(ds);
}

static enum err
send_order(struct download *d, Pb__CourierOrder *order)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;

	e.body_case = PB__ENVELOPE__BODY_COURIER_ORDER;
	e.courier_order = order;
	return chan_send(d->chan, &e);
}

/* A channel whose other end lies in *peer. */
static enum err
open_chan(struct download *d, int *peer)
{
	int pair[2] = {-1, -1};

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return ERR_SYSTEM;
	*peer = pair[1];
	enum err e = chan_new(pair[0], WHO_FETCHD, WHO_COURIER, &d->chan);
	if (e == ERR_OK)
		e = loop_watch_fd(d->of->loop, pair[0], POLLIN, on_readable, d);
	return e;
}

/* A courier without work. */
static enum err
start_one(struct downloads *ds, struct download **out)
{
	AUTO(fd) int peer = -1;
	AUTO(fd) int their_hatch = -1;
	int hatch[2] = {-1, -1};
	struct download *d = calloc(1, sizeof(*d));

	if (!d)
		return ERR_NOMEM;
	*d = (struct download){.of = ds, .hatch = -1};
	d->kill_at = mono_after(clock_now(), READY_MS);
	enum err e = hatch_new(hatch);
	d->hatch = hatch[0];
	their_hatch = hatch[1];
	if (e == ERR_OK)
		e = open_chan(d, &peer);
	if (e == ERR_OK)
		e = nursery_spawn(ds->nursery,
		    &(struct nursery_birth){
			.program = NURSERY_COURIER, .fds = {peer, their_hatch}, .n_fds = 2},
		    &d->id);
	if (e != ERR_OK) {
		free_download(d);
		return e;
	}
	*out = d;
	d->next = ds->list;
	ds->list = d;
	if (!ds->tick.set)
		loop_timer_set(
		    ds->loop, &ds->tick, mono_after(clock_now(), TICK_MS), on_tick, ds);
	return ERR_OK;
}

static struct download *
find_ready(const struct downloads *ds)
{
	for (struct download *d = ds->list; d; d = d->next)
		if (!d->job && d->chan)
			return d;
	return NULL;
}

void
downloads_make_ready(struct downloads *ds)
{
	struct download *d = find_ready(ds);

	if (d)
		d->kill_at = mono_after(clock_now(), READY_MS);
	else if (start_one(ds, &d) != ERR_OK)
		log_debug(NULL, "no courier can be started in advance");
}

/* Both wait in the sockets until the courier reads. */
static enum err
give_work(struct download *d, uint64_t job, int file, Pb__CourierOrder *order)
{
	enum err e = hatch_give(d->hatch, file);

	if (e == ERR_OK)
		e = send_order(d, order);
	if (e != ERR_OK)
		return e;
	close(hand_over_fd(&d->hatch));
	d->job = job;
	d->kill_at = mono_after(clock_now(), SILENCE_MS);
	return ERR_OK;
}

enum err
downloads_start(struct downloads *ds, uint64_t job, int file, Pb__CourierOrder *order)
{
	struct download *d = find_ready(ds);
	enum err e = d ? give_work(d, job, file, order) : ERR_NOT_FOUND;

	if (e == ERR_OK)
		return e;
	if (d)
		send_home(d); /* it died, perhaps: another one */
	e = start_one(ds, &d);
	if (e == ERR_OK) {
		e = give_work(d, job, file, order);
		if (e != ERR_OK)
			send_home(d);
	}
	return e;
}

void
downloads_stop(struct downloads *ds, uint64_t job)
{
	for (struct download *d = ds->list; d; d = d->next) {
		if (d->job == job)
			send_home(d);
	}
}

bool
downloads_has(const struct downloads *ds, uint64_t job)
{
	for (const struct download *d = ds->list; d; d = d->next)
		if (d->job == job)
			return true;
	return false;
}

unsigned
downloads_count(const struct downloads *ds)
{
	unsigned n = 0;

	for (const struct download *d = ds->list; d; d = d->next)
		n += d->job != 0;
	return n;
}
