/*
 * smp_dump: SMP packets as JSON; see smp_dump.h. Built from the driver's own frame decoder and CBOR
 * reader, so what it shows is what the driver sees.
 */
#include "smp_dump.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

#include "auto.h"
#include "smp_cbor.h"
#include "smp_frame.h"
#include "smp_msg.h"

AUTO_DEFINE(cjson, cJSON *, cJSON_Delete)

static enum err put(
    struct smp_cbor_reader *r, const struct smp_cbor_item *item, cJSON *into, const char *name);

static enum err
add(cJSON *into, const char *name, cJSON *value)
{
	if (!value)
		return ERR_NOMEM;
	if (cJSON_IsArray(into) ? cJSON_AddItemToArray(into, value)
				: cJSON_AddItemToObject(into, name, value))
		return ERR_OK;
	cJSON_Delete(value);
	return ERR_NOMEM;
}

/* Up to the 53 bits that a JSON number holds; beyond that as text. */
static cJSON *
number(const struct smp_cbor_item *item)
{
	bool negative = item->type == CBOR_NINT;
	char text[32];

	if (item->number < (uint64_t)1 << 53)
		return cJSON_CreateNumber(
		    negative ? -1 - (double)item->number : (double)item->number);
	if (negative && item->number == UINT64_MAX)
		return cJSON_CreateString("-18446744073709551616");
	snprintf(text, sizeof(text), "%s%llu", negative ? "-" : "",
	    (unsigned long long)item->number + negative);
	return cJSON_CreateString(text);
}

/* A string as printable text, or as hex. The caller frees. */
static enum err
text_of(const struct smp_cbor_item *item, char **out)
{
	bool hex = item->type == CBOR_BYTES;
	size_t n = 0;
	AUTO(mem) uint8_t *raw = malloc(item->len + 1);
	AUTO(mem) char *text = malloc(2 * item->len + 1);

	if (!raw || !text)
		return ERR_NOMEM;
	enum err e = smp_cbor_copy(item, raw, item->len, &n);

	if (e)
		return e;
	for (size_t i = 0; i < n && hex; i++)
		snprintf(text + 2 * i, 3, "%02x", raw[i]);
	for (size_t i = 0; i < n && !hex; i++)
		text[i] = raw[i] >= 0x20 && raw[i] < 0x7f ? (char)raw[i] : '?';
	text[hex ? 2 * n : n] = 0;
	*out = HAND_OVER(text);
	return ERR_OK;
}

static enum err
put_string(const struct smp_cbor_item *item, cJSON *into, const char *name)
{
	AUTO(mem) char *text = NULL;
	enum err e = text_of(item, &text);

	return e ? e : add(into, name, cJSON_CreateString(text));
}

/* The name of a pair: a text as it is, a number in decimal, anything else by its kind. */
static enum err
key_of(struct smp_cbor_reader *r, const struct smp_cbor_item *key, char **out)
{
	char text[32] = "other";

	if (key->type == CBOR_TEXT || key->type == CBOR_BYTES)
		return text_of(key, out);
	if (key->type == CBOR_UINT || key->type == CBOR_NINT)
		snprintf(text, sizeof(text), "%s%llu", key->type == CBOR_NINT ? "-1-" : "",
		    (unsigned long long)key->number);
	*out = strdup(text);
	if (!*out)
		return ERR_NOMEM;
	return smp_cbor_skip(r, key);
}

static enum err
put_container(
    struct smp_cbor_reader *r, const struct smp_cbor_item *item, cJSON *into, const char *name)
{
	bool map = item->type == CBOR_MAP;
	cJSON *inner = map ? cJSON_CreateObject() : cJSON_CreateArray();
	enum err e = add(into, name, inner);

	while (!e) {
		struct smp_cbor_item value = {0};
		AUTO(mem) char *key = NULL;

		e = smp_cbor_next(r, &value);
		if (e || value.type == CBOR_END)
			return e;
		if (map)
			e = key_of(r, &value, &key);
		if (!e && map)
			e = smp_cbor_next(r, &value);
		if (!e)
			e = put(r, &value, inner, key);
	}
	return e;
}

