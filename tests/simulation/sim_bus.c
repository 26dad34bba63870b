/*
 * sim_bus: common/bus.h between three processes that live in one: two connections, each with an
 * end per process. A message is packed, takes its time, and is unpacked and judged by the route
 * table as on the real bus. What was on its way when an end died or the connection was cut is lost,
 * and an end may go on sending into nothing until it finds out. Reconnects and order: sim_late.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "msg.h"
#include "sim.h"
#include "sim_ack.h"
#include "sim_fault.h"
#include "sim_traitor.h"
#include "sim_watch.h"

enum { CONNS = 2, LATENCY_US = 3000, FIND_OUT_MS = 6000 };

/* cloudd - fetchd, fetchd - flashd */
static const enum sim_who conn_of[CONNS][2] = {{SIM_CLOUDD, SIM_FETCHD}, {SIM_FETCHD, SIM_FLASHD}};
static const enum who who_of[SIM_PROCS] = {WHO_CLOUDD, WHO_FETCHD, WHO_FLASHD};

struct bus {
	enum sim_who who;
};

struct bus_link {
	struct bus_handler handler;
	enum sim_who self, peer;
	unsigned conn, side;
	bool up;
	unsigned life; /* of the connection that it believes in */
	uint64_t seq;
};

struct conn {
	struct bus_link *end[2];
	unsigned life; /* counts connections */
	bool connecting, hung;
	int64_t last[2]; /* delivery at side: order is kept */
	int64_t not_before;
};

struct sim_bus {
	struct conn conn[CONNS];
	unsigned drop_percent, busy_percent;
	int hit_kind; /* sim_bus_hit */
	bool hit_after;
	int64_t hit_away;
	bool hit_store;
};

void
sim_bus_new(void)
{
	sim()->bus = calloc(1, sizeof(*sim()->bus));
}

void
sim_bus_trouble(unsigned drop_percent, unsigned busy_percent)
{
	sim()->bus->drop_percent = drop_percent;
	sim()->bus->busy_percent = busy_percent;
}

/* --- up and down ------------------------------------------------------------------------------ */

static void
call_up(void *arg)
{
	struct bus_link *l = arg;

	l->handler.on_up(l->handler.arg, l);
}

static void
call_down(void *arg)
{
	struct bus_link *l = arg;

	l->handler.on_down(l->handler.arg, l);
}

static void
go_down(struct bus_link *l)
{
	if (!l || !l->up)
		return;
	l->up = false;
	sim_call(&sim()->proc[l->self], call_down, l);
}

static void
connect_now(void *arg)
{
	struct conn *c = arg;

	if (!c->connecting) /* sim_bus_calm was faster */
		return;
	c->connecting = false;
	if (!c->end[0] || !c->end[1])
		return;
	c->life++;
	for (int i = 1; i >= 0; i--)
		go_down(c->end[i]);
	if (!c->end[0] || !c->end[1]) /* died of it */
		return;
	c->end[0]->up = c->end[1]->up = true;
	c->end[0]->life = c->end[1]->life = c->life;
	for (int i = 1; i >= 0; i--)
		if (c->end[i] && c->end[i]->up)
			sim_call(&sim()->proc[c->end[i]->self], call_up, c->end[i]);
}

static bool
is_connected(const struct conn *c)
{
	return c->end[0] && c->end[1] && c->end[0]->up && c->end[1]->up &&
	       c->end[0]->life == c->life && c->end[1]->life == c->life;
}

void
sim_bus_try(void)
{
	for (int i = 0; i < CONNS; i++) {
		struct conn *c = &sim()->bus->conn[i];

		if (c->connecting || c->hung || !c->end[0] || !c->end[1] || is_connected(c))
			continue;
		c->connecting = true;
		int64_t wait = c->not_before > sim()->now ? c->not_before - sim()->now : 0;
		sim_after(wait + sim_between(5, 400) * SIM_MS, connect_now, c);
	}
}

void
sim_bus_calm(void)
{
	for (int i = 0; i < CONNS; i++) {
		struct conn *c = &sim()->bus->conn[i];

		if (c->not_before > sim()->now)
			c->connecting = false;
		c->not_before = 0;
		c->hung = false;
	}
	sim_bus_try();
}

struct find_out {
	struct conn *c;
	unsigned life, side;
};

static void
find_out(void *arg)
{
	struct find_out *f = arg;
	struct bus_link *l = f->c->end[f->side];

	if (l && l->up && l->life == f->life && f->life != f->c->life)
		go_down(l);
	free(f);
	sim_bus_try();
}

/* The connection is gone; an end that lives finds out within some seconds. */
static void
break_conn(struct conn *c)
{
	for (unsigned side = 0; side < 2; side++) {
		if (!c->end[side] || !c->end[side]->up)
			continue;
		struct find_out *f = malloc(sizeof(*f));
		*f = (struct find_out){c, c->end[side]->life, side};
		sim_after(sim_between(0, FIND_OUT_MS) * SIM_MS, find_out, f);
	}
	c->life++;
}

