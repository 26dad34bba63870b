/*
 * reader: see reader.h.
 */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "reader.h"

struct reader {
	int fd;
	uint64_t offset, size;
	uint32_t chunk_size;
	uint8_t *digests;
	uint8_t *chunk;
	uint64_t held; /* number of the chunk in `chunk`, UINT64_MAX = none */
	enum err error;
};

void
reader_free(struct reader *r)
{
	if (!r)
		return;
	free(r->digests);
	free(r->chunk);
	free(r);
}

static bool
fits(const struct reader_order *o)
{
	if (o->size == 0 || o->chunk_size == 0 || o->chunk_size > READER_CHUNK_MAX)
		return false;
	uint64_t chunks = (o->size - 1) / o->chunk_size + 1;

	return o->digests_len % READER_DIGEST == 0 && o->digests_len / READER_DIGEST == chunks &&
	       o->offset <= INT64_MAX - o->size;
}

enum err
reader_new(const struct reader_order *o, struct reader **out)
{
	AUTO(reader) struct reader *r = NULL;

	if (o->size > INT64_MAX || !fits(o))
		return ERR_INVALID;
	r = calloc(1, sizeof(*r));
	if (!r)
		return ERR_NOMEM;
	r->fd = o->fd;
	r->offset = o->offset;
	r->size = o->size;
	r->chunk_size = o->chunk_size;
	r->held = UINT64_MAX;
	r->digests = malloc(o->digests_len);
	r->chunk = malloc(o->chunk_size);
	if (!r->digests || !r->chunk)
		return ERR_NOMEM;
	memcpy(r->digests, o->digests, o->digests_len);
	*out = HAND_OVER(r);
	return ERR_OK;
}

static uint32_t
chunk_len(const struct reader *r, uint64_t number)
{
	uint64_t left = r->size - number * r->chunk_size;

	return left < r->chunk_size ? (uint32_t)left : r->chunk_size;
}

/* Exactly `len` bytes; a file that has become shorter is a file that has changed, and one that the
 * disk does not give back is spoilt: a fresh copy helps. */
static enum err
read_all(const struct reader *r, uint64_t at, uint8_t *out, size_t len)
{
	for (size_t got = 0; got < len;) {
		ssize_t n = pread(r->fd, out + got, len - got, (off_t)(at + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			return ERR_TOCTOU;
		if (n < 0)
			return errno == EIO ? ERR_CORRUPT : ERR_SYSTEM;
		got += (size_t)n;
	}
	return ERR_OK;
}

static enum err
load(struct reader *r, uint64_t number)
{
	uint8_t digest[READER_DIGEST];
	uint32_t len = chunk_len(r, number);

	if (r->held == number)
		return ERR_OK;
	r->held = UINT64_MAX;
	enum err e = read_all(r, r->offset + number * r->chunk_size, r->chunk, len);
	if (e != ERR_OK)
		return e;
	crypto_generichash(digest, sizeof(digest), r->chunk, len, NULL, 0);
	if (memcmp(digest, r->digests + number * READER_DIGEST, sizeof(digest)) != 0)
		return ERR_TOCTOU;
	r->held = number;
	return ERR_OK;
}

static enum err
fail(struct reader *r, enum err e)
{
	if (r->error == ERR_OK)
		r->error = e;
	return e;
}

enum err
reader_read(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	struct reader *r = arg;

	if (offset > r->size || len > r->size - offset)
		return fail(r, ERR_LIMIT);
	while (len > 0) {
		uint64_t number = offset / r->chunk_size;
		size_t skip = (size_t)(offset % r->chunk_size);
		enum err e = load(r, number);

		if (e != ERR_OK)
			return fail(r, e);
		size_t n = chunk_len(r, number) - skip;
		if (n > len)
			n = len;
		memcpy(out, r->chunk + skip, n);
		offset += n;
		out += n;
		len -= n;
	}
	return ERR_OK;
}

enum err
reader_error(const struct reader *r)
{
	return r ? r->error : ERR_OK;
}
