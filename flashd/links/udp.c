/*
 * udp: a device that takes datagrams. The socket is connected, so that the kernel drops what others
 * send and a session needs no address (it may not name one). Nobody listening there is no error of
 * the link: a device that restarts is away for a moment, and its host may say so by ICMP.
 */
#include <errno.h>
#include <string.h>

#include "link.h"

enum { DRAINS = 256, DATAGRAM = 2048 };

static bool
refresh_udp(struct link *l)
{
	char in[DATAGRAM];

	for (int i = 0; i < DRAINS; i++)
		if (recv(l->fd, in, sizeof(in), MSG_DONTWAIT) < 0 && errno == EAGAIN)
			break;
	return true;
}

static enum err
open_udp(struct link *l, const struct tty_settings *s, char why[WHY_SIZE])
{
	if (l->socket < 0)
		return why_say(why, ERR_LINK, "%.80s: expected a socket, got none", s->path);
	if (connect(l->socket, (const struct sockaddr *)&l->place.to, l->place.to_len) < 0)
		return why_say(why, ERR_LINK, "%.80s: expected a way there, got: %s", s->path,
		    strerror(errno));
	l->fd = l->socket;
	return refresh_udp(l) ? ERR_OK : ERR_LINK;
}

static void
close_udp(struct link *l)
{
	(void)l; /* the socket stays */
}

const struct link_kind link_udp = {.prefix = "udp:",
    .type = SOCK_DGRAM,
    .open = open_udp,
    .close = close_udp,
    .refresh = refresh_udp};