void
sim_bus_lost(enum sim_who who)
{
	for (int i = 0; i < CONNS; i++)
		for (int side = 0; side < 2; side++) {
			struct conn *c = &sim()->bus->conn[i];

			if (conn_of[i][side] != who)
				continue;
			c->end[side] = NULL;
			c->hung = false;
			break_conn(c);
		}
}

void
sim_bus_cut(unsigned conn)
{
	sim_bus_away(conn, sim_between(100, 20000) * SIM_MS);
}

void
sim_bus_away(unsigned conn, int64_t for_ns)
{
	struct conn *c = &sim()->bus->conn[conn % CONNS];

	c->not_before = sim()->now + for_ns;
	break_conn(c);
	sim_bus_try();
}

void
sim_bus_hang(unsigned conn)
{
	struct conn *c = &sim()->bus->conn[conn];

	c->hung = true;
	c->life++;
}

void
sim_bus_rouse(unsigned conn)
{
	struct conn *c = &sim()->bus->conn[conn];

	c->hung = false;
	for (int i = 1; i >= 0; i--)
		if (c->end[i] && c->end[i]->life != c->life)
			go_down(c->end[i]);
	sim_bus_try();
}

/* --- messages --------------------------------------------------------------------------------- */

struct letter {
	struct conn *c;
	struct bus_link *to;
	Pb__Envelope *e;
	unsigned side, life;
	bool left; /* before a break, which it outlives */
	size_t len;
	uint8_t data[];
};

static void
call_message(void *arg)
{
	struct letter *m = arg;
	struct bus_link *l = m->c->end[m->side];

	l->handler.on_message(l->handler.arg, l, m->e);
}

static void
show(const struct letter *m, enum err verdict)
{
	const char *from = sim()->proc[conn_of[m->c - sim()->bus->conn][!m->side]].name;
	const char *to = sim()->proc[conn_of[m->c - sim()->bus->conn][m->side]].name;
	AUTO(mem) char *json = NULL;

	sim_say(from, "says %s of upgrade %llu, error %d",
	    m->e ? route_kind_name((int)m->e->body_case) : "nonsense",
	    m->e ? (unsigned long long)m->e->upgrade : 0, (int)verdict);
	if (!sim()->timeline || !m->e || dump_json(&m->e->base, &json) != ERR_OK)
		return;
	fprintf(stderr,
	    "{\"at\":%llu,\"daemon\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"kind\":\"%s\","
	    "\"bytes\":%zu,\"verdict\":\"%s\",\"message\":%s}\n",
	    (unsigned long long)SIM_WALL + (unsigned long long)(sim()->now / SIM_MS), to, from, to,
	    route_kind_name((int)m->e->body_case), m->len,
	    verdict == ERR_OK ? "OK" : err_name(verdict), json);
}

static void
deliver(void *arg)
{
	struct letter *m = arg;
	unsigned i = (unsigned)(m->c - sim()->bus->conn);
	struct bus_link *l = m->c->end[m->side];

	if (l && l->up && l->life == m->life && (m->life == m->c->life || m->left)) {
		enum err e = msg_unpack(m->data, m->len, ROUTE_BUS_MAX, &m->e);
		if (e == ERR_OK)
			e = route_admit(m->e, m->len, who_of[conn_of[i][!m->side]],
			    who_of[conn_of[i][m->side]], ROUTE_READY);
		show(m, e);
		sim()->counts.messages++;
		if (e == ERR_OK)
			sim_ack_given(&sim()->proc[l->self], m->e);
		if (e == ERR_OK)
			sim_call(&sim()->proc[l->self], call_message, m);
		else
			sim_violate(4, "a message of our own was refused: %s", err_text(e));
	}
	msg_free(m->e);
	free(m);
}

void
sim_bus_hit(int kind, bool after, int64_t away_ns)
{
	struct sim_bus *b = sim()->bus;

	b->hit_kind = kind;
	b->hit_after = after;
	b->hit_away = away_ns;
	b->hit_store = false;
}

void
sim_bus_hit_store(void)
{
	sim()->bus->hit_store = true;
}

static void
send_away(void *arg)
{
	struct sim_proc *p = arg;

	sim_kill(p);
	p->restart_at = sim()->now + sim()->bus->hit_away;
}

static void
strike(const struct bus_link *link, int kind, bool after)
{
	struct sim_bus *b = sim()->bus;

	if (kind != b->hit_kind || after != b->hit_after)
		return;
	b->hit_kind = 0;
	sim_say(sim()->proc[link->self].name, "is hit at a %s", route_kind_name(kind));
	if (b->hit_store) {
		sim_watch_fault(SIM_FAULT_STORE_LOST);
		sim_system_lose_store();
	}
	if (b->hit_away)
		sim_after(0, send_away, &sim()->proc[link->peer]);
	sim_kill(&sim()->proc[link->self]);
}

