/*
 * wire_json: a protobuf message from the JSON that dump.h makes of it, back to its bytes. For tools
 * that write or repeat what the tap has shown.
 */
#ifndef SUBOTA_WIRE_JSON_H
#define SUBOTA_WIRE_JSON_H

#include <cjson/cJSON.h>
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "why.h"

enum { WIRE_JSON_MAX = 256 * 1024, WIRE_JSON_DEPTH = 8 };

/* Bytes as protobuf-c packs such a message: fields in the order of their tags, defaults left out. A
 * heap buffer, the caller's. ERR_MALFORMED: a member that is no field, or a value that does not fit
 * it; `why` names it. ERR_LIMIT. */
enum err wire_json_pack(const ProtobufCMessageDescriptor *d, const cJSON *message, uint8_t **out,
    size_t *len, char why[WHY_SIZE]) MUST_CHECK;

#endif
