/*
 * sub_cbor: the little CBOR that SMP needs: a reader that walks one map of a request, and a writer.
 *
 * The reader looks keys up in place. It knows counted and open-ended maps, text keys, unsigned
 * numbers, byte and text strings, booleans and null; other values are skipped up to a depth. The
 * writer makes open-ended maps and lists, as stock servers do, into a buffer of the caller; what
 * does not fit sets `full`.
 */
#ifndef SUB_CBOR_H
#define SUB_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sub_cbor_kind {
	SUB_CBOR_NONE, /* the key is not there */
	SUB_CBOR_UINT,
	SUB_CBOR_BYTES,
	SUB_CBOR_TEXT,
	SUB_CBOR_BOOL,
	SUB_CBOR_OTHER,
};

struct sub_cbor_value {
	enum sub_cbor_kind kind;
	uint64_t number;     /* UINT, or BOOL as 0 and 1 */
	const uint8_t *data; /* BYTES, TEXT: inside the request */
	size_t len;
};

/* Is this one whole map, and nothing behind it? */
bool sub_cbor_is_map(const uint8_t *data, size_t len);
/* The value of a key in a map that sub_cbor_is_map has accepted. */
struct sub_cbor_value sub_cbor_get(const uint8_t *map, size_t len, const char *key);

struct sub_cbor_out {
	uint8_t *data;
	size_t len, size;
	bool full;
};

void sub_cbor_map(struct sub_cbor_out *o);
void sub_cbor_list(struct sub_cbor_out *o);
void sub_cbor_end(struct sub_cbor_out *o); /* of a map or list */
void sub_cbor_key(struct sub_cbor_out *o, const char *key);
void sub_cbor_uint(struct sub_cbor_out *o, uint64_t n);
void sub_cbor_bool(struct sub_cbor_out *o, bool b);
void sub_cbor_text(struct sub_cbor_out *o, const void *text, size_t len);
void sub_cbor_bytes(struct sub_cbor_out *o, const void *data, size_t len);

#endif
