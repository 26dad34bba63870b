/*
 * dc_broker: see dc_broker.h.
 *
 * Nothing here holds a packet: what is sent has left, since 3.1.1 never sends again within a
 * connection and every session is clean. So a QoS 2 message is only an id in one of two small
 * lists, inbound (PUBREC sent, PUBREL awaited) or outbound with the answer it awaits.
 */
#include "dc_broker.h"

#include <string.h>

#include "log.h"

struct outbound {
	uint16_t id;
	uint8_t awaits; /* DC_MQTT_PUBACK, PUBREC or PUBCOMP */
};

struct dc_client {
	struct dc_client *next;
	void *conn;
	void *user;
	bool connected, device, closing;
	char id[128];
	int64_t silence_ms; /* 0: any */
	struct mono heard;
	uint64_t packets;
	uint16_t next_id;
	unsigned n_filters, n_inbound, n_outbound;
	struct {
		char text[DC_MQTT_TOPIC_MAX + 1];
		uint8_t qos;
	} filter[DC_BROKER_FILTERS];
	uint16_t inbound[DC_BROKER_INBOUND];
	struct outbound outbound[DC_BROKER_OUTBOUND];
	uint8_t *held; /* a PUBLISH that waits for the next one */
	size_t held_len;
};

struct dc_broker {
	struct dc_broker_ops ops;
	struct dc_faults *faults;
	struct dc_client *clients;
	uint8_t packet[DC_MQTT_PACKET_MAX + DC_MQTT_HEAD_MAX];
};

enum err
dc_broker_new(const struct dc_broker_ops *ops, struct dc_faults *faults, struct dc_broker **out)
{
	struct dc_broker *b = calloc(1, sizeof(*b));

	if (!b)
		return ERR_NOMEM;
	b->ops = *ops;
	b->faults = faults;
	*out = b;
	return ERR_OK;
}

void
dc_broker_free(struct dc_broker *b)
{
	while (b && b->clients)
		dc_broker_gone(b, b->clients);
	free(b);
}

struct dc_client *
dc_broker_open(struct dc_broker *b, void *conn, struct mono now)
{
	struct dc_client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->conn = conn;
	c->heard = now;
	c->silence_ms = DC_BROKER_CONNECT_MS;
	c->next = b->clients;
	b->clients = c;
	return c;
}

void
dc_broker_gone(struct dc_broker *b, struct dc_client *c)
{
	struct dc_client **at = &b->clients;

	while (*at && *at != c)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = c->next;
	if (c->connected)
		b->ops.on_gone(b->ops.arg, c);
	free(c->held);
	free(c);
}

void
dc_client_set_device(struct dc_client *c, void *user)
{
	c->user = user;
	c->device = true;
}

void *
dc_client_user(const struct dc_client *c)
{
	return c->user;
}

const char *
dc_client_id(const struct dc_client *c)
{
	return c->id;
}

void
dc_broker_drop(struct dc_broker *b, struct dc_client *c, const char *why)
{
	if (c->closing)
		return;
	log_info(NULL, "client %s: closing: %s", c->id[0] ? c->id : "(no name yet)", why);
	c->closing = true;
	b->ops.close(c->conn);
}

/* An answer to a client; the faults may lose it. */
static void
answer(struct dc_broker *b, struct dc_client *c, enum dc_mqtt_type type, uint16_t id)
{
	uint8_t out[4];
	size_t n = dc_mqtt_put_ack(out, type, id);

	if (c->device && dc_fault_nth(b->faults, DC_FAULT_DROP_ACK))
		return;
	b->ops.send(c->conn, out, n);
}

/* --- to clients ------------------------------------------------------------------------------ */

static bool
id_in_use(const struct dc_client *c, uint16_t id)
{
	for (unsigned i = 0; i < c->n_outbound; i++)
		if (c->outbound[i].id == id)
			return true;
	return false;
}

