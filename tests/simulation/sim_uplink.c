/*
 * sim_uplink: cloudd's process around struct cloud, as its main.c has it, with a connection to the
 * platform that is cut, and that loses what was on its way. Messages leave in order, one at a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "sim.h"
#include "sim_house.h"
#include "sim_late.h"
#include "sim_platform.h"

enum { QUEUE = 64 };

struct cloudd {
	struct cloud cloud;
	struct loop_timer timer;
	struct bus_link *gate;
};

struct letter {
	char topic[ENDPOINT_TOPIC_SIZE];
	unsigned qos;
	uint64_t token;
	size_t len;
	uint8_t data[2500];
};

struct sim_uplink {
	bool ready, busy;
	unsigned life;    /* counts connections */
	unsigned reaches; /* what was on its way in this life arrives all the same */
	int64_t not_before;
	int64_t delay_ms; /* of the next message down */
	struct letter queue[QUEUE];
	unsigned n;
};

static struct cloudd *
me(void)
{
	return sim()->proc[SIM_CLOUDD].self;
}

static void
on_timer(void *arg)
{
	struct cloudd *d = arg;

	cloud_on_time(&d->cloud);
	loop_timer_set(
	    sim()->proc[SIM_CLOUDD].daemon.loop, &d->timer, cloud_due(&d->cloud), on_timer, d);
}

void
sim_uplink_set_timer(void)
{
	loop_timer_set(sim()->proc[SIM_CLOUDD].daemon.loop, &me()->timer, cloud_due(&me()->cloud),
	    on_timer, me());
}

/* --- down and up ------------------------------------------------------------------------------ */

struct fall {
	unsigned life;
	enum err why;
	int code;
	int64_t pause_ms;
};

static void try_connect(void *arg);

static void
connect_in(int64_t ms)
{
	int64_t wait = ms * SIM_MS, least = sim()->uplink->not_before - sim()->now;

	sim_after(wait > least ? wait : least, try_connect, (void *)(uintptr_t)sim()->uplink->life);
}

static void
call_down(void *arg)
{
	struct fall *f = arg;

	cloud_on_down(&me()->cloud, f->why, f->code);
	sim_uplink_set_timer();
}

static void
fall(void *arg)
{
	struct fall *f = arg;
	struct sim_uplink *u = sim()->uplink;

	if (f->life == u->life) {
		bool was = u->ready;

		sim_late_lost();
		u->life++;
		u->ready = u->busy = false;
		u->n = 0;
		sim_platform_lost();
		sim_say("cloudd", "loses the platform, code %d", f->code);
		if (was || f->code)
			sim_call(&sim()->proc[SIM_CLOUDD], call_down, f);
		if (f->pause_ms >= 0)
			connect_in(f->pause_ms);
	}
	free(f);
}

static void
fall_soon(enum err why, int code, int64_t pause_ms)
{
	struct fall *f = malloc(sizeof(*f));

	*f = (struct fall){sim()->uplink->life, why, code, pause_ms};
	sim_after(0, fall, f);
}

void
sim_uplink_cut(bool reached)
{
	struct sim_uplink *u = sim()->uplink;

	if (reached)
		u->reaches = u->life;
	u->not_before = sim()->now + sim_between(100, 60000) * SIM_MS;
	fall_soon(ERR_NETWORK, 10474, sim_between(500, 20000));
}

void
sim_uplink_lost(void)
{
	struct sim_uplink *u = sim()->uplink;

	sim_late_lost();
	u->life++;
	u->ready = u->busy = false;
	u->n = 0;
	sim_platform_lost();
}

bool
sim_uplink_is_ready(void)
{
	return sim()->uplink->ready;
}

unsigned
sim_uplink_life(void)
{
	return sim()->uplink->life;
}

static void
call_ready(void *arg)
{
	(void)arg;
	cloud_on_ready(&me()->cloud);
	sim_uplink_set_timer();
}

static void
call_credentials(void *arg)
{
	struct cloud_credentials *c = arg;

	if (cloud_credentials(&me()->cloud, c) != ERR_OK)
		c->password[0] = 0;
}

