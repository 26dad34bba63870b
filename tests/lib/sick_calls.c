/*
 * sick_calls: see sick_calls.h. The program's own definitions come before those of libc.
 */
#include "sick_calls.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static struct {
	int error;
	long from;
} state[SICK_CALLS]; /* the one mutable object: what the test wants */

void
sick_calls_fail(enum sick_call call, int error, long from)
{
	state[call].error = error;
	state[call].from = from;
}

static bool
fails(enum sick_call call, long at)
{
	if (!state[call].error || at < state[call].from)
		return false;
	errno = state[call].error;
	return true;
}

ssize_t
pread(int fd, void *out, size_t n, off_t at)
{
	const long end = state[SICK_END].from;

	if (fails(SICK_READ, at))
		return -1;
	if (state[SICK_END].error && at >= end)
		return 0;
	if (state[SICK_END].error && n > (size_t)(end - at))
		n = (size_t)(end - at);
	return syscall(SYS_pread64, fd, out, n, at);
}

ssize_t
pread64(int fd, void *out, size_t n, off64_t at)
{
	return pread(fd, out, n, at);
}

ssize_t
pwrite(int fd, const void *data, size_t n, off_t at)
{
	const long end = state[SICK_SHORT].from;

	if (fails(SICK_WRITE, at))
		return -1;
	if (state[SICK_SHORT].error && at < end && n > (size_t)(end - at))
		n = (size_t)(end - at);
	return syscall(SYS_pwrite64, fd, data, n, at);
}

ssize_t
pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	return pwrite(fd, data, n, at);
}

static bool
sync_fails(void)
{
	if (state[SICK_SYNC].from > 0) {
		state[SICK_SYNC].from--;
		return false;
	}
	return fails(SICK_SYNC, 0);
}

int
fsync(int fd)
{
	return sync_fails() ? -1 : (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return sync_fails() ? -1 : (int)syscall(SYS_fdatasync, fd);
}
