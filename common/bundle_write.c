/*
 * bundle_write: see bundle_write.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bundle_write.h"
#include "ustar.h"

enum { NAME_SIZE = 64, COPY_BYTES = 64 * 1024 };

static const uint8_t zeros[USTAR_BLOCK];

static enum err
put_header(bundle_put *put, void *arg, const char *name, uint64_t size)
{
	uint8_t block[USTAR_BLOCK];
	enum err e = ustar_format(name, size, block);

	return e ? e : put(arg, block, sizeof(block));
}

static enum err
put_member(bundle_put *put, void *arg, const char *name, const struct bundle_bytes *b)
{
	enum err e = put_header(put, arg, name, b->len);

	if (!e)
		e = put(arg, b->data, b->len);
	return e ? e : put(arg, zeros, ustar_padding(b->len));
}

static enum err
put_signed(bundle_put *put, void *arg, const char *name, const struct bundle_signed *s)
{
	enum err e = put_member(put, arg, name, &s->doc);

	for (size_t i = 0; !e && i < s->n_sigs; i++) {
		char sig[NAME_SIZE];

		snprintf(sig, sizeof(sig), "%s.sig%zu", name, i);
		e = put_member(put, arg, sig, &s->sigs[i]);
	}
	return e;
}

static enum err
put_payload(bundle_put *put, void *arg, size_t i, const struct bundle_source *p)
{
	char name[NAME_SIZE];
	enum err e;

	snprintf(name, sizeof(name), "p%zu", i);
	e = put_header(put, arg, name, p->size);
	AUTO(mem) uint8_t *buf = malloc(COPY_BYTES);

	if (!buf)
		return ERR_NOMEM;
	for (uint64_t at = 0; !e && at < p->size;) {
		size_t n = p->size - at < COPY_BYTES ? (size_t)(p->size - at) : COPY_BYTES;

		e = p->read(p->arg, at, buf, n);
		if (!e)
			e = put(arg, buf, n);
		at += n;
	}
	return e ? e : put(arg, zeros, ustar_padding(p->size));
}

enum err
bundle_write(bundle_put *put, void *arg, const struct bundle_head *head,
    const struct bundle_source *payloads, size_t n_payloads)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < head->n_roots; i++) {
		char name[NAME_SIZE];

		snprintf(name, sizeof(name), "root.%u", head->roots[i].version);
		e = put_signed(put, arg, name, &head->roots[i].text);
	}
	if (!e)
		e = put_signed(put, arg, "manifest", &head->manifest);
	for (size_t i = 0; !e && i < n_payloads; i++)
		e = put_payload(put, arg, i, &payloads[i]);
	for (int i = 0; !e && i < BUNDLE_TRAILER_MIN; i++)
		e = put(arg, zeros, sizeof(zeros));
	return e;
}

enum err
bundle_write_fd(void *arg, const void *data, size_t len)
{
	int fd = *(const int *)arg;
	const uint8_t *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == ENOSPC ? ERR_FULL : ERR_SYSTEM;
		p += n;
		len -= (size_t)n;
	}
	return ERR_OK;
}