static void
try_connect(void *arg)
{
	struct sim_uplink *u = sim()->uplink;
	struct cloud_credentials c = {0};

	if ((unsigned)(uintptr_t)arg != u->life || u->ready)
		return;
	if (sim()->now < u->not_before) {
		connect_in(0);
		return;
	}
	if (!sim_call(&sim()->proc[SIM_CLOUDD], call_credentials, &c))
		return;
	if (!c.password[0] || !sim_platform_admits(c.password)) {
		fall_soon(ERR_AUTH, DIALECT_CODE_SECRET, -1);
		return;
	}
	u->ready = true;
	sim_say("cloudd", "reaches the platform");
	sim_late_hears(SIM_LATE_READY);
	if (sim_call(&sim()->proc[SIM_CLOUDD], call_ready, NULL) && c.password[0] == '0')
		sim_platform_configure();
}

void
sim_uplink_new(void)
{
	sim()->uplink = calloc(1, sizeof(*sim()->uplink));
	sim()->uplink->reaches = UINT32_MAX;
}

/* --- messages up ------------------------------------------------------------------------------ */

struct flight {
	unsigned life;
	struct letter l;
};

static void send_next(void);

static void
call_published(void *arg)
{
	cloud_on_published(&me()->cloud, *(uint64_t *)arg);
	sim_uplink_set_timer();
}

static void
published(void *arg)
{
	struct flight *f = arg;
	struct sim_uplink *u = sim()->uplink;

	if (f->life == u->life) {
		u->busy = false;
		sim_call(&sim()->proc[SIM_CLOUDD], call_published, &f->l.token);
		if (f->life == u->life && !u->busy)
			send_next();
	}
	free(f);
}

static void
arrive(void *arg)
{
	struct flight *f = arg;
	struct sim_uplink *u = sim()->uplink;

	if (sim_late_up(f->life, f->l.topic, f->l.data, f->l.len))
		;
	else if (f->life == u->life || f->life == u->reaches)
		sim_platform_hear(f->l.topic, f->l.data, f->l.len);
	if (f->life == u->reaches)
		u->reaches = UINT32_MAX; /* one at most */
	sim_after(sim_between(5, 80) * SIM_MS, published, f);
}

static void
send_next(void)
{
	struct sim_uplink *u = sim()->uplink;

	if (!u->n || u->busy)
		return;
	struct flight *f = malloc(sizeof(*f));
	f->life = u->life;
	f->l = u->queue[0];
	memmove(u->queue, u->queue + 1, --u->n * sizeof(u->queue[0]));
	u->busy = true;
	sim_after(sim_between(5, 80) * SIM_MS, arrive, f);
}

static void
send_soon(void *arg)
{
	(void)arg;
	send_next();
}

static enum err
io_publish(
    void *arg, const char *topic, unsigned qos, const uint8_t *payload, size_t len, uint64_t token)
{
	struct sim_uplink *u = sim()->uplink;
	struct letter *l = &u->queue[u->n];

	(void)arg;
	if (!u->ready)
		return ERR_OFFLINE;
	if (u->n == QUEUE)
		return ERR_AGAIN;
	if (len > sizeof(l->data))
		return ERR_LIMIT;
	sim_effect("a message to the platform");
	*l = (struct letter){.qos = qos, .token = token, .len = len};
	snprintf(l->topic, sizeof(l->topic), "%s", topic);
	memcpy(l->data, payload, len);
	u->n++;
	sim_after(0, send_soon, NULL);
	sim_effect("a message to the platform is queued");
	return ERR_OK;
}

/* --- messages down ---------------------------------------------------------------------------- */

struct down {
	unsigned life;
	char topic[ENDPOINT_TOPIC_SIZE];
	size_t len;
	uint8_t data[];
};

static void
call_hear(void *arg)
{
	struct down *d = arg;

	cloud_on_message(&me()->cloud, d->topic, d->data, d->len);
	sim_uplink_set_timer();
}

static void
hear(void *arg)
{
	struct down *d = arg;
	bool again = sim_chance(3); /* the network repeats */

	if (d->life == sim()->uplink->life)
		sim_call(&sim()->proc[SIM_CLOUDD], call_hear, d);
	if (again)
		sim_after(sim_between(0, 500) * SIM_MS, hear, d);
	else
		free(d);
}

