/*
 * dc_net: see dc_net.h. Level-triggered, so nothing is forgotten; what OpenSSL has already read out
 * of a socket is asked for at once, since epoll cannot see it. Connections are freed at the end of
 * a round only, so that callbacks may close whatever they like.
 */
#include "dc_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"

enum { EVENTS = 64, READ_MAX = 16 << 10, READS = 32, CLOSE_MS = 2000, HANDSHAKE_MS = 10000 };

struct chunk {
	struct chunk *next;
	struct mono not_before;
	size_t len, at;
	uint8_t data[];
};

enum kind { LISTENER, CONNECTION, WATCH };

/* What epoll hands back. */
struct item {
	enum kind kind;
	int fd;
	struct item *next;
};

struct listener {
	struct item item;
	SSL_CTX *tls;
	struct dc_net_handler h;
};

struct watch {
	struct item item;
	void (*fn)(void *arg);
	void *arg;
};

struct dc_conn {
	struct item item;
	struct dc_conn *next;
	struct dc_net *net;
	const struct dc_net_handler *h;
	void *peer;
	SSL *ssl;
	bool dead, closing, wants_write;
	struct mono give_up; /* handshake or closing */
	struct chunk *out, **out_end;
	size_t queued;
	uint8_t *in;
	size_t in_len, in_size;
};

struct dc_net {
	int epoll;
	struct item *fixed; /* listeners and watches */
	struct dc_conn *conns;
};

enum err
dc_net_new(struct dc_net **out)
{
	struct dc_net *n = calloc(1, sizeof(*n));

	if (!n)
		return ERR_NOMEM;
	n->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (n->epoll < 0) {
		free(n);
		return ERR_SYSTEM;
	}
	*out = n;
	return ERR_OK;
}

static enum err
add(struct dc_net *n, struct item *item)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = item};

	return epoll_ctl(n->epoll, EPOLL_CTL_ADD, item->fd, &ev) == 0 ? ERR_OK : ERR_SYSTEM;
}

static void
free_conn(struct dc_conn *c)
{
	if (c->peer)
		c->h->on_close(c->h->arg, c->peer);
	while (c->out) {
		struct chunk *next = c->out->next;

		free(c->out);
		c->out = next;
	}
	SSL_free(c->ssl);
	close(c->item.fd);
	free(c->in);
	free(c);
}

void
dc_net_free(struct dc_net *n)
{
	if (!n)
		return;
	while (n->conns) {
		struct dc_conn *next = n->conns->next;

		free_conn(n->conns);
		n->conns = next;
	}
	while (n->fixed) {
		struct item *next = n->fixed->next;

		if (n->fixed->kind == LISTENER)
			close(n->fixed->fd);
		free(n->fixed);
		n->fixed = next;
	}
	close(n->epoll);
	free(n);
}

static int
bind_socket(const char *address, unsigned *port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
	socklen_t len = sizeof(sin);
	int on = 1;

	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1) {
		errno = EINVAL;
		return -1;
	}
	AUTO(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(fd, 1024) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
		return -1;
	*port = ntohs(sin.sin_port);
	return hand_over_fd(&fd);
}

enum err
dc_net_listen(struct dc_net *n, const char *address, unsigned *port, SSL_CTX *tls,
    const struct dc_net_handler *h)
{
	AUTO(mem) struct listener *l = calloc(1, sizeof(*l));

	if (!l)
		return ERR_NOMEM;
	AUTO(fd) int fd = bind_socket(address, port);
	if (fd < 0) {
		log_error(NULL, "cannot listen on %s port %u: %s", address, *port, strerror(errno));
		return ERR_SYSTEM;
	}
	*l = (struct listener){{LISTENER, fd, n->fixed}, tls, *h};
	enum err err = add(n, &l->item);
	if (err)
		return err;
	(void)hand_over_fd(&fd);
	n->fixed = &HAND_OVER(l)->item;
	return ERR_OK;
}

enum err
dc_net_watch(struct dc_net *n, int fd, void (*fn)(void *arg), void *arg)
{
	AUTO(mem) struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return ERR_NOMEM;
	*w = (struct watch){{WATCH, fd, n->fixed}, fn, arg};
	enum err err = add(n, &w->item);
	if (err)
		return err;
	n->fixed = &HAND_OVER(w)->item;
	return ERR_OK;
}

static struct dc_conn *
new_conn(struct dc_net *n, const struct listener *l, int fd)
{
	AUTO(mem) struct dc_conn *c = calloc(1, sizeof(*c));
	int on = 1;

	if (!c)
		return NULL;
	c->item = (struct item){CONNECTION, fd, NULL};
	c->net = n;
	c->h = &l->h;
	c->out_end = &c->out;
	c->give_up = l->tls ? mono_after(clock_now(), HANDSHAKE_MS) : MONO_NEVER;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (l->tls) {
		c->ssl = SSL_new(l->tls);
		if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1) {
			SSL_free(c->ssl);
			return NULL;
		}
		SSL_set_accept_state(c->ssl);
	}
	if (add(n, &c->item)) {
		SSL_free(c->ssl);
		return NULL;
	}
	c->next = n->conns;
	n->conns = c;
	return HAND_OVER(c);
}

static void
accept_all(struct dc_net *n, const struct listener *l)
{
	for (;;) {
		int fd = accept4(l->item.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ECONNABORTED)
				log_error(NULL, "accept: %s", strerror(errno));
			return;
		}
		struct dc_conn *c = new_conn(n, l, fd);
		if (!c) {
			close(fd);
			continue;
		}
		c->peer = c->h->on_open(c->h->arg, c);
		c->dead = !c->peer;
	}
}

