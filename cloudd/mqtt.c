/*
 * mqtt: see mqtt.h. Parsing works on one packet whose length is known: a reader that goes bad at
 * the first byte that is missing or forbidden, and one small body parser per packet type, named in
 * the table `shapes` together with the flag bits that the type's first byte must have. Formatting
 * is the mirror: a writer that goes bad when the room ends.
 */
#include <string.h>

#include "mqtt.h"

enum { NAME_LEN = 6, HEAD_MAX = 5, CONTINUES = 0x80 };
enum { CONNECT_CLEAN = 0x02, CONNECT_WILL = 0x04, CONNECT_WILL_RETAIN = 0x20 };
enum { CONNECT_PASSWORD = 0x40, CONNECT_USER = 0x80 };
enum { FLAG_RETAIN = 0x01, FLAG_DUP = 0x08, FLAGS_ANY = 0xff };

static const uint8_t protocol[NAME_LEN + 1] = {0, 4, 'M', 'Q', 'T', 'T', 4};

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

/* Length of the UTF-8 character at `p`, 0 if it is none; surrogates, overlong forms and NUL are
 * none ([MQTT-1.5.3-1], [MQTT-1.5.3-2]). */
static size_t
character(const uint8_t *p, size_t left)
{
	static const uint32_t least[] = {0, 1, 0x80, 0x800, 0x10000};
	size_t n = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	uint32_t value = n == 1 ? *p : *p & (0x7fU >> n);

	if (n > left || (*p >= 0x80 && *p < 0xc2) || *p > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (p[i] & 0x3f);
	}
	if (value < least[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	return n;
}

static bool
is_text(struct mqtt_bytes b)
{
	for (size_t at = 0; at < b.len;) {
		size_t n = character(b.data + at, b.len - at);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

static struct mqtt_bytes
take_text(struct reader *r)
{
	struct mqtt_bytes b = take_field(r);

	if (!is_text(b))
		r->bad = true;
	return b;
}

/* [MQTT-3.3.2-2], [MQTT-4.7.3-1]. */
static bool
is_topic_name(struct mqtt_bytes b)
{
	return b.len && is_text(b) && !memchr(b.data, '+', b.len) && !memchr(b.data, '#', b.len);
}

/* [MQTT-4.7.1-2], [MQTT-4.7.1-3]: '#' alone in the last level, '+' alone in any. */
static bool
is_topic_filter(struct mqtt_bytes b)
{
	if (!b.len || !is_text(b))
		return false;
	for (size_t i = 0; i < b.len; i++) {
		bool starts = i == 0 || b.data[i - 1] == '/';
		bool last = i + 1 == b.len;

		if (b.data[i] == '#' && (!starts || !last))
			return false;
		if (b.data[i] == '+' && (!starts || (!last && b.data[i + 1] != '/')))
			return false;
	}
	return true;
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
	if (!is_topic_name(c->will_topic))
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
	if (!is_topic_name(p->topic) || p->qos > 2 || (p->dup && !p->qos))
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
		if (!is_topic_filter(take_field(r)) || (with_qos && take_u8(r) > 2))
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

/* --- formatting --------------------------------------------------------------------------- */

struct writer {
	uint8_t *at;
	size_t left;
	bool bad;
};

static void
put(struct writer *w, const void *data, size_t n)
{
	if (w->bad || n > w->left) {
		w->bad = true;
		return;
	}
	if (n)
		memcpy(w->at, data, n);
	w->at += n;
	w->left -= n;
}

static void
put_u8(struct writer *w, unsigned value)
{
	uint8_t b = (uint8_t)value;

	put(w, &b, 1);
}

static void
put_u16(struct writer *w, unsigned value)
{
	put_u8(w, value >> 8);
	put_u8(w, value & 0xff);
}

static void
put_field(struct writer *w, struct mqtt_bytes b)
{
	if (b.len > UINT16_MAX) {
		w->bad = true;
		return;
	}
	put_u16(w, (unsigned)b.len);
	put(w, b.data, b.len);
}

/* First byte and remaining length. */
static void
put_head(struct writer *w, unsigned first, size_t body)
{
	size_t left = body;

	if (body > MQTT_PACKET_MAX - HEAD_MAX) {
		w->bad = true;
		return;
	}
	put_u8(w, first);
	do {
		put_u8(w, (unsigned)(left & 0x7f) | (left > 0x7f ? CONTINUES : 0));
		left >>= 7;
	} while (left);
}

static enum err
finish(const struct writer *w, const uint8_t *out, size_t *len)
{
	if (w->bad)
		return ERR_LIMIT;
	*len = (size_t)(w->at - out);
	return ERR_OK;
}

static struct mqtt_bytes
text(const char *s)
{
	return (struct mqtt_bytes){(const uint8_t *)s, s ? strlen(s) : 0};
}

static size_t
field_size(struct mqtt_bytes b)
{
	return b.data ? 2 + b.len : 0;
}

enum err
mqtt_format_connect(const char *client_id, const char *user, const char *password,
    uint16_t keepalive_s, uint8_t *out, size_t size, size_t *len)
{
	struct mqtt_bytes id = text(client_id), name = text(user), secret = text(password);
	struct writer w = {out, size, false};
	size_t body = sizeof(protocol) + 3 + field_size(id) + field_size(name) + field_size(secret);

	if (!is_text(id) || !is_text(name))
		return ERR_INVALID;
	put_head(&w, MQTT_CONNECT << 4, body);
	put(&w, protocol, sizeof(protocol));
	put_u8(&w, CONNECT_CLEAN | (user ? CONNECT_USER : 0U) | (password ? CONNECT_PASSWORD : 0U));
	put_u16(&w, keepalive_s);
	put_field(&w, id);
	if (user)
		put_field(&w, name);
	if (password)
		put_field(&w, secret);
	return finish(&w, out, len);
}

enum err
mqtt_format_subscribe(
    uint16_t id, const char *topic, unsigned qos, uint8_t *out, size_t size, size_t *len)
{
	struct mqtt_bytes filter = text(topic);
	struct writer w = {out, size, false};

	if (id == 0 || qos > 2 || !is_topic_filter(filter))
		return ERR_INVALID;
	put_head(&w, MQTT_SUBSCRIBE << 4 | 2, 2 + field_size(filter) + 1);
	put_u16(&w, id);
	put_field(&w, filter);
	put_u8(&w, qos);
	return finish(&w, out, len);
}

enum err
mqtt_format_publish(const char *topic, unsigned qos, uint16_t id, const uint8_t *payload,
    size_t payload_len, uint8_t *out, size_t size, size_t *len)
{
	struct mqtt_bytes name = text(topic);
	struct writer w = {out, size, false};

	if (qos > 2 || (qos && id == 0) || !is_topic_name(name))
		return ERR_INVALID;
	if (payload_len > MQTT_PACKET_MAX || name.len > UINT16_MAX)
		return ERR_LIMIT;
	put_head(&w, MQTT_PUBLISH << 4 | qos << 1, field_size(name) + (qos ? 2 : 0) + payload_len);
	put_field(&w, name);
	if (qos)
		put_u16(&w, id);
	put(&w, payload, payload_len);
	return finish(&w, out, len);
}

void
mqtt_format_ack(enum mqtt_type type, uint16_t id, uint8_t out[4])
{
	out[0] = (uint8_t)(type << 4 | (shapes[type].flags & 0x0f));
	out[1] = 2;
	out[2] = (uint8_t)(id >> 8);
	out[3] = (uint8_t)id;
}

void
mqtt_format_empty(enum mqtt_type type, uint8_t out[2])
{
	out[0] = (uint8_t)(type << 4);
	out[1] = 0;
}

void
mqtt_set_dup(uint8_t *publish)
{
	publish[0] |= FLAG_DUP;
}
