/*
 * check: see check.h. SHA-256 by OpenSSL, which is several times faster than the others here.
 */
#include <openssl/evp.h>
#include <string.h>

#include "check.h"

enum { PIECE = 256 * 1024 };

struct check {
	int fd;
	const Tr__Manifest *manifest;
	struct bundle_payload payloads[BUNDLE_PAYLOADS_MAX];
	size_t index;  /* of the payload in work */
	uint64_t done; /* of it */
	EVP_MD_CTX *digest;
	uint8_t *piece;
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
check_head(struct trust *t, const struct trust_time *time, int fd, uint64_t have,
    struct checked *out)
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

enum err
check_new(int fd, uint64_t size, const struct checked *c, struct check **out, char why[WHY_SIZE])
{
	AUTO(check) struct check *k = calloc(1, sizeof(*k));

	if (!k)
		return ERR_NOMEM;
	k->fd = fd;
	k->manifest = c->manifest;
	k->piece = malloc(PIECE);
	k->digest = EVP_MD_CTX_new();
	if (!k->piece || !k->digest)
		return ERR_NOMEM;
	enum err e = bundle_check_payloads(
	    bundle_read_fd, &k->fd, size, c->head, c->manifest, k->payloads, why);
	if (e == ERR_OK)
		*out = HAND_OVER(k);
	return e == ERR_TRUNCATED ? ERR_FRAME : e;
}

void
check_free(struct check *k)
{
	if (!k)
		return;
	EVP_MD_CTX_free(k->digest);
	free(k->piece);
	free(k);
}

static enum err
end_payload(struct check *k, char why[WHY_SIZE])
{
	const Tr__Payload *p = k->manifest->payload[k->index];
	uint8_t got[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_DigestFinal_ex(k->digest, got, &len) != 1)
		return ERR_SYSTEM;
	k->index++;
	k->done = 0;
	if (p->stored_sha256.len == len && memcmp(p->stored_sha256.data, got, len) == 0)
		return ERR_OK;
	return why_say(
	    why, ERR_DIGEST, "expected the signed SHA-256 of %s, got another", p->file);
}

/* One piece, *n bytes. */
static enum err
step_one(struct check *k, uint64_t *n, char why[WHY_SIZE])
{
	const struct bundle_payload *p = &k->payloads[k->index];
	uint64_t left = p->size - k->done;

	*n = left < PIECE ? left : PIECE;
	if (k->done == 0 && EVP_DigestInit_ex(k->digest, EVP_sha256(), NULL) != 1)
		return ERR_SYSTEM;
	enum err e = bundle_read_fd(&k->fd, p->offset + k->done, k->piece, (size_t)*n);
	if (e != ERR_OK)
		return why_say(why, e, "cannot read the package: %s", err_text(e));
	if (EVP_DigestUpdate(k->digest, k->piece, (size_t)*n) != 1)
		return ERR_SYSTEM;
	k->done += *n;
	return k->done == p->size ? end_payload(k, why) : ERR_OK;
}

enum err
check_step(struct check *k, uint64_t bytes, char why[WHY_SIZE])
{
	uint64_t n = 0;

	for (uint64_t sum = 0; k->index < k->manifest->n_payload; sum += n) {
		if (sum >= bytes)
			return ERR_AGAIN;
		enum err e = step_one(k, &n, why);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}
