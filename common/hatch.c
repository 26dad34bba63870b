/*
 * hatch: see hatch.h. The byte that goes along is there because a message must have one.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "hatch.h"
#include "rights.h"

/* Room for one more, so that too many are seen and not cut down. */
enum { ROOM = HATCH_MOST + 1 };
_Static_assert((int)ROOM <= (int)RIGHTS_MOST, "there is room for one more");

enum err
hatch_new(int pair[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ? ERR_SYSTEM
									       : ERR_OK;
}

enum err
hatch_give_all(int hatch, uint8_t what, const int *fds, size_t n)
{
	union rights rights;
	struct iovec iov = {&what, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n == 0 || n > HATCH_MOST)
		return ERR_INVALID;
	rights_add(&m, &rights, fds, n);
	if (sendmsg(hatch, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
		return ERR_OK;
	if (errno == EAGAIN)
		return ERR_AGAIN;
	return errno == EPIPE || errno == ECONNRESET ? ERR_CLOSED : ERR_SYSTEM;
}

enum err
hatch_give(int hatch, int fd)
{
	return hatch_give_all(hatch, 1, &fd, 1);
}

static void
close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

/* What came with the message; closed when it is not what it may be. */
static enum err
sort_out(struct msghdr *m, int fds[HATCH_MOST], size_t *n)
{
	int got[RIGHTS_MOST];

	*n = rights_take(m, got);
	if (*n == 0 || *n > HATCH_MOST || (m->msg_flags & MSG_CTRUNC)) {
		close_all(got, *n);
		return ERR_MALFORMED;
	}
	memcpy(fds, got, *n * sizeof(int));
	return ERR_OK;
}

enum err
hatch_take_all(int hatch, int timeout_ms, uint8_t *what, int fds[HATCH_MOST], size_t *n)
{
	union rights rights;
	struct iovec iov = {what, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	struct pollfd p = {.fd = hatch, .events = POLLIN};
	int ready = poll(&p, 1, timeout_ms);

	if (ready <= 0)
		return ready == 0 ? ERR_TIMEOUT : ERR_SYSTEM;
	rights_expect(&m, &rights, ROOM);
	ssize_t len = recvmsg(hatch, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (len == 0)
		return ERR_CLOSED;
	return len < 0 ? ERR_SYSTEM : sort_out(&m, fds, n);
}

enum err
hatch_take(int hatch, int timeout_ms, int *fd)
{
	int fds[HATCH_MOST];
	size_t n = 0;
	uint8_t what = 0;
	enum err e = hatch_take_all(hatch, timeout_ms, &what, fds, &n);

	if (e == ERR_OK && n != 1) {
		close_all(fds, n);
		e = ERR_MALFORMED;
	}
	if (e == ERR_OK)
		*fd = fds[0];
	return e;
}
