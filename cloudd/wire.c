/*
 * wire: see wire.h.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "wire.h"

enum { WHY_MAX = 200 };

struct wire {
	struct addrinfo *all;
	struct addrinfo *at; /* being tried */
	struct tls_context *context;
	struct tls *tls;
	int fd;
	bool connected; /* TCP */
	short wants;
	char why[WHY_MAX];
};

static enum err
network(struct wire *w, const char *what, const char *why)
{
	snprintf(w->why, sizeof(w->why), "%s: %s", what, why);
	return ERR_NETWORK;
}

/* Start on w->at or, when that fails at once, on one after it. */
static enum err
start(struct wire *w)
{
	for (; w->at; w->at = w->at->ai_next) {
		if (w->fd >= 0)
			close(w->fd);
		w->fd = socket(w->at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (w->fd >= 0 && (connect(w->fd, w->at->ai_addr, w->at->ai_addrlen) == 0 ||
				      errno == EINPROGRESS)) {
			w->wants = POLLOUT;
			return ERR_OK;
		}
		(void)network(w, "connect", strerror(errno));
	}
	return ERR_NETWORK;
}

enum err
wire_open(const char *host, uint16_t port, struct tls_context *context, struct wire **out)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	AUTO(wire) struct wire *w = calloc(1, sizeof(*w));
	char service[8];

	if (!w)
		return ERR_NOMEM;
	w->fd = -1;
	w->context = context;
	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(host, service, &hints, &w->all) != 0)
		return ERR_NETWORK;
	w->at = w->all;
	enum err e = start(w);
	if (!e)
		*out = HAND_OVER(w);
	return e;
}

void
wire_close(struct wire *w)
{
	if (!w)
		return;
	tls_close(w->tls);
	if (w->fd >= 0)
		close(w->fd);
	if (w->all)
		freeaddrinfo(w->all);
	free(w);
}

/* Whether the connect(2) under way has ended, and how. */
static enum err
finish_connect(struct wire *w)
{
	struct pollfd p = {.fd = w->fd, .events = POLLOUT};
	int error = 0, one = 1;
	socklen_t len = sizeof(error);

	if (poll(&p, 1, 0) == 0)
		return ERR_AGAIN;
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error) {
		(void)network(w, "connect", strerror(error));
		w->at = w->at->ai_next;
		return start(w) ? ERR_NETWORK : ERR_AGAIN;
	}
	(void)setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	w->connected = true;
	return w->context ? tls_open(w->context, w->fd, &w->tls) : ERR_OK;
}

enum err
wire_step(struct wire *w)
{
	enum err e = w->connected ? ERR_OK : finish_connect(w);

	return e || !w->tls ? e : tls_handshake(w->tls);
}

enum err
wire_skip(struct wire *w)
{
	if (w->connected)
		return ERR_TIMEOUT;
	w->at = w->at->ai_next;
	return start(w);
}

static enum err
plain_result(struct wire *w, ssize_t r, short wants, size_t *n)
{
	if (r > 0) {
		*n = (size_t)r;
		return ERR_OK;
	}
	if (r == 0)
		return ERR_CLOSED;
	if (errno == EAGAIN || errno == EINTR) {
		w->wants = wants;
		return ERR_AGAIN;
	}
	return network(w, "socket", strerror(errno));
}

enum err
wire_read(struct wire *w, uint8_t *data, size_t size, size_t *n)
{
	if (w->tls)
		return tls_read(w->tls, data, size, n);
	return plain_result(w, recv(w->fd, data, size, 0), POLLIN, n);
}

enum err
wire_write(struct wire *w, const uint8_t *data, size_t len, size_t *n)
{
	if (w->tls)
		return tls_write(w->tls, data, len, n);
	return plain_result(w, send(w->fd, data, len, MSG_NOSIGNAL), POLLOUT, n);
}

int
wire_fd(const struct wire *w)
{
	return w->fd;
}

short
wire_wants(const struct wire *w)
{
	return w->tls ? tls_wants(w->tls) : w->wants;
}

const char *
wire_why(const struct wire *w)
{
	return w->tls && *tls_why(w->tls) ? tls_why(w->tls) : w->why;
}
