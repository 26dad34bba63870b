/*
 * sim_lane: see sim_lane.h. A session whose flashd died lives on for a moment, as a process would
 * until it reads the end of its channel; a new one may start meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lane.h"
#include "msg.h"
#include "sim.h"
#include "sim_device.h"
#include "sim_held.h"
#include "sim_lane.h"
#include "sim_person.h"
#include "work.h"

enum { REPORT_MS = 1000, GRACE_MS = 10000, WRITES_A_STEP = 16 };

struct lane {
	const char *port;
	struct lane_handler handler;
	int number;
	bool busy;
	unsigned life; /* counts sessions */
};

struct session {
	struct lane *lane; /* NULL: nobody listens */
	Pb__Envelope *order;
	struct work *work;
	int image;
	struct mono report_at;
	uint64_t reported;
	bool told_hash, hangs, lost, over;
	int64_t due; /* wants to be stepped, ns */
	int64_t dies_at;
	uint8_t out[2048];
	size_t out_at, out_len;
};

struct line {
	struct session *session;
	bool kill, hang;
	struct sim_lane_blow blow;
	int last_verb;
};

static struct line *
line(int number)
{
	static struct line all[SIM_DEVICES_MAX];

	return &all[number];
}

/* --- what it says ----------------------------------------------------------------------------- */

struct word {
	struct lane *lane;
	Pb__SessionReport *r;
};

static void
call_report(void *arg)
{
	struct word *w = arg;

	w->lane->handler.on_report(w->lane->handler.arg, w->lane, w->r);
}

static void
call_final(void *arg)
{
	struct word *w = arg;

	w->lane->handler.on_final(w->lane->handler.arg, w->lane, w->r);
}

static void
call_idle(void *arg)
{
	struct lane *l = arg;

	l->handler.on_idle(l->handler.arg, l);
}

/* The process is gone. */
static void
bury(int number)
{
	struct session *s = line(number)->session;
	struct lane *l = s->lane;

	line(number)->session = NULL;
	work_free(s->work);
	msg_free(s->order);
	if (s->image >= 0)
		close(s->image);
	free(s);
	if (!l)
		return;
	l->busy = false;
	sim_call(&sim()->proc[SIM_FLASHD], call_idle, l);
}

/* Its last word, `r` NULL for none, and its end. */
static void
end(int number, Pb__SessionReport *r)
{
	struct session *s = line(number)->session;
	struct word w = {s->lane, r};
	bool quiet = s->over;

	s->over = true;
	if (s->lane && !quiet)
		sim_call(&sim()->proc[SIM_FLASHD], call_final, &w);
	if (line(number)->session)
		bury(number);
}

static void
finish(int number, enum err e, const char *detail)
{
	struct session *s = line(number)->session;
	Pb__SessionReport r = PB__SESSION_REPORT__INIT;
	struct work_texts texts;

	if (s->work)
		work_report(s->work, &r, &texts);
	r.verb = s->order->session_order->verb;
	r.final = true;
	r.error = e;
	r.detail = (char *)(uintptr_t)detail;
	end(number, &r);
}

static void
report_progress(struct session *s)
{
	const struct driver_facts *f = s->work->driver->facts(s->work->state);
	Pb__SessionReport r = PB__SESSION_REPORT__INIT;
	struct work_texts texts;
	struct word w = {s->lane, &r};
	bool hash = f->image_hash_len > 0 && !s->told_hash;

	if (!hash && (f->done_bytes == s->reported || !mono_reached(sim_mono(), s->report_at)))
		return;
	s->told_hash |= hash;
	s->reported = f->done_bytes;
	s->report_at = mono_after(sim_mono(), REPORT_MS);
	work_report(s->work, &r, &texts);
	if (s->lane)
		sim_call(&sim()->proc[SIM_FLASHD], call_report, &w);
}

/* --- work ------------------------------------------------------------------------------------- */

static bool
begin(int number)
{
	struct session *s = line(number)->session;
	const Pb__SessionOrder *o = s->order->session_order;
	char why[WHY_SIZE] = "";

	if (o->verb == PB__VERB__VERB_CHECK) { /* the operator's program */
		bool well = sim_device_is_well(number, o);

		finish(number, well ? ERR_OK : ERR_UNHEALTHY,
		    well ? "" : "expected exit status 0, got 1");
		return false;
	}
	enum err e = work_new(o, s->image, driver_find, &s->work, why);

	if (e != ERR_OK) {
		finish(number, e, why);
		return false;
	}
	sim_device_flush(number);
	s->work->driver->start(s->work->state, &s->work->job, sim_mono());
	return true;
}

