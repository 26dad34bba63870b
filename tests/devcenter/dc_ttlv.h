/*
 * dc_ttlv: the values inside the platform's frames, read and written.
 *
 * An element is a 16-bit head (id << 3 | type) and what its type says (spec: developer center,
 * section 5). A payload is a sequence of them; one bad element voids all of it. The reader makes no
 * tree: elements stand in one array in wire order, each with its depth, and point into the bytes
 * that were parsed. Limits of ours: DC_TTLV_ELEMENTS elements, DC_TTLV_DEPTH levels.
 *
 * Written for the local Developer Center alone, from the specification alone: the gateway's codec
 * must not meet its twin here.
 */
#ifndef DC_TTLV_H
#define DC_TTLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { DC_TTLV_ELEMENTS = 256, DC_TTLV_DEPTH = 8, DC_TTLV_OUT = 8192, DC_TTLV_ID_MAX = 8191 };

enum dc_ttlv_type {
	DC_TTLV_FALSE = 0,
	DC_TTLV_TRUE = 1,
	DC_TTLV_NUMBER = 2,
	DC_TTLV_BYTES = 3,
	DC_TTLV_STRUCT = 4, /* or array: all members have id 0 */
};

struct dc_ttlv_element {
	uint16_t id;
	uint8_t type;     /* enum dc_ttlv_type */
	uint8_t depth;    /* 0 = top level */
	uint8_t decimals; /* of a number: value = magnitude / 10^decimals */
	bool negative;
	uint16_t count; /* members of a struct, length of bytes */
	uint64_t magnitude;
	const uint8_t *bytes; /* into the parsed payload */
};

struct dc_ttlv {
	unsigned n;
	struct dc_ttlv_element element[DC_TTLV_ELEMENTS];
};

/* Parse a whole payload. ERR_TRUNCATED (also for an empty one), ERR_MALFORMED (reserved type, mixed
 * array), ERR_LIMIT (depth, elements, a number of 64 significant bits). */
enum err dc_ttlv_parse(const uint8_t *data, size_t len, struct dc_ttlv *out) MUST_CHECK;

/* First top-level element with this id, or NULL. */
const struct dc_ttlv_element *dc_ttlv_find(const struct dc_ttlv *t, unsigned id);
/* Copy a text. False when it is absent, is no text, has a NUL inside or does not fit in size. */
bool dc_ttlv_text(const struct dc_ttlv *t, unsigned id, char *out, size_t size);
/* False when it is absent or no whole number. */
bool dc_ttlv_int(const struct dc_ttlv *t, unsigned id, int64_t *out);
/* A number as a double, for reports of voltages and the like. */
double dc_ttlv_value(const struct dc_ttlv_element *e);

/* Writer: zero-initialise, put, look at `full` once at the end. */
struct dc_ttlv_out {
	size_t len;
	bool full;
	uint8_t data[DC_TTLV_OUT];
};

void dc_ttlv_put_bool(struct dc_ttlv_out *o, unsigned id, bool value);
void dc_ttlv_put_int(struct dc_ttlv_out *o, unsigned id, int64_t value);
void dc_ttlv_put_number(
    struct dc_ttlv_out *o, unsigned id, bool negative, unsigned decimals, uint64_t magnitude);
void dc_ttlv_put_bytes(struct dc_ttlv_out *o, unsigned id, const void *data, size_t len);
void dc_ttlv_put_text(struct dc_ttlv_out *o, unsigned id, const char *text);
/* The next `members` elements are inside. */
void dc_ttlv_put_struct(struct dc_ttlv_out *o, unsigned id, unsigned members);

#endif
