/*
 * dc_mqtt: see dc_mqtt.h. Section numbers are those of the OASIS standard of MQTT 3.1.1.
 */
#include "dc_mqtt.h"

#include <string.h>

struct cursor {
	const uint8_t *at;
	size_t left;
};

static bool
take(struct cursor *c, size_t n, const uint8_t **out)
{
	if (c->left < n)
		return false;
	*out = c->at;
	c->at += n;
	c->left -= n;
	return true;
}

static bool
take16(struct cursor *c, uint16_t *out)
{
	const uint8_t *p;

	if (!take(c, 2, &p))
		return false;
	*out = (uint16_t)(p[0] << 8 | p[1]);
	return true;
}

/* A string with its length before it, without NUL inside (1.5.3), copied. */
static enum err
take_text(struct cursor *c, char *out, size_t size)
{
	uint16_t n;
	const uint8_t *p;

	if (!take16(c, &n) || !take(c, n, &p) || (n && memchr(p, 0, n)))
		return ERR_MQTT;
	if (n >= size)
		return ERR_LIMIT;
	if (n)
		memcpy(out, p, n);
	out[n] = '\0';
	return ERR_OK;
}

/* Skip a field that we do not use (the will). */
static enum err
skip_text(struct cursor *c)
{
	uint16_t n;
	const uint8_t *p;

	return take16(c, &n) && take(c, n, &p) ? ERR_OK : ERR_MQTT;
}

/* clang-format off */
/* Legal flags of the fixed head by type (2.2.2); 0xff: looked at by the reader of the body. */
static const uint8_t head_flags[16] = {
	[DC_MQTT_PUBLISH] = 0xff,
	[DC_MQTT_PUBREL] = 2, [DC_MQTT_SUBSCRIBE] = 2, [DC_MQTT_UNSUBSCRIBE] = 2,
};
/* clang-format on */

/* Remaining length (2.2.3): ERR_TRUNCATED when it is not all there. */
static enum err
remaining(const uint8_t *data, size_t len, size_t *value, size_t *used)
{
	*value = 0;
	for (size_t i = 0; i < 4; i++) {
		if (i + 1 >= len)
			return ERR_TRUNCATED;
		*value |= (size_t)(data[i + 1] & 0x7f) << (7 * i);
		if (!(data[i + 1] & 0x80)) {
			*used = i + 2;
			return ERR_OK;
		}
	}
	return ERR_MQTT;
}

enum err
dc_mqtt_frame(const uint8_t *data, size_t len, struct dc_mqtt_packet *out)
{
	size_t body, head;

	if (len == 0)
		return ERR_TRUNCATED;
	out->type = data[0] >> 4;
	out->flags = data[0] & 15;
	if (out->type < DC_MQTT_CONNECT || out->type > DC_MQTT_DISCONNECT)
		return ERR_MQTT;
	if (head_flags[out->type] != 0xff && out->flags != head_flags[out->type])
		return ERR_MQTT;
	enum err err = remaining(data, len, &body, &head);
	if (err)
		return err;
	if (body > DC_MQTT_PACKET_MAX)
		return ERR_LIMIT;
	if (len < head + body)
		return ERR_TRUNCATED;
	out->body = data + head;
	out->len = body;
	out->total = head + body;
	return ERR_OK;
}

/* The payload of CONNECT (3.1.3), in its fixed order. */
static enum err
connect_payload(struct cursor *c, struct dc_mqtt_connect *out)
{
	enum err err = take_text(c, out->client_id, sizeof(out->client_id));

	if (!err && out->flags & 0x04)
		err = skip_text(c);
	if (!err && out->flags & 0x04)
		err = skip_text(c);
	if (!err && out->has_user)
		err = take_text(c, out->user, sizeof(out->user));
	if (!err && out->has_password)
		err = take_text(c, out->password, sizeof(out->password));
	if (!err && c->left)
		err = ERR_MQTT;
	return err;
}

enum err
dc_mqtt_connect(const struct dc_mqtt_packet *p, struct dc_mqtt_connect *out)
{
	struct cursor c = {p->body, p->len};
	char protocol[8];
	const uint8_t *b;

	memset(out, 0, sizeof(*out));
	enum err err = take_text(&c, protocol, sizeof(protocol));
	if (err || !take(&c, 1, &b))
		return ERR_MQTT;
	out->level = *b;
	if (strcmp(protocol, "MQTT") != 0)
		return ERR_MQTT;
	if (out->level != 4)
		return ERR_OK;
	out->known_level = true;
	if (!take(&c, 1, &b) || !take16(&c, &out->keepalive_s))
		return ERR_MQTT;
	out->flags = *b;
	out->has_user = out->flags & 0x80;
	out->has_password = out->flags & 0x40;
	unsigned will_qos = out->flags >> 3 & 3;
	bool will = out->flags & 0x04;
	if (out->flags & 0x01 || will_qos == 3 || (!will && out->flags & 0x38))
		return ERR_MQTT;
	return connect_payload(&c, out);
}

