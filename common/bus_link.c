/*
 * bus_link: one link from the first knock to the last ping, see bus_part.h.
 *
 *     client connects     ->  libzmq sends an empty message, the knock (ZMQ_PROBE_ROUTER)
 *     server, on a knock  ->  Hello, "greet me"
 *     client, on a Hello  ->  Hello; its link is up
 *     server, on a Hello  ->  its link is up
 *
 * The server asks, the client answers, never the other way round: so two restarts, or a Hello that
 * crosses another, cannot start an endless exchange, and while a server is away nothing wakes up
 * but libzmq's own reconnecting. A client that is told to greet while its link is up was forgotten
 * by a restarted server: down, Hello, up. A server that is greeted by another connection drops the
 * one it had: its peer was restarted (uid and socket are the same, the kernel says so).
 *
 * After a violation the link is down and nothing is heard for a while (else a message that is sent
 * again on every `up` would be refused as fast as two processes can talk); then the server asks for
 * a new greeting, a client connects anew. Both are also what a dead peer gets: `misses` pings
 * without an answer. Pings are counted, not timed, so that a loop of ours that was busy for long
 * does not blame the peer for it.
 */
#include "bus_part.h"
#include "log.h"

enum { SEND_MARK = 256, RECEIVE_MARK = 128, QUIET_MS = 10000 };

static void on_ping_due(void *arg);
static void on_again(void *arg);

/* --- sending --------------------------------------------------------------------------------- */

enum err
bus_link_send(struct bus_link *l, const struct bus_id *to, Pb__Envelope *e)
{
	struct bus *bus = l->bus;
	bool hello = e->body_case == PB__ENVELOPE__BODY_HELLO;
	size_t len = 0;

	e->proto = hello ? ROUTE_PROTO_MIN : l->proto;
	e->seq = l->seq + 1;
	e->sent_at = clock_wall_ms();
	enum err err = msg_pack(e, bus->buffer, sizeof(bus->buffer), &len);
	if (!err)
		err = route_admit(e, len, bus->self, l->peer, hello ? ROUTE_GREETING : ROUTE_READY);
	if (err) {
		log_error(NULL, "%s to %s is not sent: %s", route_kind_name((int)e->body_case),
		    who_name(l->peer), err_text(err));
		return err;
	}
	err = bus_socket_send(l->socket, to, bus->buffer, len);
	if (err == ERR_OK) {
		l->seq++;
		l->counters.sent++;
		bus_tap_show(bus, bus->self, l->peer, e, len, ERR_OK);
	}
	if (err != ERR_CLOSED)
		return err;
	if (l->up && bus_id_same(to, &l->current)) {
		l->lost = true; /* the callback comes from the loop, not from inside a send */
		loop_timer_set(bus->loop, &l->ping, clock_now(), on_ping_due, l);
	}
	return ERR_OFFLINE;
}

static enum err
say_hello(struct bus_link *l, const struct bus_id *to)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Hello hello;

	bus_hello(l->bus, &e, &hello);
	return bus_link_send(l, to, &e);
}

static enum err
ping(struct bus_link *l, uint64_t nonce, bool answer)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Ping p = PB__PING__INIT;

	p.nonce = nonce;
	p.answer = answer;
	e.body_case = PB__ENVELOPE__BODY_PING;
	e.ping = &p;
	return bus_link_send(l, l->server ? &l->current : NULL, &e);
}

/* Ask a guest to greet. One that went away meanwhile will knock again. */
static void
invite(struct bus_link *l, const struct bus_id *guest)
{
	l->guest = *guest;
	l->invited = say_hello(l, &l->guest) == ERR_OK;
}

/* --- up and down ----------------------------------------------------------------------------- */

static void
go_up(struct bus_link *l)
{
	l->up = true;
	l->lost = false;
	l->unanswered = 0;
	loop_timer_clear(l->bus->loop, &l->again);
	loop_timer_set(
	    l->bus->loop, &l->ping, mono_after(clock_now(), l->bus->pace.ping_ms), on_ping_due, l);
	log_info(NULL, "link to %s is up, protocol %u", who_name(l->peer), (unsigned)l->proto);
	l->handler.on_up(l->handler.arg, l);
}

