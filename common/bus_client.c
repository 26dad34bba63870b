/*
 * bus_client: see bus_client.h. A context and a socket for one question; nothing is kept.
 */
#include <errno.h>
#include <string.h>

#include "bus_client.h"
#include "bus_part.h"

enum { SUBSCRIBE_MARK = 1000, ANSWER_MAX = 16 * 1024 * 1024, LINE_LIMIT = 1024 * 1024 };

struct asking {
	void *ctx, *socket;
	enum who self; /* CTL asks, ACTOR orders */
	struct mono due;
	uint64_t seq;
	struct bus_answer *out;
	size_t len;
	bool greeted, done;
	ProtobufCBinaryData about; /* of the question; borrowed */
};

static void
asking_fini(struct asking *a)
{
	bus_socket_close(a->socket);
	if (a->ctx)
		zmq_ctx_term(a->ctx);
}

static inline void
auto_asking(struct asking *a)
{
	asking_fini(a);
}

/* Why a socket file cannot be used, in words of ours: libzmq would try for ever. */
static enum err
look(const char *path)
{
	if (access(path, W_OK) == 0)
		return ERR_OK;
	return errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_NOT_FOUND;
}

static enum err
open_socket(void **ctx, void **socket, const struct bus_socket_want *w)
{
	*ctx = zmq_ctx_new();
	if (!*ctx)
		return ERR_SYSTEM;
	return bus_socket_new(*ctx, w, socket);
}

static bool
time_left(struct asking *a, short events)
{
	zmq_pollitem_t item = {.socket = a->socket, .events = events};
	int64_t ms = mono_between(clock_now(), a->due);

	return ms > 0 && zmq_poll(&item, 1, (long)ms) > 0;
}

static enum err
say(struct asking *a, Pb__Envelope *e)
{
	uint8_t data[ROUTE_BUS_MAX];
	size_t len = 0;

	e->proto = ROUTE_PROTO_MAX;
	e->seq = ++a->seq;
	e->sent_at = clock_wall_ms();
	enum err err = msg_pack(e, data, sizeof(data), &len);
	while (!err && time_left(a, ZMQ_POLLOUT)) {
		err = bus_socket_send(a->socket, NULL, data, len);
		if (err != ERR_AGAIN)
			return err;
	}
	return err ? err : ERR_TIMEOUT;
}

static enum err
ask(struct asking *a, const char *what, const char *argument)
{
	Pb__Envelope first = PB__ENVELOPE__INIT;
	Pb__Envelope second = PB__ENVELOPE__INIT;
	Pb__Hello hello;
	Pb__Query query = PB__QUERY__INIT;
	Pb__Act act = PB__ACT__INIT;

	bus_hello(&(struct bus){.self = a->self}, &first, &hello);
	query.what = act.what = (char *)(uintptr_t)what;
	query.data = a->about;
	query.argument = act.argument = (char *)(uintptr_t)argument;
	if (a->self == WHO_ACTOR) {
		second.body_case = PB__ENVELOPE__BODY_ACT;
		second.act = &act;
	} else {
		second.body_case = PB__ENVELOPE__BODY_QUERY;
		second.query = &query;
	}
	enum err e = say(a, &first);
	return e ? e : say(a, &second);
}

static enum err
greeted_by(struct asking *a, const Pb__Hello *h)
{
	static const enum who daemons[] = {WHO_CLOUDD, WHO_FETCHD, WHO_FLASHD};

	for (size_t i = 0; i < sizeof(daemons) / sizeof(daemons[0]); i++)
		if (strcmp(h->who, who_name(daemons[i])) == 0)
			a->out->daemon = daemons[i];
	if (a->out->daemon == WHO_NONE)
		return ERR_PEER;
	if (h->proto_min > ROUTE_PROTO_MAX || h->proto_max < ROUTE_PROTO_MIN)
		return ERR_VERSION;
	snprintf(a->out->build, sizeof(a->out->build), "%s", h->build);
	a->greeted = true;
	return ERR_OK;
}

static enum err
add_part(struct asking *a, const Pb__Answer *part)
{
	size_t n = strlen(part->json);

	if (a->len + n > ANSWER_MAX)
		return ERR_LIMIT;
	char *json = realloc(a->out->json, a->len + n + 1);
	if (!json)
		return ERR_NOMEM;
	memcpy(json + a->len, part->json, n + 1);
	a->out->json = json;
	a->len += n;
	a->out->error = part->error;
	a->done = !part->more;
	return ERR_OK;
}

