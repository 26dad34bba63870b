/*
 * tcp: a byte stream over the network. One socket serves for good: connecting it to nothing takes
 * it back (Linux), then it may be connected again, and no right to make another one is needed.
 *
 * Opening never waits: the connection comes about while the session already asks, and a refusal is
 * found by whoever reads. A peer that went without a word is found by keep-alive probes and sooner
 * by link_doubt: silence on TCP is not believed, the next order begins with a fresh connection.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "link.h"

enum { DRAINS = 64, IDLE_S = 30, PROBE_S = 10, PROBES = 3, DEAD_MS = 30000 };

static enum err
prepare_tcp(int fd)
{
	static const struct {
		int level, name, value;
	} rows[] = {
	    {IPPROTO_TCP, TCP_NODELAY, 1},
	    {SOL_SOCKET, SO_KEEPALIVE, 1},
	    {IPPROTO_TCP, TCP_KEEPIDLE, IDLE_S},
	    {IPPROTO_TCP, TCP_KEEPINTVL, PROBE_S},
	    {IPPROTO_TCP, TCP_KEEPCNT, PROBES},
	    {IPPROTO_TCP, TCP_USER_TIMEOUT, DEAD_MS},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (setsockopt(
			fd, rows[i].level, rows[i].name, &rows[i].value, sizeof(int)) < 0)
			return ERR_SYSTEM;
	return ERR_OK;
}

static void
close_tcp(struct link *l)
{
	const struct sockaddr nothing = {.sa_family = AF_UNSPEC};

	if (connect(l->socket, &nothing, sizeof(nothing)) < 0)
		errno = 0; /* was not connected */
}

static enum err
open_tcp(struct link *l, const struct tty_settings *s, char why[WHY_SIZE])
{
	if (l->socket < 0)
		return why_say(why, ERR_LINK, "%.80s: expected a socket, got none", s->path);
	close_tcp(l);
	if (connect(l->socket, (const struct sockaddr *)&l->place.to, l->place.to_len) < 0 &&
	    errno != EINPROGRESS)
		return why_say(why, ERR_LINK, "%.80s: expected a connection, got: %s", s->path,
		    strerror(errno));
	l->fd = l->socket;
	return ERR_OK;
}

static bool
refresh_tcp(struct link *l)
{
	char in[4096];

	for (int i = 0; i < DRAINS; i++) {
		ssize_t n = recv(l->fd, in, sizeof(in), MSG_DONTWAIT);

		if (n <= 0)
			return n < 0 && errno == EAGAIN;
	}
	return true;
}

const struct link_kind link_tcp = {.prefix = "tcp:",
    .type = SOCK_STREAM,
    .open = open_tcp,
    .close = close_tcp,
    .refresh = refresh_tcp,
    .prepare = prepare_tcp,
    .doubtful = true};
