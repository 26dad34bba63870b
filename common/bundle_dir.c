/*
 * bundle_dir: see bundle_dir.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle_dir.h"
#include "log.h"
#include "remedy.h"

enum { NAME_MAX_BYTES = 64, ENTRIES_MAX = 1024 };

static enum err
err_of_errno(int n)
{
	switch (n) {
	case ENOENT:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_FULL;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case ELOOP: /* O_NOFOLLOW on a link */
	case ENXIO: /* a socket */
		return ERR_FRAME;
	default:
		return ERR_SYSTEM;
	}
}

enum err
bundle_dir_read_file(int dirfd, const char *name, size_t max, struct bundle_bytes *out)
{
	struct stat st;
	AUTO(fd) int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_of_errno(errno);
	if (fstat(fd, &st) < 0)
		return ERR_SYSTEM;
	if (!S_ISREG(st.st_mode))
		return ERR_FRAME;
	if (st.st_size < 0 || (uint64_t)st.st_size > max)
		return ERR_LIMIT;
	size_t len = (size_t)st.st_size;
	AUTO(mem) uint8_t *data = malloc(len + 1);

	if (!data)
		return ERR_NOMEM;
	enum err e = bundle_read_fd(&fd, 0, data, len);

	if (e)
		return e;
	data[len] = 0;
	*out = (struct bundle_bytes){.data = HAND_OVER(data), .len = len};
	return ERR_OK;
}

enum err
bundle_dir_load_signed(
    int dirfd, const char *name, size_t max, struct bundle_signed *s, char why[WHY_SIZE])
{
	enum err e = bundle_dir_read_file(dirfd, name, max, &s->doc);

	if (e)
		return why_say(why, e, "%s cannot be read", name);
	for (size_t i = 0; i < BUNDLE_SIGS_MAX; i++) {
		char sig[NAME_MAX_BYTES];

		snprintf(sig, sizeof(sig), "%s.sig%zu", name, i);
		e = bundle_dir_read_file(dirfd, sig, BUNDLE_SIG_BYTES, &s->sigs[i]);
		if (e == ERR_NOT_FOUND)
			return ERR_OK;
		if (e)
			return why_say(why, e, "%s cannot be read", sig);
		s->n_sigs = i + 1;
	}
	return ERR_OK;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Version of a file named exactly root.N with N >= 2, else 0. */
static uint32_t
version_of(const char *name)
{
	char again[NAME_MAX_BYTES];

	if (strncmp(name, "root.", 5) != 0)
		return 0;
	unsigned long long n = strtoull(name + 5, NULL, 10);

	if (n < 2 || n > UINT32_MAX)
		return 0;
	snprintf(again, sizeof(again), "root.%llu", n);
	return strcmp(name, again) == 0 ? (uint32_t)n : 0;
}

/* Versions of the files named root.N, ascending. */
static enum err
list_roots(int dirfd, uint32_t versions[BUNDLE_ROOTS_MAX], size_t *n, char why[WHY_SIZE])
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (!dir) {
		int saved = errno;

		if (fd >= 0)
			close(fd);
		return why_say(why, err_of_errno(saved), "directory cannot be listed");
	}
	for (unsigned seen = 0; (d = readdir(dir)); seen++) {
		uint32_t v = version_of(d->d_name);

		if (seen >= ENTRIES_MAX || (v != 0 && *n == BUNDLE_ROOTS_MAX))
			return why_say(why, ERR_LIMIT, "too many files");
		if (v != 0)
			versions[(*n)++] = v;
	}
	qsort(versions, *n, sizeof(*versions), by_number);
	return ERR_OK;
}

