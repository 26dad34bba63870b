/*
 * smp_dump: what an SMP frame or packet says, as JSON, for `subotactl decode smp`.
 */
#ifndef SUBOTA_SMP_DUMP_H
#define SUBOTA_SMP_DUMP_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* `data` is a console frame (lines with their markers, noise around them is stepped over) or a raw
 * packet (header and CBOR). *out is one line of JSON on the heap, the caller's to free:
 * {"framing", "version", "op", "group", "command", "name", "seq", "length", "body": {...}}.
 * Bytes are hex, keys that are no text are written as their value. Refused: ERR_FRAME_SUM,
 * ERR_TRUNCATED, ERR_MALFORMED, ERR_LIMIT (SMP_PACKET_MAX and the limits of smp_cbor.h),
 * ERR_UNSUPPORTED; ERR_NOMEM. */
enum err smp_dump_json(const uint8_t *data, size_t len, char **out) MUST_CHECK;

#endif