static void
move_bytes(int number)
{
	struct session *s = line(number)->session;
	const struct driver *d = s->work->driver;
	uint8_t in[1024];
	size_t n = 0;

	while ((n = sim_device_get(number, in, sizeof(in))) > 0)
		d->on_bytes(s->work->state, in, n, sim_mono());
	if (mono_reached(sim_mono(), d->deadline(s->work->state)))
		d->on_time(s->work->state, sim_mono());
	for (int i = 0; i < WRITES_A_STEP; i++) {
		if (s->out_at == s->out_len) {
			s->out_at = 0;
			s->out_len = d->output(s->work->state, s->out, sizeof(s->out), sim_mono());
		}
		size_t room = sim_device_room(number), left = s->out_len - s->out_at;
		n = left < room ? left : room;
		if (n == 0)
			return;
		sim_device_put(number, s->out + s->out_at, n);
		s->out_at += n;
	}
}

/* When it is to be stepped again without a byte's arrival. */
static void
set_due(struct session *s)
{
	struct mono due = s->work->driver->deadline(s->work->state);

	if (s->work->driver->facts(s->work->state)->done_bytes != s->reported &&
	    s->report_at.ms < due.ms)
		due = s->report_at;
	s->due = due.ms >= INT64_MAX / 2000000 ? SIM_NEVER
					       : sim()->boot_at + (due.ms - 5000) * SIM_MS;
	if (s->out_at < s->out_len && sim()->now + SIM_MS < s->due)
		s->due = sim()->now + SIM_MS; /* room comes with time */
	if (s->due <= sim()->now)
		s->due = sim()->now + SIM_MS;
}

static void
work_on(int number)
{
	struct session *s = line(number)->session;
	struct driver_result result = {0};

	if (!s->work && !begin(number))
		return;
	move_bytes(number);
	report_progress(s);
	if (line(number)->session != s) /* stopped meanwhile */
		return;
	if (s->work->driver->done(s->work->state, &result)) {
		enum err e = reader_error(s->work->reader);

		finish(number, result.error && e && e != result.error ? e : result.error,
		    result.detail);
		return;
	}
	set_due(s);
}

void
sim_lane_step(int number)
{
	struct session *s = line(number)->session;

	if (!s)
		return;
	if (sim()->now >= s->dies_at) {
		end(number, NULL);
		return;
	}
	if (s->hangs) {
		s->due = s->dies_at;
		return;
	}
	if (s->work || sim()->now >= s->due)
		work_on(number);
}

int64_t
sim_lane_due(int number)
{
	const struct session *s = line(number)->session;

	if (!s)
		return SIM_NEVER;
	return s->due < s->dies_at ? s->due : s->dies_at;
}

bool
sim_lane_listens(int number)
{
	return line(number)->session && line(number)->session->work &&
	       !line(number)->session->hangs;
}

void
sim_lane_unplugged(int number)
{
	struct session *s = line(number)->session;

	if (!s)
		return;
	if (s->work)
		s->work->driver->on_link(s->work->state, false, sim_mono());
	finish(number, ERR_LINK, "expected the link to stay, got: end of file");
}

void
sim_lane_kill(int number)
{
	line(number)->kill = true;
}

void
sim_lane_blow(int number, const struct sim_lane_blow *b)
{
	line(number)->blow = *b;
}

void
sim_lane_hang(int number)
{
	line(number)->hang = true;
}

void
sim_lanes_lost(void)
{
	for (int i = 0; i < SIM_DEVICES_MAX; i++) {
		struct session *s = line(i)->session;

		if (!s)
			continue;
		s->lane = NULL;
		s->dies_at = sim()->now + sim_between(0, 40) * SIM_MS;
	}
}

/* --- the header ------------------------------------------------------------------------------- */

enum err
lane_new(struct loop *loop, struct nursery *nursery, const char *port, const struct lane_handler *h,
    struct lane **out)
{
	struct lane *l = calloc(1, sizeof(*l));

	(void)loop, (void)nursery;
	*l = (struct lane){
	    .port = port, .handler = *h, .number = (int)strtol(port + strlen("line-"), NULL, 10)};
	*out = l;
	return ERR_OK;
}

void
lane_free(struct lane *l)
{
	free(l);
}

