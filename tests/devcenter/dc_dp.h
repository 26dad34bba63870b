/*
 * dc_dp: the platform's frame around every payload.
 *
 *     AA AA | LL LL length from SUM on, unescaped | SS sum | PP PP package id | CC CC command | ...
 *
 * Everything after the first byte is escaped: an AA before an AA, before a 55 or at the very end is
 * followed by an extra 55 (spec: developer center, section 4). Bytes after the frame are ignored,
 * as the device's own reader does.
 */
#ifndef DC_DP_H
#define DC_DP_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { DC_DP_PAYLOAD_MAX = 65530, DC_DP_HEAD = 9 };

struct dc_dp {
	uint16_t pkg_id; /* also set when the frame is refused, as far as it could be read */
	uint16_t cmd;
	size_t len;
	uint8_t payload[DC_DP_PAYLOAD_MAX];
};

/* Parse one frame. ERR_MALFORMED: no head, or a package id that is not allowed; ERR_TRUNCATED: a
 * length that the bytes do not bear out; ERR_FRAME_SUM. */
enum err dc_dp_parse(const uint8_t *data, size_t len, struct dc_dp *out) MUST_CHECK;

/* Write one frame. ERR_LIMIT when `size` or the length field is too small for it. */
enum err dc_dp_format(unsigned pkg_id, unsigned cmd, const uint8_t *payload, size_t len,
    uint8_t *out, size_t size, size_t *out_len) MUST_CHECK;

#endif
