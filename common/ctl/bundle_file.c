/*
 * bundle_file: see bundle_file.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle_dir.h"
#include "bundle_file.h"

enum { PATH_SIZE = 4096 };

static enum err
open_file(const char *path, struct bundle_file *f, char why[WHY_SIZE])
{
	struct stat st;

	f->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &st) < 0)
		return why_say(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, "%s: %s", path,
		    strerror(errno));
	if (!S_ISREG(st.st_mode))
		return why_say(why, ERR_FRAME, "%s is not a regular file", path);
	f->size = (uint64_t)st.st_size;
	return ERR_OK;
}

enum err
bundle_file_open(const char *path, struct bundle_file *out, char why[WHY_SIZE])
{
	*out = (struct bundle_file){.fd = -1};
	if (sodium_init() < 0)
		return ERR_SYSTEM;
	enum err e = open_file(path, out, why);

	if (!e)
		e = bundle_read_head(bundle_read_fd, &out->fd, out->size, &out->head, why);
	if (!e)
		e = manifest_parse(
		    out->head->manifest.doc.data, out->head->manifest.doc.len, &out->manifest, why);
	if (!e)
		e = bundle_check_payloads(bundle_read_fd, &out->fd, out->size, out->head,
		    out->manifest, out->payloads, why);
	if (e)
		bundle_file_close(out);
	return e;
}

void
bundle_file_close(struct bundle_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	bundle_head_free(f->head);
	manifest_free(f->manifest);
	*f = (struct bundle_file){.fd = -1};
}

enum err
bundle_file_check_stored(
    bundle_read *read, void *arg, uint64_t offset, const Tr__Payload *p, char why[WHY_SIZE])
{
	crypto_hash_sha256_state state;
	uint8_t digest[MANIFEST_DIGEST];
	AUTO(mem) uint8_t *buf = malloc(p->chunk_size);

	if (!buf)
		return ERR_NOMEM;
	crypto_hash_sha256_init(&state);
	for (size_t k = 0; k < manifest_chunks(p); k++) {
		size_t n = manifest_chunk_len(p, k);
		enum err e = read(arg, offset + (uint64_t)k * p->chunk_size, buf, n);

		if (e)
			return why_say(why, e, "%s cannot be read", p->file);
		crypto_hash_sha256_update(&state, buf, n);
		crypto_generichash(digest, sizeof(digest), buf, n, NULL, 0);
		if (memcmp(digest, manifest_chunk_digest(p, k), sizeof(digest)) != 0)
			return why_say(why, ERR_DIGEST, "%s: chunk %zu differs", p->file, k);
	}
	crypto_hash_sha256_final(&state, digest);
	if (memcmp(digest, p->stored_sha256.data, sizeof(digest)) != 0)
		return why_say(why, ERR_DIGEST, "%s: SHA-256 differs", p->file);
	return ERR_OK;
}

enum err
bundle_file_check_payload(const struct bundle_file *f, size_t i, char why[WHY_SIZE])
{
	int fd = f->fd;

	return bundle_file_check_stored(
	    bundle_read_fd, &fd, f->payloads[i].offset, f->manifest->payload[i], why);
}

enum err
bundle_file_save(const char *path, const struct bundle_head *head,
    const struct bundle_source *payloads, size_t n, char why[WHY_SIZE])
{
	char tmp[PATH_SIZE];

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= PATH_SIZE)
		return why_say(why, ERR_LIMIT, "%s: name is too long", path);
	AUTO(fd) int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return why_say(why, ERR_SYSTEM, "%s: %s", tmp, strerror(errno));
	enum err e = bundle_write(bundle_write_fd, &fd, head, payloads, n);

	if (!e && (fsync(fd) < 0 || rename(tmp, path) < 0))
		e = ERR_SYSTEM;
	if (e) {
		unlink(tmp);
		return why_say(why, e, "%s cannot be written", path);
	}
	return ERR_OK;
}

/* A payload inside the file it is read from. */
struct window {
	int fd;
	uint64_t offset;
};

static enum err
read_window(void *arg, uint64_t offset, void *buf, size_t len)
{
	struct window *w = arg;

	return bundle_read_fd(&w->fd, w->offset + offset, buf, len);
}

enum err
bundle_file_resave(const char *path, const struct bundle_file *f, char why[WHY_SIZE])
{
	struct window windows[BUNDLE_PAYLOADS_MAX];
	struct bundle_source sources[BUNDLE_PAYLOADS_MAX];

	for (size_t i = 0; i < f->manifest->n_payload; i++) {
		windows[i] = (struct window){f->fd, f->payloads[i].offset};
		sources[i] = (struct bundle_source){read_window, &windows[i], f->payloads[i].size};
	}
	return bundle_file_save(path, f->head, sources, f->manifest->n_payload, why);
}

enum err
bundle_file_read(const char *path, size_t max, struct bundle_bytes *out, char why[WHY_SIZE])
{
	enum err e = bundle_dir_read_file(AT_FDCWD, path, max, out);

	return e ? why_say(why, e, "%s: %s", path, err_text(e)) : ERR_OK;
}

enum err
bundle_file_create(const char *path, const void *data, size_t len, char why[WHY_SIZE])
{
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		return why_say(why, errno == EEXIST ? ERR_EXISTS : ERR_SYSTEM, "%s: %s", path,
		    strerror(errno));
	enum err e = bundle_write_fd(&fd, data, len);

	return e ? why_say(why, e, "%s cannot be written", path) : ERR_OK;
}

enum err
bundle_file_read_signed(const char *path, struct bundle_signed *out, char why[WHY_SIZE])
{
	enum err e = bundle_file_read(path, BUNDLE_MANIFEST_BYTES, &out->doc, why);

	for (size_t i = 0; !e && i < BUNDLE_SIGS_MAX; i++) {
		char sig[PATH_SIZE];

		snprintf(sig, sizeof(sig), "%s.sig%zu", path, i);
		e = bundle_dir_read_file(AT_FDCWD, sig, BUNDLE_SIG_BYTES, &out->sigs[i]);
		if (e == ERR_NOT_FOUND)
			return ERR_OK;
		if (e)
			return why_say(why, e, "%s: %s", sig, err_text(e));
		out->n_sigs = i + 1;
	}
	return e;
}
