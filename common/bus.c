/*
 * bus: see bus.h. The bus itself and its links as their users see them; how the files share the
 * work is said in bus_part.h.
 *
 * A daemon's whole bus runs in its loop. The only other threads are libzmq's; what they do is
 * bounded by the options in bus_socket.c.
 */
#include <string.h>

#include "bus_part.h"
#include "log.h"

enum { MAX_SOCKETS = 32 };

static void *
new_context(void)
{
	void *ctx = zmq_ctx_new();

	if (!ctx)
		return NULL;
	if (zmq_ctx_set(ctx, ZMQ_BLOCKY, 0) != 0 || zmq_ctx_set(ctx, ZMQ_IO_THREADS, 1) != 0 ||
	    zmq_ctx_set(ctx, ZMQ_MAX_SOCKETS, MAX_SOCKETS) != 0) {
		zmq_ctx_term(ctx);
		return NULL;
	}
	return ctx;
}

enum err
bus_new(struct loop *loop, enum who self, struct bus **out)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	if (!bus)
		return ERR_NOMEM;
	bus->loop = loop;
	bus->self = self;
	bus->pace = (struct bus_pace){2000, 3, 1000, 30000};
	bus->ctx = new_context();
	if (!bus->ctx) {
		log_error(NULL, "no ZeroMQ context: %s", zmq_strerror(zmq_errno()));
		bus_free(bus);
		return ERR_SYSTEM;
	}
	*out = bus;
	return ERR_OK;
}

void
bus_free(struct bus *bus)
{
	if (!bus)
		return;
	while (bus->links) {
		struct bus_link *l = bus->links;
		bus->links = l->next;
		bus_link_close(l);
		free(l);
	}
	bus_control_free(bus->control);
	bus_control_free(bus->act);
	bus_tap_close(bus);
	bus_zap_close(bus);
	while (bus->ctx && zmq_ctx_term(bus->ctx) != 0 && zmq_errno() == EINTR)
		continue;
	free(bus);
}

void
bus_set_pace(struct bus *bus, const struct bus_pace *pace)
{
	bus->pace = *pace;
}

void
bus_hello(const struct bus *bus, Pb__Envelope *e, Pb__Hello *hello)
{
	pb__hello__init(hello);
	hello->who = (char *)(uintptr_t)who_name(bus->self);
	hello->build = (char *)(uintptr_t)SUBOTA_VERSION;
	hello->proto_min = ROUTE_PROTO_MIN;
	hello->proto_max = ROUTE_PROTO_MAX;
	e->body_case = PB__ENVELOPE__BODY_HELLO;
	e->hello = hello;
}

/* --- links ----------------------------------------------------------------------------------- */

static enum err
new_link(struct bus *bus, enum who peer, const char *path, const struct bus_handler *h,
    struct bus_link **out)
{
	struct bus_link *l = calloc(1, sizeof(*l));

	if (!l)
		return ERR_NOMEM;
	if (strlen(path) >= sizeof(l->path)) {
		free(l);
		return ERR_LIMIT;
	}
	*l = (struct bus_link){.bus = bus, .next = bus->links, .peer = peer, .handler = *h};
	snprintf(l->path, sizeof(l->path), "%s", path);
	l->proto = ROUTE_PROTO_MIN;
	bus->links = l;
	*out = l;
	return ERR_OK;
}

enum err
bus_bind(struct bus *bus, enum who peer, uid_t peer_uid, const char *path,
    const struct bus_handler *h, struct bus_link **out)
{
	struct bus_link *l = NULL;
	enum err e = new_link(bus, peer, path, h, &l);

	if (!e)
		e = bus_zap_add(bus, path, BUS_ADMITS_UID, peer_uid, &l->domain);
	if (e)
		return e;
	l->server = true;
	*out = l;
	return bus_link_open(l);
}

enum err
bus_connect(struct bus *bus, enum who peer, const char *path, const struct bus_handler *h,
    struct bus_link **out)
{
	struct bus_link *l = NULL;
	enum err e = new_link(bus, peer, path, h, &l);

	if (!e)
		e = bus_zap_add(bus, path, BUS_ADMITS_OWNER_OF, 0, &l->domain);
	if (e)
		return e;
	*out = l;
	return bus_link_open(l);
}

enum err
bus_send(struct bus_link *link, Pb__Envelope *e)
{
	const struct route_row *row = NULL;

	if (!bus_is_up(link))
		return ERR_OFFLINE;
	enum err err = bus_link_send(link, link->server ? &link->current : NULL, e);
	if (err != ERR_AGAIN)
		return err;
	row = route_find((int)e->body_case, link->bus->self, link->peer);
	if (!row || !row->droppable)
		return ERR_AGAIN;
	link->counters.dropped++;
	return ERR_OK;
}

bool
bus_is_up(const struct bus_link *link)
{
	return link->up && !link->lost;
}

enum who
bus_peer(const struct bus_link *link)
{
	return link->peer;
}

struct bus_counters
bus_counters(const struct bus_link *link)
{
	struct bus_counters c = link->counters;

	c.strangers = link->domain->strangers;
	return c;
}