/* Each has a session of its own here: who shares one is tests/system/crews.c's matter. */
void
lane_lend_crews(struct lane *l, struct crews *crews)
{
	(void)l, (void)crews;
}

void
lane_lend_pins(struct lane *l, int fd)
{
	(void)l;
	(void)fd;
}

void
lane_lend_exec(struct lane *l, const struct places *places, bool keep_port)
{
	(void)l, (void)places, (void)keep_port;
}

void
lane_lend_socket(struct lane *l, int socket)
{
	(void)l, (void)socket;
}

const char *
lane_port(const struct lane *l)
{
	return l->port;
}

bool
lane_is_idle(const struct lane *l)
{
	return !l->busy;
}

static Pb__Envelope *
copy_order(Pb__SessionOrder *o)
{
	static uint8_t buffer[ROUTE_PIPE_MAX];
	Pb__Envelope e = PB__ENVELOPE__INIT, *copy = NULL;
	size_t len = 0;

	e.proto = ROUTE_PROTO_MAX;
	e.body_case = PB__ENVELOPE__BODY_SESSION_ORDER;
	e.session_order = o;
	if (msg_pack(&e, buffer, sizeof(buffer), &len) != ERR_OK ||
	    msg_unpack(buffer, len, sizeof(buffer), &copy) != ERR_OK ||
	    route_admit(copy, len, WHO_FLASHD, WHO_SESSION, ROUTE_READY) != ERR_OK)
		sim_violate(4, "an order to a session is refused by our own table");
	return copy;
}

static void
lose_board(void *arg)
{
	int number = (int)(intptr_t)arg;
	const struct sim_lane_blow *b = &line(number)->blow;

	if (b->away_ns)
		sim_device_unplug(number, b->away_ns);
	else
		sim_device_reset(number);
}

static void
cancel(void *arg)
{
	sim_person_cancels_on((int)(intptr_t)arg);
}

/* What was ordered for this moment. */
static void
strike(int number, struct session *n, int verb)
{
	struct line *at = line(number);
	struct sim_lane_blow *b = &at->blow;
	int before = at->last_verb;

	at->last_verb = verb;
	if (b->verb != verb || (b->after && b->after != before))
		return;
	b->verb = 0;
	if (b->cancel)
		sim_after(b->delay_ns / 2, cancel, (void *)(intptr_t)number);
	if (b->board)
		sim_after(b->delay_ns, lose_board, (void *)(intptr_t)number);
	if (!b->board || b->both) /* before it can have ended */
		n->dies_at = n->due + sim_between(0, 30) * SIM_MS;
}

enum err
lane_start(struct lane *l, const struct tty_settings *s, int image_fd, Pb__SessionOrder *o,
    char why[WHY_SIZE])
{
	struct line *at = line(l->number);

	(void)s;
	if (!sim_device_is_plugged(l->number))
		return why_say(why, ERR_LINK, "expected %s, got none", l->port);
	if (l->busy)
		sim_violate(4, "verb %d is ordered on %s, which is busy", (int)o->verb, l->port);
	if (at->session)
		return why_say(why, ERR_LINK, "expected a free line, got a session of old");
	sim_effect("a session starts");
	struct session *n = calloc(1, sizeof(*n));
	*n = (struct session){.lane = l, .image = image_fd < 0 ? -1 : dup(image_fd)};
	sim_held_give(n->image);
	n->order = copy_order(o);
	n->due = sim()->now + sim_between(2, 60) * SIM_MS;
	n->dies_at = sim()->now + ((int64_t)o->timeout_ms + GRACE_MS) * SIM_MS;
	n->hangs = at->hang;
	strike(l->number, n, (int)o->verb);
	if (at->kill)
		n->dies_at = sim()->now + sim_between(0, 400) * SIM_MS;
	at->kill = at->hang = false;
	at->session = n;
	l->busy = true;
	sim_say("flashd", "orders verb %d on %s", (int)o->verb, l->port);
	sim_effect("a session has started");
	return ERR_OK;
}

static void
die(void *arg)
{
	int number = (int)(intptr_t)arg;

	if (line(number)->session && line(number)->session->over)
		bury(number);
}

void
lane_stop(struct lane *l)
{
	struct session *s = line(l->number)->session;

	if (!s || s->lane != l)
		return;
	s->over = s->hangs = true;
	sim_after(SIM_MS, die, (void *)(intptr_t)l->number);
}

bool
lane_on_end(struct lane *l, const struct nursery_note *note)
{
	(void)l, (void)note;
	return false;
}
