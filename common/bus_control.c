/*
 * bus_control: questions and orders of subotactl, see bus.h. Two sockets, so that two groups can be
 * told apart: who may look, and who may act.
 *
 * A ROUTER with many peers. Who may connect is decided by the socket file's group when the kernel
 * opens it: supplementary groups count there, and only there, for the credentials that reach the
 * ZAP handler name one group. So the handler admits whoever came through, and refuses old
 * protocols.
 *
 * A peer says Hello, then asks; the greeted ones are remembered in a small table in which the one
 * silent for longest makes room. An answer goes out in parts at once, into the peer's bounded
 * queue; what does not fit is the peer's loss. Nothing here is remembered of a question.
 */
#include <string.h>

#include "bus_part.h"
#include "log.h"

enum {
	GREETED_MAX = 16,
	PART_MAX = 60 * 1024,
	SEND_MARK = 128,
	RECEIVE_MARK = 16,
	QUIET_MS = 10000
};

struct greeted {
	struct bus_id id;
	uint64_t used; /* serial of its last message */
};

struct bus_control {
	struct bus *bus;
	enum who peer; /* CTL, ACTOR */
	void *socket;
	bus_on_query *fn;
	void *arg;
	bus_on_data *on_data; /* NULL: such questions are not answered */
	void *on_data_arg;
	bool skipping;
	uint64_t serial, seq, refused;
	struct mono quiet_until;
	struct greeted greeted[GREETED_MAX];
};

static struct greeted *
find(struct bus_control *c, const struct bus_id *id)
{
	for (size_t i = 0; i < GREETED_MAX; i++)
		if (c->greeted[i].id.len && bus_id_same(&c->greeted[i].id, id))
			return &c->greeted[i];
	return NULL;
}

static void
remember(struct bus_control *c, const struct bus_id *id)
{
	struct greeted *g = find(c, id);

	for (size_t i = 0; i < GREETED_MAX && !g; i++)
		if (!c->greeted[i].id.len)
			g = &c->greeted[i];
	if (!g)
		g = &c->greeted[0];
	for (size_t i = 0; i < GREETED_MAX && g->id.len && !bus_id_same(&g->id, id); i++)
		if (c->greeted[i].used < g->used)
			g = &c->greeted[i];
	g->id = *id;
	g->used = ++c->serial;
}

static enum err
say(struct bus_control *c, const struct bus_id *to, Pb__Envelope *e)
{
	struct bus *bus = c->bus;
	size_t len = 0;

	e->proto = ROUTE_PROTO_MAX;
	e->seq = ++c->seq;
	e->sent_at = clock_wall_ms();
	enum err err = msg_pack(e, bus->buffer, sizeof(bus->buffer), &len);
	if (!err)
		err = route_admit(e, len, bus->self, c->peer,
		    e->body_case == PB__ENVELOPE__BODY_HELLO ? ROUTE_GREETING : ROUTE_READY);
	if (!err)
		err = bus_socket_send(c->socket, to, bus->buffer, len);
	bus_tap_show(bus, bus->self, c->peer, e, len, err);
	return err;
}

/* Length of the next part: at most PART_MAX, and no character of UTF-8 is torn. */
static size_t
part_length(const char *json)
{
	size_t n = strnlen(json, PART_MAX + 1);

	if (n <= PART_MAX)
		return n;
	for (n = PART_MAX; n > PART_MAX - 4 && ((uint8_t)json[n] & 0xc0) == 0x80; n--)
		continue;
	return n;
}

static enum err
answer(struct bus_control *c, const struct bus_id *to, enum err error, char *json)
{
	for (char *at = json;;) {
		Pb__Envelope e = PB__ENVELOPE__INIT;
		Pb__Answer a = PB__ANSWER__INIT;
		size_t n = part_length(at);
		char after = at[n];
		a.error = (uint32_t)error;
		a.json = at;
		a.more = after != '\0';
		e.body_case = PB__ENVELOPE__BODY_ANSWER;
		e.answer = &a;
		at[n] = '\0';
		enum err err = say(c, to, &e);
		at[n] = after;
		if (err || !a.more)
			return err;
		at += n;
	}
}

static enum err
on_query(struct bus_control *c, const struct bus_id *from, const char *what, const char *argument)
{
	AUTO(mem) char *json = NULL;
	char nothing[] = "";
	enum err error = c->fn(c->arg, what, argument, &json);
	enum err err = answer(c, from, error, json ? json : nothing);

	if (err)
		log_warn(NULL, "answer to \"%.40s\" of subotactl is not complete: %s", what,
		    err_text(err));
	return ERR_OK;
}

static enum err
on_data(struct bus_control *c, const struct bus_id *from, const Pb__Query *q)
{
	AUTO(mem) char *json = NULL;
	char nothing[] = "";
	enum err error = ERR_NOT_FOUND;

	if (c->on_data)
		error = c->on_data(
		    c->on_data_arg, q->what, q->argument, q->data.data, q->data.len, &json);
	enum err err = answer(c, from, error, json ? json : nothing);

	if (err)
		log_warn(NULL, "answer to \"%.40s\" of subotactl is not complete: %s", q->what,
		    err_text(err));
	return ERR_OK;
}