/* fetchd is about to order this. */
static void
order(const Pb__Envelope *e)
{
	sim_watch_ordered(e->upgrade);
	if (sim_traitor_order(e->flash_order))
		sim_watch_blamed(e->upgrade);
}

enum err
bus_send(struct bus_link *link, Pb__Envelope *e)
{
	static uint8_t buffer[ROUTE_BUS_MAX];
	struct sim_bus *b = sim()->bus;
	struct conn *c = &b->conn[link->conn];
	const struct route_row *row = route_find(
	    (int)e->body_case, who_of[link->self], who_of[link->peer]);
	size_t len = 0;

	if (!link->up)
		return ERR_OFFLINE;
	if (row && row->droppable && sim_chance(b->drop_percent))
		return ERR_OK;
	if (row && !row->droppable && sim_chance(b->busy_percent))
		return ERR_AGAIN;
	sim_effect("a message");
	if (link->self == SIM_FETCHD && e->body_case == PB__ENVELOPE__BODY_FLASH_ORDER)
		order(e);
	sim_ack_sent(link->self, link->peer, e);
	strike(link, (int)e->body_case, false);
	e->proto = ROUTE_PROTO_MAX;
	e->seq = ++link->seq;
	e->sent_at = sim_wall();
	enum err err = msg_pack(e, buffer, sizeof(buffer), &len);
	if (err != ERR_OK)
		return err;
	err = route_admit(e, len, who_of[link->self], who_of[link->peer], ROUTE_READY);
	if (err != ERR_OK)
		return err;
	struct letter *m = calloc(1, sizeof(*m) + len);
	*m = (struct letter){.c = c, .side = !link->side, .life = link->life, .len = len};
	m->left = sim()->late && link->life == c->life;
	memcpy(m->data, buffer, len);
	int64_t at = sim()->now + sim_between(10, LATENCY_US) * 1000;
	if (at < c->last[m->side])
		at = c->last[m->side];
	c->last[m->side] = at;
	sim_after(at - sim()->now, deliver, m);
	sim_effect("a message has left");
	strike(link, (int)e->body_case, true);
	return ERR_OK;
}

/* --- the rest of the header ------------------------------------------------------------------- */

enum err
bus_new(struct loop *loop, enum who self, struct bus **out)
{
	(void)loop;
	*out = calloc(1, sizeof(**out));
	for (int i = 0; i < SIM_PROCS; i++)
		if (who_of[i] == self)
			(*out)->who = (enum sim_who)i;
	return ERR_OK;
}

void
bus_free(struct bus *bus)
{
	free(bus);
}

static enum err
add_link(struct bus *bus, enum who peer, const struct bus_handler *h, struct bus_link **out)
{
	unsigned conn = bus->who == SIM_CLOUDD || peer == WHO_CLOUDD ? 0 : 1;
	struct bus_link *l = calloc(1, sizeof(*l));

	l->handler = *h;
	l->self = bus->who;
	l->conn = conn;
	l->side = conn_of[conn][1] == bus->who;
	l->peer = conn_of[conn][!l->side];
	sim()->bus->conn[conn].end[l->side] = l;
	*out = l;
	sim_bus_try();
	return ERR_OK;
}

enum err
bus_bind(struct bus *bus, enum who peer, uid_t peer_uid, const char *path,
    const struct bus_handler *h, struct bus_link **out)
{
	(void)peer_uid, (void)path;
	return add_link(bus, peer, h, out);
}

enum err
bus_connect(struct bus *bus, enum who peer, const char *path, const struct bus_handler *h,
    struct bus_link **out)
{
	(void)path;
	return add_link(bus, peer, h, out);
}

enum err
bus_tap(struct bus *bus, const char *path)
{
	(void)bus, (void)path;
	return ERR_OK;
}

bool
bus_is_up(const struct bus_link *link)
{
	return link->up;
}

enum who
bus_peer(const struct bus_link *link)
{
	return who_of[link->peer];
}

struct bus_counters
bus_counters(const struct bus_link *link)
{
	(void)link;
	return (struct bus_counters){0};
}

void
bus_set_pace(struct bus *bus, const struct bus_pace *pace)
{
	(void)bus, (void)pace;
}

enum err
bus_control(struct bus *bus, const char *path, bus_on_query *fn, void *arg)
{
	(void)bus, (void)path, (void)fn, (void)arg;
	return ERR_OK;
}

void
bus_control_data(struct bus *bus, bus_on_data *fn, void *arg)
{
	(void)bus, (void)fn, (void)arg;
}

enum err
bus_act(struct bus *bus, const char *path, bus_on_query *fn, void *arg)
{
	(void)bus, (void)path, (void)fn, (void)arg;
	return ERR_OK;
}