static void
go_down(struct bus_link *l, const char *why)
{
	if (!l->up)
		return;
	l->up = false;
	l->lost = false;
	l->current.len = 0;
	loop_timer_clear(l->bus->loop, &l->ping);
	log_info(NULL, "link to %s is down: %s", who_name(l->peer), why);
	l->handler.on_down(l->handler.arg, l);
}

/* Later, unless that is to happen sooner anyway. */
static void
try_again(struct bus_link *l, int ms)
{
	struct mono due = mono_after(clock_now(), ms);

	if (!l->again.set || l->again.due.ms > due.ms)
		loop_timer_set(l->bus->loop, &l->again, due, on_again, l);
}

static void
on_again(void *arg)
{
	struct bus_link *l = arg;

	if (l->server) {
		if (l->guest.len)
			invite(l, &l->guest);
		return;
	}
	bus_link_close(l);
	if (bus_link_open(l) != ERR_OK)
		try_again(l, l->bus->pace.retry_ms);
}

static void
on_ping_due(void *arg)
{
	struct bus_link *l = arg;
	const struct bus_pace *pace = &l->bus->pace;
	bool silent = (int)l->unanswered >= pace->misses;

	if (!l->lost && !silent) {
		l->unanswered++;
		if (ping(l, ++l->nonce, false) != ERR_OFFLINE) {
			loop_timer_set(l->bus->loop, &l->ping,
			    mono_after(clock_now(), pace->ping_ms), on_ping_due, l);
			return;
		}
	}
	go_down(l, silent ? "no answer to pings" : "the peer went away");
	l->guest.len = 0;
	if (!l->server)
		try_again(l, pace->penalty_ms);
}

/* --- receiving ------------------------------------------------------------------------------- */

static void
log_refusal(struct bus_link *l, const Pb__Envelope *e, size_t bytes, enum err err)
{
	struct mono now = clock_now();

	l->unlogged++;
	if (!mono_reached(now, l->quiet_until))
		return;
	log_warn(NULL, "from %s: %s of %zu bytes refused: %s (%llu since the last such line)",
	    who_name(l->peer), e ? route_kind_name((int)e->body_case) : "something", bytes,
	    err_text(err), (unsigned long long)l->unlogged);
	l->quiet_until = mono_after(now, QUIET_MS);
	l->unlogged = 0;
}

static void
refuse(struct bus_link *l, const struct bus_id *from, const Pb__Envelope *e, size_t bytes,
    enum err err)
{
	bool hello = e && e->body_case == PB__ENVELOPE__BODY_HELLO;
	bool stranger = l->up && l->server && !bus_id_same(from, &l->current);

	l->counters.refused++;
	l->counters.last_refusal = (int)err;
	bus_tap_show(l->bus, l->peer, l->bus->self, e, bytes, err);
	log_refusal(l, e, bytes, err);
	if (stranger)
		return;                /* not our peer's doing */
	bool futile = hello && !l->up; /* no common version: asking again soon does not help */
	go_down(l, "violation");
	if (!l->server) {
		try_again(l, futile ? l->bus->pace.retry_ms : l->bus->pace.penalty_ms);
	} else if (!futile) {
		l->guest = *from;
		l->invited = false;
		try_again(l, l->bus->pace.penalty_ms);
	}
}

static void
on_knock(struct bus_link *l, const struct bus_id *from)
{
	if (l->up && bus_id_same(from, &l->current)) {
		refuse(l, from, NULL, 0, ERR_MESSAGE);
	} else if (l->again.set) {
		l->guest = *from;
		l->invited = false;
	} else {
		invite(l, from);
	}
}

static enum err
agree(struct bus_link *l, const Pb__Hello *h)
{
	uint32_t low = h->proto_min > ROUTE_PROTO_MIN ? h->proto_min : ROUTE_PROTO_MIN;
	uint32_t high = h->proto_max < ROUTE_PROTO_MAX ? h->proto_max : ROUTE_PROTO_MAX;

	if (strcmp(h->who, who_name(l->peer)) != 0)
		return ERR_PEER;
	if (low <= high) {
		l->proto = high;
		return ERR_OK;
	}
	log_warn(NULL, "%s %s: expected protocol %d to %d, got %u to %u", h->who, h->build,
	    ROUTE_PROTO_MIN, ROUTE_PROTO_MAX, (unsigned)h->proto_min, (unsigned)h->proto_max);
	return ERR_VERSION;
}