enum err
dc_mqtt_publish(const struct dc_mqtt_packet *p, struct dc_mqtt_publish *out)
{
	struct cursor c = {p->body, p->len};

	memset(out, 0, sizeof(*out));
	out->qos = p->flags >> 1 & 3;
	out->dup = p->flags & 8;
	out->retain = p->flags & 1;
	if (out->qos == 3 || (out->dup && out->qos == 0))
		return ERR_MQTT;
	enum err err = take_text(&c, out->topic, sizeof(out->topic));
	if (err)
		return err;
	if (out->topic[0] == '\0' || strpbrk(out->topic, "+#"))
		return ERR_MQTT;
	if (out->qos > 0 && (!take16(&c, &out->id) || out->id == 0))
		return ERR_MQTT;
	out->payload = c.at;
	out->len = c.left;
	return ERR_OK;
}

/* + and # stand alone on their level, # only on the last one (4.7.1). */
static bool
is_filter(const char *f)
{
	if (*f == '\0')
		return false;
	for (const char *p = f; *p; p++) {
		if (*p != '+' && *p != '#')
			continue;
		bool starts = p == f || p[-1] == '/';
		bool ends = p[1] == '\0' || (*p == '+' && p[1] == '/');
		if (!starts || !ends)
			return false;
	}
	return true;
}

enum err
dc_mqtt_filters(const struct dc_mqtt_packet *p, struct dc_mqtt_filters *out)
{
	struct cursor c = {p->body, p->len};
	const uint8_t *qos;

	out->n = 0;
	if (!take16(&c, &out->id) || out->id == 0 || c.left == 0)
		return ERR_MQTT;
	while (c.left > 0) {
		if (out->n == DC_MQTT_FILTERS)
			return ERR_LIMIT;
		char *filter = out->row[out->n].filter;
		enum err err = take_text(&c, filter, sizeof(out->row[0].filter));
		if (err)
			return err;
		if (!is_filter(filter))
			return ERR_MQTT;
		out->row[out->n].qos = 0;
		if (p->type == DC_MQTT_SUBSCRIBE) {
			if (!take(&c, 1, &qos) || *qos > 2)
				return ERR_MQTT;
			out->row[out->n].qos = *qos;
		}
		out->n++;
	}
	return ERR_OK;
}

enum err
dc_mqtt_id(const struct dc_mqtt_packet *p, uint16_t *out)
{
	struct cursor c = {p->body, p->len};

	return take16(&c, out) && c.left == 0 && *out != 0 ? ERR_OK : ERR_MQTT;
}

size_t
dc_mqtt_put_connack(uint8_t out[4], unsigned code)
{
	const uint8_t bytes[4] = {DC_MQTT_CONNACK << 4, 2, 0, (uint8_t)code};

	memcpy(out, bytes, sizeof(bytes));
	return sizeof(bytes);
}

size_t
dc_mqtt_put_ack(uint8_t out[4], enum dc_mqtt_type type, uint16_t id)
{
	const uint8_t bytes[4] = {(uint8_t)(type << 4 | (type == DC_MQTT_PUBREL ? 2 : 0)), 2,
	    (uint8_t)(id >> 8), (uint8_t)id};

	memcpy(out, bytes, sizeof(bytes));
	return sizeof(bytes);
}

size_t
dc_mqtt_put_pingresp(uint8_t out[2])
{
	out[0] = DC_MQTT_PINGRESP << 4;
	out[1] = 0;
	return 2;
}

size_t
dc_mqtt_put_suback(uint8_t out[4 + DC_MQTT_FILTERS], uint16_t id, const uint8_t *codes, unsigned n)
{
	out[0] = DC_MQTT_SUBACK << 4;
	out[1] = (uint8_t)(2 + n);
	out[2] = (uint8_t)(id >> 8);
	out[3] = (uint8_t)id;
	memcpy(out + 4, codes, n);
	return 4 + n;
}

enum err
dc_mqtt_put_publish(const struct dc_mqtt_publish *p, uint8_t *out, size_t size, size_t *out_len)
{
	size_t topic = strlen(p->topic);
	size_t body = 2 + topic + (p->qos ? 2 : 0) + p->len;
	size_t at = 0;

	if (body > DC_MQTT_PACKET_MAX || size < DC_MQTT_HEAD_MAX + body)
		return ERR_LIMIT;
	out[at++] = (uint8_t)(DC_MQTT_PUBLISH << 4 | (p->dup ? 8 : 0) | p->qos << 1 | p->retain);
	for (size_t left = body;; left >>= 7) {
		out[at++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
		if (left <= 0x7f)
			break;
	}
	out[at++] = (uint8_t)(topic >> 8);
	out[at++] = (uint8_t)topic;
	memcpy(out + at, p->topic, topic);
	at += topic;
	if (p->qos) {
		out[at++] = (uint8_t)(p->id >> 8);
		out[at++] = (uint8_t)p->id;
	}
	if (p->len)
		memcpy(out + at, p->payload, p->len);
	*out_len = at + p->len;
	return ERR_OK;
}

bool
dc_mqtt_matches(const char *filter, const char *topic)
{
	if (*topic == '$' && (*filter == '+' || *filter == '#'))
		return false;
	for (;;) {
		size_t f = strcspn(filter, "/"), t = strcspn(topic, "/");

		if (f == 1 && *filter == '#')
			return true;
		if (!(f == 1 && *filter == '+') && (f != t || memcmp(filter, topic, f) != 0))
			return false;
		filter += f;
		topic += t;
		if (*topic == '\0')
			return *filter == '\0' || strcmp(filter, "/#") == 0;
		if (*filter == '\0')
			return false;
		filter++;
		topic++;
	}
}
