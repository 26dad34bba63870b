/*
 * hatch: see hatch.h. The byte that goes along is there because a message must have one.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "hatch.h"

/* Room for two, so that two are seen and not cut down to one. */
union control {
	struct cmsghdr head;
	char space[CMSG_SPACE(2 * sizeof(int))];
};

enum err
hatch_new(int pair[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ? ERR_SYSTEM
									       : ERR_OK;
}

enum err
hatch_give(int hatch, int fd)
{
	union control control = {0};
	char byte = 1;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = CMSG_SPACE(sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(hatch, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
		return ERR_OK;
	return errno == EPIPE || errno == ECONNRESET ? ERR_CLOSED : ERR_SYSTEM;
}

/* What came with the message, closed but the one that was wanted. */
static enum err
sort_out(struct msghdr *m, int *fd)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int got[2] = {-1, -1};
	size_t n = 0;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(got, CMSG_DATA(c), (n < 2 ? n : 2) * sizeof(int));
	}
	if (n == 1 && !(m->msg_flags & MSG_CTRUNC)) {
		*fd = got[0];
		return ERR_OK;
	}
	for (size_t i = 0; i < n && i < 2; i++)
		close(got[i]);
	return ERR_MALFORMED;
}

enum err
hatch_take(int hatch, int timeout_ms, int *fd)
{
	union control control = {0};
	char byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	struct pollfd p = {.fd = hatch, .events = POLLIN};
	int ready = poll(&p, 1, timeout_ms);

	if (ready <= 0)
		return ready == 0 ? ERR_TIMEOUT : ERR_SYSTEM;
	ssize_t n = recvmsg(hatch, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n == 0)
		return ERR_CLOSED;
	return n < 0 ? ERR_SYSTEM : sort_out(&m, fd);
}
