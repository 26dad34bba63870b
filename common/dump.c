/*
 * dump: see dump.h. A field that is not there (a message, the other members of a oneof) is left
 * out; every other one is shown, its default included, so that lines of one kind have one shape.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "dump.h"
#include "fields.h"
#include "utf8.h"

#define EXACT_MAX (UINT64_C(1) << 53) /* beyond it a double may be another number */

AUTO_DEFINE(dump_tree, cJSON *, cJSON_Delete)

static cJSON *dump_message(const ProtobufCMessage *m);

/* Text that is not UTF-8 would not be JSON: what is no character becomes '?'. */
static cJSON *
dump_text(const char *s)
{
	size_t len = strlen(s);
	AUTO(mem) char *copy = malloc(len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, s, len + 1);
	for (size_t at = 0; at < len;) {
		size_t n = utf8_character((const uint8_t *)copy + at, len - at);

		if (n == 0)
			copy[at] = '?';
		at += n ? n : 1;
	}
	return cJSON_CreateString(copy);
}

static cJSON *
dump_bytes(const ProtobufCBinaryData *b)
{
	static const char digits[] = "0123456789abcdef";
	AUTO(mem) char *hex = malloc(2 * b->len + 1);

	if (!hex)
		return NULL;
	for (size_t i = 0; i < b->len; i++) {
		hex[2 * i] = digits[b->data[i] >> 4];
		hex[2 * i + 1] = digits[b->data[i] & 15];
	}
	hex[2 * b->len] = '\0';
	return cJSON_CreateString(hex);
}

static cJSON *
dump_number(bool negative, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%" PRIu64, negative ? "-" : "", n);
	return n > EXACT_MAX ? cJSON_CreateString(text) : cJSON_CreateRaw(text);
}

static cJSON *
dump_signed(int64_t n)
{
	return dump_number(n < 0, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

static cJSON *
dump_enum(const ProtobufCFieldDescriptor *f, int number)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(f->descriptor, number);

	return v ? cJSON_CreateString(v->name) : dump_signed(number);
}

static uint32_t
read32(const void *at)
{
	uint32_t n = 0;

	memcpy(&n, at, sizeof(n));
	return n;
}

static uint64_t
read64(const void *at)
{
	uint64_t n = 0;

	memcpy(&n, at, sizeof(n));
	return n;
}

static double
read_double(const void *at)
{
	double d = 0;

	memcpy(&d, at, sizeof(d));
	return d;
}

static float
read_float(const void *at)
{
	float d = 0;

	memcpy(&d, at, sizeof(d));
	return d;
}

static const char *
read_text(const void *at)
{
	const char *s = NULL;

	memcpy(&s, at, sizeof(s));
	return s ? s : "";
}

static cJSON *
dump_value(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i)
{
	const void *at = fields_value(m, f, i);

	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return dump_message(fields_message(m, f, i));
	case PROTOBUF_C_TYPE_STRING:
		return dump_text(read_text(at));
	case PROTOBUF_C_TYPE_BYTES:
		return dump_bytes(at);
	case PROTOBUF_C_TYPE_BOOL:
		return cJSON_CreateBool(*(const protobuf_c_boolean *)at);
	case PROTOBUF_C_TYPE_ENUM:
		return dump_enum(f, (int)read32(at));
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return dump_number(false, read32(at));
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return dump_number(false, read64(at));
	case PROTOBUF_C_TYPE_DOUBLE:
		return cJSON_CreateNumber(read_double(at));
	case PROTOBUF_C_TYPE_FLOAT:
		return cJSON_CreateNumber((double)read_float(at));
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return dump_signed((int64_t)read64(at));
	default:
		return dump_signed((int32_t)read32(at));
	}
}

static cJSON *
dump_list(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	AUTO(dump_tree) cJSON *list = cJSON_CreateArray();
	size_t n = fields_count(m, f);

	for (size_t i = 0; list && i < n; i++) {
		cJSON *one = dump_value(m, f, i);

		if (!one)
			return NULL;
		cJSON_AddItemToArray(list, one);
	}
	return HAND_OVER(list);
}

static cJSON *
dump_message(const ProtobufCMessage *m)
{
	AUTO(dump_tree) cJSON *object = cJSON_CreateObject();

	for (unsigned k = 0; object && k < m->descriptor->n_fields; k++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[k];
		bool list = f->label == PROTOBUF_C_LABEL_REPEATED;

		if (!list && fields_count(m, f) == 0)
			continue;
		cJSON *value = list ? dump_list(m, f) : dump_value(m, f, 0);
		if (!value)
			return NULL;
		cJSON_AddItemToObject(object, f->name, value);
	}
	return HAND_OVER(object);
}

enum err
dump_json(const ProtobufCMessage *m, char **out)
{
	AUTO(dump_tree) cJSON *tree = dump_message(m);

	*out = tree ? cJSON_PrintUnformatted(tree) : NULL;
	return *out ? ERR_OK : ERR_NOMEM;
}
