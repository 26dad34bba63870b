/*
 * fields: the fields of any protobuf message, walked by its descriptor. Knows what protobuf-c makes
 * of labels: a repeated field is a count and a list, a member of a oneof is there when the oneof
 * says so, a message is there when its pointer is, any other field of proto3 always is.
 */
#ifndef SUBOTA_FIELDS_H
#define SUBOTA_FIELDS_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/* How many values the field has in this message; 0 or 1 unless it is repeated. */
size_t fields_count(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);

/* Where the i-th of them lies (i < fields_count), in its C type: uint32_t, int, char *,
 * ProtobufCBinaryData, ... */
const void *fields_value(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i);

/* The i-th value of a field of messages; NULL if it is of another type. */
ProtobufCMessage *fields_message(
    const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t i);

#endif
