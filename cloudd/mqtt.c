/*
 * mqtt: the parser of mqtt.h. It works on one packet whose length is known: a reader that goes bad
 * at the first byte that is missing or forbidden, and one small body parser per packet type, named
 * in the table `shapes` together with the flag bits that the type's first byte must have.
 */
#include <string.h>

#include "mqtt.h"
#include "mqtt_text.h"

enum { HEAD_MAX = 5, CONTINUES = 0x80 };
enum { CONNECT_CLEAN = 0x02, CONNECT_WILL = 0x04, CONNECT_WILL_RETAIN = 0x20 };
enum { CONNECT_PASSWORD = 0x40, CONNECT_USER = 0x80 };
enum { FLAG_RETAIN = 0x01, FLAG_DUP = 0x08, FLAGS_ANY = 0xff };

static const uint8_t protocol[] = {0, 4, 'M', 'Q', 'T', 'T', 4};

struct reader {
	const uint8_t *at;
	size_t left;
	bool bad;
};

/* --- reading ------------------------------------------------------------------------------ */

static struct mqtt_bytes
take(struct reader *r, size_t n)
{
	struct mqtt_bytes b = {0};

	if (r->bad || n > r->left) {
		r->bad = true;
		return b;
	}
	b = (struct mqtt_bytes){r->at, n};
	r->at += n;
	r->left -= n;
	return b;
}

static uint8_t
take_u8(struct reader *r)
{
	struct mqtt_bytes b = take(r, 1);

	return b.len ? b.data[0] : 0;
}

static uint16_t
take_u16(struct reader *r)
{
	struct mqtt_bytes b = take(r, 2);

	return b.len ? (uint16_t)(b.data[0] << 8 | b.data[1]) : 0;
}

/* [MQTT-2.3.1-1]: never 0. */
static uint16_t
take_id(struct reader *r)
{
	uint16_t id = take_u16(r);

	if (id == 0)
		r->bad = true;
	return id;
}

static struct mqtt_bytes
take_field(struct reader *r)
{
	return take(r, take_u16(r));
}

static struct mqtt_bytes
take_text(struct reader *r)
{
	struct mqtt_bytes b = take_field(r);

	if (!mqtt_text_is_utf8(b))
		r->bad = true;
	return b;
}

/* --- bodies ------------------------------------------------------------------------------- */

static void
parse_will(struct reader *r, uint8_t flags, struct mqtt_connect *c)
{
	bool will = flags & CONNECT_WILL;

	c->will_qos = flags >> 3 & 3;
	c->will_retain = flags & CONNECT_WILL_RETAIN;
	if (c->will_qos > 2 || (!will && (c->will_qos || c->will_retain)))
		r->bad = true;
	if (!will)
		return;
	c->will_topic = take_text(r);
	if (!mqtt_text_is_name(c->will_topic))
		r->bad = true;
	c->will_payload = take_field(r);
}

/* A password without a user name is let pass, see the head of mqtt.h. */
static void
parse_connect(struct reader *r, struct mqtt_packet *p)
{
	struct mqtt_connect *c = &p->connect;
	struct mqtt_bytes name = take(r, sizeof(protocol));
	uint8_t flags = take_u8(r);

	if (r->bad || memcmp(name.data, protocol, sizeof(protocol)) != 0 || flags & 1) {
		r->bad = true;
		return;
	}
	c->clean_session = flags & CONNECT_CLEAN;
	c->keepalive_s = take_u16(r);
	c->client_id = take_text(r);
	parse_will(r, flags, c);
	if (flags & CONNECT_USER)
		c->user = take_text(r);
	if (flags & CONNECT_PASSWORD)
		c->password = take_field(r);
}

static void
parse_connack(struct reader *r, struct mqtt_packet *p)
{
	uint8_t flags = take_u8(r);

	p->session_present = flags & 1;
	p->code = take_u8(r);
	if (flags > 1 || (p->session_present && p->code))
		r->bad = true;
}

static void
parse_publish(struct reader *r, struct mqtt_packet *p)
{
	p->topic = take_text(r);
	if (!mqtt_text_is_name(p->topic) || p->qos > 2 || (p->dup && !p->qos))
		r->bad = true;
	if (p->qos)
		p->id = take_id(r);
	p->payload = take(r, r->left);
}

static void
parse_id(struct reader *r, struct mqtt_packet *p)
{
	p->id = take_id(r);
}

/* Common to SUBSCRIBE (with_qos) and UNSUBSCRIBE: an id and at least one filter. */
static void
parse_filters(struct reader *r, struct mqtt_packet *p, bool with_qos)
{
	p->id = take_id(r);
	p->payload = (struct mqtt_bytes){r->at, r->left};
	if (!r->left)
		r->bad = true;
	while (!r->bad && r->left) {
		if (!mqtt_text_is_filter(take_field(r)) || (with_qos && take_u8(r) > 2))
			r->bad = true;
	}
}

