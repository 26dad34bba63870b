/*
 * mqtt_format: the formatters of mqtt.h. A writer goes bad when the room ends; the length of each
 * body is computed first, because the head before it has a variable size.
 */
#include <string.h>

#include "mqtt.h"
#include "mqtt_text.h"

enum { HEAD_MAX = 5, CONTINUES = 0x80, FLAG_DUP = 0x08, PUBREL_FLAGS = 0x02 };
enum { CONNECT_CLEAN = 0x02, CONNECT_PASSWORD = 0x40, CONNECT_USER = 0x80 };

static const uint8_t protocol[] = {0, 4, 'M', 'Q', 'T', 'T', 4};

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

	if (!mqtt_text_is_utf8(id) || !mqtt_text_is_utf8(name))
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

	if (id == 0 || qos > 2 || !mqtt_text_is_filter(filter))
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

	if (qos > 2 || (qos && id == 0) || !mqtt_text_is_name(name))
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
	out[0] = (uint8_t)(type << 4 | (type == MQTT_PUBREL ? PUBREL_FLAGS : 0));
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
