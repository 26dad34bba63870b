/*
 * reader: the image, byte by byte as it was signed, whoever writes to the file meanwhile.
 *
 * A chunk is read into a buffer of our own, that buffer is hashed (BLAKE2b-256) and compared with
 * the signed digest, and what is handed out is copied from that same buffer. So a writer that
 * changes the file before, between or during reads can only make a chunk fail (ERR_TOCTOU), never
 * be sent. The file is never mapped. One chunk is kept: pieces of an image come in order.
 */
#ifndef SUBOTA_READER_H
#define SUBOTA_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "err.h"

enum { READER_DIGEST = 32, READER_CHUNK_MAX = 1024 * 1024 };

struct reader;

struct reader_order {
	int fd;          /* borrowed */
	uint64_t offset; /* of the image in the file */
	uint64_t size;   /* of the image; at least 1 */
	uint32_t chunk_size;
	const uint8_t *digests; /* copied */
	size_t digests_len;     /* bytes */
};

/* ERR_INVALID: sizes and digests do not fit each other. Caller frees. */
enum err reader_new(const struct reader_order *o, struct reader **out) MUST_CHECK;
void reader_free(struct reader *r);
AUTO_DEFINE(reader, struct reader *, reader_free)

/* As driver_image.read: `arg` is the reader. ERR_TOCTOU: not the signed bytes (any more);
 * ERR_LIMIT: past the end; ERR_SYSTEM: the disk. `out` is then left without a byte of the chunk
 * that failed. */
enum err reader_read(void *arg, uint64_t offset, uint8_t *out, size_t len) MUST_CHECK;

/* The first error of reader_read, ERR_OK while there was none. A driver may call it otherwise. */
enum err reader_error(const struct reader *r);

#endif
