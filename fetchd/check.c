/*
 * check: see check.h.
 *
 * What was hashed while a stranger could still write is worth nothing by itself. So all that was
 * hashed early is read once more afterwards; but to see that it is the same, a MAC of the same
 * bytes, both times, is enough (digest.h), and faster. If it differs, all is hashed again.
 */
#include <string.h>

#include "check.h"
#include "digest.h"
#include "log.h"

enum { PIECE = 256 * 1024, AGAIN_IS_FASTER = 4 };

/* A place in the payloads. */
struct place {
	size_t index;  /* of the payload */
	uint64_t done; /* of it */
};

struct check {
	int fd;
	const Tr__Manifest *manifest; /* once the file is complete */
	size_t n;
	struct bundle_payload payloads[BUNDLE_PAYLOADS_MAX];
	uint8_t sha256[BUNDLE_PAYLOADS_MAX][DIGEST_LEN];
	struct place at; /* hashed so far */
	struct digest *digest;
	uint8_t *piece;

	struct place early, again; /* hashed early; of it, read once more */
};

void
checked_fini(struct checked *c)
{
	bundle_head_free(c->head);
	manifest_free(c->manifest);
	c->head = NULL;
	c->manifest = NULL;
}

enum err
check_head(
    struct trust *t, const struct trust_time *time, int fd, uint64_t have, struct checked *out)
{
	struct trust_result res = {0};

	*out = (struct checked){0};
	enum err e = bundle_read_head(bundle_read_fd, &fd, have, &out->head, out->why);
	if (e != ERR_OK)
		return e;
	e = trust_verify(t, out->head, time, &out->manifest, &res);
	if (e != ERR_OK) {
		memcpy(out->why, res.why, sizeof(out->why));
		checked_fini(out);
	}
	return e;
}

enum err
check_target(const Tr__Manifest *m, const char *component, const char *version, char why[WHY_SIZE])
{
	for (size_t i = 0; i < m->n_payload; i++) {
		const Tr__Payload *p = m->payload[i];

		if (strcmp(p->component, component) != 0)
			continue;
		if (strcmp(p->version, version) == 0 || strcmp(m->version, version) == 0)
			return ERR_OK;
		return why_say(why, ERR_WRONG_TARGET, "expected version %s of %s, got %s", version,
		    component, p->version);
	}
	return why_say(why, ERR_WRONG_TARGET, "expected an image for component %s, got one for %s",
	    component, m->n_payload ? m->payload[0]->component : "none");
}

/* --- making one ------------------------------------------------------------------------------ */

static enum err
new_check(struct check **out)
{
	AUTO(check) struct check *k = calloc(1, sizeof(*k));

	if (!k)
		return ERR_NOMEM;
	k->piece = malloc(PIECE);
	enum err e = k->piece ? digest_new(&k->digest) : ERR_NOMEM;
	if (e == ERR_OK)
		*out = HAND_OVER(k);
	return e;
}

void
check_free(struct check *k)
{
	if (!k)
		return;
	digest_free(k->digest);
	free(k->piece);
	free(k);
}

/* Where the payloads of a bundle lie: the manifest's word alone says it. */
static void
lay_out(struct check *k, const struct checked *c)
{
	uint64_t at = c->head->payload_offset;

	k->n = c->manifest->n_payload;
	for (size_t i = 0; i < k->n; i++) {
		uint64_t size = c->manifest->payload[i]->stored_size;

		k->payloads[i] = (struct bundle_payload){at + BUNDLE_BLOCK, size};
		at += BUNDLE_BLOCK + (size + BUNDLE_BLOCK - 1) / BUNDLE_BLOCK * BUNDLE_BLOCK;
	}
}

enum err
check_early(const struct checked *c, struct check **out)
{
	AUTO(check) struct check *k = NULL;

	if (c->manifest->n_payload > BUNDLE_PAYLOADS_MAX)
		return ERR_LIMIT;
	enum err e = new_check(&k);
	if (e != ERR_OK)
		return e;
	lay_out(k, c);
	*out = HAND_OVER(k);
	return ERR_OK;
}

enum err
check_new(int fd, uint64_t size, const struct checked *c, struct check **out, char why[WHY_SIZE])
{
	AUTO(check) struct check *k = NULL;
	enum err e = new_check(&k);

	if (e == ERR_OK)
		e = check_complete(k, fd, size, c, why);
	if (e == ERR_OK)
		*out = HAND_OVER(k);
	return e;
}

