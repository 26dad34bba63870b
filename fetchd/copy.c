/*
 * copy: see copy.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "copy.h"
#include "remedy.h"

enum { SLICE = 1024 * 1024 };

static enum err
errno_to_err(void)
{
	switch (errno) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_FULL;
	case ENOENT:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case ELOOP: /* O_NOFOLLOW on a link */
	case ENXIO: /* a socket */
		return ERR_DENIED;
	default:
		return ERR_SYSTEM;
	}
}

enum err
copy_fail(const char *what, const char *name, char why[WHY_SIZE])
{
	int error = errno;

	return why_say(why, errno_to_err(), "expected to %s %.64s, got: %s%s", what, name,
	    strerror(error), remedy(error));
}

/* All of it: a disk that takes a part says with the rest why. */
static enum err
write_all(const struct copy *c, const uint8_t *bytes, size_t len, uint64_t at, char why[WHY_SIZE])
{
	for (size_t put = 0; put < len;) {
		ssize_t n = pwrite(c->out, bytes + put, len - put, (off_t)(at + put));

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENOSPC;
		if (n <= 0)
			return copy_fail("write the copy of", c->name, why);
		put += (size_t)n;
	}
	return ERR_OK;
}

enum err
copy_slice(const struct copy *c, uint64_t *done, char why[WHY_SIZE])
{
	AUTO(mem) uint8_t *bytes = malloc(SLICE);
	uint64_t left = c->size - *done;

	if (!bytes)
		return why_say(why, ERR_NOMEM, "no memory to copy %.64s", c->name);
	ssize_t n = pread(c->in, bytes, left < SLICE ? (size_t)left : SLICE, (off_t)*done);
	if (n < 0 && errno == EINTR)
		return ERR_AGAIN;
	if (n < 0)
		return copy_fail("read", c->name, why);
	if (n == 0)
		return why_say(why, ERR_SIZE,
		    "expected %" PRIu64 " bytes in %.64s as before, got %" PRIu64, c->size,
		    c->name, *done);
	enum err e = write_all(c, bytes, (size_t)n, *done, why);
	if (e != ERR_OK)
		return e;
	*done += (uint64_t)n;
	if (*done < c->size)
		return ERR_AGAIN;
	return fdatasync(c->out) < 0 ? copy_fail("sync the copy of", c->name, why) : ERR_OK;
}
