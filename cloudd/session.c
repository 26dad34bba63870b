/*
 * session: see session.h. Three states lead to READY; the table `rules` says which packet is legal
 * in which of them. Everything to be sent that wants an answer, the first SUBSCRIBE included, is an
 * item of one queue, and only its head is in flight. Whatever goes wrong ends in fail(), which
 * closes the session and makes the one SESSION_DOWN event.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt.h"
#include "sendq.h"
#include "session.h"

enum { TRIES = 3, LENGTH_BYTES = 2 };
enum { ANSWER_MS = 5000, RESEND_MS = 2000, PING_RETRY_MS = 5000 };
enum { KEEPALIVE_DEFAULT = 120, KEEPALIVE_MARGIN = 20, KEEPALIVE_MAX = 65535 };

enum state { CLOSED, CONNECTING, SUBSCRIBING, READY };

struct session {
	enum state state;
	struct mono connack_due;
	int64_t ping_ms;      /* from a PINGRESP to the next PINGREQ */
	struct mono ping_due; /* the next PINGREQ, or the end of patience */
	unsigned pings;       /* unanswered */
	uint16_t last_id;
	size_t in_at, in_end;
	char topic[SESSION_TOPIC_MAX + 1];
	uint8_t held[UINT16_MAX / 8 + 1]; /* inbound QoS 2 ids between PUBLISH and PUBREL */
	uint8_t in[MQTT_PACKET_MAX];
	struct sendq q;
};

/* --- queueing ----------------------------------------------------------------------------- */

static uint16_t
next_id(struct session *s)
{
	if (++s->last_id == 0)
		s->last_id = 1;
	return s->last_id;
}

static enum err
queue_subscribe(struct session *s, const char *topic, unsigned qos)
{
	uint8_t packet[SESSION_TOPIC_MAX + 16];
	size_t len = 0;

	if (strlen(topic) > SESSION_TOPIC_MAX)
		return ERR_LIMIT;
	uint16_t id = next_id(s);
	enum err e = mqtt_format_subscribe(id, topic, qos, packet, sizeof(packet), &len);

	return e ? e : sendq_push(&s->q, SESSION_QUEUE_MAX, MQTT_SUBACK, id, 0, packet, len);
}

enum err
session_subscribe(struct session *s, const char *topic, unsigned qos)
{
	if (s->state != READY)
		return ERR_OFFLINE;
	return queue_subscribe(s, topic, qos);
}

enum err
session_publish(struct session *s, const char *topic, unsigned qos, const uint8_t *payload,
    size_t len, uint64_t token)
{
	static const enum mqtt_type answer[] = {0, MQTT_PUBACK, MQTT_PUBREC};
	size_t used = 0;
	uint16_t id = 0;

	if (s->state != READY)
		return ERR_OFFLINE;
	if (qos > 2)
		return ERR_INVALID;
	if (len > SESSION_QUEUE_MAX || strlen(topic) > SESSION_TOPIC_MAX)
		return ERR_LIMIT;
	if (qos)
		id = next_id(s);
	size_t size = len + strlen(topic) + 16;
	AUTO(mem) uint8_t *packet = malloc(size);
	if (!packet)
		return ERR_NOMEM;
	enum err e = mqtt_format_publish(topic, qos, id, payload, len, packet, size, &used);
	return e ? e : sendq_push(&s->q, SESSION_QUEUE_MAX, answer[qos], id, token, packet, used);
}

/* --- opening and closing ------------------------------------------------------------------ */

enum err
session_new(struct session **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? ERR_OK : ERR_NOMEM;
}

void
session_free(struct session *s)
{
	if (!s)
		return;
	session_close(s);
	free(s);
}

void
session_close(struct session *s)
{
	sendq_clear(&s->q);
	s->in_at = s->in_end = 0;
	s->last_id = 0;
	s->pings = 0;
	memset(s->held, 0, sizeof(s->held));
	s->state = CLOSED;
}

