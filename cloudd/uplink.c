/*
 * uplink: see uplink.h. Phases: DOWN (a try is due at `retry`, or never), OPENING (the dialer has
 * as long as a slow resolver and the last of many dead addresses may take, then TLS 10 s), UP
 * (bytes between wire and session). One descriptor watch and two timers; requests of the caller
 * only leave a mark and wake us, so that callbacks never nest.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "log.h"
#include "session.h"
#include "uplink.h"
#include "wire.h"

enum { DIAL_MS = 300000, OPEN_MS = 10000, CLOCK_MS = 5000, CHUNK = 4096, ROUNDS = 16 };
enum { CODE_INTERNAL = 10450, CODE_SERVER_CHANGED = 10475 };

enum phase { DOWN, OPENING, UP };

struct uplink {
	struct loop *loop;
	struct uplink_settings set;
	char host[256]; /* where it goes */
	uint16_t port;
	struct uplink_handler h;
	struct tls_context *context; /* NULL also while no certificate is valid by this clock */
	bool moved;
	struct session *session;
	struct wire *wire;
	int watched; /* descriptor in the loop, -1 = none */
	enum phase phase;
	struct loop_timer wake, retry;
	struct mono open_due;
	struct mono ready_at; /* MONO_NEVER: this connection was not ready yet */
	unsigned failures;
	int fail_code;  /* request: uplink_fail */
	bool reconnect; /* request */
	bool halted;    /* the next failure is final until uplink_reconnect */
	bool blocked;   /* the wire takes no more bytes now */
	bool more;      /* work is left that no descriptor will tell of */
	size_t in_at, in_end;
	uint8_t in[CHUNK]; /* read, not yet taken by the session */
};

static void on_wake(void *arg);
static void on_retry(void *arg);
static void on_fd(void *arg, short revents);

/* --- life --------------------------------------------------------------------------------- */

static const char *
server_name(const struct uplink *u)
{
	return u->moved ? u->host : u->set.server_name ? u->set.server_name : u->set.host;
}

static enum err
make_context(struct uplink *u)
{
	const struct tls_settings t = {
	    .ca_file = u->set.ca_file,
	    .server_name = server_name(u),
	    .crl_file = u->set.crl_file,
	    .spki_pin = u->set.spki_pin,
	    .tls12 = u->set.tls12,
	};

	return u->set.tls && !u->context ? tls_context_new(&t, &u->context) : ERR_OK;
}

enum err
uplink_new(struct loop *loop, const struct uplink_settings *settings,
    const struct uplink_handler *handler, struct uplink **out)
{
	AUTO(uplink) struct uplink *u = calloc(1, sizeof(*u));

	if (!u)
		return ERR_NOMEM;
	*u = (struct uplink){
	    .loop = loop, .set = *settings, .h = *handler, .watched = -1, .ready_at = MONO_NEVER};
	if (!settings->tls && !settings->lab) {
		log_error(NULL, "uplink: expected TLS, got plain TCP without the lab switch");
		return ERR_CONFIG;
	}
	snprintf(u->host, sizeof(u->host), "%s", settings->host);
	u->port = settings->port;
	enum err e = make_context(u);
	if (!e || e == ERR_TIME) /* a clock that will be set, or a list that will be renewed */
		e = session_new(&u->session);
	if (!e)
		*out = HAND_OVER(u);
	return e;
}

/* Let go of the connection; no callback. */
static void
drop(struct uplink *u)
{
	if (u->watched >= 0)
		loop_unwatch_fd(u->loop, u->watched);
	u->watched = -1;
	wire_close(u->wire);
	u->wire = NULL;
	session_close(u->session);
	loop_timer_clear(u->loop, &u->wake);
	u->in_at = u->in_end = 0;
	u->blocked = u->more = false;
	u->fail_code = 0;
	u->phase = DOWN;
}

void
uplink_free(struct uplink *u)
{
	if (!u)
		return;
	if (u->session)
		drop(u);
	loop_timer_clear(u->loop, &u->retry);
	session_free(u->session);
	tls_context_free(u->context);
	free(u);
}

void
uplink_start(struct uplink *u)
{
	if (!u->set.tls)
		log_warn(NULL,
		    "uplink: LAB ONLY: %s:%u is spoken to without TLS; passwords and "
		    "orders can be read and forged on the way",
		    u->host, u->port);
	loop_timer_set(u->loop, &u->retry, clock_now(), on_retry, u);
}

bool
uplink_is_ready(const struct uplink *u)
{
	return u->phase == UP && session_is_ready(u->session);
}

/* --- going down --------------------------------------------------------------------------- */

static uint32_t
random_bits(void)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		log_warn(NULL, "uplink: no random numbers, no jitter");
	return r;
}

