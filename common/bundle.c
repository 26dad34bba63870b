/*
 * bundle: see bundle.h. One forward pass: each member's header is read, its name must be one of the
 * few that may stand here, its size is held against its cap before its bytes are allocated.
 */
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "ustar.h"

_Static_assert((int)BUNDLE_BLOCK == (int)USTAR_BLOCK, "one block size");

struct reader {
	bundle_read *read;
	void *arg;
	uint64_t size;                 /* bytes there are */
	uint64_t at;                   /* of the next header */
	char name[USTAR_NAME_MAX + 1]; /* of the header at `at`, valid while has_header */
	uint64_t member;
	bool has_header;
	char *why;
};

enum err
bundle_read_fd(void *arg, uint64_t offset, void *buf, size_t len)
{
	int fd = *(const int *)arg;
	uint8_t *p = buf;

	while (len > 0) {
		ssize_t n = pread(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EIO ? ERR_CORRUPT : ERR_SYSTEM; /* a fresh copy helps */
		if (n == 0)
			return ERR_TRUNCATED;
		p += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return ERR_OK;
}

enum err
bundle_read_memory(void *arg, uint64_t offset, void *buf, size_t len)
{
	const struct bundle_bytes *b = arg;

	if (offset > b->len || len > b->len - offset)
		return ERR_TRUNCATED;
	memcpy(buf, b->data + offset, len);
	return ERR_OK;
}

static enum err
take(struct reader *r, uint64_t offset, void *buf, size_t len)
{
	if (offset > r->size || len > r->size - offset)
		return why_say(r->why, ERR_TRUNCATED,
		    "expected %zu bytes at %llu, got a file of %llu", len,
		    (unsigned long long)offset, (unsigned long long)r->size);
	enum err e = r->read(r->arg, offset, buf, len);

	return e ? why_say(r->why, e, "reading at %llu failed", (unsigned long long)offset)
		 : ERR_OK;
}

/* Read the header at r->at, once. */
static enum err
peek(struct reader *r)
{
	uint8_t block[USTAR_BLOCK];

	if (r->has_header)
		return ERR_OK;
	enum err e = take(r, r->at, block, sizeof(block));

	if (e)
		return e;
	if (ustar_parse(block, r->name, &r->member))
		return why_say(r->why, r->at == 0 ? ERR_UNSIGNED : ERR_FRAME,
		    "expected the one possible ustar header at %llu, got another",
		    (unsigned long long)r->at);
	r->has_header = true;
	return ERR_OK;
}

static bool
is_zero(const uint8_t *p, size_t len)
{
	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* The member under the header that was peeked: bytes into `out`, padding checked, on to the next.
 */
static enum err
read_member(struct reader *r, size_t max, struct bundle_bytes *out)
{
	uint8_t pad[USTAR_BLOCK] = {0};
	unsigned n_pad = ustar_padding(r->member);

	if (r->member == 0 || r->member > max)
		return why_say(r->why, ERR_LIMIT, "expected %s of 1 to %zu bytes, got %llu",
		    r->name, max, (unsigned long long)r->member);
	size_t len = (size_t)r->member;
	uint64_t body = r->at + USTAR_BLOCK;

	if (r->size < body || r->size - body < len + n_pad)
		return why_say(
		    r->why, ERR_TRUNCATED, "expected %zu bytes of %s, got fewer", len, r->name);
	AUTO(mem) uint8_t *data = malloc(len + 1);

	if (!data)
		return ERR_NOMEM;
	enum err e = take(r, body, data, len);

	if (!e)
		e = take(r, body + len, pad, n_pad);
	if (e)
		return e;
	if (!is_zero(pad, n_pad))
		return why_say(
		    r->why, ERR_FRAME, "expected zeros behind %s, got other bytes", r->name);
	data[len] = 0;
	out->data = HAND_OVER(data);
	out->len = len;
	r->at = body + len + n_pad;
	r->has_header = false;
	return ERR_OK;
}

/* Signatures NAME.sig0, .sig1 ... as long as they come. */
static enum err
read_sigs(struct reader *r, const char *doc, struct bundle_signed *s)
{
	for (;;) {
		char want[USTAR_NAME_MAX + 1];
		enum err e = peek(r);

		if (e)
			return e;
		snprintf(want, sizeof(want), "%s.sig%zu", doc, s->n_sigs);
		if (strcmp(r->name, want) != 0)
			return ERR_OK;
		if (s->n_sigs == BUNDLE_SIGS_MAX)
			return why_say(r->why, ERR_LIMIT, "expected at most %d signatures of %s",
			    BUNDLE_SIGS_MAX, doc);
		e = read_member(r, BUNDLE_SIG_BYTES, &s->sigs[s->n_sigs]);
		if (e)
			return e;
		s->n_sigs++;
	}
}

/* N of "root.N", without sign or leading zero; 0 if the name is not one. */
static uint32_t
root_version_of(const char *name)
{
	char again[USTAR_NAME_MAX + 1];

	if (strncmp(name, "root.", 5) != 0)
		return 0;
	unsigned long long n = strtoull(name + 5, NULL, 10);

	if (n < 1 || n > UINT32_MAX)
		return 0;
	snprintf(again, sizeof(again), "root.%llu", n);
	return strcmp(name, again) == 0 ? (uint32_t)n : 0;
}

static enum err
read_roots(struct reader *r, struct bundle_head *h)
{
	uint32_t last = 0;

	for (;;) {
		char name[USTAR_NAME_MAX + 1];
		enum err e = peek(r);

		if (e)
			return e;
		uint32_t version = root_version_of(r->name);

		if (version == 0)
			return ERR_OK;
		if (h->n_roots == BUNDLE_ROOTS_MAX)
			return why_say(r->why, ERR_LIMIT, "expected at most %d root documents",
			    BUNDLE_ROOTS_MAX);
		if (version < 2 || version <= last)
			return why_say(r->why, ERR_FRAME,
			    "expected root documents after %u, got %u", last < 2 ? 1 : last,
			    version);
		memcpy(name, r->name, sizeof(name));
		last = version;
		struct bundle_root *root = &h->roots[h->n_roots++];

		root->version = version;
		e = read_member(r, BUNDLE_ROOT_BYTES, &root->text.doc);
		if (!e)
			e = read_sigs(r, name, &root->text);
		if (e)
			return e;
	}
}

static enum err
expect(struct reader *r, const char *name)
{
	enum err e = peek(r);

	if (!e && strcmp(r->name, name) != 0)
		return why_say(r->why, r->at == 0 ? ERR_UNSIGNED : ERR_FRAME,
		    "expected member %s at %llu, got %.40s", name, (unsigned long long)r->at,
		    r->name);
	return e;
}

enum err
bundle_read_head(
    bundle_read *read, void *arg, uint64_t size, struct bundle_head **out, char why[WHY_SIZE])
{
	struct reader r = {.read = read, .arg = arg, .size = size, .why = why};
	AUTO(bundle_head) struct bundle_head *h = NULL;
	enum err e = bundle_head_new(&h);

	if (!e)
		e = read_roots(&r, h);
	if (!e)
		e = expect(&r, "manifest");
	if (!e)
		e = read_member(&r, BUNDLE_MANIFEST_BYTES, &h->manifest.doc);
	if (!e)
		e = read_sigs(&r, "manifest", &h->manifest);
	if (!e)
		e = expect(&r, "p0");
	if (e)
		return e;
	h->payload_offset = r.at;
	bundle_head_seal(h);
	*out = HAND_OVER(h);
	return ERR_OK;
}

static enum err
check_trailer(struct reader *r)
{
	uint8_t block[USTAR_BLOCK] = {0};
	uint64_t rest = r->size - r->at;

	if (rest < BUNDLE_TRAILER_MIN * USTAR_BLOCK)
		return why_say(r->why, ERR_TRUNCATED, "expected %d zero blocks at the end",
		    BUNDLE_TRAILER_MIN);
	if (rest % USTAR_BLOCK != 0 || rest > BUNDLE_TRAILER_MAX * USTAR_BLOCK)
		return why_say(r->why, ERR_FRAME, "expected %d to %d zero blocks, got %llu bytes",
		    BUNDLE_TRAILER_MIN, BUNDLE_TRAILER_MAX, (unsigned long long)rest);
	for (; r->at < r->size; r->at += USTAR_BLOCK) {
		enum err e = take(r, r->at, block, sizeof(block));

		if (e)
			return e;
		if (!is_zero(block, sizeof(block)))
			return why_say(r->why, ERR_FRAME, "expected nothing behind the payloads");
	}
	return ERR_OK;
}

static enum err
skip_payload(struct reader *r, uint64_t want, struct bundle_payload *out)
{
	uint8_t pad[USTAR_BLOCK] = {0};
	unsigned n_pad = ustar_padding(want);
	uint64_t body = r->at + USTAR_BLOCK;

	if (r->member != want)
		return why_say(r->why, ERR_FRAME, "expected %s of %llu bytes, got %llu", r->name,
		    (unsigned long long)want, (unsigned long long)r->member);
	if (r->size < body || r->size - body < want + n_pad)
		return why_say(r->why, ERR_TRUNCATED, "expected %llu bytes of %s, got %llu",
		    (unsigned long long)want, r->name,
		    (unsigned long long)(r->size < body ? 0 : r->size - body));
	enum err e = take(r, body + want, pad, n_pad);

	if (e)
		return e;
	if (!is_zero(pad, n_pad))
		return why_say(
		    r->why, ERR_FRAME, "expected zeros behind %s, got other bytes", r->name);
	*out = (struct bundle_payload){.offset = body, .size = want};
	r->at = body + want + n_pad;
	r->has_header = false;
	return ERR_OK;
}

enum err
bundle_check_payloads(bundle_read *read, void *arg, uint64_t size, const struct bundle_head *head,
    const Tr__Manifest *manifest, struct bundle_payload *out, char why[WHY_SIZE])
{
	struct reader r = {
	    .read = read, .arg = arg, .size = size, .at = head->payload_offset, .why = why};

	if (manifest->n_payload > BUNDLE_PAYLOADS_MAX)
		return why_say(why, ERR_LIMIT, "expected at most %d payloads", BUNDLE_PAYLOADS_MAX);
	for (size_t i = 0; i < manifest->n_payload; i++) {
		enum err e = expect(&r, manifest->payload[i]->file);

		if (!e)
			e = skip_payload(&r, manifest->payload[i]->stored_size, &out[i]);
		if (e)
			return e;
	}
	return check_trailer(&r);
}

uint64_t
bundle_full_size(const struct bundle_head *head, const Tr__Manifest *manifest)
{
	uint64_t n = head->payload_offset + BUNDLE_TRAILER_MIN * USTAR_BLOCK;

	for (size_t i = 0; i < manifest->n_payload; i++) {
		uint64_t size = manifest->payload[i]->stored_size;

		n += USTAR_BLOCK + size + ustar_padding(size);
	}
	return n;
}

enum err
bundle_head_new(struct bundle_head **out)
{
	AUTO(mem) struct bundle_head *h = calloc(1, sizeof(*h));

	if (!h)
		return ERR_NOMEM;
	h->roots = calloc(BUNDLE_ROOTS_MAX, sizeof(*h->roots));
	if (!h->roots)
		return ERR_NOMEM;
	*out = HAND_OVER(h);
	return ERR_OK;
}

enum err
bundle_set_doc(struct bundle_signed *s, const void *doc, size_t len)
{
	AUTO(mem) uint8_t *copy = malloc(len + 1);

	if (!copy)
		return ERR_NOMEM;
	memcpy(copy, doc, len);
	copy[len] = 0;
	free(s->doc.data);
	s->doc = (struct bundle_bytes){.data = HAND_OVER(copy), .len = len};
	return ERR_OK;
}

enum err
bundle_add_sig(struct bundle_signed *s, const void *text, size_t len)
{
	if (s->n_sigs == BUNDLE_SIGS_MAX || len == 0 || len > BUNDLE_SIG_BYTES)
		return ERR_LIMIT;
	AUTO(mem) uint8_t *copy = malloc(len + 1);

	if (!copy)
		return ERR_NOMEM;
	memcpy(copy, text, len);
	copy[len] = 0;
	s->sigs[s->n_sigs++] = (struct bundle_bytes){.data = HAND_OVER(copy), .len = len};
	return ERR_OK;
}

enum err
bundle_head_add_root(struct bundle_head *h, uint32_t version, const void *doc, size_t len,
    struct bundle_signed **out)
{
	if (h->n_roots == BUNDLE_ROOTS_MAX || len == 0 || len > BUNDLE_ROOT_BYTES)
		return ERR_LIMIT;
	struct bundle_root *root = &h->roots[h->n_roots];
	enum err e = bundle_set_doc(&root->text, doc, len);

	if (e)
		return e;
	root->version = version;
	h->n_roots++;
	*out = &root->text;
	return ERR_OK;
}

void
bundle_head_seal(struct bundle_head *h)
{
	crypto_generichash(
	    h->digest, sizeof(h->digest), h->manifest.doc.data, h->manifest.doc.len, NULL, 0);
}

void
bundle_signed_fini(struct bundle_signed *s)
{
	free(s->doc.data);
	for (size_t i = 0; i < s->n_sigs; i++)
		free(s->sigs[i].data);
	*s = (struct bundle_signed){0};
}

void
bundle_head_free(struct bundle_head *h)
{
	if (!h)
		return;
	for (size_t i = 0; h->roots && i < h->n_roots; i++)
		bundle_signed_fini(&h->roots[i].text);
	free(h->roots);
	bundle_signed_fini(&h->manifest);
	free(h);
}
