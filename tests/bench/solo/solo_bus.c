/*
 * solo_bus: common/bus.h within one process. A message is copied, as whoever gets it may keep the
 * sender waiting, and handed over in the loop's next turn. Nobody checks it: the other side is the
 * same program.
 */
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "msg.h"
#include "solo.h"

struct letter {
	Pb__Envelope *e;
	struct letter *next;
};

struct bus {
	struct loop *loop;
	enum who self;
	struct bus_link *links;
};

struct bus_link {
	struct bus *bus;
	struct bus_handler handler;
	enum who peer;
	struct bus_link *other; /* NULL: not there */
	struct bus_link *next;  /* of the bus */
	struct bus_link *next_bound;
	bool up;
	uint64_t seq;
	struct letter *first, **last; /* that wait for us */
	struct loop_timer timer;
};

/* --- handing over ----------------------------------------------------------------------------- */

static void
on_letters(void *arg)
{
	struct bus_link *l = arg;

	if (!l->up) {
		l->up = true;
		l->handler.on_up(l->handler.arg, l);
	}
	while (l->first) {
		struct letter *letter = l->first;

		l->first = letter->next;
		if (!l->first)
			l->last = &l->first;
		l->handler.on_message(l->handler.arg, l, letter->e);
		msg_free(letter->e);
		free(letter);
	}
}

static void
wake(struct bus_link *l)
{
	if (!l->timer.set)
		loop_timer_set(l->bus->loop, &l->timer, clock_now(), on_letters, l);
}

enum err
bus_send(struct bus_link *l, Pb__Envelope *e)
{
	struct letter *letter = calloc(1, sizeof(*letter));

	if (!letter || !l->other || !l->up) {
		free(letter);
		return ERR_OFFLINE;
	}
	e->proto = ROUTE_PROTO_MAX;
	e->seq = ++l->seq;
	e->sent_at = clock_wall_ms();
	size_t len = pb__envelope__get_packed_size(e);
	AUTO(mem) uint8_t *bytes = malloc(len + 1);

	pb__envelope__pack(e, bytes);
	letter->e = pb__envelope__unpack(NULL, len, bytes);
	*l->other->last = letter;
	l->other->last = &letter->next;
	wake(l->other);
	return ERR_OK;
}

/* --- links ------------------------------------------------------------------------------------ */

enum err
bus_new(struct loop *loop, enum who self, struct bus **out)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return ERR_NOMEM;
	**out = (struct bus){.loop = loop, .self = self};
	return ERR_OK;
}

static void
free_link(struct bus_link *l)
{
	loop_timer_clear(l->bus->loop, &l->timer);
	for (struct letter *a = l->first, *next; a; a = next) {
		next = a->next;
		msg_free(a->e);
		free(a);
	}
	if (l->other)
		l->other->other = NULL;
	free(l);
}

void
bus_free(struct bus *bus)
{
	for (struct bus_link *l = bus ? bus->links : NULL, *next; l; l = next) {
		next = l->next;
		free_link(l);
	}
	free(bus);
}

static struct bus_link *
add(struct bus *bus, enum who peer, const struct bus_handler *h)
{
	struct bus_link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	*l = (struct bus_link){.bus = bus, .peer = peer, .handler = *h, .next = bus->links};
	l->last = &l->first;
	bus->links = l;
	return l;
}

enum err
bus_bind(struct bus *bus, enum who peer, uid_t peer_uid, const char *path,
    const struct bus_handler *h, struct bus_link **out)
{
	struct bus_link *l = *out = add(bus, peer, h);

	(void)peer_uid, (void)path;
	if (!l)
		return ERR_NOMEM;
	l->next_bound = solo()->bound;
	solo()->bound = l;
	return ERR_OK;
}

/* The other end is there: daemons start in that order. */
enum err
bus_connect(struct bus *bus, enum who peer, const char *path, const struct bus_handler *h,
    struct bus_link **out)
{
	struct bus_link *l = *out = add(bus, peer, h);

	(void)path;
	for (struct bus_link *b = solo()->bound; l && b && !l->other; b = b->next_bound)
		if (b->bus->self == peer && b->peer == bus->self)
			l->other = b;
	if (!l || !l->other)
		return ERR_NOT_FOUND;
	l->other->other = l;
	wake(l->other);
	wake(l);
	return ERR_OK;
}

bool
bus_is_up(const struct bus_link *l)
{
	return l->up;
}

enum who
bus_peer(const struct bus_link *l)
{
	return l->peer;
}

struct bus_counters
bus_counters(const struct bus_link *l)
{
	return (struct bus_counters){.sent = l->seq};
}

/* --- sockets for people: there are none ------------------------------------------------------- */

enum err
bus_tap(struct bus *bus, const char *path)
{
	(void)bus, (void)path;
	return ERR_OK;
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