/* Send what a fault held back. */
static void
release(struct dc_broker *b, struct dc_client *c)
{
	if (!c->held)
		return;
	b->ops.send(c->conn, c->held, c->held_len);
	free(HAND_OVER(c->held));
}

/* A PUBLISH in b->packet leaves, unless the faults want it otherwise. */
static void
emit(struct dc_broker *b, struct dc_client *c, unsigned qos, size_t n)
{
	if (c->device && dc_fault_nth(b->faults, DC_FAULT_DROP_PUBLISH))
		return;
	if (c->device && !c->held && dc_fault_nth(b->faults, DC_FAULT_REORDER)) {
		c->held = malloc(n);
		c->held_len = n;
		if (c->held) {
			memcpy(c->held, b->packet, n);
			return;
		}
	}
	b->ops.send(c->conn, b->packet, n);
	if (c->device && dc_fault_nth(b->faults, DC_FAULT_REPEAT)) {
		if (qos > 0)
			b->packet[0] |= 8; /* DUP */
		b->ops.send(c->conn, b->packet, n);
	}
	release(b, c);
}

static void
send_publish(struct dc_broker *b, struct dc_client *c, struct dc_mqtt_publish p)
{
	size_t n;

	if (p.qos > 0) {
		if (c->n_outbound == DC_BROKER_OUTBOUND) {
			dc_broker_drop(b, c, "it does not acknowledge what it subscribed to");
			return;
		}
		do
			c->next_id++;
		while (c->next_id == 0 || id_in_use(c, c->next_id));
		p.id = c->next_id;
		c->outbound[c->n_outbound++] = (struct outbound){
		    p.id, p.qos == 1 ? DC_MQTT_PUBACK : DC_MQTT_PUBREC};
	}
	if (dc_mqtt_put_publish(&p, b->packet, sizeof(b->packet), &n)) {
		log_warn(NULL, "%s: %zu bytes are too many for a packet", p.topic, p.len);
		return;
	}
	emit(b, c, p.qos, n);
}

/* The largest granted QoS of the filters that match; -1 when none does. */
static int
granted(const struct dc_client *c, const char *topic)
{
	int best = -1;

	for (unsigned i = 0; i < c->n_filters; i++)
		if (c->filter[i].qos > best && dc_mqtt_matches(c->filter[i].text, topic))
			best = c->filter[i].qos;
	return best;
}

static void
distribute(struct dc_broker *b, const struct dc_mqtt_publish *p)
{
	for (struct dc_client *c = b->clients; c; c = c->next) {
		struct dc_mqtt_publish out = *p;
		int qos = granted(c, p->topic);

		if (!c->connected || c->closing)
			continue;
		if (qos < 0 && c->device && c->n_filters > 0 &&
		    b->ops.is_addressed(b->ops.arg, c, p->topic))
			qos = 1;
		if (qos < 0)
			continue;
		out.dup = false;
		out.retain = false;
		out.qos = p->qos < qos ? p->qos : (uint8_t)qos;
		send_publish(b, c, out);
	}
}

void
dc_broker_publish(
    struct dc_broker *b, const char *topic, const uint8_t *payload, size_t len, unsigned qos)
{
	struct dc_mqtt_publish p = {.qos = (uint8_t)qos, .payload = payload, .len = len};
	size_t n = strlen(topic);

	if (n >= sizeof(p.topic))
		return;
	memcpy(p.topic, topic, n);
	distribute(b, &p);
}

/* --- from clients ---------------------------------------------------------------------------- */

static void
take_over(struct dc_broker *b, const struct dc_client *newer)
{
	for (struct dc_client *c = b->clients; c; c = c->next)
		if (c != newer && c->connected && strcmp(c->id, newer->id) == 0)
			dc_broker_drop(b, c, "another connection has its client id");
}

