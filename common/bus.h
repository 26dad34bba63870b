/*
 * bus: the links between daemons. ZeroMQ over ipc://, one socket per pair of neighbours, bound by
 * the more trusted side (ROUTER) in its own 0750 directory, connected to by the other (DEALER).
 *
 * What makes it safe (spec: sandbox facts, section 3; DESIGN.md section 2): a ZAP handler of our
 * own on every bound socket, which admits exactly one uid per socket (the kernel's word, from
 * SO_PEERCRED) and thereby also refuses old ZMTP versions; one part per message, at most 64 KiB;
 * bounded high-water marks; no routing ids, no hand-over; IMMEDIATE on the connecting side; LINGER
 * 0; heartbeats, and a ping of our own above them. Every message passes msg_unpack and route_admit;
 * a violation drops the message, is counted, shown on the tap, and the peer must greet again; it
 * never stops the daemon.
 *
 * A link is `up` when both Hellos have agreed on a version. Messages are sent only when it is up,
 * otherwise bus_send says ERR_OFFLINE: what must not be lost is durable at its owner and sent again
 * on `on_up`.
 */
#ifndef SUBOTA_BUS_H
#define SUBOTA_BUS_H

#include <sys/types.h>

#include "loop.h"
#include "route.h"

struct bus;
struct bus_link;

struct bus_counters {
	uint64_t received, sent, refused, dropped, strangers;
	int last_refusal; /* enum err */
};

struct bus_handler {
	void (*on_message)(void *arg, struct bus_link *from, const Pb__Envelope *e);
	void (*on_up)(void *arg, struct bus_link *link);
	void (*on_down)(void *arg, struct bus_link *link);
	void *arg;
};

/* A bus for one daemon; creates the ZeroMQ context, whose threads start with the first socket, so
 * that what binds single threads can come in between (daemon.c). Caller frees. */
enum err bus_new(struct loop *loop, enum who self, struct bus **out) MUST_CHECK;
void bus_free(struct bus *bus);
AUTO_DEFINE(bus, struct bus *, bus_free)

/* How long things take, in ms. A link goes down when `misses` pings in a row got no answer; after a
 * violation nothing is heard for `penalty`; a connection that nobody greets on is made anew after
 * `retry`. Defaults: 2 s, 3, 1 s, 30 s. For tests; links made before keep what they are waiting
 * for. */
struct bus_pace {
	int ping_ms, misses, penalty_ms, retry_ms;
};
void bus_set_pace(struct bus *bus, const struct bus_pace *pace);

/* Bind `path` (a file name, no scheme) for one `peer`, who must have the effective uid `peer_uid`.
 */
enum err bus_bind(struct bus *bus, enum who peer, uid_t peer_uid, const char *path,
    const struct bus_handler *h, struct bus_link **out) MUST_CHECK;
/* Connect to what the more trusted `peer` has bound; retried for ever. */
enum err bus_connect(struct bus *bus, enum who peer, const char *path, const struct bus_handler *h,
    struct bus_link **out) MUST_CHECK;

/* Publish every envelope (both directions, and refusals) as JSON lines on a PUB socket at `path`.
 */
enum err bus_tap(struct bus *bus, const char *path) MUST_CHECK;

/* Send `e` (proto, seq and sent_at are filled in). ERR_OFFLINE while the link is down, ERR_AGAIN at
 * the high-water mark; a droppable kind is then counted and dropped with ERR_OK. */
enum err bus_send(struct bus_link *link, Pb__Envelope *e) MUST_CHECK;

bool bus_is_up(const struct bus_link *link);
enum who bus_peer(const struct bus_link *link);
struct bus_counters bus_counters(const struct bus_link *link);

/* Control socket (ROUTER) for subotactl: answers each Query by calling `fn`, which fills `json`
 * (heap) and returns an error number. Peers must have the socket file's group; many peers at once.
 */
typedef enum err bus_on_query(void *arg, const char *what, const char *argument, char **json);
enum err bus_control(struct bus *bus, const char *path, bus_on_query *fn, void *arg) MUST_CHECK;
/* Questions that carry bytes go to `fn` instead; without it they are ERR_NOT_FOUND. After
 * bus_control. */
typedef enum err bus_on_data(void *arg, const char *what, const char *argument, const void *data,
    size_t len, char **json);
void bus_control_data(struct bus *bus, bus_on_data *fn, void *arg);
/* The same for orders (Act), on a socket of its own with another group. */
enum err bus_act(struct bus *bus, const char *path, bus_on_query *fn, void *arg) MUST_CHECK;

#endif
