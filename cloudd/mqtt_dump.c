/*
 * mqtt_dump: MQTT packets as JSON for people (`subotactl decode mqtt`, tests); declared in mqtt.h.
 * Apart from mqtt.c so that the codec itself needs no JSON library. Texts are the packet's own
 * (checked UTF-8); what may be binary is hex, beside a text form when it is printable.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "mqtt.h"

AUTO_DEFINE(json, cJSON *, cJSON_Delete)

static char *
copy_text(struct mqtt_bytes b)
{
	char *s = malloc(b.len + 1);

	if (!s)
		return NULL;
	if (b.len)
		memcpy(s, b.data, b.len);
	s[b.len] = '\0';
	return s;
}

static bool
is_printable(struct mqtt_bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] < 0x20 || b.data[i] > 0x7e)
			return false;
	return true;
}

static void
add_text(cJSON *o, const char *key, struct mqtt_bytes b)
{
	AUTO(mem) char *s = copy_text(b);

	if (b.data && s)
		cJSON_AddStringToObject(o, key, s);
}

static void
add_hex(cJSON *o, const char *key, struct mqtt_bytes b)
{
	AUTO(mem) char *s = malloc(2 * b.len + 1);

	if (!s)
		return;
	s[0] = '\0';
	for (size_t i = 0; i < b.len; i++)
		snprintf(s + 2 * i, 3, "%02x", b.data[i]);
	cJSON_AddStringToObject(o, key, s);
}

/* Text where it is printable, otherwise KEY_hex. */
static void
add_binary(cJSON *o, const char *key, const char *hex_key, struct mqtt_bytes b)
{
	if (!b.data)
		return;
	if (is_printable(b))
		add_text(o, key, b);
	else
		add_hex(o, hex_key, b);
}

static void
dump_connect(cJSON *o, const struct mqtt_connect *c)
{
	add_text(o, "client_id", c->client_id);
	cJSON_AddNumberToObject(o, "keepalive_s", c->keepalive_s);
	cJSON_AddBoolToObject(o, "clean_session", c->clean_session);
	add_text(o, "user", c->user);
	add_binary(o, "password", "password_hex", c->password);
	if (!c->will_topic.data)
		return;
	add_text(o, "will_topic", c->will_topic);
	add_hex(o, "will_payload", c->will_payload);
	cJSON_AddNumberToObject(o, "will_qos", c->will_qos);
	cJSON_AddBoolToObject(o, "will_retain", c->will_retain);
}

static void
dump_publish(cJSON *o, const struct mqtt_packet *p)
{
	add_text(o, "topic", p->topic);
	cJSON_AddNumberToObject(o, "qos", p->qos);
	cJSON_AddBoolToObject(o, "dup", p->dup);
	cJSON_AddBoolToObject(o, "retain", p->retain);
	if (p->qos)
		cJSON_AddNumberToObject(o, "id", p->id);
	add_hex(o, "payload", p->payload);
}

/* The list was checked by mqtt_parse: lengths fit. */
static void
dump_filters(cJSON *o, const struct mqtt_packet *p)
{
	bool with_qos = p->type == MQTT_SUBSCRIBE;
	const uint8_t *at = p->payload.data, *end = at + p->payload.len;

	cJSON_AddNumberToObject(o, "id", p->id);
	cJSON *list = cJSON_AddArrayToObject(o, "topics");
	while (list && at < end) {
		struct mqtt_bytes filter = {at + 2, (size_t)(at[0] << 8 | at[1])};
		cJSON *row = cJSON_CreateObject();

		if (!row)
			return;
		cJSON_AddItemToArray(list, row);
		add_text(row, "topic", filter);
		at = filter.data + filter.len;
		if (with_qos)
			cJSON_AddNumberToObject(row, "qos", *at++);
	}
}

static void
dump_suback(cJSON *o, const struct mqtt_packet *p)
{
	cJSON_AddNumberToObject(o, "id", p->id);
	cJSON *list = cJSON_AddArrayToObject(o, "codes");

	for (size_t i = 0; list && i < p->payload.len; i++)
		cJSON_AddItemToArray(list, cJSON_CreateNumber(p->payload.data[i]));
}

static void
dump_connack(cJSON *o, const struct mqtt_packet *p)
{
	cJSON_AddBoolToObject(o, "session_present", p->session_present);
	cJSON_AddNumberToObject(o, "code", p->code);
}

static void
dump_packet(cJSON *o, const struct mqtt_packet *p)
{
	cJSON_AddStringToObject(o, "packet", mqtt_type_name(p->type));
	switch (p->type) {
	case MQTT_CONNECT:
		dump_connect(o, &p->connect);
		return;
	case MQTT_CONNACK:
		dump_connack(o, p);
		return;
	case MQTT_PUBLISH:
		dump_publish(o, p);
		return;
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
		dump_filters(o, p);
		return;
	case MQTT_SUBACK:
		dump_suback(o, p);
		return;
	default:
		if (p->id)
			cJSON_AddNumberToObject(o, "id", p->id);
	}
}

enum err
mqtt_dump_json(const uint8_t *data, size_t len, char **out)
{
	AUTO(json) cJSON *list = cJSON_CreateArray();
	size_t used = 0;

	*out = NULL;
	if (len == 0)
		return ERR_TRUNCATED;
	for (size_t at = 0; at < len; at += used) {
		struct mqtt_packet p = {0};
		enum err e = mqtt_parse(data + at, len - at, &p, &used);
		cJSON *o = e ? NULL : cJSON_CreateObject();

		if (e)
			return e;
		if (!o || !cJSON_AddItemToArray(list, o)) {
			cJSON_Delete(o);
			return ERR_NOMEM;
		}
		dump_packet(o, &p);
	}
	*out = cJSON_PrintUnformatted(list);
	return *out ? ERR_OK : ERR_NOMEM;
}
