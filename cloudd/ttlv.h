/*
 * ttlv: the values inside a DP frame: typed, numbered, nested (spec: developer center, section 5).
 *
 * Parsing fills a tree that lies flat in one bounded array, in the order of the wire: the members
 * of a struct follow it, `end` is the index after the last of them. Bytes are borrowed from the
 * input, nothing is allocated. Limits that the wire format lacks: TTLV_NODES_MAX elements,
 * TTLV_DEPTH_MAX levels, TTLV_SIZE_MAX bytes. One bad element voids the whole payload; an empty
 * payload is refused too (a command without values has no TTLV).
 *
 * Numbers are exact: (-1)^negative * magnitude / 10^decimals. A magnitude of 2^63 and more is out
 * of range, as in no SDK it means what it says. No floating point anywhere.
 */
#ifndef SUBOTA_TTLV_H
#define SUBOTA_TTLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum {
	TTLV_SIZE_MAX = 65530,
	TTLV_NODES_MAX = 512,
	TTLV_DEPTH_MAX = 8,
	TTLV_ID_MAX = 8191, /* 13 bits; 0 = element of an array */
	TTLV_DECIMALS_MAX = 15,
};

/* As on the wire. */
enum ttlv_type { TTLV_FALSE, TTLV_TRUE, TTLV_NUMBER, TTLV_BYTES, TTLV_STRUCT };

struct ttlv_number {
	bool negative; /* never with magnitude 0 */
	uint8_t decimals;
	uint64_t magnitude;
};

struct ttlv_node {
	uint16_t id;
	uint8_t type;
	bool is_array; /* TTLV_STRUCT whose members all have id 0, and there is one */
	uint16_t members;
	uint16_t end; /* index after the node and all it contains */
	struct ttlv_number number;
	const uint8_t *data; /* TTLV_BYTES: borrowed */
	size_t len;
};

struct ttlv {
	size_t n;
	struct ttlv_node nodes[TTLV_NODES_MAX];
};

/* Parse all of `data`. ERR_TRUNCATED: an element is cut off (or there is none); ERR_MALFORMED:
 * reserved type, or an id among the elements of an array; ERR_LIMIT: a limit above, or a number out
 * of range. */
enum err ttlv_parse(const uint8_t *data, size_t len, struct ttlv *out) MUST_CHECK;

/* The first element with `id` between nodes `from` and `to`, not looking inside structs; NULL if
 * there is none. The top level is from 0 to t->n; inside node i it is from i + 1 to its `end`. */
const struct ttlv_node *ttlv_find(const struct ttlv *t, size_t from, size_t to, uint16_t id);

/* The whole number that a node holds. ERR_NOT_FOUND: `n` is NULL; ERR_MALFORMED: not a number or
 * with a fraction; ERR_LIMIT: outside min..max. */
enum err ttlv_int(const struct ttlv_node *n, int64_t min, int64_t max, int64_t *out) MUST_CHECK;

/* Text of 1..size-1 bytes without control characters, as a C string. ERR_NOT_FOUND: `n` is NULL or
 * the text is empty (the platform's own reading); ERR_MALFORMED: not bytes, or not text; ERR_LIMIT:
 * too long. */
enum err ttlv_text(const struct ttlv_node *n, char *out, size_t size) MUST_CHECK;

/* Writing: elements in the order they are put; the first error sticks, ttlv_put_end tells it. */
struct ttlv_writer {
	uint8_t *data;
	size_t size, len;
	enum err error;
};

#define TTLV_WRITER(buffer) ((struct ttlv_writer){(buffer), sizeof(buffer), 0, ERR_OK})

void ttlv_put_bool(struct ttlv_writer *w, uint16_t id, bool value);
void ttlv_put_number(struct ttlv_writer *w, uint16_t id, struct ttlv_number n);
void ttlv_put_int(struct ttlv_writer *w, uint16_t id, int64_t value);
void ttlv_put_bytes(struct ttlv_writer *w, uint16_t id, const void *data, size_t len);
void ttlv_put_text(struct ttlv_writer *w, uint16_t id, const char *text);
/* Head of a struct or array; its `members` elements are put next. */
void ttlv_put_struct(struct ttlv_writer *w, uint16_t id, uint16_t members);
/* How many bytes there are. ERR_LIMIT: no room; ERR_INVALID: an id, number or length that the
 * format cannot say. */
enum err ttlv_put_end(const struct ttlv_writer *w, size_t *len) MUST_CHECK;

/* A parsed tree as bytes again. Errors as ttlv_put_end. */
enum err ttlv_format(const struct ttlv *t, uint8_t *out, size_t size, size_t *len) MUST_CHECK;

/* `-12.75`, exact; `out` of TTLV_NUMBER_TEXT bytes. */
enum { TTLV_NUMBER_TEXT = 40 };
void ttlv_number_text(struct ttlv_number n, char out[TTLV_NUMBER_TEXT]);

/* The payload as JSON for people (heap, caller frees): an array of {id, and one of bool, number,
 * text, bytes (hex), struct, array}. Errors as ttlv_parse. */
enum err ttlv_dump_json(const uint8_t *data, size_t len, char **out) MUST_CHECK;

#endif