enum err
check_complete(struct check *k, int fd, uint64_t size, const struct checked *c, char why[WHY_SIZE])
{
	struct bundle_payload found[BUNDLE_PAYLOADS_MAX] = {0};

	k->fd = fd;
	k->manifest = c->manifest;
	enum err e = bundle_check_payloads(
	    bundle_read_fd, &k->fd, size, c->head, c->manifest, found, why);
	if (e != ERR_OK)
		return e == ERR_TRUNCATED ? ERR_FRAME : e;
	if (k->n != c->manifest->n_payload || memcmp(found, k->payloads, sizeof(found)) != 0)
		k->at = (struct place){0}; /* another head than early, or nothing was early */
	k->n = c->manifest->n_payload;
	memcpy(k->payloads, found, sizeof(found));
	k->early = k->at;
	k->again = (struct place){0};
	return ERR_OK;
}

/* --- hashing ---------------------------------------------------------------------------------- */

static bool
is_same(const struct place *a, const struct place *b)
{
	return a->index == b->index && a->done == b->done;
}

/* Into the piece from `at`, up to `end` of that payload. */
static enum err
read_piece(struct check *k, const struct place *at, uint64_t end, uint64_t *n)
{
	*n = end - at->done < PIECE ? end - at->done : PIECE;
	return bundle_read_fd(
	    &k->fd, k->payloads[at->index].offset + at->done, k->piece, (size_t)*n);
}

static void
move_on(const struct check *k, struct place *at, uint64_t n)
{
	at->done += n;
	if (at->done < k->payloads[at->index].size)
		return;
	at->index++;
	at->done = 0;
}

/* One piece, *n bytes, up to `end` of the payload. */
static enum err
hash_piece(struct check *k, uint64_t end, uint64_t *n)
{
	size_t index = k->at.index;

	enum err e = read_piece(k, &k->at, end, n);
	if (e != ERR_OK)
		return e;
	if (k->at.done == 0)
		digest_begin(k->digest);
	digest_add(k->digest, k->piece, (size_t)*n);
	if (!k->manifest)
		digest_read(k->digest, DIGEST_FIRST, k->piece, (size_t)*n);
	move_on(k, &k->at, *n);
	if (k->at.index != index)
		digest_end(k->digest, k->sha256[index]);
	return ERR_OK;
}

enum err
check_follow(struct check *k, int fd, uint64_t have, uint64_t bytes)
{
	uint64_t n = 0;

	k->fd = fd;
	for (uint64_t sum = 0; k->at.index < k->n; sum += n) {
		const struct bundle_payload *p = &k->payloads[k->at.index];
		uint64_t end = have > p->offset ? have - p->offset : 0;

		end = end < p->size ? end : p->size;
		if (end <= k->at.done && end < p->size)
			return ERR_OK;
		if (sum >= bytes)
			return ERR_AGAIN;
		enum err e = hash_piece(k, end, &n);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

/* All of what was hashed early has been read again. */
static void
compare(struct check *k)
{
	if (!digest_is_same(k->digest)) {
		log_warn(NULL, "what was hashed early was changed afterwards: all is hashed again");
		k->at = (struct place){0};
	}
	k->early = k->again = (struct place){0};
}

static enum err
read_again(struct check *k, uint64_t *n)
{
	bool last = k->again.index == k->early.index;
	enum err e = read_piece(
	    k, &k->again, last ? k->early.done : k->payloads[k->again.index].size, n);

	if (e != ERR_OK)
		return e;
	digest_read(k->digest, DIGEST_AGAIN, k->piece, (size_t)*n);
	move_on(k, &k->again, *n);
	if (is_same(&k->again, &k->early))
		compare(k);
	return ERR_OK;
}

static enum err
judge(const struct check *k, char why[WHY_SIZE])
{
	for (size_t i = 0; i < k->n; i++) {
		const Tr__Payload *p = k->manifest->payload[i];

		if (p->stored_sha256.len != DIGEST_LEN ||
		    memcmp(p->stored_sha256.data, k->sha256[i], DIGEST_LEN) != 0)
			return why_say(why, ERR_DIGEST,
			    "expected the signed SHA-256 of %s, got another", p->file);
	}
	return ERR_OK;
}

enum err
check_step(struct check *k, uint64_t bytes, char why[WHY_SIZE])
{
	uint64_t n = 0;

	for (uint64_t sum = 0; k->at.index < k->n || !is_same(&k->again, &k->early);) {
		bool again = !is_same(&k->again, &k->early);

		if (sum >= bytes)
			return ERR_AGAIN;
		enum err e = again ? read_again(k, &n)
				   : hash_piece(k, k->payloads[k->at.index].size, &n);
		if (e != ERR_OK)
			return why_say(why, e, "cannot read the package: %s", err_text(e));
		sum += again ? n / AGAIN_IS_FASTER : n;
	}
	return judge(k, why);
}
