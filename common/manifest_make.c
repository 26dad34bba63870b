/*
 * manifest_make: see manifest_make.h.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest_make.h"

enum err
manifest_make_new(Tr__Manifest **out)
{
	AUTO(manifest) Tr__Manifest *m = malloc(sizeof(*m));

	if (!m)
		return ERR_NOMEM;
	tr__manifest__init(m);
	m->format = 1;
	enum err e = manifest_make_text(&m->magic, MANIFEST_MAGIC);

	if (!e)
		*out = HAND_OVER(m);
	return e;
}

enum err
manifest_make_text(char **field, const char *value)
{
	char *copy = value[0] ? strdup(value) : (char *)protobuf_c_empty_string;

	if (!copy)
		return ERR_NOMEM;
	if (*field && *field != (const char *)protobuf_c_empty_string)
		free(*field);
	*field = copy;
	return ERR_OK;
}

enum err
manifest_make_bytes(ProtobufCBinaryData *field, const void *data, size_t len)
{
	uint8_t *copy = malloc(len + 1);

	if (!copy)
		return ERR_NOMEM;
	memcpy(copy, data, len);
	free(field->data);
	*field = (ProtobufCBinaryData){.data = copy, .len = len};
	return ERR_OK;
}

/* Make room for one more pointer; returns where it goes, NULL without memory. */
static void **
grow(void *list, size_t n)
{
	void ***at = list;
	void **more = realloc(*at, (n + 1) * sizeof(*more));

	if (!more)
		return NULL;
	*at = more;
	more[n] = NULL;
	return &more[n];
}

enum err
manifest_make_add_text(char ***list, size_t *n, const char *value)
{
	char **at = (char **)grow(list, *n);
	enum err e = at ? manifest_make_text(at, value) : ERR_NOMEM;

	if (!e)
		(*n)++;
	return e;
}

enum err
manifest_make_target(Tr__Manifest *m, const char *vendor, const char *model, Tr__Target **out)
{
	Tr__Target **at = (Tr__Target **)grow(&m->target, m->n_target);
	Tr__Target *t = at ? malloc(sizeof(*t)) : NULL;

	if (!t)
		return ERR_NOMEM;
	tr__target__init(t);
	*at = t;
	m->n_target++;
	enum err e = manifest_make_text(&t->vendor, vendor);

	if (!e)
		e = manifest_make_text(&t->model, model);
	if (out)
		*out = t;
	return e;
}

enum err
manifest_make_depends(Tr__Manifest *m, const char *component, Tr__Depends **out)
{
	Tr__Depends **at = (Tr__Depends **)grow(&m->depends, m->n_depends);
	Tr__Depends *d = at ? malloc(sizeof(*d)) : NULL;

	if (!d)
		return ERR_NOMEM;
	tr__depends__init(d);
	*at = d;
	m->n_depends++;
	*out = d;
	return manifest_make_text(&d->component, component);
}

/* One pass: SHA-256 of everything, BLAKE2b-256 of each chunk. */
static enum err
digest(const struct bundle_source *s, uint32_t chunk_size, uint8_t sha256[MANIFEST_DIGEST],
    uint8_t *chunks)
{
	crypto_hash_sha256_state state;
	AUTO(mem) uint8_t *buf = malloc(chunk_size);

	if (!buf)
		return ERR_NOMEM;
	crypto_hash_sha256_init(&state);
	for (uint64_t at = 0; at < s->size; at += chunk_size) {
		size_t n = s->size - at < chunk_size ? (size_t)(s->size - at) : chunk_size;
		enum err e = s->read(s->arg, at, buf, n);

		if (e)
			return e;
		crypto_hash_sha256_update(&state, buf, n);
		crypto_generichash(
		    chunks + at / chunk_size * MANIFEST_DIGEST, MANIFEST_DIGEST, buf, n, NULL, 0);
	}
	crypto_hash_sha256_final(&state, sha256);
	return ERR_OK;
}

static enum err
fill_payload(Tr__Payload *p, const struct bundle_source *s, uint32_t chunk_size)
{
	uint8_t sha256[MANIFEST_DIGEST];
	uint64_t n = (s->size + chunk_size - 1) / chunk_size;

	if (n > BUNDLE_MANIFEST_BYTES / MANIFEST_DIGEST)
		return ERR_LIMIT; /* take larger chunks */
	p->chunk_digests.len = (size_t)n * MANIFEST_DIGEST;
	p->chunk_digests.data = malloc(p->chunk_digests.len + 1);
	if (!p->chunk_digests.data)
		return ERR_NOMEM;
	p->stored_size = p->image_size = s->size;
	p->chunk_size = chunk_size;
	enum err e = digest(s, chunk_size, sha256, p->chunk_digests.data);

	if (!e)
		e = manifest_make_bytes(&p->stored_sha256, sha256, sizeof(sha256));
	return e ? e : manifest_make_bytes(&p->image_sha256, sha256, sizeof(sha256));
}

enum err
manifest_make_payload(Tr__Manifest *m, const char *component, const struct bundle_source *source,
    uint32_t chunk_size, Tr__Payload **out)
{
	char file[24];

	if (chunk_size < MANIFEST_CHUNK_MIN || chunk_size > MANIFEST_CHUNK_MAX)
		return ERR_INVALID;
	Tr__Payload **at = (Tr__Payload **)grow(&m->payload, m->n_payload);
	Tr__Payload *p = at ? malloc(sizeof(*p)) : NULL;

	if (!p)
		return ERR_NOMEM;
	tr__payload__init(p);
	*at = p;
	snprintf(file, sizeof(file), "p%zu", m->n_payload++);
	*out = p;
	enum err e = manifest_make_text(&p->component, component);

	if (!e)
		e = manifest_make_text(&p->file, file);
	return e ? e : fill_payload(p, source, chunk_size);
}

enum err
manifest_make_hint(Tr__Payload *p, const char *key, const char *value)
{
	size_t i = 0;

	while (i < p->n_driver_hint && strcmp(p->driver_hint[i]->key, key) < 0)
		i++;
	if (i < p->n_driver_hint && strcmp(p->driver_hint[i]->key, key) == 0)
		return manifest_make_text(&p->driver_hint[i]->value, value);
	void **at = grow(&p->driver_hint, p->n_driver_hint);
	Tr__Hint *h = at ? malloc(sizeof(*h)) : NULL;

	if (!h)
		return ERR_NOMEM;
	tr__hint__init(h);
	memmove(&p->driver_hint[i + 1], &p->driver_hint[i],
	    (p->n_driver_hint - i) * sizeof(Tr__Hint *));
	p->driver_hint[i] = h;
	p->n_driver_hint++;
	enum err e = manifest_make_text(&h->key, key);

	return e ? e : manifest_make_text(&h->value, value);
}

enum err
manifest_make_pack(const ProtobufCMessage *m, struct bundle_bytes *out)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	AUTO(mem) uint8_t *data = malloc(len + 1);

	if (!data)
		return ERR_NOMEM;
	protobuf_c_message_pack(m, data);
	data[len] = 0;
	free(out->data);
	*out = (struct bundle_bytes){.data = HAND_OVER(data), .len = len};
	return ERR_OK;
}
