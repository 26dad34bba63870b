/*
 * strict: signed protobuf documents, read so that there is one reading only.
 *
 * protobuf-c accepts unknown fields, duplicate scalars (last wins), padded varints, fields in any
 * order and strings with a NUL inside. Here: memory is capped while it unpacks, every message at
 * every depth must be free of unknown fields, and packing the result must give the same bytes back.
 */
#ifndef SUBOTA_STRICT_H
#define SUBOTA_STRICT_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "why.h"

/* Heap bytes one document may take when unpacked. */
enum { STRICT_MEMORY = 16 * 1024 * 1024 };

/* `magic` is the text of field 1, which must come first. ERR_MISMATCH: another magic;
 * ERR_UNSUPPORTED: unknown field; ERR_LIMIT; ERR_MALFORMED: everything else. The caller frees with
 * protobuf_c_message_free_unpacked(m, NULL). */
enum err strict_unpack(const ProtobufCMessageDescriptor *d, const char *magic, const uint8_t *data,
    size_t len, ProtobufCMessage **out, char why[WHY_SIZE]) MUST_CHECK;

#endif
