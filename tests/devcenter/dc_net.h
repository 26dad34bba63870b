/*
 * dc_net: connections of the broker. One epoll, TLS by OpenSSL, nothing decided here.
 *
 * Everything runs in the thread of dc_net_round(). What is sent is queued, may be given a time
 * before which it must not leave, and is written when the socket takes it; a connection whose queue
 * passes DC_NET_QUEUE_MAX is closed.
 */
#ifndef DC_NET_H
#define DC_NET_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "clock.h"
#include "err.h"

enum { DC_NET_QUEUE_MAX = 16 << 20, DC_NET_INPUT_MAX = 512 << 10 };

struct dc_net;
struct dc_conn;

struct dc_net_handler {
	/* The owner's object for a new connection; NULL refuses it. */
	void *(*on_open)(void *arg, struct dc_conn *c);
	/* Returns how many bytes are done with; the rest comes again with more. */
	size_t (*on_data)(void *arg, void *peer, const uint8_t *data, size_t len);
	/* The last word on a connection. */
	void (*on_close)(void *arg, void *peer);
	void *arg;
};

enum err dc_net_new(struct dc_net **out) MUST_CHECK;
void dc_net_free(struct dc_net *n);
AUTO_DEFINE(dc_net, struct dc_net *, dc_net_free)

/* Listen on an IPv4 address. *port 0: any, and *port becomes the one that was taken. `tls` NULL: no
 * TLS. The handler is copied, `tls` borrowed. */
enum err dc_net_listen(struct dc_net *n, const char *address, unsigned *port, SSL_CTX *tls,
    const struct dc_net_handler *h) MUST_CHECK;
/* Call `fn` whenever this descriptor (borrowed) can be read. */
enum err dc_net_watch(struct dc_net *n, int fd, void (*fn)(void *arg), void *arg) MUST_CHECK;

/* Wait at most max_wait_ms, then do what can be done. */
void dc_net_round(struct dc_net *n, int max_wait_ms);

void dc_net_send(struct dc_conn *c, const uint8_t *data, size_t len, struct mono not_before);
/* Close when everything has left, or after 2 s. */
void dc_net_close(struct dc_conn *c);
/* The owner's object. */
void *dc_net_peer(const struct dc_conn *c);

#endif