static enum err
on_connect(struct dc_broker *b, struct dc_client *c, const struct dc_mqtt_packet *packet)
{
	struct dc_mqtt_connect p;
	uint8_t out[4];

	if (c->connected)
		return ERR_MQTT;
	enum err err = dc_mqtt_connect(packet, &p);
	if (err)
		return err;
	memcpy(c->id, p.client_id, sizeof(c->id));
	unsigned code = p.known_level ? b->ops.on_connect(b->ops.arg, c, &p) : 1;
	b->ops.send(c->conn, out, dc_mqtt_put_connack(out, code));
	if (code != 0)
		return ERR_AUTH;
	c->connected = true;
	c->silence_ms = (int64_t)p.keepalive_s * 1500;
	if (c->id[0])
		take_over(b, c);
	return ERR_OK;
}

/* 4.3.3, method A: the id is remembered from PUBLISH to PUBREL; only the first PUBLISH counts. */
static enum err
on_publish(struct dc_broker *b, struct dc_client *c, const struct dc_mqtt_packet *packet)
{
	struct dc_mqtt_publish p;
	enum err err = dc_mqtt_publish(packet, &p);

	if (err)
		return err;
	for (unsigned i = 0; p.qos == 2 && i < c->n_inbound; i++) {
		if (c->inbound[i] != p.id)
			continue;
		answer(b, c, DC_MQTT_PUBREC, p.id);
		return ERR_OK;
	}
	if (p.qos == 2) {
		if (c->n_inbound == DC_BROKER_INBOUND)
			return ERR_LIMIT;
		c->inbound[c->n_inbound++] = p.id;
	}
	/* Recorded first, acknowledged after: what was acknowledged is never lost. */
	bool public = b->ops.on_publish(b->ops.arg, c, &p);
	if (p.qos > 0)
		answer(b, c, p.qos == 1 ? DC_MQTT_PUBACK : DC_MQTT_PUBREC, p.id);
	if (public)
		distribute(b, &p);
	return ERR_OK;
}

static void
forget_inbound(struct dc_client *c, uint16_t id)
{
	for (unsigned i = 0; i < c->n_inbound; i++)
		if (c->inbound[i] == id)
			c->inbound[i--] = c->inbound[--c->n_inbound];
}

/* PUBACK, PUBREC, PUBREL or PUBCOMP; one that nobody waits for is answered all the same, since the
 * first answer may have been lost. */
static enum err
on_ack(struct dc_broker *b, struct dc_client *c, const struct dc_mqtt_packet *packet)
{
	uint16_t id;
	enum err err = dc_mqtt_id(packet, &id);

	if (err)
		return err;
	if (packet->type == DC_MQTT_PUBREL) {
		forget_inbound(c, id);
		answer(b, c, DC_MQTT_PUBCOMP, id);
		return ERR_OK;
	}
	for (unsigned i = 0; i < c->n_outbound; i++) {
		struct outbound *o = &c->outbound[i];

		if (o->id != id || o->awaits != packet->type)
			continue;
		if (o->awaits == DC_MQTT_PUBREC)
			o->awaits = DC_MQTT_PUBCOMP;
		else
			*o = c->outbound[--c->n_outbound];
		break;
	}
	if (packet->type == DC_MQTT_PUBREC)
		answer(b, c, DC_MQTT_PUBREL, id);
	return ERR_OK;
}

static bool
add_filter(struct dc_client *c, const char *filter, uint8_t qos)
{
	unsigned i = 0;

	while (i < c->n_filters && strcmp(c->filter[i].text, filter) != 0)
		i++;
	if (i == DC_BROKER_FILTERS)
		return false;
	if (i == c->n_filters)
		c->n_filters++;
	memcpy(c->filter[i].text, filter, strlen(filter) + 1);
	c->filter[i].qos = qos;
	return true;
}