/* The value that `item` began goes into an array or, as `name`, into an object. */
static enum err
put(struct smp_cbor_reader *r, const struct smp_cbor_item *item, cJSON *into, const char *name)
{
	switch (item->type) {
	case CBOR_UINT:
	case CBOR_NINT:
		return add(into, name, number(item));
	case CBOR_BYTES:
	case CBOR_TEXT:
		return put_string(item, into, name);
	case CBOR_BOOL:
		return add(into, name, cJSON_CreateBool(item->number != 0));
	case CBOR_NULL:
		return add(into, name, cJSON_CreateNull());
	case CBOR_FLOAT:
		return add(into, name, cJSON_CreateString("float"));
	case CBOR_ARRAY:
	case CBOR_MAP:
		return put_container(r, item, into, name);
	case CBOR_END:
		break;
	}
	return ERR_MALFORMED;
}

static enum err
put_header(const struct smp_header *h, const char *framing, cJSON *root)
{
	static const char *const ops[] = {"read", "read answer", "write", "write answer"};
	const char *name = smp_msg_name(h->group, h->command);
	bool fine = cJSON_AddStringToObject(root, "framing", framing) &&
		    cJSON_AddNumberToObject(root, "version", h->version) &&
		    cJSON_AddStringToObject(root, "op", ops[h->op]) &&
		    cJSON_AddNumberToObject(root, "group", h->group) &&
		    cJSON_AddNumberToObject(root, "command", h->command) &&
		    cJSON_AddStringToObject(root, "name", name ? name : "unknown") &&
		    cJSON_AddNumberToObject(root, "seq", h->seq) &&
		    cJSON_AddNumberToObject(root, "length", h->len);

	return fine ? ERR_OK : ERR_NOMEM;
}

static enum err
dump(const uint8_t *packet, size_t len, const char *framing, char **out)
{
	struct smp_header h = {0};
	struct smp_cbor_reader r;
	struct smp_cbor_item item = {0};
	AUTO(cjson) cJSON *root = cJSON_CreateObject();
	enum err e = smp_msg_header(packet, len, &h);

	if (!e && h.len != len - SMP_MSG_HEADER)
		e = h.len > len - SMP_MSG_HEADER ? ERR_TRUNCATED : ERR_MALFORMED;
	if (!e)
		e = root ? put_header(&h, framing, root) : ERR_NOMEM;
	if (e)
		return e;
	smp_cbor_reader_init(&r, packet + SMP_MSG_HEADER, len - SMP_MSG_HEADER);
	e = smp_cbor_next(&r, &item);
	if (!e)
		e = put(&r, &item, root, "body");
	if (!e)
		e = smp_cbor_finish(&r);
	if (e)
		return e;
	*out = cJSON_PrintUnformatted(root);
	return *out ? ERR_OK : ERR_NOMEM;
}

static enum err
dump_frame(const uint8_t *data, size_t len, char **out)
{
	const uint8_t *packet = NULL;
	size_t packet_len = 0;
	AUTO(mem) struct smp_rx *rx = calloc(1, sizeof(*rx));

	if (!rx)
		return ERR_NOMEM;
	smp_frame_console.feed(rx, data, len, &packet, &packet_len);
	if (packet)
		return dump(packet, packet_len, smp_frame_console.name, out);
	if (rx->count.bad_sums > 0)
		return ERR_FRAME_SUM;
	return rx->count.bad_lines + rx->count.overruns > 0 ? ERR_MALFORMED : ERR_TRUNCATED;
}

enum err
smp_dump_json(const uint8_t *data, size_t len, char **out)
{
	*out = NULL;
	if (len > 2 && memmem(data, len, "\x06\x09", 2))
		return dump_frame(data, len, out);
	if (len > SMP_PACKET_MAX)
		return ERR_LIMIT;
	return dump(data, len, "none", out);
}