enum err
bundle_dir_load(int dirfd, struct bundle_head **out, char why[WHY_SIZE])
{
	uint32_t versions[BUNDLE_ROOTS_MAX];
	size_t n = 0;
	AUTO(bundle_head) struct bundle_head *h = NULL;
	enum err e = bundle_head_new(&h);

	if (!e)
		e = list_roots(dirfd, versions, &n, why);
	for (size_t i = 0; !e && i < n; i++) {
		char name[NAME_MAX_BYTES];

		snprintf(name, sizeof(name), "root.%u", versions[i]);
		h->roots[i].version = versions[i];
		h->n_roots = i + 1;
		e = bundle_dir_load_signed(dirfd, name, BUNDLE_ROOT_BYTES, &h->roots[i].text, why);
	}
	if (!e)
		e = bundle_dir_load_signed(
		    dirfd, "manifest", BUNDLE_MANIFEST_BYTES, &h->manifest, why);
	if (e)
		return e;
	bundle_head_seal(h);
	*out = HAND_OVER(h);
	return ERR_OK;
}

static enum err
save_file(int dirfd, const char *name, const struct bundle_bytes *b, mode_t mode)
{
	AUTO(fd)
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return err_of_errno(errno);
	for (size_t done = 0; done < b->len;) {
		ssize_t n = write(fd, b->data + done, b->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_of_errno(errno);
		done += (size_t)n;
	}
	/* the umask must not decide who reads it */
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return err_of_errno(errno);
	return ERR_OK;
}

static enum err
save_signed(int dirfd, const char *name, const struct bundle_signed *s, mode_t mode)
{
	enum err e = save_file(dirfd, name, &s->doc, mode);

	for (size_t i = 0; !e && i < s->n_sigs; i++) {
		char sig[NAME_MAX_BYTES];

		snprintf(sig, sizeof(sig), "%s.sig%zu", name, i);
		e = save_file(dirfd, sig, &s->sigs[i], mode);
	}
	return e;
}

enum err
bundle_dir_save(int dirfd, const struct bundle_head *h, mode_t mode)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < h->n_roots; i++) {
		char name[NAME_MAX_BYTES];

		snprintf(name, sizeof(name), "root.%u", h->roots[i].version);
		e = save_signed(dirfd, name, &h->roots[i].text, mode);
	}
	if (!e)
		e = save_signed(dirfd, "manifest", &h->manifest, mode);
	if (!e && fsync(dirfd) < 0)
		e = err_of_errno(errno);
	return e;
}

static enum err
replace_file(int dirfd, const char *name, const struct bundle_bytes *b, mode_t mode)
{
	char tmp[NAME_MAX_BYTES + 8];

	snprintf(tmp, sizeof(tmp), "%s.tmp", name);
	if (unlinkat(dirfd, tmp, 0) < 0 && errno != ENOENT)
		return err_of_errno(errno);
	enum err e = save_file(dirfd, tmp, b, mode);

	if (!e && renameat(dirfd, tmp, dirfd, name) < 0)
		e = err_of_errno(errno);
	return e;
}

static enum err
replace_all(int dirfd, const char *name, const struct bundle_signed *s, mode_t mode)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < s->n_sigs; i++) {
		char sig[NAME_MAX_BYTES];

		snprintf(sig, sizeof(sig), "%s.sig%zu", name, i);
		e = replace_file(dirfd, sig, &s->sigs[i], mode);
	}
	if (!e && fsync(dirfd) < 0)
		e = err_of_errno(errno);
	if (!e)
		e = replace_file(dirfd, name, &s->doc, mode);
	if (!e && fsync(dirfd) < 0)
		e = err_of_errno(errno);
	return e;
}

enum err
bundle_dir_replace_signed(int dirfd, const char *name, const struct bundle_signed *s, mode_t mode)
{
	enum err e = replace_all(dirfd, name, s, mode);
	int error = errno;

	/* a second sync would say that all is well, and not make it so */
	if (e && unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		log_error(NULL,
		    "%s stays, but may not be there after a power cut: it cannot be removed: %s%s",
		    name, strerror(errno), remedy(errno));
	errno = error;
	return e;
}
