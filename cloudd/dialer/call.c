/*
 * call: see call.h.
 */
#include "call.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum err
call_resolve(const char *host, uint16_t port, struct addrinfo **out, char *why)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	int rc = getaddrinfo(host, service, &hints, out);
	if (rc == 0)
		return ERR_OK;
	snprintf(why, CALL_WHY, "no address for this name: %s",
	    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	return ERR_NETWORK;
}

static void
fail(struct call *c, int error)
{
	char address[INET6_ADDRSTRLEN + 20] = "?";

	(void)getnameinfo(
	    c->at->ai_addr, c->at->ai_addrlen, address, sizeof(address), NULL, 0, NI_NUMERICHOST);
	c->error = ERR_NETWORK;
	snprintf(c->why, sizeof(c->why), "connect to %s: %s", address, strerror(error));
}

static void
hang_up(struct call *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* Start on c->at or, when that fails at once, on one after it. */
static void
start(struct call *c, struct mono now)
{
	for (; c->at; c->at = c->at->ai_next) {
		hang_up(c);
		c->fd = socket(c->at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		c->due = mono_after(now, c->patience_ms);
		if (c->fd >= 0 && (connect(c->fd, c->at->ai_addr, c->at->ai_addrlen) == 0 ||
				      errno == EINPROGRESS))
			return;
		fail(c, errno);
	}
	hang_up(c);
}

static void
start_next(struct call *c, struct mono now)
{
	c->at = c->at->ai_next;
	start(c, now);
}

void
call_init(struct call *c, struct addrinfo *all, int64_t patience_ms, struct mono now)
{
	*c = (struct call){.all = all, .at = all, .fd = -1, .patience_ms = patience_ms};
	start(c, now);
}

void
call_fini(struct call *c)
{
	hang_up(c);
	if (c->all)
		freeaddrinfo(c->all);
	c->all = NULL;
	c->at = NULL;
}

/* Whether the connect(2) under way has ended, and how: 0 or an errno; EAGAIN: it has not. */
static int
look(const struct call *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(&p, 1, 0) == 0)
		return EAGAIN;
	return getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

enum err
call_step(struct call *c, struct mono now, int *fd)
{
	int error = c->at ? look(c) : 0, one = 1;

	if (!c->at)
		return c->error;
	if (error == 0) {
		(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		*fd = hand_over_fd(&c->fd);
		return ERR_OK;
	}
	if (error == EAGAIN && !mono_reached(now, c->due))
		return ERR_AGAIN;
	if (error == EAGAIN) {
		c->error = ERR_TIMEOUT;
		snprintf(c->why, sizeof(c->why), "expected a connection within %lld s",
		    (long long)c->patience_ms / 1000);
	} else {
		fail(c, error);
	}
	start_next(c, now);
	return c->at ? ERR_AGAIN : c->error;
}