static void
parse_subscribe(struct reader *r, struct mqtt_packet *p)
{
	parse_filters(r, p, true);
}

static void
parse_unsubscribe(struct reader *r, struct mqtt_packet *p)
{
	parse_filters(r, p, false);
}

static void
parse_suback(struct reader *r, struct mqtt_packet *p)
{
	p->id = take_id(r);
	p->payload = take(r, r->left);
	if (!p->payload.len)
		r->bad = true;
	for (size_t i = 0; i < p->payload.len; i++)
		if (p->payload.data[i] > 2 && p->payload.data[i] != 0x80)
			r->bad = true;
}

static void
parse_nothing(struct reader *r, struct mqtt_packet *p)
{
	(void)r;
	(void)p;
}

/* clang-format off */
static const struct {
	const char *name;
	uint8_t flags;     /* low half of the first byte */
	void (*parse)(struct reader *r, struct mqtt_packet *p);
} shapes[] = {
	[MQTT_CONNECT]     = {"CONNECT",     0x00,      parse_connect},
	[MQTT_CONNACK]     = {"CONNACK",     0x00,      parse_connack},
	[MQTT_PUBLISH]     = {"PUBLISH",     FLAGS_ANY, parse_publish},
	[MQTT_PUBACK]      = {"PUBACK",      0x00,      parse_id},
	[MQTT_PUBREC]      = {"PUBREC",      0x00,      parse_id},
	[MQTT_PUBREL]      = {"PUBREL",      0x02,      parse_id},
	[MQTT_PUBCOMP]     = {"PUBCOMP",     0x00,      parse_id},
	[MQTT_SUBSCRIBE]   = {"SUBSCRIBE",   0x02,      parse_subscribe},
	[MQTT_SUBACK]      = {"SUBACK",      0x00,      parse_suback},
	[MQTT_UNSUBSCRIBE] = {"UNSUBSCRIBE", 0x02,      parse_unsubscribe},
	[MQTT_UNSUBACK]    = {"UNSUBACK",    0x00,      parse_id},
	[MQTT_PINGREQ]     = {"PINGREQ",     0x00,      parse_nothing},
	[MQTT_PINGRESP]    = {"PINGRESP",    0x00,      parse_nothing},
	[MQTT_DISCONNECT]  = {"DISCONNECT",  0x00,      parse_nothing},
};
/* clang-format on */

const char *
mqtt_type_name(enum mqtt_type type)
{
	if (type < MQTT_CONNECT || type > MQTT_DISCONNECT)
		return "reserved";
	return shapes[type].name;
}

/* The remaining length, base 128, least digit first, at most 4 bytes. It must not be longer than
 * MQTT_PACKET_MAX allows; a longer one is told from its first bytes already. */
static enum err
parse_length(const uint8_t *data, size_t len, size_t *head, size_t *body)
{
	size_t value = 0;

	for (size_t i = 1; i < HEAD_MAX; i++) {
		if (i >= len)
			return ERR_TRUNCATED;
		value |= (size_t)(data[i] & 0x7f) << (7 * (i - 1));
		if (value + i + 1 > MQTT_PACKET_MAX)
			return ERR_LIMIT;
		if (data[i] & CONTINUES)
			continue;
		*head = i + 1;
		*body = value;
		return ERR_OK;
	}
	return ERR_MALFORMED;
}

enum err
mqtt_parse(const uint8_t *data, size_t len, struct mqtt_packet *out, size_t *used)
{
	struct mqtt_packet p = {0};
	size_t head = 0, body = 0;

	*used = 0;
	*out = p;
	if (len == 0)
		return ERR_TRUNCATED;
	p.type = data[0] >> 4;
	if (p.type < MQTT_CONNECT || p.type > MQTT_DISCONNECT)
		return ERR_MALFORMED;
	if (shapes[p.type].flags != FLAGS_ANY && shapes[p.type].flags != (data[0] & 0x0f))
		return ERR_MALFORMED;
	enum err e = parse_length(data, len, &head, &body);
	if (e)
		return e;
	if (len - head < body)
		return ERR_TRUNCATED;
	if (p.type == MQTT_PUBLISH) {
		p.dup = data[0] & FLAG_DUP;
		p.qos = data[0] >> 1 & 3;
		p.retain = data[0] & FLAG_RETAIN;
	}
	struct reader r = {data + head, body, false};
	shapes[p.type].parse(&r, &p);
	if (r.bad || r.left)
		return ERR_MALFORMED;
	*out = p;
	*used = head + body;
	return ERR_OK;
}