static enum err
on_hello(struct bus_control *c, const struct bus_id *from, const Pb__Hello *h)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Hello ours;

	bus_hello(c->bus, &e, &ours);
	enum err err = say(c, from, &e); /* even to other versions, so that they can say so */
	if (err)
		return err;
	if (strcmp(h->who, who_name(c->peer)) != 0)
		return ERR_PEER;
	if (h->proto_min > ROUTE_PROTO_MAX || h->proto_max < ROUTE_PROTO_MIN)
		return ERR_VERSION;
	remember(c, from);
	return ERR_OK;
}

static void
refuse(struct bus_control *c, const struct bus_id *from, const Pb__Envelope *e, size_t len,
    enum err err)
{
	struct mono now = clock_now();
	struct greeted *g = find(c, from);

	if (g)
		*g = (struct greeted){0};
	c->refused++;
	bus_tap_show(c->bus, c->peer, c->bus->self, e, len, err);
	if (!mono_reached(now, c->quiet_until))
		return;
	c->quiet_until = mono_after(now, QUIET_MS);
	log_warn(NULL, "from subotactl: %s of %zu bytes refused: %s (%llu so far)",
	    e ? route_kind_name((int)e->body_case) : "something", len, err_text(err),
	    (unsigned long long)c->refused);
}

static void
take(struct bus_control *c, const struct bus_id *from, const uint8_t *data, size_t len)
{
	AUTO(msg) Pb__Envelope *e = NULL;
	struct greeted *g = find(c, from);
	enum err err = msg_unpack(data, len, ROUTE_BUS_MAX, &e);

	if (!err)
		err = route_admit(e, len, c->peer, c->bus->self, g ? ROUTE_READY : ROUTE_GREETING);
	if (err) {
		refuse(c, from, e, len, err);
		return;
	}
	bus_tap_show(c->bus, c->peer, c->bus->self, e, len, ERR_OK);
	if (g)
		g->used = ++c->serial;
	if (e->body_case == PB__ENVELOPE__BODY_HELLO)
		err = on_hello(c, from, e->hello);
	else if (e->body_case == PB__ENVELOPE__BODY_QUERY && e->query->data.len)
		err = on_data(c, from, e->query);
	else if (e->body_case == PB__ENVELOPE__BODY_QUERY)
		err = on_query(c, from, e->query->what, e->query->argument);
	else if (e->body_case == PB__ENVELOPE__BODY_ACT)
		err = on_query(c, from, e->act->what, e->act->argument);
	if (err)
		refuse(c, from, e, len, err);
}

static void
on_ready(void *arg, short revents)
{
	struct bus_control *c = arg;
	struct bus_id from = {0};
	zmq_msg_t body;

	(void)revents;
	zmq_msg_init(&body);
	enum err err = bus_socket_receive(c->socket, &from, &body, &c->skipping);
	size_t len = zmq_msg_size(&body);
	if (err == ERR_MALFORMED)
		refuse(c, &from, NULL, len, err);
	else if (err == ERR_OK &&
		 len > 0) /* an empty one is a knock: they greet without being asked */
		take(c, &from, zmq_msg_data(&body), len);
	zmq_msg_close(&body);
}

static enum err
open_control(struct bus *bus, enum who peer, const char *path, bus_on_query *fn, void *arg,
    struct bus_control **out)
{
	struct bus_domain *domain = NULL;
	struct bus_socket_want w = {.type = ZMQ_ROUTER,
	    .domain = path,
	    .max_message = ROUTE_BUS_MAX,
	    .send_mark = SEND_MARK,
	    .receive_mark = RECEIVE_MARK};

	if (*out)
		return ERR_EXISTS;
	struct bus_control *c = calloc(1, sizeof(*c));
	if (!c)
		return ERR_NOMEM;
	c->bus = bus;
	c->peer = peer;
	c->fn = fn;
	c->arg = arg;
	*out = c;
	enum err e = bus_zap_add(bus, path, BUS_ADMITS_FILE, 0, &domain);
	if (!e)
		e = bus_socket_new(bus->ctx, &w, &c->socket);
	if (!e)
		e = bus_socket_bind(c->socket, path);
	if (!e)
		e = loop_watch_socket(bus->loop, c->socket, on_ready, c);
	return e;
}

enum err
bus_control(struct bus *bus, const char *path, bus_on_query *fn, void *arg)
{
	return open_control(bus, WHO_CTL, path, fn, arg, &bus->control);
}

void
bus_control_data(struct bus *bus, bus_on_data *fn, void *arg)
{
	bus->control->on_data = fn;
	bus->control->on_data_arg = arg;
}

enum err
bus_act(struct bus *bus, const char *path, bus_on_query *fn, void *arg)
{
	return open_control(bus, WHO_ACTOR, path, fn, arg, &bus->act);
}

void
bus_control_free(struct bus_control *c)
{
	if (!c)
		return;
	loop_unwatch_socket(c->bus->loop, c->socket);
	bus_socket_close(c->socket);
	free(c);
}
