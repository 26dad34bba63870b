/*
 * store: see store.h. All paths are relative to two directory descriptors opened at start.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "log.h"
#include "remedy.h"
#include "store.h"
#include "why.h"

enum { NAME_SIZE = STORE_HEX + 16, DISK_RESERVE = 4 * 1024 * 1024, PATH_SIZE = 300 };

struct store {
	int dir;
	int incoming;
	uint64_t quota;
	bool left; /* something that should have gone could not be removed */
	char path[PATH_SIZE];
	char why[WHY_SIZE];
};

static enum err
errno_to_err(void)
{
	switch (errno) {
	case ENOSPC:
	case EDQUOT:
		return ERR_FULL;
	case ENOENT:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case ELOOP:
	case EXDEV:
	case ENOTDIR:
		return ERR_CORRUPT;
	default:
		return ERR_SYSTEM;
	}
}

/* What a person can do about it. Free bytes are no help where there is no free inode. */
static const char *
what_to_do(const struct store *s, int error)
{
	struct statvfs v = {0};

	if (error == EACCES || error == EPERM)
		return "; give it back to the gate's user";
	if (error == ENOSPC && fstatvfs(s->dir, &v) == 0 && v.f_files > 0 && v.f_favail == 0)
		return ", no inode is free; remove files";
	return remedy(error);
}

/* The error of errno, and the sentence for store_why. */
static enum err
fail(struct store *s, const char *what, const char *name)
{
	int error = errno;

	snprintf(s->why, sizeof(s->why), "expected to %s %.24s in %.70s, got: %s%s", what, name,
	    s->path, strerror(error), what_to_do(s, error));
	errno = error;
	return errno_to_err();
}

const char *
store_why(const struct store *s)
{
	return s->why;
}

static int
open_beneath(int dir, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};

	if (flags & O_CREAT)
		how.mode = 0600;
	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

