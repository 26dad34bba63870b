/*
 * chan: see chan.h.
 *
 * Receiving: `in` holds the four bytes of the length, then that many more; the kernel keeps the
 * rest. Sending: what a slow reader has taken only in part stays in `out` and goes before the next
 * message, so that the stream never loses its framing.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "auto.h"

#include "chan.h"
#include "clock.h"
#include "msg.h"

enum { HEAD = 4, PATIENCE_MS = 5000 };

struct chan {
	int fd;
	enum who self, peer;
	size_t max; /* longest message any row lets the peer send */
	uint64_t seq;
	uint8_t head[HEAD];
	uint8_t *in; /* NULL until the length is known */
	size_t in_len, got; /* got counts the head as well */
	uint8_t *out;
	size_t out_len, sent;
	enum err broken; /* what the peer did wrong, for ever */
};

static size_t
longest(enum who from, enum who to)
{
	size_t n = 0, max = 0;
	const struct route_row *rows = route_rows(&n);

	for (size_t i = 0; i < n; i++)
		if (rows[i].from == from && rows[i].to == to && rows[i].max_bytes > max)
			max = rows[i].max_bytes;
	return max;
}

enum err
chan_new(int fd, enum who self, enum who peer, struct chan **out)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return ERR_SYSTEM;
	struct chan *c = calloc(1, sizeof(*c));
	if (!c)
		return ERR_NOMEM;
	*c = (struct chan){.fd = fd, .self = self, .peer = peer, .max = longest(peer, self)};
	*out = c;
	return ERR_OK;
}

void
chan_free(struct chan *c)
{
	if (!c)
		return;
	close(c->fd);
	free(c->in);
	free(c->out);
	free(c);
}

int
chan_fd(const struct chan *c)
{
	return c->fd;
}

/* --- sending ---------------------------------------------------------------------------------- */

static bool
is_gone(int number)
{
	return number == EPIPE || number == ECONNRESET;
}

/* As much of `out` as the kernel takes; ERR_AGAIN when that is not all. */
static enum err
push(struct chan *c)
{
	while (c->sent < c->out_len) {
		ssize_t n = send(c->fd, c->out + c->sent, c->out_len - c->sent, MSG_NOSIGNAL);

		if (n >= 0)
			c->sent += (size_t)n;
		else if (errno == EAGAIN)
			return ERR_AGAIN;
		else if (errno != EINTR)
			return is_gone(errno) ? ERR_CLOSED : ERR_SYSTEM;
	}
	return ERR_OK;
}

static enum err
push_until(struct chan *c, struct mono end)
{
	struct pollfd p = {.fd = c->fd, .events = POLLOUT};
	enum err e = push(c);

	while (e == ERR_AGAIN) {
		int64_t left = mono_between(clock_now(), end);

		if (left <= 0)
			return ERR_TIMEOUT;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return ERR_SYSTEM;
		e = push(c);
	}
	return e;
}

/* The message with its length before it becomes `out`. */
static enum err
load(struct chan *c, const Pb__Envelope *e)
{
	size_t len = pb__envelope__get_packed_size(e);
	enum err admitted = route_admit(e, len, c->self, c->peer, ROUTE_READY);

	if (admitted != ERR_OK)
		return admitted;
	uint8_t *out = malloc(HEAD + len);
	if (!out)
		return ERR_NOMEM;
	for (int i = 0; i < HEAD; i++)
		out[i] = (uint8_t)(len >> (8 * (HEAD - 1 - i)));
	free(c->out);
	c->out = out;
	c->out_len = HEAD + len;
	c->sent = 0;
	return msg_pack(e, out + HEAD, len, &len);
}

enum err
chan_send(struct chan *c, Pb__Envelope *e)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	const struct route_row *row = route_find((int)e->body_case, c->self, c->peer);
	struct mono until = row && row->droppable ? (struct mono){0} : end;
	enum err err = push_until(c, until);

	if (err == ERR_OK) {
		e->proto = ROUTE_PROTO_MAX;
		e->seq = c->seq + 1;
		err = load(c, e);
		if (err != ERR_OK)
			return err;
		c->seq++;
		err = push_until(c, until);
		if (err == ERR_TIMEOUT && c->sent == 0)
			c->out_len = 0; /* none of it is on its way */
	}
	return err == ERR_TIMEOUT && row && row->droppable ? ERR_OK : err;
}

/* --- receiving -------------------------------------------------------------------------------- */

static enum err
fill(struct chan *c, uint8_t *at, size_t want)
{
	ssize_t n = recv(c->fd, at, want, 0);

	if (n > 0) {
		c->got += (size_t)n;
		return ERR_OK;
	}
	if (n == 0 || is_gone(errno))
		return ERR_CLOSED;
	if (errno == EINTR)
		return ERR_OK;
	return errno == EAGAIN ? ERR_AGAIN : ERR_SYSTEM;
}

/* The length is there: room for the message, if it may be that long. */
static enum err
begin(struct chan *c)
{
	c->in_len = 0;
	for (int i = 0; i < HEAD; i++)
		c->in_len = c->in_len << 8 | c->head[i];
	if (c->in_len > c->max)
		return ERR_LIMIT;
	c->in = malloc(c->in_len + 1); /* an empty message is one, too */
	return c->in ? ERR_OK : ERR_NOMEM;
}

/* Bytes of one message until it is complete. */
static enum err
gather(struct chan *c)
{
	enum err e = ERR_OK;

	while (e == ERR_OK && c->got < HEAD)
		e = fill(c, c->head + c->got, HEAD - c->got);
	if (e == ERR_OK && !c->in)
		e = begin(c);
	while (e == ERR_OK && c->got < HEAD + c->in_len)
		e = fill(c, c->in + (c->got - HEAD), HEAD + c->in_len - c->got);
	return e;
}

static enum err
take(struct chan *c, Pb__Envelope **out)
{
	AUTO(mem) uint8_t *in = NULL;
	AUTO(msg) Pb__Envelope *e = NULL;
	enum err err = gather(c);

	if (err != ERR_OK)
		return err;
	in = HAND_OVER(c->in);
	c->got = 0;
	err = msg_unpack(in, c->in_len, c->max, &e);
	if (err == ERR_OK)
		err = route_admit(e, c->in_len, c->peer, c->self, ROUTE_READY);
	if (err == ERR_OK)
		*out = HAND_OVER(e);
	return err;
}

enum err
chan_recv(struct chan *c, Pb__Envelope **out)
{
	enum err e = c->broken != ERR_OK ? c->broken : take(c, out);

	if (e != ERR_OK && e != ERR_AGAIN)
		c->broken = e;
	return e;
}

enum err
chan_wait(struct chan *c, int timeout_ms, Pb__Envelope **out)
{
	struct mono end = timeout_ms < 0 ? MONO_NEVER : mono_after(clock_now(), timeout_ms);
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	enum err e = chan_recv(c, out);

	while (e == ERR_AGAIN) {
		int64_t left = timeout_ms < 0 ? -1 : mono_between(clock_now(), end);

		if (timeout_ms >= 0 && left <= 0)
			return ERR_TIMEOUT;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return ERR_SYSTEM;
		e = chan_recv(c, out);
	}
	return e;
}
