/*
 * sub_net: see sub_net.h.
 */
#include "sub_net.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

bool
sub_net_plug(struct sub_net *n)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_port = htons(n->port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int type = n->stream ? SOCK_STREAM : SOCK_DGRAM;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	n->fd = n->listener = -1;
	if (fd < 0)
		return false;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0 &&
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    (!n->stream || listen(fd, 4) == 0)) {
		*(n->stream ? &n->listener : &n->fd) = fd;
		return true;
	}
	int number = errno;
	close(fd);
	errno = number;
	return false;
}

static void
hang_up(struct sub_net *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

void
sub_net_unplug(struct sub_net *n)
{
	hang_up(n);
	if (n->listener >= 0)
		close(n->listener);
	n->listener = -1;
}

bool
sub_net_accept(struct sub_net *n)
{
	int fd = accept4(n->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && n->fd >= 0) {
		close(fd);
		return false;
	}
	if (fd >= 0)
		n->fd = fd;
	return fd >= 0;
}

ssize_t
sub_net_read(struct sub_net *n, void *out, size_t size)
{
	socklen_t len = sizeof(n->peer);

	if (!n->stream)
		return recvfrom(n->fd, out, size, 0, (struct sockaddr *)&n->peer, &len);
	ssize_t got = read(n->fd, out, size);
	if (got == 0 || (got < 0 && errno != EAGAIN)) {
		hang_up(n);
		return 0;
	}
	return got;
}

void
sub_net_write(struct sub_net *n, const void *data, size_t len)
{
	const struct sockaddr *to = (const struct sockaddr *)&n->peer;
	ssize_t sent = 0;

	if (n->fd < 0)
		return;
	if (n->stream)
		sent = send(n->fd, data, len, MSG_NOSIGNAL);
	else if (n->peer.sin_port != 0)
		sent = sendto(n->fd, data, len, 0, to, sizeof(n->peer));
	if (sent < 0)
		errno = 0;
}