void
store_hex(const uint8_t digest[STORE_DIGEST], char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < STORE_DIGEST; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[STORE_HEX] = 0;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
store_unhex(const char *text, uint8_t digest[STORE_DIGEST])
{
	if (strlen(text) != STORE_HEX)
		return false;
	for (size_t i = 0; i < STORE_DIGEST; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		digest[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

enum err
store_open(const char *path, uint64_t quota, struct store **out)
{
	AUTO(fd) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (dir < 0)
		return errno_to_err();
	if (mkdirat(dir, "incoming", 0700) < 0 && errno != EEXIST)
		return errno_to_err();
	AUTO(fd) int incoming = open_beneath(dir, "incoming", O_RDONLY | O_DIRECTORY);
	if (incoming < 0 || fsync(dir) < 0)
		return errno_to_err();
	struct store *s = calloc(1, sizeof(*s));
	if (!s)
		return ERR_NOMEM;
	s->dir = hand_over_fd(&dir);
	s->incoming = hand_over_fd(&incoming);
	s->quota = quota;
	snprintf(s->path, sizeof(s->path), "%s", path);
	*out = s;
	return ERR_OK;
}

void
store_close(struct store *s)
{
	if (!s)
		return;
	close(s->dir);
	close(s->incoming);
	free(s);
}

static void
part_name(uint64_t job, char out[NAME_SIZE])
{
	snprintf(out, NAME_SIZE, "%" PRIu64 ".part", job);
}

/* Who died between making it read-only and publishing it leaves it so. */
static int
open_part(struct store *s, const char *name)
{
	int file = open_beneath(s->incoming, name, O_RDWR | O_CREAT);

	if (file >= 0 || errno != EACCES)
		return file;
	AUTO(fd) int readable = open_beneath(s->incoming, name, O_RDONLY);
	if (readable < 0 || fchmod(readable, 0600) < 0)
		return -1;
	return open_beneath(s->incoming, name, O_RDWR);
}

enum err
store_incoming_open(struct store *s, uint64_t job, int *fd, uint64_t *size)
{
	char name[NAME_SIZE];
	struct stat st;

	part_name(job, name);
	AUTO(fd) int file = open_part(s, name);
	if (file < 0 || fstat(file, &st) < 0)
		return fail(s, "open incoming file", name);
	if (!S_ISREG(st.st_mode)) {
		errno = ENOTDIR; /* what becomes ERR_CORRUPT */
		return fail(s, "find a plain file as", name);
	}
	*size = (uint64_t)st.st_size;
	*fd = hand_over_fd(&file);
	return ERR_OK;
}

uint64_t
store_incoming_length(const struct store *s, uint64_t job)
{
	char name[NAME_SIZE];
	struct stat st;

	part_name(job, name);
	bool there = fstatat(s->incoming, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	return there && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

enum err
store_incoming_sync(struct store *s)
{
	return fsync(s->incoming) < 0 ? fail(s, "make durable", "incoming") : ERR_OK;
}

enum err
store_incoming_lock(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return ERR_OK;
	return errno == EWOULDBLOCK ? ERR_BUSY : ERR_SYSTEM;
}

void
store_incoming_drop(struct store *s, uint64_t job)
{
	char name[NAME_SIZE];

	part_name(job, name);
	if (unlinkat(s->incoming, name, 0) == 0 || errno == ENOENT)
		return;
	log_warn(NULL, "cannot remove %s/incoming/%s: %s", s->path, name, strerror(errno));
	s->left = true;
}

/* Remove an entry, in incoming/ or in place. It is renamed away first, so that no reader finds half
 * of it. What is no directory goes at once: Landlock lets us move no pipe and no link. */
static void
remove_entry(struct store *s, int at, const char *name)
{
	char gone[NAME_SIZE], inside[NAME_SIZE + 8];

	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return;
	snprintf(gone, sizeof(gone), "%.*s.gone", STORE_HEX, name);
	if (strcmp(gone, name) != 0 && renameat(at, name, s->incoming, gone) < 0) {
		log_warn(NULL, "cannot move %s in %s away: %s%s", name, s->path, strerror(errno),
		    what_to_do(s, errno));
		s->left = true;
		return;
	}
	snprintf(inside, sizeof(inside), "%s/bundle", gone);
	if (unlinkat(s->incoming, inside, 0) < 0 && errno != ENOENT && errno != ENOTDIR)
		log_warn(
		    NULL, "cannot remove %s/incoming/%s: %s", s->path, inside, strerror(errno));
	if (unlinkat(s->incoming, gone, AT_REMOVEDIR) == 0)
		return;
	log_warn(NULL, "cannot remove %s/incoming/%s: %s; remove it by hand", s->path, gone,
	    strerror(errno));
	s->left = true;
}

void
store_drop(struct store *s, const uint8_t digest[STORE_DIGEST])
{
	char name[STORE_HEX + 1];

	store_hex(digest, name);
	remove_entry(s, s->dir, name);
}

/* incoming/<hex>.new/bundle, durable and read-only. */
static enum err
prepare_entry(struct store *s, const char *part, const char *fresh)
{
	char inside[NAME_SIZE + 8];
	AUTO(fd) int file = open_beneath(s->incoming, part, O_RDONLY);

	if (file < 0 || fchmod(file, 0440) < 0 || fsync(file) < 0)
		return fail(s, "make durable", part);
	if (mkdirat(s->incoming, fresh, 0750) < 0 && errno != EEXIST)
		return fail(s, "make directory", fresh);
	snprintf(inside, sizeof(inside), "%s/bundle", fresh);
	if (renameat(s->incoming, part, s->incoming, inside) < 0)
		return fail(s, "move", part);
	AUTO(fd) int dir = open_beneath(s->incoming, fresh, O_RDONLY | O_DIRECTORY);
	if (dir < 0 || fchmod(dir, 02750) < 0 || fsync(dir) < 0)
		return fail(s, "make durable", fresh);
	return ERR_OK;
}

enum err
store_bundle_open(struct store *s, const uint8_t digest[STORE_DIGEST], int *fd, uint64_t *size)
{
	char path[NAME_SIZE];
	struct stat st;

	store_hex(digest, path);
	memcpy(path + STORE_HEX, "/bundle", 8);
	AUTO(fd) int file = open_beneath(s->dir, path, O_RDONLY);
	if (file < 0)
		return errno_to_err();
	if (fstat(file, &st) < 0 || !S_ISREG(st.st_mode))
		return ERR_CORRUPT;
	*size = (uint64_t)st.st_size;
	*fd = hand_over_fd(&file);
	return ERR_OK;
}

/* Anything else in its place is in the way, however it came there. */
static bool
has_entry(struct store *s, const uint8_t digest[STORE_DIGEST])
{
	AUTO(fd) int file = -1;
	uint64_t size = 0;

	return store_bundle_open(s, digest, &file, &size) == ERR_OK;
}

enum err
store_publish(struct store *s, uint64_t job, const uint8_t digest[STORE_DIGEST])
{
	char part[NAME_SIZE], name[STORE_HEX + 1], fresh[NAME_SIZE];
	struct stat st;

	part_name(job, part);
	store_hex(digest, name);
	snprintf(fresh, sizeof(fresh), "%s.new", name);
	if (has_entry(s, digest)) {
		store_incoming_drop(s, job);
		return ERR_OK;
	}
	if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		store_drop(s, digest);
	enum err e = prepare_entry(s, part, fresh);
	if (e != ERR_OK)
		return e;
	if (renameat(s->incoming, fresh, s->dir, name) < 0)
		return fail(s, "publish", fresh);
	if (fsync(s->dir) == 0)
		return ERR_OK;
	e = fail(s, "make durable", name);
	store_drop(s, digest); /* a second sync would say that all is well, and not make it so */
	return e;
}

/* --- walking --------------------------------------------------------------------------------- */

typedef void on_name(struct store *s, int dir, const char *name, void *arg);

static void
each_name(struct store *s, int dir, on_name *fn, void *arg)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(dir) DIR *d = copy >= 0 ? fdopendir(copy) : NULL;

	if (!d) {
		log_warn(NULL, "cannot list the store: %s", strerror(errno));
		if (copy >= 0)
			close(copy);
		return;
	}
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			fn(s, dir, e->d_name, arg);
}

static void
add_size(struct store *s, int dir, const char *name, void *arg)
{
	uint64_t *sum = arg;
	char inside[300];
	struct stat st;

	(void)s;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	snprintf(inside, sizeof(inside), "%.255s/bundle", name);
	if (S_ISDIR(st.st_mode) && fstatat(dir, inside, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISREG(st.st_mode))
		*sum += (uint64_t)st.st_size;
}

uint64_t
store_used(struct store *s)
{
	uint64_t sum = 0;

	each_name(s, s->dir, add_size, &sum);
	each_name(s, s->incoming, add_size, &sum);
	return sum;
}

enum err
store_room(struct store *s, uint64_t bytes)
{
	uint64_t used = store_used(s);
	struct statvfs v;

	if (used > s->quota || bytes > s->quota - used)
		return ERR_QUOTA;
	if (fstatvfs(s->dir, &v) < 0)
		return errno_to_err();
	return (uint64_t)v.f_bavail * v.f_frsize < bytes + DISK_RESERVE ? ERR_FULL : ERR_OK;
}

static void
sweep_incoming(struct store *s, int dir, const char *name, void *arg)
{
	const struct store_known *known = arg;
	char expected[NAME_SIZE];
	char *end = NULL;
	uint64_t job = strtoull(name, &end, 10);

	part_name(job, expected);
	if (strcmp(name, expected) == 0 && known->job(known->arg, job))
		return;
	log_info(NULL, "store: removing incoming/%s, which nobody knows", name);
	if (unlinkat(dir, name, 0) < 0)
		remove_entry(s, dir, name);
}

static void
sweep_entry(struct store *s, int dir, const char *name, void *arg)
{
	const struct store_known *known = arg;
	uint8_t digest[STORE_DIGEST];

	if (strcmp(name, "incoming") == 0 || strcmp(name, "lost+found") == 0)
		return;
	if (!store_unhex(name, digest)) {
		log_warn(NULL, "store: %s is none of ours and stays", name);
		return;
	}
	if (known->entry(known->arg, digest))
		return;
	log_info(NULL, "store: removing %s, which nobody knows", name);
	remove_entry(s, dir, name);
}

bool
store_left_something(const struct store *s)
{
	return s->left;
}

void
store_sweep(struct store *s, const struct store_known *known)
{
	struct store_known copy = *known;

	s->left = false;
	each_name(s, s->incoming, sweep_incoming, &copy);
	each_name(s, s->dir, sweep_entry, &copy);
}