static struct down *
new_down(const char *topic, const uint8_t *data, size_t len)
{
	struct down *d = malloc(sizeof(*d) + len);

	d->life = sim()->uplink->life;
	d->len = len;
	snprintf(d->topic, sizeof(d->topic), "%s", topic);
	memcpy(d->data, data, len);
	return d;
}

void
sim_uplink_hear(const char *topic, const uint8_t *data, size_t len)
{
	struct down *d = new_down(topic, data, len);

	if (sim()->uplink->ready)
		sim_call(&sim()->proc[SIM_CLOUDD], call_hear, d);
	free(d);
}

void
sim_uplink_down(const char *topic, const uint8_t *data, size_t len)
{
	struct down *d = NULL;

	if (sim_late_down(topic, data, len))
		return;
	d = new_down(topic, data, len);
	sim_after((sim_between(5, 120) + sim()->uplink->delay_ms) * SIM_MS, hear, d);
	sim()->uplink->delay_ms = 0;
}

void
sim_uplink_delay(int64_t ms)
{
	sim()->uplink->delay_ms = ms;
}

/* --- the rest of the io table ----------------------------------------------------------------- */

static enum err
io_subscribe(void *arg, const char *topic)
{
	(void)arg, (void)topic;
	return ERR_OK;
}

static void
io_fail(void *arg, int code)
{
	(void)arg;
	fall_soon(ERR_PLATFORM, code, sim_between(1000, 30000));
}

static void
io_move(void *arg, const char *host, uint16_t port)
{
	(void)arg, (void)host, (void)port; /* the model has one server */
}

static void
io_reconnect(void *arg)
{
	(void)arg;
	if (sim()->uplink->ready)
		fall_soon(ERR_CANCELLED, 0, 500);
	else
		connect_in(500);
}

static enum err
io_to_gate(void *arg, Pb__Envelope *e)
{
	(void)arg;
	return me()->gate ? bus_send(me()->gate, e) : ERR_OFFLINE;
}

static void
io_random(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)sim_below(256);
}

static struct mono
io_now(void *arg)
{
	(void)arg;
	return sim_mono();
}

static uint64_t
io_wall_ms(void *arg)
{
	(void)arg;
	return sim_wall();
}

static void
io_event(void *arg, const struct event *e)
{
	(void)arg;
	event_write(NULL, e);
}

static uint64_t
io_free_bytes(void *arg)
{
	(void)arg;
	return 1 << 20;
}

/* --- the gate --------------------------------------------------------------------------------- */

static void
gate_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	(void)arg, (void)from;
	cloud_on_gate_message(&me()->cloud, e);
	sim_uplink_set_timer();
}

static void
gate_up(void *arg, struct bus_link *link)
{
	(void)arg, (void)link;
	cloud_on_gate_up(&me()->cloud);
	sim_uplink_set_timer();
}

static void
gate_down(void *arg, struct bus_link *link)
{
	(void)arg, (void)link;
	cloud_on_gate_down(&me()->cloud);
	sim_uplink_set_timer();
}

void
sim_cloudd_start(struct sim_proc *p, enum err *e)
{
	const struct cloud_io io = {io_publish, io_subscribe, io_fail, io_reconnect, io_move,
	    io_to_gate, io_random, io_now, io_wall_ms, io_event, io_free_bytes, NULL};
	const struct bus_handler h = {gate_message, gate_up, gate_down, NULL};
	struct sim_house *house = sim()->house;
	struct cloudd *d = calloc(1, sizeof(*d));
	char path[300];

	p->self = d;
	snprintf(path, sizeof(path), "%s/cloudd.db", p->daemon.state_dir);
	*e = cloud_open(&d->cloud, &house->identity, &house->profile, &house->secrets, &io, path);
	if (*e == ERR_OK)
		*e = bus_connect(p->daemon.bus, WHO_FETCHD, "", &h, &d->gate);
	if (*e != ERR_OK)
		return;
	sim_uplink_set_timer();
	sim()->uplink->life++;
	connect_in(sim_between(10, 3000));
}