/* Set the timer for the next try. The long pause after six failures starts a new count. */
static void
plan_retry(struct uplink *u, enum session_stage stage, int code)
{
	int64_t ms = session_backoff(stage, code, u->failures, random_bits());

	if (u->failures > SESSION_FAILURES_MAX)
		u->failures = 0;
	if (ms == SESSION_NEVER || u->halted) {
		u->halted = false;
		log_warn(NULL, "uplink: no further try until the link is restarted");
		return;
	}
	log_info(NULL, "uplink: next try in %lld ms", (long long)ms);
	loop_timer_set(u->loop, &u->retry, mono_after(clock_now(), ms), on_retry, u);
}

static void
go_down(struct uplink *u, enum session_stage stage, enum err why, int code, const char *detail)
{
	int64_t ready_ms = u->ready_at.ms == MONO_NEVER.ms ? SESSION_NEVER
							   : mono_between(u->ready_at, clock_now());

	log_warn(NULL, "uplink %s:%u: down: %s, code %d: %s", u->host, u->port, err_name(why), code,
	    detail);
	drop(u);
	u->ready_at = MONO_NEVER;
	u->failures = session_failures(u->failures, stage, ready_ms);
	plan_retry(u, stage, code);
	u->h.on_down(u->h.arg, why, code);
}

static void
wire_failed(struct uplink *u, enum err why)
{
	char detail[240] = "the server closed the connection";

	if (why != ERR_CLOSED && u->wire)
		snprintf(detail, sizeof(detail), "%s", wire_why(u->wire));
	go_down(u, SESSION_ACCESS, why, SESSION_CODE_NETWORK, detail);
}

/* What the caller has asked for since; true when the connection is gone by it. */
static bool
serve_requests(struct uplink *u)
{
	if (u->reconnect) {
		bool was_up = u->phase != DOWN;

		u->reconnect = false;
		drop(u);
		u->ready_at = MONO_NEVER;
		u->failures = 1;
		plan_retry(u, SESSION_ACCESS, CODE_SERVER_CHANGED);
		u->failures = 0;
		if (was_up)
			u->h.on_down(u->h.arg, ERR_CANCELLED, CODE_SERVER_CHANGED);
		return true;
	}
	if (u->fail_code && u->phase == UP) {
		go_down(u, SESSION_AUTH, ERR_PLATFORM, u->fail_code, "refused by the platform");
		return true;
	}
	u->fail_code = 0;
	return false;
}

/* --- being up ----------------------------------------------------------------------------- */

static void
on_event(struct uplink *u, const struct session_event *ev)
{
	switch (ev->kind) {
	case SESSION_READY:
		log_info(NULL, "uplink %s:%u: ready", u->host, u->port);
		u->ready_at = clock_now();
		u->h.on_ready(u->h.arg);
		return;
	case SESSION_MESSAGE:
		u->h.on_message(u->h.arg, ev->topic, ev->payload, ev->len);
		return;
	case SESSION_PUBLISHED:
		u->h.on_published(u->h.arg, ev->token);
		return;
	case SESSION_REFUSED:
		log_warn(NULL, "uplink: the broker refused to subscribe us to %s", ev->topic);
		return;
	case SESSION_DOWN:
		go_down(u, SESSION_ACCESS, ev->why, ev->code, ev->detail);
		return;
	case SESSION_NOTHING:
		return;
	}
}

/* Each of the three says whether the connection is still there. */

static bool
handle_events(struct uplink *u)
{
	struct session_event ev;

	while (session_next(u->session, clock_now(), &ev)) {
		on_event(u, &ev);
		if (u->phase != UP || serve_requests(u))
			return false;
	}
	return true;
}

static bool
flush(struct uplink *u)
{
	const uint8_t *data = NULL;
	size_t len = 0, n = 0;

	u->blocked = false;
	while ((len = session_output(u->session, &data)) > 0) {
		enum err e = wire_write(u->wire, data, len, &n);

		if (e == ERR_AGAIN) {
			u->blocked = true;
			return true;
		}
		if (e) {
			wire_failed(u, e);
			return false;
		}
		session_sent(u->session, n);
		u->more = true;
	}
	return true;
}

/* Read once and offer it to the session. */
static bool
fill(struct uplink *u)
{
	if (u->in_at == u->in_end) {
		u->in_at = u->in_end = 0;
		enum err e = wire_read(u->wire, u->in, sizeof(u->in), &u->in_end);
		if (e && e != ERR_AGAIN) {
			wire_failed(u, e);
			return false;
		}
	}
	size_t taken = session_input(u->session, u->in + u->in_at, u->in_end - u->in_at);
	u->in_at += taken;
	u->more = u->more || taken;
	return true;
}

/* Tell the loop what we wait for. */
static void
arm(struct uplink *u)
{
	struct mono due = u->phase == UP ? session_due(u->session) : u->open_due;
	short events = wire_wants(u->wire);
	int fd = wire_fd(u->wire);

	if (u->phase == UP)
		events = (short)(POLLIN | (u->blocked ? POLLOUT | wire_wants(u->wire) : 0));
	if (u->phase == UP && u->in_at < u->in_end)
		events &= (short)~POLLIN; /* the session presses back */
	if (fd != u->watched) {
		if (u->watched >= 0)
			loop_unwatch_fd(u->loop, u->watched);
		u->watched = loop_watch_fd(u->loop, fd, events, on_fd, u) ? -1 : fd;
	} else {
		loop_change_fd(u->loop, fd, events);
	}
	if (u->watched < 0) {
		go_down(u, SESSION_ACCESS, ERR_LIMIT, SESSION_CODE_NETWORK, "too many watches");
		return;
	}
	if (u->more || u->reconnect || u->fail_code)
		due = clock_now();
	loop_timer_set(u->loop, &u->wake, due, on_wake, u);
}

