/*
 * dp: the frame around each message of the platform (spec: developer center, section 4).
 *
 *     AA AA | length (from the sum to the end) | sum | package id | command | payload
 *
 * The sum is the plain sum of all bytes after it, nothing better. Everything after the first byte
 * is escaped by inserting 55 so that `AA AA` never occurs inside a frame. An MQTT message holds one
 * frame; what follows it is ignored.
 */
#ifndef SUBOTA_DP_H
#define SUBOTA_DP_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum {
	DP_HEAD = 9,
	DP_PAYLOAD_MAX = 65530,
	DP_FRAME_MAX = 2 * (DP_HEAD + DP_PAYLOAD_MAX), /* every byte escaped */
	DP_PACKAGE_MAX = 0xfffe,                       /* ids run 1..this */
};

struct dp {
	uint16_t package_id;
	uint16_t command;
	const uint8_t *payload;
	size_t len;
};

/* Unescape and check. `buffer` takes the unescaped frame and must have at least min(len, 65539)
 * bytes; out->payload lies in it. ERR_TRUNCATED: the frame is longer than the data; ERR_MALFORMED:
 * head, length below its minimum, or a package id that does not exist; ERR_FRAME_SUM; ERR_LIMIT:
 * `buffer` is too small. */
enum err dp_parse(
    const uint8_t *data, size_t len, uint8_t *buffer, size_t size, struct dp *out) MUST_CHECK;

/* The whole frame into `out`. ERR_INVALID: package id; ERR_LIMIT: payload or frame too long. */
enum err dp_format(const struct dp *f, uint8_t *out, size_t size, size_t *len) MUST_CHECK;

/* The id after `id`, never 0 or FFFF. */
uint16_t dp_next_package(uint16_t id);

/* What a command is called, "unknown" for one that is not in the table. */
const char *dp_command_name(uint16_t command);

/* The frame as JSON for people (heap, caller frees): package, command, name, payload (hex), and
 * ttlv where the payload parses as such. Errors as dp_parse. */
enum err dp_dump_json(const uint8_t *data, size_t len, char **out) MUST_CHECK;

#endif
