/*
 * smp_cbor: a reader and a writer for the part of CBOR (RFC 8949) that SMP uses.
 *
 * (Its name is not plain cbor because libcbor, which the tests use as a judge, has that header.)
 *
 * The reader is a cursor: smp_cbor_next() hands out one item after the other, containers as a begin
 * and a CBOR_END, whether their length was told in advance or not. It never allocates, never
 * recurses and never believes a count: `9a 10 00 00 00` (an array of 2^28 items in 5 bytes) makes a
 * general library reserve gigabytes, here it is ERR_TRUNCATED because no item fits in the bytes
 * left.
 *
 * Limits: CBOR_DEPTH containers inside each other, CBOR_ITEMS items in one message. Accepted:
 * integers (also longer than they need to be), byte and text strings (definite or in chunks),
 * arrays, maps, booleans, null, undefined, floats (skipped over, their value is not decoded).
 * Refused with ERR_UNSUPPORTED: tags and other simple values. With ERR_MALFORMED: reserved bits, a
 * break where none may stand, a map whose last key has no value, bytes after the end. With
 * ERR_LIMIT: depth, items, integers outside 64 bits signed where one is asked for.
 */
#ifndef SUBOTA_SMP_CBOR_H
#define SUBOTA_SMP_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { CBOR_DEPTH = 8, CBOR_ITEMS = 1024 };

enum smp_cbor_type {
	CBOR_UINT,  /* number */
	CBOR_NINT,  /* the value is -1 - number */
	CBOR_BYTES, /* data, len */
	CBOR_TEXT,  /* data, len; not checked to be UTF-8 */
	CBOR_ARRAY, /* items follow until CBOR_END */
	CBOR_MAP,   /* key, value, key, value ... until CBOR_END */
	CBOR_BOOL,  /* number is 0 or 1 */
	CBOR_NULL,  /* null or undefined */
	CBOR_FLOAT, /* value not decoded */
	CBOR_END,
};

/* One item. Strings point into the message. A chunked string's `data` spans its chunks with their
 * heads (`span` bytes); `len` is what smp_cbor_copy() yields. */
struct smp_cbor_item {
	enum smp_cbor_type type;
	uint64_t number;
	const uint8_t *data;
	size_t len;
	size_t span;
	bool chunked;
};

struct smp_cbor_level {
	uint64_t left; /* items still to come, when counted */
	bool counted;
	bool map;
	bool odd; /* a key was read, its value not yet */
};

struct smp_cbor_reader {
	const uint8_t *data;
	size_t len;
	size_t at;
	unsigned items;
	unsigned depth;
	struct smp_cbor_level level[CBOR_DEPTH];
	bool complete; /* the one item of the top level has ended */
};

void smp_cbor_reader_init(struct smp_cbor_reader *r, const uint8_t *data, size_t len);

/* The next item. After any error the reader must not be used again. ERR_NOT_FOUND: the message has
 * ended properly. */
enum err smp_cbor_next(struct smp_cbor_reader *r, struct smp_cbor_item *out) MUST_CHECK;

/* Step over the rest of the value that `item` began (nothing to do unless it is a container). */
enum err smp_cbor_skip(struct smp_cbor_reader *r, const struct smp_cbor_item *item) MUST_CHECK;

/* Did exactly one item end exactly at the end of the bytes? ERR_TRUNCATED or ERR_MALFORMED. */
enum err smp_cbor_finish(const struct smp_cbor_reader *r) MUST_CHECK;

/* The bytes of a string, chunks put together. ERR_LIMIT when longer than `size`. */
enum err smp_cbor_copy(
    const struct smp_cbor_item *item, uint8_t *out, size_t size, size_t *len) MUST_CHECK;

/* Is it a text (in one piece) with exactly this content? */
bool smp_cbor_is(const struct smp_cbor_item *item, const char *text);

/* The writer. Past the end of `out` nothing is written and `overflow` stays set. */
struct smp_cbor_writer {
	uint8_t *out;
	size_t size;
	size_t len;
	bool overflow;
};

void smp_cbor_writer_init(struct smp_cbor_writer *w, uint8_t *out, size_t size);
void smp_cbor_put_map(struct smp_cbor_writer *w, uint64_t pairs);
void smp_cbor_put_uint(struct smp_cbor_writer *w, uint64_t number);
void smp_cbor_put_bool(struct smp_cbor_writer *w, bool value);
void smp_cbor_put_text(struct smp_cbor_writer *w, const char *text);
void smp_cbor_put_bytes(struct smp_cbor_writer *w, const uint8_t *data, size_t len);

/* Head of a byte string of `len` and room for it, which the caller fills; NULL when it does not
 * fit. */
uint8_t *smp_cbor_put_room(struct smp_cbor_writer *w, size_t len);

#endif