/* Until a round moves no byte; but let the loop see to others now and then. */
static void
work(struct uplink *u)
{
	u->more = true;
	for (int i = 0; i < ROUNDS && u->more; i++) {
		u->more = false;
		if (!handle_events(u) || !flush(u) || !fill(u))
			return;
	}
	arm(u);
}

/* --- coming up ---------------------------------------------------------------------------- */

static void
log_in(struct uplink *u)
{
	struct uplink_credentials c = {0};
	enum err e = u->h.credentials(u->h.arg, &c);
	struct session_login login = {
	    .client_id = c.client_id,
	    .user = u->set.send_user_name ? c.user : NULL,
	    .password = c.password,
	    .topic = c.topic,
	    .keepalive_s = u->set.keepalive_s,
	};

	if (!e)
		e = session_open(u->session, clock_now(), &login);
	explicit_bzero(&c, sizeof(c));
	if (e) {
		log_error(NULL, "uplink: expected usable credentials, got %s", err_name(e));
		u->halted = true;
		go_down(u, SESSION_ACCESS, e, CODE_INTERNAL, "no credentials");
		return;
	}
	u->phase = UP;
	work(u);
}

static void
open_further(struct uplink *u)
{
	bool was_through = wire_is_through(u->wire);
	enum err e = wire_step(u->wire);

	if (!was_through && wire_is_through(u->wire))
		u->open_due = mono_after(clock_now(), OPEN_MS);
	if (e == ERR_AGAIN && mono_reached(clock_now(), u->open_due))
		go_down(u, SESSION_ACCESS, was_through ? ERR_TIMEOUT : ERR_DIALER,
		    SESSION_CODE_NETWORK,
		    was_through ? "expected a connection within 10 s"
				: "expected an answer of the dialer within 300 s");
	else if (e == ERR_AGAIN)
		arm(u);
	else if (e)
		wire_failed(u, e);
	else
		log_in(u);
}

static void
on_retry(void *arg)
{
	struct uplink *u = arg;

	if (make_context(u) != ERR_OK) {
		loop_timer_set(u->loop, &u->retry, mono_after(clock_now(), CLOCK_MS), on_retry, u);
		return;
	}
	enum err e = wire_open(u->set.dialer, u->host, u->port, u->context, &u->wire);

	if (e) {
		go_down(u, SESSION_ACCESS, e, SESSION_CODE_NETWORK,
		    e == ERR_DENIED ? "not a server of the configuration" : err_text(e));
		return;
	}
	u->phase = OPENING;
	u->open_due = mono_after(clock_now(), DIAL_MS);
	open_further(u);
}

static void
on_wake(void *arg)
{
	struct uplink *u = arg;

	if (serve_requests(u))
		return;
	if (u->phase == OPENING)
		open_further(u);
	else if (u->phase == UP)
		work(u);
}

static void
on_fd(void *arg, short revents)
{
	(void)revents;
	on_wake(arg);
}

/* --- what the caller asks for ------------------------------------------------------------- */

static void
wake_now(struct uplink *u)
{
	loop_timer_set(u->loop, &u->wake, clock_now(), on_wake, u);
}

enum err
uplink_publish(struct uplink *u, const char *topic, unsigned qos, const uint8_t *payload,
    size_t len, uint64_t token)
{
	if (u->phase != UP)
		return ERR_OFFLINE;
	enum err e = session_publish(u->session, topic, qos, payload, len, token);
	if (!e)
		wake_now(u);
	return e;
}

enum err
uplink_subscribe(struct uplink *u, const char *topic, unsigned qos)
{
	if (u->phase != UP)
		return ERR_OFFLINE;
	enum err e = session_subscribe(u->session, topic, qos);
	if (!e)
		wake_now(u);
	return e;
}

void
uplink_fail(struct uplink *u, int platform_code)
{
	u->fail_code = platform_code;
	wake_now(u);
}

void
uplink_move(struct uplink *u, const char *host, uint16_t port)
{
	snprintf(u->host, sizeof(u->host), "%s", host ? host : u->set.host);
	u->port = host ? port : u->set.port;
	u->moved = host != NULL;
	if (u->context && tls_context_set_name(u->context, server_name(u)) != ERR_OK)
		log_error(NULL, "uplink: expected a name for a server, got %s", server_name(u));
}

void
uplink_reconnect(struct uplink *u)
{
	u->reconnect = true;
	loop_timer_clear(u->loop, &u->retry);
	wake_now(u);
}