static enum err
on_subscribe(struct dc_broker *b, struct dc_client *c, const struct dc_mqtt_packet *packet)
{
	struct dc_mqtt_filters f;
	uint8_t codes[DC_MQTT_FILTERS], out[4 + DC_MQTT_FILTERS];
	bool any = false;
	enum err err = dc_mqtt_filters(packet, &f);

	if (err)
		return err;
	for (unsigned i = 0; i < f.n; i++) {
		bool ok = b->ops.may_subscribe(b->ops.arg, c, f.row[i].filter) &&
			  add_filter(c, f.row[i].filter, f.row[i].qos);

		codes[i] = ok ? f.row[i].qos : 0x80;
		any |= ok;
	}
	b->ops.send(c->conn, out, dc_mqtt_put_suback(out, f.id, codes, f.n));
	if (any)
		b->ops.on_subscribed(b->ops.arg, c);
	return ERR_OK;
}

static enum err
on_unsubscribe(struct dc_broker *b, struct dc_client *c, const struct dc_mqtt_packet *packet)
{
	struct dc_mqtt_filters f;
	uint8_t out[4];
	enum err err = dc_mqtt_filters(packet, &f);

	if (err)
		return err;
	for (unsigned i = 0; i < f.n; i++)
		for (unsigned k = 0; k < c->n_filters; k++)
			if (strcmp(c->filter[k].text, f.row[i].filter) == 0)
				c->filter[k] = c->filter[--c->n_filters];
	b->ops.send(c->conn, out, dc_mqtt_put_ack(out, DC_MQTT_UNSUBACK, f.id));
	return ERR_OK;
}

static enum err
on_packet(struct dc_broker *b, struct dc_client *c, const struct dc_mqtt_packet *p)
{
	uint8_t out[2];

	if (!c->connected && p->type != DC_MQTT_CONNECT)
		return ERR_MQTT;
	switch (p->type) {
	case DC_MQTT_CONNECT:
		return on_connect(b, c, p);
	case DC_MQTT_PUBLISH:
		return on_publish(b, c, p);
	case DC_MQTT_PUBACK:
	case DC_MQTT_PUBREC:
	case DC_MQTT_PUBREL:
	case DC_MQTT_PUBCOMP:
		return on_ack(b, c, p);
	case DC_MQTT_SUBSCRIBE:
		return on_subscribe(b, c, p);
	case DC_MQTT_UNSUBSCRIBE:
		return on_unsubscribe(b, c, p);
	case DC_MQTT_PINGREQ:
		b->ops.send(c->conn, out, dc_mqtt_put_pingresp(out));
		return ERR_OK;
	case DC_MQTT_DISCONNECT:
		return ERR_CLOSED;
	default:
		return ERR_MQTT;
	}
}

/* mqtt_cut_after_packets: the packet that reaches the number is the last one that is heard. */
static bool
cut(struct dc_broker *b, struct dc_client *c)
{
	int64_t limit = dc_fault_value(b->faults, DC_FAULT_MQTT_CUT);

	return c->device && limit > 0 && ++c->packets >= (uint64_t)limit &&
	       dc_fault_strikes(b->faults, DC_FAULT_MQTT_CUT, NULL);
}

enum err
dc_broker_input(struct dc_broker *b, struct dc_client *c, const uint8_t *data, size_t len,
    struct mono now, size_t *used)
{
	struct dc_mqtt_packet p;

	*used = 0;
	while (!c->closing) {
		enum err err = dc_mqtt_frame(data + *used, len - *used, &p);

		if (err == ERR_TRUNCATED)
			return ERR_OK;
		if (!err) {
			*used += p.total;
			c->heard = now;
			err = on_packet(b, c, &p);
		}
		if (!err && cut(b, c))
			err = ERR_CANCELLED;
		if (err) {
			dc_broker_drop(b, c, err_text(err));
			return err;
		}
	}
	*used = len;
	return ERR_CLOSED;
}

void
dc_broker_tick(struct dc_broker *b, struct mono now)
{
	for (struct dc_client *c = b->clients; c; c = c->next) {
		if (!c->closing)
			release(b, c);
		if (c->silence_ms && mono_between(c->heard, now) > c->silence_ms)
			dc_broker_drop(b, c, "silent for longer than its keep-alive allows");
	}
}
