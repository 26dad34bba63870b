/*
 * bus_part: what the files of the bus share; nobody else includes it.
 *
 *     bus.c          the bus, its links as others see them, sending
 *     bus_link.c     greeting, pings, what arrives on a link, violations
 *     bus_socket.c   sockets with every option set, files, one-part messages
 *     bus_zap.c      who may connect at all
 *     bus_tap.c      what passes, as JSON
 *     bus_control.c  questions of subotactl
 */
#ifndef SUBOTA_BUS_PART_H
#define SUBOTA_BUS_PART_H

#include <zmq.h>

#include "bus.h"
#include "msg.h"

enum { BUS_PATH_SIZE = 108, BUS_DOMAINS_MAX = 16, BUS_BATCH = 8 };

/* Routing id of a peer of a ROUTER: an address for answers, never a proof of anything. */
struct bus_id {
	uint8_t len; /* 0 = nobody */
	uint8_t bytes[255];
};

bool bus_id_same(const struct bus_id *a, const struct bus_id *b);

/* --- bus_socket.c ------------------------------------------------------------------------------
 */

struct bus_socket_want {
	int type;           /* ZMQ_ROUTER, ... */
	const char *domain; /* NULL in a tool, which has no ZAP handler */
	int max_message, send_mark, receive_mark;
};

/* A socket with all options set; the caller closes it. */
enum err bus_socket_new(void *ctx, const struct bus_socket_want *w, void **out) MUST_CHECK;
/* Bind to a file; one that a dead daemon of ours left behind is removed first. */
enum err bus_socket_bind(void *socket, const char *path) MUST_CHECK;
enum err bus_socket_connect(void *socket, const char *path) MUST_CHECK;
/* Removes the file of a bound socket, too. NULL is allowed. */
void bus_socket_close(void *socket);

/* One message of one part into `body` (initialised by the caller). `from` is NULL where the socket
 * has no routing ids. ERR_AGAIN: none; ERR_MALFORMED: it had more parts and is thrown away, a
 * bounded number of parts with each call (`skipping` is the caller's memory of that). */
enum err bus_socket_receive(
    void *socket, struct bus_id *from, zmq_msg_t *body, bool *skipping) MUST_CHECK;
/* `to` as above. ERR_AGAIN at the high-water mark, ERR_CLOSED when the peer is gone. */
enum err bus_socket_send(
    void *socket, const struct bus_id *to, const void *data, size_t len) MUST_CHECK;

/* --- bus_zap.c ---------------------------------------------------------------------------------
 */

enum bus_admits {
	BUS_ADMITS_UID,      /* exactly this uid */
	BUS_ADMITS_FILE,     /* whoever the socket file's mode let through */
	BUS_ADMITS_OWNER_OF, /* connecting: the file's owner, root or ourselves must be listening */
};

struct bus_domain {
	char name[BUS_PATH_SIZE];
	enum bus_admits admits;
	uid_t uid;
	uint64_t strangers;
	struct mono quiet_until;
};

struct bus_zap {
	void *socket;
	struct bus_domain domains[BUS_DOMAINS_MAX];
	size_t n;
};

void bus_zap_close(struct bus *bus);
/* A domain for the socket at `path`, whose name is the path. Lives as long as the bus. The first
 * one opens the handler, with which libzmq starts its threads. */
enum err bus_zap_add(struct bus *bus, const char *path, enum bus_admits admits, uid_t uid,
    struct bus_domain **out) MUST_CHECK;

/* Uid in the kernel's words "localhost:UID:GID:PID"; false when they are anything else. Pure. */
bool bus_zap_uid(const char *address, size_t len, uid_t *uid);

/* --- bus_tap.c ---------------------------------------------------------------------------------
 */

struct bus_tap {
	void *socket;           /* NULL: no tap */
	struct loop *loop;      /* NULL: not watched */
	int fd;                 /* of libzmq's, tells that there is something to take */
	struct loop_timer more; /* there was more than one turn may take */
	unsigned topics;
	uint64_t lost;
	uint64_t lines; /* made so far: a listener sees what it missed */
	bool skipping;
};

/* `e` may be NULL (it did not unpack). Costs nothing while nobody listens; shown as redact.h
 * says. */
void bus_tap_show(struct bus *bus, enum who from, enum who to, const Pb__Envelope *e, size_t bytes,
    enum err verdict);
void bus_tap_close(struct bus *bus);

/* --- bus_control.c -----------------------------------------------------------------------------
 */

struct bus_control;
void bus_control_free(struct bus_control *c);

/* --- bus_link.c --------------------------------------------------------------------------------
 */

struct bus_link {
	struct bus *bus;
	struct bus_link *next;
	struct bus_handler handler;
	struct bus_domain *domain;
	void *socket;
	char path[BUS_PATH_SIZE];
	enum who peer;
	bool server; /* we bound */
	bool up;     /* on_up was called, on_down not yet */
	bool lost;   /* found out while sending; on_down follows from the loop */
	bool skipping;
	bool invited;          /* our Hello went to `guest` */
	struct bus_id current; /* server: the peer that greeted */
	struct bus_id guest;   /* server: the one that shall greet */
	unsigned unanswered;   /* pings */
	uint64_t nonce, seq;
	uint32_t proto;
	struct loop_timer ping;  /* while up */
	struct loop_timer again; /* server: invite the guest; else: connect anew */
	struct bus_counters counters;
	struct mono quiet_until; /* of the log, on refusals */
	uint64_t unlogged;
};

/* Open its socket (again) and watch it. */
enum err bus_link_open(struct bus_link *link) MUST_CHECK;
void bus_link_close(struct bus_link *link);
/* Pack, check against the route table, send, show. */
enum err bus_link_send(struct bus_link *link, const struct bus_id *to, Pb__Envelope *e) MUST_CHECK;

/* --- bus.c -------------------------------------------------------------------------------------
 */

struct bus {
	struct loop *loop;
	void *ctx;
	enum who self;
	struct bus_pace pace;
	struct bus_zap zap;
	struct bus_tap tap;
	struct bus_control *control, *act;
	struct bus_link *links;
	uint8_t buffer[ROUTE_BUS_MAX]; /* of the message being packed */
};

/* Fill in our Hello; the strings are static. */
void bus_hello(const struct bus *bus, Pb__Envelope *e, Pb__Hello *hello);

#endif