/* > 0 bytes, 0: not now, < 0: over. */
static ssize_t
receive(struct dc_conn *c, uint8_t *buf, size_t size)
{
	if (!c->ssl) {
		ssize_t n = recv(c->item.fd, buf, size, 0);

		return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
	}
	ERR_clear_error();
	int n = SSL_read(c->ssl, buf, (int)size);
	if (n > 0)
		return n;
	int why = SSL_get_error(c->ssl, n);
	if (SSL_is_init_finished(c->ssl) && !c->closing)
		c->give_up = MONO_NEVER;
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t
transmit(struct dc_conn *c, const uint8_t *data, size_t len)
{
	if (!c->ssl) {
		ssize_t n = send(c->item.fd, data, len, MSG_NOSIGNAL);

		return n >= 0 ? n : errno == EAGAIN ? 0 : -1;
	}
	ERR_clear_error();
	int n = SSL_write(c->ssl, data, (int)len);
	if (n > 0)
		return n;
	int why = SSL_get_error(c->ssl, n);
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static bool
make_room(struct dc_conn *c)
{
	if (c->in_size - c->in_len >= READ_MAX)
		return true;
	if (c->in_size >= DC_NET_INPUT_MAX)
		return false;
	size_t size = c->in_size ? 2 * c->in_size : 2 * READ_MAX;
	uint8_t *bigger = realloc(c->in, size);
	if (!bigger)
		return false;
	c->in = bigger;
	c->in_size = size;
	return true;
}

static void
consume(struct dc_conn *c)
{
	size_t used = c->closing ? c->in_len : c->h->on_data(c->h->arg, c->peer, c->in, c->in_len);

	c->in_len -= used;
	if (c->in_len)
		memmove(c->in, c->in + used, c->in_len);
}

static void
read_some(struct dc_conn *c)
{
	for (int i = 0; i < READS || (c->ssl && SSL_pending(c->ssl)); i++) {
		ssize_t n = make_room(c) ? receive(c, c->in + c->in_len, READ_MAX) : -1;

		if (n < 0)
			c->dead = true;
		if (n <= 0)
			return;
		c->in_len += (size_t)n;
		if (c->ssl && !c->closing)
			c->give_up = MONO_NEVER;
		consume(c);
	}
}

static void
want_write(struct dc_conn *c, bool wanted)
{
	struct epoll_event ev = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = &c->item};

	if (c->wants_write == wanted)
		return;
	c->wants_write = wanted;
	epoll_ctl(c->net->epoll, EPOLL_CTL_MOD, c->item.fd, &ev);
}

static void
flush(struct dc_conn *c, struct mono now)
{
	bool blocked = false;

	while (c->out && mono_reached(now, c->out->not_before)) {
		struct chunk *k = c->out;
		ssize_t n = transmit(c, k->data + k->at, k->len - k->at);

		if (n < 0) {
			c->dead = true;
			return;
		}
		k->at += (size_t)n;
		c->queued -= (size_t)n;
		if (k->at < k->len) {
			blocked = true;
			break;
		}
		c->out = k->next;
		if (!c->out)
			c->out_end = &c->out;
		free(k);
	}
	want_write(c, blocked);
	if (c->closing && !c->out) {
		if (c->ssl)
			SSL_shutdown(c->ssl);
		c->dead = true;
	}
}

void
dc_net_send(struct dc_conn *c, const uint8_t *data, size_t len, struct mono not_before)
{
	if (c->closing || c->dead || len == 0)
		return;
	struct chunk *k = malloc(sizeof(*k) + len);
	if (!k || c->queued + len > DC_NET_QUEUE_MAX) {
		free(k);
		c->dead = true;
		return;
	}
	*k = (struct chunk){.not_before = not_before, .len = len};
	memcpy(k->data, data, len);
	*c->out_end = k;
	c->out_end = &k->next;
	c->queued += len;
}

void
dc_net_close(struct dc_conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	c->give_up = mono_after(clock_now(), CLOSE_MS);
}

void *
dc_net_peer(const struct dc_conn *c)
{
	return c->peer;
}

/* Write, give up, and say when to look again. */
static int
settle(struct dc_net *n, int max_wait_ms)
{
	struct mono now = clock_now();

	for (struct dc_conn **at = &n->conns; *at;) {
		struct dc_conn *c = *at;

		if (!c->dead && (c->out || c->closing))
			flush(c, now);
		if (c->dead || mono_reached(now, c->give_up)) {
			*at = c->next;
			free_conn(c);
			continue;
		}
		int64_t wait = c->out && !c->wants_write ? mono_between(now, c->out->not_before)
							 : max_wait_ms;
		if (wait < max_wait_ms)
			max_wait_ms = wait < 0 ? 0 : (int)wait;
		at = &c->next;
	}
	return max_wait_ms;
}

void
dc_net_round(struct dc_net *n, int max_wait_ms)
{
	struct epoll_event events[EVENTS];
	int got = epoll_wait(n->epoll, events, EVENTS, settle(n, max_wait_ms));

	for (int i = 0; i < got; i++) {
		struct item *item = events[i].data.ptr;

		if (item->kind == LISTENER) {
			accept_all(n, (struct listener *)item);
		} else if (item->kind == WATCH) {
			((struct watch *)item)->fn(((struct watch *)item)->arg);
		} else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
			read_some((struct dc_conn *)item);
		}
	}
	settle(n, max_wait_ms);
}