enum err
session_open(struct session *s, struct mono now, const struct session_login *login)
{
	unsigned keepalive = login->keepalive_s ? login->keepalive_s : KEEPALIVE_DEFAULT;

	session_close(s);
	if (keepalive > KEEPALIVE_MAX)
		return ERR_INVALID;
	if (keepalive <= KEEPALIVE_MARGIN)
		keepalive = KEEPALIVE_MARGIN + 1;
	s->ping_ms = (int64_t)(keepalive - KEEPALIVE_MARGIN) * 1000;
	enum err e = mqtt_format_connect(login->client_id, login->user, login->password,
	    (uint16_t)keepalive, s->q.out, SENDQ_OUT_MAX, &s->q.end);
	if (!e)
		e = queue_subscribe(s, login->topic, 1);
	if (e) {
		session_close(s);
		return e;
	}
	s->connack_due = mono_after(now, ANSWER_MS);
	s->ping_due = MONO_NEVER;
	s->state = CONNECTING;
	return ERR_OK;
}

size_t
session_output(const struct session *s, const uint8_t **data)
{
	*data = s->q.out + s->q.at;
	return s->q.end - s->q.at;
}

void
session_sent(struct session *s, size_t n)
{
	sendq_sent(&s->q, n);
}

bool
session_is_ready(const struct session *s)
{
	return s->state == READY;
}

static void
fail(struct session *s, struct session_event *ev, enum err why, int code, const char *detail)
{
	session_close(s);
	*ev = (struct session_event){
	    .kind = SESSION_DOWN, .why = why, .code = code, .detail = detail};
}

static void
violation(struct session *s, struct session_event *ev, const char *detail)
{
	fail(s, ev, ERR_MQTT, SESSION_CODE_UNKNOWN, detail);
}

/* --- packets from the server -------------------------------------------------------------- */

/* Each may add one acknowledgement to the output: receive() has made sure of the room. */
typedef void on_packet(
    struct session *s, struct mono now, const struct mqtt_packet *p, struct session_event *ev);

static void
on_connack(
    struct session *s, struct mono now, const struct mqtt_packet *p, struct session_event *ev)
{
	if (p->code == 1) {
		fail(s, ev, ERR_VERSION, SESSION_CODE_VERSION,
		    "expected CONNACK 0, got 1 (protocol version)");
	} else if (p->code == 3) {
		fail(s, ev, ERR_OFFLINE, SESSION_CODE_UNAVAILABLE,
		    "expected CONNACK 0, got 3 (server unavailable)");
	} else if (p->code >= 2 && p->code <= 5) {
		fail(s, ev, ERR_AUTH, SESSION_CODE_REFUSED,
		    "expected CONNACK 0, got 2, 4 or 5 (credentials refused)");
	} else if (p->code) {
		violation(s, ev, "expected CONNACK 0..5, got a reserved code");
	} else {
		s->ping_due = mono_after(now, s->ping_ms / 2);
		s->state = SUBSCRIBING;
	}
}

/* The topic of the SUBSCRIBE in flight, for the event. */
static const char *
subscribed_topic(struct session *s)
{
	struct mqtt_packet p = {0};
	size_t used = 0;
	enum err e = mqtt_parse(s->q.head->packet, s->q.head->len, &p, &used);

	assert(!e && p.payload.len > LENGTH_BYTES);
	size_t len = (size_t)(p.payload.data[0] << 8 | p.payload.data[1]);
	memcpy(s->topic, p.payload.data + LENGTH_BYTES, len);
	s->topic[len] = '\0';
	return s->topic;
}

static void
on_suback(struct session *s, struct mono now, const struct mqtt_packet *p, struct session_event *ev)
{
	bool first = s->state == SUBSCRIBING;

	(void)now;
	if (!sendq_is_answer(&s->q, p))
		return;
	if (p->payload.len != 1) {
		violation(s, ev, "expected SUBACK with one code, got several");
		return;
	}
	bool refused = p->payload.data[0] == 0x80;
	if (refused && first) {
		fail(s, ev, ERR_PLATFORM, SESSION_CODE_UNKNOWN,
		    "expected SUBACK 0..2, got 0x80 (subscription refused)");
		return;
	}
	if (refused)
		*ev = (struct session_event){.kind = SESSION_REFUSED, .topic = subscribed_topic(s)};
	sendq_pop(&s->q);
	if (first) {
		s->state = READY;
		ev->kind = SESSION_READY;
	}
}

static void
published(struct session *s, struct session_event *ev)
{
	*ev = (struct session_event){.kind = SESSION_PUBLISHED, .token = s->q.head->token};
	sendq_pop(&s->q);
}

