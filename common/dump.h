/*
 * dump: any protobuf message as one line of JSON, walked from its descriptor, so that nothing is
 * written twice. Bytes are hex, enums their names, 64-bit integers decimal strings only above 2^53.
 * Used by the tap, `subotactl decode envelope` and the tests.
 */
#ifndef SUBOTA_DUMP_H
#define SUBOTA_DUMP_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "err.h"

/* JSON of `m` as a heap string (caller frees). */
enum err dump_json(const ProtobufCMessage *m, char **out) MUST_CHECK;

#endif
