/*
 * fields: see fields.h. Offsets and quantifiers are the descriptor's, so nothing here knows a
 * schema.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "fields.h"

static size_t
size_of(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return sizeof(uint64_t);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return sizeof(uint32_t);
	}
}

size_t
fields_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const uint8_t *base = (const uint8_t *)m;
	const void *pointer = NULL;
	uint32_t chosen = 0;
	size_t n = 0;

	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		memcpy(&n, base + f->quantifier_offset, sizeof(n));
		return n;
	}
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		memcpy(&chosen, base + f->quantifier_offset, sizeof(chosen));
		if (chosen != f->id)
			return 0;
	}
	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return 1;
	memcpy(&pointer, base + f->offset, sizeof(pointer));
	return pointer != NULL;
}

const void *
fields_value(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i)
{
	const uint8_t *base = (const uint8_t *)m, *list = NULL;

	if (f->label != PROTOBUF_C_LABEL_REPEATED)
		return base + f->offset;
	memcpy(&list, base + f->offset, sizeof(list));
	return list + i * size_of(f);
}

ProtobufCMessage *
fields_message(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i)
{
	ProtobufCMessage *one = NULL;

	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return NULL;
	memcpy(&one, fields_value(m, f, i), sizeof(one));
	return one;
}