/* What a Hello does to a client; its answer also lets a server with other versions say so. */
static enum err
greet_back(struct bus_link *l, const Pb__Hello *h)
{
	go_down(l, "the server asks for a new greeting");
	enum err err = say_hello(l, NULL);

	return err ? err : agree(l, h);
}

/* ... and to a server, which asks whoever greets uninvited before it hears anything else. */
static enum err
be_greeted(struct bus_link *l, const struct bus_id *from, const Pb__Hello *h)
{
	if (l->again.set) { /* later */
		l->guest = *from;
		l->invited = false;
		return ERR_PHASE;
	}
	if (!l->invited || !bus_id_same(from, &l->guest))
		invite(l, from);
	enum err err = agree(l, h);
	if (err)
		return err;
	go_down(l, "the peer greets anew");
	l->current = *from;
	return ERR_OK;
}

static void
take(struct bus_link *l, const struct bus_id *from, const uint8_t *data, size_t len)
{
	AUTO(msg) Pb__Envelope *e = NULL;
	bool greeted = bus_is_up(l) && (!l->server || bus_id_same(from, &l->current));
	enum err err = msg_unpack(data, len, ROUTE_BUS_MAX, &e);
	bool hello = !err && e->body_case == PB__ENVELOPE__BODY_HELLO;

	if (!err)
		err = route_admit(e, len, l->peer, l->bus->self,
		    greeted && !hello ? ROUTE_READY : ROUTE_GREETING);
	if (!err && hello)
		err = l->server ? be_greeted(l, from, e->hello) : greet_back(l, e->hello);
	if (err) {
		refuse(l, from, e, len, err);
		return;
	}
	l->unanswered = 0;
	bus_tap_show(l->bus, l->peer, l->bus->self, e, len, ERR_OK);
	if (hello)
		go_up(l);
	else if (e->body_case != PB__ENVELOPE__BODY_PING)
		l->handler.on_message(l->handler.arg, l, e);
	else if (!e->ping->answer && ping(l, e->ping->nonce, true) != ERR_OK)
		log_debug(NULL, "a ping of %s gets no answer", who_name(l->peer));
}

static bool
take_one(struct bus_link *l)
{
	struct bus_id from = {0};
	zmq_msg_t body;

	zmq_msg_init(&body);
	enum err err = bus_socket_receive(l->socket, l->server ? &from : NULL, &body, &l->skipping);
	size_t len = zmq_msg_size(&body);
	if (err != ERR_AGAIN)
		l->counters.received++;
	if (err == ERR_MALFORMED)
		refuse(l, &from, NULL, len, err);
	else if (err == ERR_OK && l->server && len == 0)
		on_knock(l, &from);
	else if (err == ERR_OK)
		take(l, &from, zmq_msg_data(&body), len);
	zmq_msg_close(&body);
	return err == ERR_OK;
}

static void
on_ready(void *arg, short revents)
{
	struct bus_link *l = arg;

	(void)revents;
	for (int i = 0; i < BUS_BATCH && take_one(l); i++)
		continue;
}

/* --- its socket ------------------------------------------------------------------------------ */

enum err
bus_link_open(struct bus_link *l)
{
	struct bus_socket_want w = {.type = l->server ? ZMQ_ROUTER : ZMQ_DEALER,
	    .domain = l->domain->name,
	    .max_message = ROUTE_BUS_MAX,
	    .send_mark = SEND_MARK,
	    .receive_mark = RECEIVE_MARK};
	enum err e = bus_socket_new(l->bus->ctx, &w, &l->socket);

	if (!e)
		e = l->server ? bus_socket_bind(l->socket, l->path)
			      : bus_socket_connect(l->socket, l->path);
	if (!e)
		e = loop_watch_socket(l->bus->loop, l->socket, on_ready, l);
	if (e)
		bus_link_close(l);
	else if (!l->server)
		try_again(l, l->bus->pace.retry_ms);
	return e;
}

void
bus_link_close(struct bus_link *l)
{
	loop_timer_clear(l->bus->loop, &l->ping);
	loop_timer_clear(l->bus->loop, &l->again);
	loop_unwatch_socket(l->bus->loop, l->socket);
	bus_socket_close(l->socket);
	l->socket = NULL;
	l->skipping = false;
}