static void
on_last_ack(
    struct session *s, struct mono now, const struct mqtt_packet *p, struct session_event *ev)
{
	(void)now;
	if (sendq_is_answer(&s->q, p))
		published(s, ev);
}

/* A repeated PUBREC, also for a message that is through, is answered again: the server may have
 * missed our PUBREL, and must be able to forget the id. */
static void
on_pubrec(struct session *s, struct mono now, const struct mqtt_packet *p, struct session_event *ev)
{
	(void)ev;
	if (sendq_is_answer(&s->q, p)) {
		s->q.head->awaits = MQTT_PUBCOMP;
		s->q.sends = 1;
		s->q.resend_due = mono_after(now, RESEND_MS);
	}
	(void)sendq_put_ack(&s->q, MQTT_PUBREL, p->id);
}

static void
on_publish(
    struct session *s, struct mono now, const struct mqtt_packet *p, struct session_event *ev)
{
	uint8_t bit = (uint8_t)(1 << (p->id & 7));
	uint8_t *held = &s->held[p->id >> 3];
	bool repeated = p->qos == 2 && (*held & bit);

	(void)now;
	if (p->topic.len > SESSION_TOPIC_MAX) {
		violation(s, ev, "expected a topic of at most 1024 bytes, got a longer one");
		return;
	}
	if (p->qos == 1)
		(void)sendq_put_ack(&s->q, MQTT_PUBACK, p->id);
	if (p->qos == 2) {
		(void)sendq_put_ack(&s->q, MQTT_PUBREC, p->id);
		*held |= bit;
	}
	if (repeated)
		return;
	memcpy(s->topic, p->topic.data, p->topic.len);
	s->topic[p->topic.len] = '\0';
	*ev = (struct session_event){.kind = SESSION_MESSAGE,
	    .topic = s->topic,
	    .payload = p->payload.len ? p->payload.data : NULL,
	    .len = p->payload.len};
}

static void
on_pubrel(struct session *s, struct mono now, const struct mqtt_packet *p, struct session_event *ev)
{
	(void)now;
	(void)ev;
	s->held[p->id >> 3] &= (uint8_t) ~(1 << (p->id & 7));
	(void)sendq_put_ack(&s->q, MQTT_PUBCOMP, p->id);
}

static void
on_pingresp(
    struct session *s, struct mono now, const struct mqtt_packet *p, struct session_event *ev)
{
	(void)p;
	(void)ev;
	if (!s->pings)
		return;
	s->pings = 0;
	s->ping_due = mono_after(now, s->ping_ms);
}

/* What a server may send, and when. Answers to nothing (late, doubled) are legal and have no
 * effect. */
/* clang-format off */
static const struct {
	enum mqtt_type type;
	enum state from, to;
	on_packet *fn;
} rules[] = {
	{MQTT_CONNACK,  CONNECTING,  CONNECTING, on_connack},
	{MQTT_SUBACK,   SUBSCRIBING, READY,      on_suback},
	{MQTT_PUBLISH,  SUBSCRIBING, READY,      on_publish},
	{MQTT_PUBREL,   SUBSCRIBING, READY,      on_pubrel},
	{MQTT_PUBACK,   SUBSCRIBING, READY,      on_last_ack},
	{MQTT_PUBREC,   SUBSCRIBING, READY,      on_pubrec},
	{MQTT_PUBCOMP,  SUBSCRIBING, READY,      on_last_ack},
	{MQTT_PINGRESP, SUBSCRIBING, READY,      on_pingresp},
};
/* clang-format on */

static void
dispatch(struct session *s, struct mono now, const struct mqtt_packet *p, struct session_event *ev)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].type != p->type || s->state < rules[i].from || s->state > rules[i].to)
			continue;
		rules[i].fn(s, now, p, ev);
		return;
	}
	violation(s, ev, "got a packet that a server must not send, or not now");
}

/* Work on one packet; false when none is complete or there is no room for an answer. */
static bool
receive(struct session *s, struct mono now, struct session_event *ev)
{
	struct mqtt_packet p = {0};
	size_t used = 0;

	if (sendq_room(&s->q) < SENDQ_ACK_LEN)
		return false;
	enum err e = mqtt_parse(s->in + s->in_at, s->in_end - s->in_at, &p, &used);
	if (e == ERR_TRUNCATED)
		return false;
	s->in_at += used;
	if (e)
		violation(s, ev,
		    e == ERR_LIMIT ? "expected a packet below 64 KiB, got a longer one"
				   : "got bytes that are not MQTT 3.1.1");
	else
		dispatch(s, now, &p, ev);
	return true;
}