static enum err
take(struct asking *a, const uint8_t *data, size_t len)
{
	AUTO(msg) Pb__Envelope *e = NULL;
	enum err err = msg_unpack(data, len, ROUTE_BUS_MAX, &e);

	if (err)
		return err;
	if (!a->greeted && e->body_case == PB__ENVELOPE__BODY_HELLO) {
		err = msg_check_hello(e);
		return err ? err : greeted_by(a, e->hello);
	}
	err = route_admit(
	    e, len, a->out->daemon, a->self, a->greeted ? ROUTE_READY : ROUTE_GREETING);
	if (!err && e->body_case == PB__ENVELOPE__BODY_ANSWER)
		err = add_part(a, e->answer);
	return err;
}

static enum err
listen_for_parts(struct asking *a)
{
	bool skipping = false;

	while (!a->done) {
		zmq_msg_t body;
		if (!time_left(a, ZMQ_POLLIN))
			return ERR_TIMEOUT;
		zmq_msg_init(&body);
		enum err e = bus_socket_receive(a->socket, NULL, &body, &skipping);
		if (!e)
			e = take(a, zmq_msg_data(&body), zmq_msg_size(&body));
		zmq_msg_close(&body);
		if (e && e != ERR_AGAIN)
			return e;
	}
	return ERR_OK;
}

static enum err
converse(const struct asking *with, const char *path, const char *what, const char *argument,
    int timeout_ms, struct bus_answer *out)
{
	AUTO(asking) struct asking a = *with;
	struct bus_socket_want w = {.type = ZMQ_DEALER,
	    .max_message = ROUTE_BUS_MAX,
	    .send_mark = 16,
	    .receive_mark = SUBSCRIBE_MARK};
	enum err e = look(path);

	a.due = mono_after(clock_now(), timeout_ms);
	a.out = out;
	*out = (struct bus_answer){0};
	if (!e)
		e = open_socket(&a.ctx, &a.socket, &w);
	if (!e)
		e = bus_socket_connect(a.socket, path);
	if (!e)
		e = ask(&a, what, argument);
	if (!e)
		e = listen_for_parts(&a);
	if (e) {
		free(out->json);
		out->json = NULL;
	}
	return e;
}

enum err
bus_client_ask(const char *path, const char *what, const char *argument, int timeout_ms,
    struct bus_answer *out)
{
	const struct asking with = {.self = WHO_CTL};

	return converse(&with, path, what, argument, timeout_ms, out);
}

enum err
bus_client_ask_about(const char *path, const char *what, const char *argument, const void *data,
    size_t len, int timeout_ms, struct bus_answer *out)
{
	const struct asking with = {.self = WHO_CTL, .about = {len, (uint8_t *)(uintptr_t)data}};

	return converse(&with, path, what, argument, timeout_ms, out);
}

enum err
bus_client_act(const char *path, const char *what, const char *argument, int timeout_ms,
    struct bus_answer *out)
{
	const struct asking with = {.self = WHO_ACTOR};

	return converse(&with, path, what, argument, timeout_ms, out);
}

/* --- tap ------------------------------------------------------------------------------------- */

struct bus_client_tap {
	void *ctx, *socket;
};

enum err
bus_client_tap_open(struct bus_client_tap **out)
{
	struct bus_socket_want w = {.type = ZMQ_SUB,
	    .max_message = LINE_LIMIT,
	    .send_mark = 16,
	    .receive_mark = SUBSCRIBE_MARK};
	struct bus_client_tap *t = calloc(1, sizeof(*t));

	if (!t)
		return ERR_NOMEM;
	enum err e = open_socket(&t->ctx, &t->socket, &w);
	if (!e && zmq_setsockopt(t->socket, ZMQ_SUBSCRIBE, "", 0) != 0)
		e = ERR_SYSTEM;
	if (e)
		bus_client_tap_close(t);
	else
		*out = t;
	return e;
}

void
bus_client_tap_close(struct bus_client_tap *t)
{
	if (!t)
		return;
	bus_socket_close(t->socket);
	if (t->ctx)
		zmq_ctx_term(t->ctx);
	free(t);
}

enum err
bus_client_tap_add(struct bus_client_tap *t, const char *path)
{
	enum err e = look(path);

	return e ? e : bus_socket_connect(t->socket, path);
}

enum err
bus_client_tap_next(struct bus_client_tap *t, int timeout_ms, char **line)
{
	zmq_pollitem_t item = {.socket = t->socket, .events = ZMQ_POLLIN};
	bool skipping = false;
	zmq_msg_t body;

	int n = zmq_poll(&item, 1, timeout_ms);
	if (n <= 0)
		return n == 0 ? ERR_TIMEOUT : ERR_CANCELLED;
	zmq_msg_init(&body);
	enum err e = bus_socket_receive(t->socket, NULL, &body, &skipping);
	if (!e) {
		*line = strndup(zmq_msg_data(&body), zmq_msg_size(&body));
		e = *line ? ERR_OK : ERR_NOMEM;
	}
	zmq_msg_close(&body);
	return e == ERR_AGAIN ? ERR_TIMEOUT : e;
}
