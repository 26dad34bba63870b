/*
 * wire_json: see wire_json.h. Walks the descriptor, not the JSON, so the order is that of the tags;
 * what the JSON has beyond the descriptor is refused. Nested messages are packed into a buffer of
 * their own first, because their length comes before them. To build the C structs and let
 * protobuf-c pack them was rejected: it takes as much code, and frees to match.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "wire_json.h"

struct pack {
	uint8_t *data; /* WIRE_JSON_MAX */
	size_t len;
	char *why;
	int depth;
};

static enum err pack_message(
    struct pack *p, const ProtobufCMessageDescriptor *d, const cJSON *message);

static enum err
add_bytes(struct pack *p, const void *data, size_t len)
{
	if (len > WIRE_JSON_MAX - p->len)
		return why_say(p->why, ERR_LIMIT, "expected at most %d bytes", WIRE_JSON_MAX);
	if (len)
		memcpy(p->data + p->len, data, len);
	p->len += len;
	return ERR_OK;
}

static enum err
add_varint(struct pack *p, uint64_t n)
{
	uint8_t bytes[10];
	size_t len = 0;

	do {
		bytes[len++] = (uint8_t)((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
		n >>= 7;
	} while (n);
	return add_bytes(p, bytes, len);
}

static enum err
add_fixed(struct pack *p, uint64_t n, size_t size)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(n >> (8 * i));
	return add_bytes(p, bytes, size);
}

static enum err
add_delimited(struct pack *p, const void *data, size_t len)
{
	enum err e = add_varint(p, len);

	return e ? e : add_bytes(p, data, len);
}

/* --- values ----------------------------------------------------------------------------------- */

static enum err
bad(struct pack *p, const ProtobufCFieldDescriptor *f, const char *expected)
{
	return why_say(p->why, ERR_MALFORMED, "%s: expected %s", f->name, expected);
}

/* A number, or decimal text for a large one. */
static bool
read_integer(const cJSON *v, uint64_t *out)
{
	const char *text = cJSON_GetStringValue(v);
	char *end = NULL;

	if (cJSON_IsNumber(v) && v->valuedouble >= -9.0e15 && v->valuedouble <= 9.1e15) {
		*out = v->valuedouble < 0 ? (uint64_t)(int64_t)v->valuedouble
					  : (uint64_t)v->valuedouble;
		return true;
	}
	if (!text || !*text || strlen(text) > 20)
		return false;
	errno = 0;
	*out = *text == '-' ? (uint64_t)strtoll(text, &end, 10) : strtoull(text, &end, 10);
	return *end == '\0' && errno == 0;
}

/* An enum's name; a number that has none is shown as such. */
static bool
read_enum(const ProtobufCFieldDescriptor *f, const cJSON *v, uint64_t *out)
{
	const char *name = cJSON_GetStringValue(v);
	const ProtobufCEnumValue *value = name ? protobuf_c_enum_descriptor_get_value_by_name(
						     f->descriptor, name)
					       : NULL;

	if (value)
		*out = (uint64_t)(int64_t)value->value;
	return value || read_integer(v, out);
}

static int
digit(char c)
{
	const char *at = c ? strchr("0123456789abcdef", c) : NULL;

	return at ? (int)(at - "0123456789abcdef") : -1;
}

static enum err
add_hex(struct pack *p, const ProtobufCFieldDescriptor *f, const char *hex)
{
	size_t n = strlen(hex);
	enum err e = n % 2 ? bad(p, f, "pairs of hex digits") : add_varint(p, n / 2);

	for (size_t i = 0; i < n && e == ERR_OK; i += 2) {
		int high = digit(hex[i]), low = digit(hex[i + 1]);
		bool good = high >= 0 && low >= 0;
		uint8_t byte = good ? (uint8_t)(high << 4 | low) : 0;

		e = !good ? bad(p, f, "pairs of hex digits") : add_bytes(p, &byte, 1);
	}
	return e;
}

/* A message inside: packed behind what there is, then moved to make room for its length. */
static enum err
add_message(struct pack *p, const ProtobufCFieldDescriptor *f, const cJSON *v)
{
	size_t start = p->len;

	if (!cJSON_IsObject(v) || p->depth == WIRE_JSON_DEPTH)
		return bad(p, f, "an object, not too deep");
	p->depth++;
	enum err e = pack_message(p, f->descriptor, v);
	p->depth--;
	if (e != ERR_OK)
		return e;
	size_t len = p->len - start;
	AUTO(mem) uint8_t *copy = malloc(len + 1);

	if (!copy)
		return ERR_NOMEM;
	memcpy(copy, p->data + start, len);
	p->len = start;
	return add_delimited(p, copy, len);
}

/* The wire type that goes with a field's type. */
static unsigned
wire_type(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return 2;
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return 5;
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 1;
	default:
		return 0;
	}
}

