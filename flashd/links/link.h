/*
 * link: the way to a device, whatever it is: opened by flashd, worked on by a session that inherits
 * the descriptor and may open nothing itself.
 *
 * Which kind it is stands in the configuration's `port`: a path is a serial line (tty.h),
 * "udp:ADDRESS:PORT" a device that takes datagrams (SMP's port is 1337), "tcp:ADDRESS:PORT" a
 * serial line behind a network (ser2net) or a device that listens. Addresses are numbers, IPv6 in
 * brackets: flashd asks no name server. A kind is one row of functions.
 *
 * Sockets are made before the process locks itself in and leaves the host's network
 * (link_sockets_add); afterwards it can make none. One socket serves for good: a TCP socket is
 * taken back and connected anew. So a flashd without such a link holds no way to a network, and one
 * with it holds exactly those sockets. Rejected: opening them in the session, which would then have
 * to be allowed to.
 */
#ifndef SUBOTA_LINK_H
#define SUBOTA_LINK_H

#include <sys/socket.h>

#include "tty.h"

enum { LINK_PORT_TEXT = 128 };

struct link_kind;

/* Where a port leads to. */
struct link_place {
	const struct link_kind *kind;
	struct sockaddr_storage to; /* network kinds only */
	socklen_t to_len;
	unsigned port; /* TCP: what Landlock has to allow; else 0 */
};

/* ERR_CONFIG with `why`: "udp:" or "tcp:" is not followed by a numeric address and a port. Anything
 * else is the path of a serial line. */
enum err link_parse(const char *port, struct link_place *out, char why[WHY_SIZE]) MUST_CHECK;
bool link_is_network(const struct link_place *p);

/* The sockets of the network links. */
struct link_socket {
	char port[LINK_PORT_TEXT];
	int fd;
};
struct link_sockets {
	size_t n;
	struct link_socket *list;
};

/* Make the socket for `port`, once; nothing for a serial line. ERR_DENIED or ERR_SYSTEM with a log
 * line: this process may not have one. */
enum err link_sockets_add(struct link_sockets *s, const char *port) MUST_CHECK;
void link_sockets_fini(struct link_sockets *s);
int link_sockets_find(const struct link_sockets *s, const char *port); /* -1: none */

struct link {
	const struct link_kind *kind; /* NULL: not looked at yet */
	struct link_place place;
	int fd;     /* what a session gets; -1 = closed */
	int socket; /* borrowed, network kinds only; else -1 */
	struct tty_settings was;
};

void link_init(struct link *l, int socket);
/* Open it, or find it open with the same settings and still good; what came in unread is thrown
 * away. A TCP connection may still be coming about: whoever writes first finds out. Errors of
 * tty_open. */
enum err link_open(struct link *l, const struct tty_settings *s, char why[WHY_SIZE]) MUST_CHECK;
void link_close(struct link *l);
/* Its device did not answer: close what may be dead without saying so (TCP). */
void link_doubt(struct link *l);

/* --- one kind */

struct link_kind {
	const char *prefix; /* "udp:"; NULL: a path */
	int type;           /* of the socket; 0: none */
	enum err (*open)(struct link *l, const struct tty_settings *s, char why[WHY_SIZE]);
	void (*close)(struct link *l);
	/* Throw away what came in; false: the link is dead. */
	bool (*refresh)(struct link *l);
	enum err (*prepare)(int socket); /* options of a new socket; may be NULL */
	bool doubtful;                   /* may be dead in silence */
};

extern const struct link_kind link_tty, link_udp, link_tcp;

#endif
