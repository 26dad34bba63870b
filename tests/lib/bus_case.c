/*
 * bus_case: see bus_case.h.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include "bus_case.h"
#include "kit.h"
#include "msg.h"

static const struct bus_pace pace = {50, 3, 20, 500};

void
bus_case_open(struct bus_case *c)
{
	*c = (struct bus_case){0};
	snprintf(c->dir, sizeof(c->dir), "%s/subota-bus-XXXXXX", kit_tmp());
	cr_assert_not_null(mkdtemp(c->dir));
	cr_assert_eq(chmod(c->dir, 0755), 0);
	snprintf(c->path, sizeof(c->path), "%s/sock", c->dir);
	snprintf(c->tap, sizeof(c->tap), "%s/tap", c->dir);
	snprintf(c->control, sizeof(c->control), "%s/ctl", c->dir);
}

void
bus_case_stop(struct bus_node *n)
{
	bus_free(n->bus);
	loop_free(n->loop);
	*n = (struct bus_node){0};
}

void
bus_case_close(struct bus_case *c)
{
	bus_case_stop(&c->client);
	bus_case_stop(&c->server);
	cr_expect_eq(rmdir(c->dir), 0, "something is left in %s: %m", c->dir);
}

static void
on_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	struct bus_node *n = arg;

	cr_assert_eq(from, n->link);
	n->messages++;
	n->last_kind = (int)e->body_case;
	n->last_upgrade = e->upgrade;
	n->last_seq = e->seq;
}

static void
on_up(void *arg, struct bus_link *link)
{
	struct bus_node *n = arg;

	cr_assert(bus_is_up(link));
	n->ups++;
	n->before = n->messages;
}

static void
on_down(void *arg, struct bus_link *link)
{
	cr_assert(!bus_is_up(link));
	((struct bus_node *)arg)->downs++;
}

static struct bus_handler
start(struct bus_node *n, enum who self)
{
	*n = (struct bus_node){0};
	cr_assert_eq(loop_new(&n->loop), ERR_OK);
	cr_assert_eq(bus_new(n->loop, self, &n->bus), ERR_OK);
	bus_set_pace(n->bus, &pace);
	return (struct bus_handler){on_message, on_up, on_down, n};
}

void
bus_case_server(struct bus_case *c, uid_t peer)
{
	struct bus_handler h = start(&c->server, WHO_FETCHD);

	cr_assert_eq(
	    bus_bind(c->server.bus, WHO_CLOUDD, peer, c->path, &h, &c->server.link), ERR_OK);
}

void
bus_case_client(struct bus_case *c)
{
	struct bus_handler h = start(&c->client, WHO_CLOUDD);

	cr_assert_eq(bus_connect(c->client.bus, WHO_FETCHD, c->path, &h, &c->client.link), ERR_OK);
}

void
bus_case_both(struct bus_case *c)
{
	bus_case_server(c, geteuid());
	bus_case_client(c);
	BUS_WAIT(c, bus_is_up(c->server.link) && bus_is_up(c->client.link));
}

void
bus_case_turn(struct bus_case *c)
{
	struct bus_node *both[] = {&c->server, &c->client};

	for (size_t i = 0; i < 2; i++)
		if (both[i]->loop && !both[i]->hung)
			(void)loop_once(both[i]->loop, 1);
}

enum err
bus_case_say(struct bus_node *n, uint64_t upgrade)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__LinkState s = PB__LINK_STATE__INIT;

	e.upgrade = upgrade;
	e.body_case = PB__ENVELOPE__BODY_LINK_STATE;
	e.link_state = &s;
	return bus_send(n->link, &e);
}

/* --- bare peers ------------------------------------------------------------------------------ */

void
bus_raw_open(struct bus_raw *r, const char *path, const char *id)
{
	char name[128];
	int linger = 0;

	snprintf(name, sizeof(name), "ipc://%s", path);
	r->ctx = zmq_ctx_new();
	r->socket = zmq_socket(r->ctx, ZMQ_DEALER);
	cr_assert_eq(zmq_setsockopt(r->socket, ZMQ_LINGER, &linger, sizeof(linger)), 0);
	if (id)
		cr_assert_eq(zmq_setsockopt(r->socket, ZMQ_ROUTING_ID, id, strlen(id)), 0);
	cr_assert_eq(zmq_connect(r->socket, name), 0);
}

void
bus_raw_close(struct bus_raw *r)
{
	zmq_close(r->socket);
	zmq_ctx_term(r->ctx);
}

void
bus_raw_send(struct bus_raw *r, const void *data, size_t len, bool more)
{
	cr_assert_eq(zmq_send(r->socket, data, len, more ? ZMQ_SNDMORE : 0), (int)len);
}

void
bus_raw_envelope(struct bus_raw *r, const Pb__Envelope *e)
{
	uint8_t data[4096];
	size_t len = 0;

	cr_assert_eq(msg_pack(e, data, sizeof(data), &len), ERR_OK);
	bus_raw_send(r, data, len, false);
}

void
bus_raw_hello(struct bus_raw *r, const char *who, unsigned min, unsigned max)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Hello h = PB__HELLO__INIT;

	h.who = (char *)(uintptr_t)who;
	h.build = (char *)(uintptr_t) "test";
	h.proto_min = min;
	h.proto_max = max;
	e.proto = 1;
	e.body_case = PB__ENVELOPE__BODY_HELLO;
	e.hello = &h;
	bus_raw_envelope(r, &e);
}

Pb__Envelope *
bus_raw_next(struct bus_raw *r)
{
	uint8_t data[ROUTE_BUS_MAX];
	Pb__Envelope *e = NULL;
	int n = zmq_recv(r->socket, data, sizeof(data), ZMQ_DONTWAIT);

	if (n < 0)
		return NULL;
	cr_assert_eq(msg_unpack(data, (size_t)n, sizeof(data), &e), ERR_OK);
	return e;
}

Pb__Envelope *
bus_raw_wait(struct bus_case *c, struct bus_raw *r)
{
	Pb__Envelope *e = NULL;

	BUS_WAIT(c, (e = bus_raw_next(r)) != NULL);
	return e;
}
