/*
 * bus_tap: everything that passes on a daemon's links, as lines of JSON for whoever listens; see
 * bus_part.h, the form in bus_client.h.
 *
 * XPUB, because it tells when nobody listens: then nothing is formatted. Lines are sent without
 * waiting and a listener that does not read loses what is over its high-water mark; the lines are
 * numbered, so it can say how many. Whatever comes from a listener besides its subscription is
 * thrown away: the tap is read-only. The socket file's group decides who may listen.
 */
#include <poll.h>
#include <string.h>

#include "bus_part.h"
#include "dump.h"
#include "log.h"
#include "redact.h"

enum { TAP_MARK = 50, SUBSCRIPTION_MAX = 64, PREFIX_MAX = 300 };

/* One message of a listener; false when there is none (any more). */
static bool
take_one(struct bus_tap *t)
{
	zmq_msg_t body;

	zmq_msg_init(&body);
	enum err e = bus_socket_receive(t->socket, NULL, &body, &t->skipping);

	if (e == ERR_OK && zmq_msg_size(&body) > 0) {
		uint8_t first = *(const uint8_t *)zmq_msg_data(&body);
		if (first == 1)
			t->topics++;
		else if (first == 0 && t->topics)
			t->topics--;
	}
	zmq_msg_close(&body);
	return e != ERR_AGAIN || t->skipping;
}

static void
on_more(void *arg)
{
	struct bus_tap *t = arg;

	for (int i = 0; i < BUS_BATCH; i++)
		if (!take_one(t))
			return;
	loop_timer_set(t->loop, &t->more, clock_now(), on_more, t);
}

static void
on_subscription(void *arg, short revents)
{
	(void)revents;
	on_more(arg);
}

/* The socket's own descriptor, which reports edges: everything is taken whenever it speaks, and
 * after each line sent, for that may swallow an edge. Watched as a socket it would cost the loop
 * two calls of libzmq in every turn, whoever listens. */
static enum err
watch(struct bus *bus)
{
	struct bus_tap *t = &bus->tap;
	size_t size = sizeof(t->fd);

	if (zmq_getsockopt(t->socket, ZMQ_FD, &t->fd, &size) != 0)
		return ERR_SYSTEM;
	t->loop = bus->loop;
	enum err e = loop_watch_fd(bus->loop, t->fd, POLLIN, on_subscription, t);
	if (!e)
		on_more(t);
	return e;
}

enum err
bus_tap(struct bus *bus, const char *path)
{
	struct bus_domain *domain = NULL;
	struct bus_socket_want w = {.type = ZMQ_XPUB,
	    .domain = path,
	    .max_message = SUBSCRIPTION_MAX,
	    .send_mark = TAP_MARK,
	    .receive_mark = TAP_MARK};

	if (bus->tap.socket)
		return ERR_EXISTS;
	enum err e = bus_zap_add(bus, path, BUS_ADMITS_FILE, 0, &domain);
	if (!e)
		e = bus_socket_new(bus->ctx, &w, &bus->tap.socket);
	if (!e)
		e = bus_socket_bind(bus->tap.socket, path);
	if (!e)
		e = watch(bus);
	if (e)
		bus_tap_close(bus);
	return e;
}

void
bus_tap_close(struct bus *bus)
{
	if (bus->tap.loop) {
		loop_unwatch_fd(bus->tap.loop, bus->tap.fd);
		loop_timer_clear(bus->tap.loop, &bus->tap.more);
	}
	bus->tap.loop = NULL;
	bus_socket_close(bus->tap.socket);
	bus->tap.socket = NULL;
}

void
bus_tap_show(struct bus *bus, enum who from, enum who to, const Pb__Envelope *e, size_t bytes,
    enum err verdict)
{
	AUTO(msg) Pb__Envelope *shown = NULL;
	AUTO(mem) char *message = NULL;
	AUTO(mem) char *line = NULL;

	if (!bus->tap.socket || bus->tap.topics == 0)
		return;
	if (e && (redact_envelope(e, &shown) || dump_json(&shown->base, &message)))
		return;
	size_t size = PREFIX_MAX + (message ? strlen(message) : 0);
	line = malloc(size);
	if (!line)
		return;
	int n = snprintf(line, size,
	    "{\"n\":%llu,\"at\":%llu,\"daemon\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"kind\":\"%"
	    "s\","
	    "\"bytes\":%zu,\"verdict\":\"%s\",\"message\":%s}",
	    (unsigned long long)++bus->tap.lines, (unsigned long long)clock_wall_ms(),
	    who_name(bus->self), who_name(from), who_name(to),
	    e ? route_kind_name((int)e->body_case) : "unknown", bytes, err_name((unsigned)verdict),
	    message ? message : "null");
	if (n <= 0 || (size_t)n >= size ||
	    bus_socket_send(bus->tap.socket, NULL, line, (size_t)n) != ERR_OK)
		bus->tap.lost++;
	on_more(&bus->tap);
}