size_t
session_input(struct session *s, const uint8_t *data, size_t len)
{
	if (s->state == CLOSED)
		return len;
	if (s->in_at) {
		memmove(s->in, s->in + s->in_at, s->in_end - s->in_at);
		s->in_end -= s->in_at;
		s->in_at = 0;
	}
	size_t n = sizeof(s->in) - s->in_end;
	if (n > len)
		n = len;
	if (n)
		memcpy(s->in + s->in_end, data, n);
	s->in_end += n;
	return n;
}

/* --- time --------------------------------------------------------------------------------- */

/* Put the head of the queue on its way, if it waits and there is room. */
static void
start_head(struct session *s, struct mono now, struct session_event *ev)
{
	if (s->state < SUBSCRIBING || !s->q.head || s->q.sends ||
	    s->q.head->len > sendq_room(&s->q))
		return;
	(void)sendq_put(&s->q, s->q.head->packet, s->q.head->len);
	if (!s->q.head->awaits) {
		published(s, ev);
		return;
	}
	s->q.sends = 1;
	s->q.resend_due = mono_after(now, s->q.head->awaits == MQTT_SUBACK ? ANSWER_MS : RESEND_MS);
}

/* No answer to the head: send again or give up. A full output means the peer does not read, so it
 * counts as a try without adding to it. */
static void
resend_head(struct session *s, struct mono now, struct session_event *ev)
{
	if (s->q.head->awaits == MQTT_SUBACK) {
		fail(s, ev, ERR_TIMEOUT, SESSION_CODE_UNKNOWN, "expected SUBACK within 5 s");
		return;
	}
	if (s->q.sends == TRIES) {
		fail(s, ev, ERR_TIMEOUT, SESSION_CODE_UNKNOWN,
		    "expected an answer to 3 tries of a publish, got none");
		return;
	}
	s->q.sends++;
	s->q.resend_due = mono_after(now, RESEND_MS);
	if (s->q.head->awaits == MQTT_PUBCOMP) {
		(void)sendq_put_ack(&s->q, MQTT_PUBREL, s->q.head->id);
		return;
	}
	mqtt_set_dup(s->q.head->packet);
	(void)sendq_put(&s->q, s->q.head->packet, s->q.head->len);
}

static void
ping(struct session *s, struct mono now, struct session_event *ev)
{
	uint8_t packet[2];

	if (s->pings == TRIES) {
		fail(s, ev, ERR_TIMEOUT, SESSION_CODE_PING,
		    "expected PINGRESP to 3 pings, got none");
		return;
	}
	s->pings++;
	s->ping_due = mono_after(now, PING_RETRY_MS);
	mqtt_format_empty(MQTT_PINGREQ, packet);
	(void)sendq_put(&s->q, packet, sizeof(packet));
}

/* Whatever the time has made due, at most one event. */
static void
expire(struct session *s, struct mono now, struct session_event *ev)
{
	if (s->state == CONNECTING && mono_reached(now, s->connack_due))
		fail(s, ev, ERR_TIMEOUT, SESSION_CODE_UNKNOWN, "expected CONNACK within 5 s");
	else if (s->q.sends && mono_reached(now, s->q.resend_due))
		resend_head(s, now, ev);
	else if (s->state > CONNECTING && mono_reached(now, s->ping_due))
		ping(s, now, ev);
}

bool
session_next(struct session *s, struct mono now, struct session_event *out)
{
	bool more = true;

	*out = (struct session_event){0};
	while (s->state != CLOSED && more) {
		more = receive(s, now, out);
		if (out->kind)
			return true;
		expire(s, now, out);
		if (out->kind)
			return true;
		start_head(s, now, out);
		if (out->kind)
			return true;
	}
	return false;
}

struct mono
session_due(const struct session *s)
{
	struct mono due = s->state == CONNECTING ? s->connack_due : s->ping_due;

	if (s->state == CLOSED)
		return MONO_NEVER;
	if (s->q.sends && s->q.resend_due.ms < due.ms)
		due = s->q.resend_due;
	return due;
}