static enum err
add_integer(struct pack *p, const ProtobufCFieldDescriptor *f, const cJSON *v)
{
	uint64_t n = 0;
	bool good = f->type == PROTOBUF_C_TYPE_ENUM ? read_enum(f, v, &n) : read_integer(v, &n);

	if (!good)
		return bad(p, f, "an integer");
	if (f->type == PROTOBUF_C_TYPE_SINT32 || f->type == PROTOBUF_C_TYPE_SINT64)
		n = (n << 1) ^ (uint64_t) - (int64_t)(n >> 63);
	if (wire_type(f) == 0)
		return add_varint(p, n);
	return add_fixed(p, n, wire_type(f) == 5 ? 4 : 8);
}

static enum err
add_real(struct pack *p, const ProtobufCFieldDescriptor *f, const cJSON *v)
{
	float single = (float)v->valuedouble;
	uint64_t bits = 0;

	if (!cJSON_IsNumber(v))
		return bad(p, f, "a number");
	if (f->type == PROTOBUF_C_TYPE_FLOAT)
		memcpy(&bits, &single, sizeof(single));
	else
		memcpy(&bits, &v->valuedouble, sizeof(bits));
	return add_fixed(p, bits, f->type == PROTOBUF_C_TYPE_FLOAT ? 4 : 8);
}

static enum err
add_value(struct pack *p, const ProtobufCFieldDescriptor *f, const cJSON *v)
{
	const char *text = cJSON_GetStringValue(v);
	enum err e = add_varint(p, (uint64_t)f->id << 3 | wire_type(f));

	if (e != ERR_OK)
		return e;
	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return add_message(p, f, v);
	case PROTOBUF_C_TYPE_STRING:
		return text ? add_delimited(p, text, strlen(text)) : bad(p, f, "text");
	case PROTOBUF_C_TYPE_BYTES:
		return text ? add_hex(p, f, text) : bad(p, f, "hex digits");
	case PROTOBUF_C_TYPE_BOOL:
		return cJSON_IsBool(v) ? add_varint(p, cJSON_IsTrue(v)) : bad(p, f, "a boolean");
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return add_real(p, f, v);
	default:
		return add_integer(p, f, v);
	}
}

/* --- messages --------------------------------------------------------------------------------- */

/* proto3 does not say what is as it would be anyway; a member of a oneof is always said. */
static bool
is_default(const ProtobufCFieldDescriptor *f, const cJSON *v)
{
	const char *text = cJSON_GetStringValue(v);
	uint64_t n = 1;

	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF || f->type == PROTOBUF_C_TYPE_MESSAGE)
		return false;
	if (f->type == PROTOBUF_C_TYPE_ENUM)
		return read_enum(f, v, &n) && n == 0;
	if (text && (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_BYTES))
		return !*text;
	return cJSON_IsFalse(v) || (read_integer(v, &n) && n == 0 && !cJSON_IsBool(v));
}

static enum err
add_list(struct pack *p, const ProtobufCFieldDescriptor *f, const cJSON *list)
{
	const cJSON *v = NULL;
	enum err e = cJSON_IsArray(list) ? ERR_OK : bad(p, f, "a list");

	if (e == ERR_OK && f->flags & PROTOBUF_C_FIELD_FLAG_PACKED && list->child)
		e = bad(p, f, "no packed list"); /* the schema has none */
	cJSON_ArrayForEach(v, list)
	{
		e = e ? e : add_value(p, f, v);
	}
	return e;
}

static enum err
pack_message(struct pack *p, const ProtobufCMessageDescriptor *d, const cJSON *message)
{
	int members = 0;
	enum err e = ERR_OK;

	for (unsigned i = 0; i < d->n_fields && e == ERR_OK; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(message, f->name);

		members += v ? 1 : 0;
		if (v && f->label == PROTOBUF_C_LABEL_REPEATED)
			e = add_list(p, f, v);
		else if (v && !is_default(f, v))
			e = add_value(p, f, v);
	}
	if (e == ERR_OK && members != cJSON_GetArraySize(message))
		return why_say(p->why, ERR_MALFORMED,
		    "expected the fields of %s only, got %d others", d->short_name,
		    cJSON_GetArraySize(message) - members);
	return e;
}

enum err
wire_json_pack(const ProtobufCMessageDescriptor *d, const cJSON *message, uint8_t **out,
    size_t *len, char why[WHY_SIZE])
{
	AUTO(mem) uint8_t *data = malloc(WIRE_JSON_MAX);
	struct pack p = {.data = data, .why = why};

	if (!data)
		return ERR_NOMEM;
	if (!cJSON_IsObject(message))
		return why_say(why, ERR_MALFORMED, "expected an object");
	enum err e = pack_message(&p, d, message);
	if (e != ERR_OK)
		return e;
	*len = p.len;
	*out = HAND_OVER(data);
	return ERR_OK;
}
