/*
 * relay: see relay.h.
 */
#include "relay.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

void
relay_init(struct relay *r, int server, int stream)
{
	r->up = (struct relay_way){.from = stream, .to = server};
	r->down = (struct relay_way){.from = server, .to = stream};
	r->deaf = false;
	r->error = 0;
	r->due = MONO_NEVER;
}

void
relay_fini(struct relay *r)
{
	close(r->up.from);
	close(r->up.to);
	r->up.from = r->up.to = r->down.from = r->down.to = -1;
}

static bool
is_empty(const struct relay_way *w)
{
	return w->at == w->end;
}

/* A direction whose source has ended and that holds nothing more. */
static bool
is_done(const struct relay_way *w)
{
	return w->ended && is_empty(w);
}

void
relay_wants(const struct relay *r, struct pollfd p[2])
{
	const struct relay_way *up = &r->up, *down = &r->down;

	p[0] = (struct pollfd){.fd = up->to};
	p[1] = (struct pollfd){.fd = up->from};
	if (!r->deaf && !down->ended && is_empty(down))
		p[0].events |= POLLIN;
	if (!is_empty(up))
		p[0].events |= POLLOUT;
	if (!up->ended && is_empty(up))
		p[1].events |= POLLIN;
	if (!r->deaf && !is_empty(down))
		p[1].events |= POLLOUT;
	/* of cloudd's end we want to know in any case, but an end of which we know would wake us
	 * for ever */
	if (p[0].events == 0)
		p[0].fd = -1;
	if (p[1].events == 0 && r->deaf)
		p[1].fd = -1;
}

static bool
is_for_later(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Read when there is nothing to write, then write what fits. 0, or the errno of what failed:
 * *reading says whether that was its source. */
static int
carry(struct relay_way *w, bool *reading)
{
	*reading = true;
	if (is_empty(w) && !w->ended) {
		ssize_t n = recv(w->from, w->bytes, sizeof(w->bytes), MSG_DONTWAIT);

		if (n < 0 && !is_for_later(n))
			return errno;
		w->at = 0;
		w->end = n > 0 ? (size_t)n : 0;
		w->ended = n == 0;
	}
	if (is_empty(w))
		return 0;
	*reading = false;
	ssize_t n = send(w->to, w->bytes + w->at, w->end - w->at, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && !is_for_later(n))
		return errno;
	w->at += n > 0 ? (size_t)n : 0;
	return 0;
}

/* Has cloudd ended, behind what it has said? */
static bool
has_hung_up(const struct relay *r)
{
	struct pollfd p = {.fd = r->up.from};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP);
}

/* Each of the two: 0, or errno of the server's socket. A stream that fails is cloudd's end. */

static int
carry_up(struct relay *r)
{
	bool reading = false;
	int error = carry(&r->up, &reading);

	if (error && reading)
		r->up.ended = true;
	r->deaf = r->deaf || r->up.ended || (!is_empty(&r->up) && has_hung_up(r));
	return reading ? 0 : error;
}

static int
carry_down(struct relay *r)
{
	bool reading = false;
	int error = r->deaf ? 0 : carry(&r->down, &reading);

	if (error && !reading)
		r->deaf = true;
	return reading ? error : 0;
}

enum err
relay_step(struct relay *r, struct mono now)
{
	r->error = carry_up(r);
	if (r->error == 0)
		r->error = carry_down(r);
	if (r->error)
		return ERR_NETWORK;
	if (is_done(&r->up) || is_done(&r->down))
		return ERR_CLOSED;
	if ((r->deaf || r->down.ended) && r->due.ms == MONO_NEVER.ms)
		r->due = mono_after(now, RELAY_LAST_MS);
	return mono_reached(now, r->due) ? ERR_CLOSED : ERR_AGAIN;
}
