/*
 * wire: see wire.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "wire.h"

enum { WHY_MAX = 200 };

struct wire {
	struct dial *dialer; /* NULL: none is needed */
	uint32_t id;
	struct tls_context *context;
	struct tls *tls;
	int fd; /* of the stream, -1 = no answer yet */
	short wants;
	char why[WHY_MAX];
};

static enum err
fail(struct wire *w, enum err e, const char *why)
{
	snprintf(w->why, sizeof(w->why), "%s", why);
	return e;
}

enum err
wire_open(struct dial *dialer, const char *host, uint16_t port, struct tls_context *context,
    struct wire **out)
{
	AUTO(wire) struct wire *w = calloc(1, sizeof(*w));

	if (!w)
		return ERR_NOMEM;
	w->fd = -1;
	w->wants = POLLIN;
	w->context = context;
	enum err e = dial_ask(dialer, host, port, &w->id);
	if (e != ERR_OK)
		return e;
	w->dialer = dialer;
	*out = HAND_OVER(w);
	return ERR_OK;
}

enum err
wire_new(int fd, struct tls_context *context, struct wire **out)
{
	AUTO(wire) struct wire *w = calloc(1, sizeof(*w));

	if (!w) {
		close(fd);
		return ERR_NOMEM;
	}
	w->fd = fd;
	w->wants = POLLIN;
	w->context = context;
	enum err e = context ? tls_open(context, fd, &w->tls) : ERR_OK;
	if (e == ERR_OK)
		*out = HAND_OVER(w);
	return e;
}

void
wire_close(struct wire *w)
{
	if (!w)
		return;
	tls_close(w->tls);
	if (w->fd >= 0)
		close(w->fd);
	else if (w->dialer)
		dial_cancel(w->dialer, w->id);
	free(w);
}

/* --- the dialer's word ------------------------------------------------------------------------ */

/* The next note about this connection; streams for those before it are closed. Errors as of
 * dial_read. */
static enum err
next_note(struct wire *w, struct dialer_note *note, int *fd)
{
	enum err e;

	while ((e = dial_read(w->dialer, note, fd)) == ERR_OK && note->id != w->id)
		if (*fd >= 0)
			close(*fd);
	return e == ERR_DIALER ? fail(w, e, "the dialer died") : e;
}

static enum err
take_answer(struct wire *w)
{
	struct dialer_note note;
	int fd = -1;
	enum err e = next_note(w, &note, &fd);

	if (e != ERR_OK)
		return e;
	if (note.error || fd < 0)
		return fail(w, note.error == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_NETWORK, note.why);
	w->fd = fd;
	return w->context ? tls_open(w->context, fd, &w->tls) : ERR_OK;
}

/* The stream has ended or failed with `e`. Was it the network? */
static enum err
ask_why(struct wire *w, enum err e)
{
	struct dialer_note note;
	int fd = -1;
	enum err said = w->dialer ? next_note(w, &note, &fd) : ERR_AGAIN;

	if (fd >= 0)
		close(fd);
	if (said == ERR_OK)
		return fail(w, ERR_NETWORK, note.why);
	return said == ERR_DIALER ? said : e;
}

static bool
is_end(enum err e)
{
	return e == ERR_CLOSED || e == ERR_NETWORK;
}

/* --- life ------------------------------------------------------------------------------------- */

enum err
wire_step(struct wire *w)
{
	enum err e = w->fd < 0 ? take_answer(w) : ERR_OK;

	if (e == ERR_OK && w->tls)
		e = tls_handshake(w->tls);
	return is_end(e) && w->fd >= 0 ? ask_why(w, e) : e;
}

bool
wire_is_through(const struct wire *w)
{
	return w->fd >= 0;
}

static enum err
plain_result(struct wire *w, ssize_t r, short wants, size_t *n)
{
	char why[WHY_MAX];

	if (r > 0) {
		*n = (size_t)r;
		return ERR_OK;
	}
	if (r == 0)
		return ERR_CLOSED;
	if (errno == EAGAIN || errno == EINTR) {
		w->wants = wants;
		return ERR_AGAIN;
	}
	snprintf(why, sizeof(why), "socket: %s", strerror(errno));
	return fail(w, ERR_NETWORK, why);
}

enum err
wire_read(struct wire *w, uint8_t *data, size_t size, size_t *n)
{
	enum err e = w->tls ? tls_read(w->tls, data, size, n)
			    : plain_result(w, recv(w->fd, data, size, 0), POLLIN, n);

	return is_end(e) ? ask_why(w, e) : e;
}

enum err
wire_write(struct wire *w, const uint8_t *data, size_t len, size_t *n)
{
	enum err e = w->tls ? tls_write(w->tls, data, len, n)
			    : plain_result(w, send(w->fd, data, len, MSG_NOSIGNAL), POLLOUT, n);

	return is_end(e) ? ask_why(w, e) : e;
}

int
wire_fd(const struct wire *w)
{
	return w->fd < 0 ? dial_fd(w->dialer) : w->fd;
}

short
wire_wants(const struct wire *w)
{
	return w->tls ? tls_wants(w->tls) : w->wants;
}

const char *
wire_why(const struct wire *w)
{
	return !w->why[0] && w->tls ? tls_why(w->tls) : w->why;
}
