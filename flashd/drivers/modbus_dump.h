/*
 * modbus_dump: what a Modbus frame says, as JSON, for `subotactl decode modbus`.
 */
#ifndef SUBOTA_MODBUS_DUMP_H
#define SUBOTA_MODBUS_DUMP_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* `data` is one frame, RTU or TCP; which one its sum or its header tells. *out is one line of JSON
 * on the heap, the caller's to free: {"framing", "unit", "transaction", "function", "name",
 * "meaning": "request" | "answer" | "either" | "exception", ...}. Refused: ERR_FRAME_SUM (neither),
 * ERR_TRUNCATED, ERR_MALFORMED, ERR_UNSUPPORTED (a function that the driver does not know);
 * ERR_NOMEM. */
enum err modbus_dump_json(const uint8_t *data, size_t len, char **out) MUST_CHECK;

#endif
