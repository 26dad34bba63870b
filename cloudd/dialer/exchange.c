/*
 * exchange: see exchange.h.
 */
#include "exchange.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "log.h"
#include "rights.h"

/* --- what is said ----------------------------------------------------------------------------- */

/* `fd`, which stays the caller's, goes with it; -1: none. False: it could not be sent. Who does not
 * listen shall not make us wait. */
static bool
tell(const struct exchange *x, const struct dialer_note *n, int fd)
{
	struct iovec iov = {(void *)(uintptr_t)n, sizeof(*n)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	union rights rights;

	if (fd >= 0)
		rights_add(&m, &rights, &fd, 1);
	return sendmsg(x->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(*n);
}

static void
refuse(const struct exchange *x, uint32_t id, enum err e, const char *why)
{
	struct dialer_note n = {.kind = DIALER_ANSWER, .id = id, .error = (uint32_t)e};

	snprintf(n.why, sizeof(n.why), "%s", why);
	if (!tell(x, &n, -1))
		log_warn(NULL, "cloudd does not hear: %s", why);
}

/* --- lines ------------------------------------------------------------------------------------ */

static struct exchange_line *
find(struct exchange *x, uint32_t id)
{
	for (size_t i = 0; i < DIALER_CALLS; i++)
		if (x->lines[i].state != EXCHANGE_FREE && x->lines[i].id == id)
			return &x->lines[i];
	return NULL;
}

static struct exchange_line *
find_free(struct exchange *x)
{
	for (size_t i = 0; i < DIALER_CALLS; i++)
		if (x->lines[i].state == EXCHANGE_FREE)
			return &x->lines[i];
	return NULL;
}

static void
hang_up(struct exchange_line *l)
{
	if (l->state == EXCHANGE_CALLING)
		call_fini(&l->call);
	if (l->state == EXCHANGE_TALKING)
		relay_fini(&l->relay);
	l->state = EXCHANGE_FREE;
}

/* Connected: from now on the line relays between `server`, which is its own, and the stream whose
 * other end goes to cloudd. */
static void
put_through(struct exchange *x, struct exchange_line *l, int server)
{
	const struct dialer_note n = {.kind = DIALER_ANSWER, .id = l->id};
	int pair[2] = {-1, -1};

	hang_up(l);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
		refuse(x, l->id, ERR_SYSTEM, strerror(errno));
		close(server);
		return;
	}
	relay_init(&l->relay, server, pair[0]);
	l->state = EXCHANGE_TALKING;
	if (!tell(x, &n, pair[1]))
		hang_up(l);
	close(pair[1]);
}

/* False: names cannot be resolved any more. */
static bool
go_on_calling(struct exchange *x, struct exchange_line *l, struct mono now)
{
	int server = -1;
	enum err e = call_step(&l->call, now, &server);

	if (e == ERR_AGAIN)
		return true;
	if (e == ERR_OK) {
		put_through(x, l, server);
		return true;
	}
	refuse(x, l->id, e, l->call.why);
	hang_up(l);
	return !resolver_is_lost(&x->resolver);
}

static void
go_on_talking(struct exchange *x, struct exchange_line *l, struct mono now)
{
	struct dialer_note n = {.kind = DIALER_END, .id = l->id, .error = ERR_NETWORK};
	enum err e = relay_step(&l->relay, now);

	if (e == ERR_AGAIN)
		return;
	if (e != ERR_CLOSED) {
		snprintf(n.why, sizeof(n.why), "socket: %s", strerror(l->relay.error));
		(void)tell(x, &n, -1);
	}
	hang_up(l);
}

/* --- requests --------------------------------------------------------------------------------- */

/* False as above. */
static bool
dial(struct exchange *x, const struct dialer_request *r)
{
	struct exchange_line *l = find_free(x);
	struct addrinfo *all = NULL;
	char why[CALL_WHY] = "";

	if (r->place >= x->list->n) {
		log_error(NULL, "expected a server of the list of %zu, got place %u: refused",
		    x->list->n, (unsigned)r->place);
		refuse(x, r->id, ERR_DENIED, "not a server of the configuration");
		return true;
	}
	if (!l || find(x, r->id) || r->id == 0) {
		refuse(x, r->id, l ? ERR_EXISTS : ERR_LIMIT, "too many connections");
		return true;
	}
	const struct directory_entry *to = &x->list->list[r->place];
	enum err e = call_resolve(to->host, to->port, &all, why);
	if (e != ERR_OK) {
		refuse(x, r->id, e, why);
		return !resolver_is_lost(&x->resolver);
	}
	l->id = r->id;
	l->state = EXCHANGE_CALLING;
	call_init(&l->call, all, CALL_PATIENCE_MS, clock_now());
	return go_on_calling(x, l, clock_now());
}

/* One request. ERR_CLOSED: cloudd is gone. */
static enum err
serve(struct exchange *x)
{
	struct dialer_request r;
	ssize_t got = recv(x->fd, &r, sizeof(r), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return ERR_OK;
	if (got != (ssize_t)sizeof(r))
		return ERR_CLOSED;
	if (r.verb == DIALER_ASK)
		return dial(x, &r) ? ERR_OK : ERR_NOT_FOUND;
	struct exchange_line *l = r.verb == DIALER_CANCEL ? find(x, r.id) : NULL;
	if (l)
		hang_up(l);
	return ERR_OK;
}

/* --- life ------------------------------------------------------------------------------------- */

/* What this line waits for; lowers *due. */
static void
wait_for(const struct exchange_line *l, struct pollfd p[2], struct mono *due)
{
	struct mono mine = MONO_NEVER;

	p[0].fd = p[1].fd = -1;
	if (l->state == EXCHANGE_TALKING) {
		relay_wants(&l->relay, p);
		mine = l->relay.due;
	} else if (l->state == EXCHANGE_CALLING) {
		p[0] = (struct pollfd){.fd = l->call.fd, .events = POLLOUT};
		mine = l->call.due;
	}
	if (mine.ms < due->ms)
		*due = mine;
}

static int
ms_until(struct mono due)
{
	int64_t ms = due.ms == MONO_NEVER.ms ? -1 : mono_between(clock_now(), due);

	return due.ms != MONO_NEVER.ms && ms < 0 ? 0 : (int)ms;
}

/* All lines, whether something has happened to them or not: there are four. */
static bool
go_on(struct exchange *x)
{
	struct mono now = clock_now();
	bool fine = true;

	for (size_t i = 0; i < DIALER_CALLS; i++) {
		struct exchange_line *l = &x->lines[i];

		if (l->state == EXCHANGE_TALKING)
			go_on_talking(x, l, now);
		else if (l->state == EXCHANGE_CALLING)
			fine = go_on_calling(x, l, now) && fine;
	}
	return fine;
}

static enum err
live(struct exchange *x)
{
	struct pollfd p[1 + 2 * DIALER_CALLS];
	enum err e = ERR_OK;

	while (e == ERR_OK) {
		struct mono due = MONO_NEVER;

		p[0] = (struct pollfd){.fd = x->fd, .events = POLLIN};
		for (size_t i = 0; i < DIALER_CALLS; i++)
			wait_for(&x->lines[i], &p[1 + 2 * i], &due);
		if (poll(p, sizeof(p) / sizeof(p[0]), ms_until(due)) < 0 && errno != EINTR)
			return ERR_SYSTEM;
		if (p[0].revents)
			e = serve(x);
		if (e == ERR_OK && !go_on(x))
			e = ERR_NOT_FOUND;
	}
	return e;
}

enum err
exchange_run(struct exchange *x)
{
	enum err e = live(x);

	for (size_t i = 0; i < DIALER_CALLS; i++)
		hang_up(&x->lines[i]);
	if (e == ERR_NOT_FOUND)
		log_error(NULL, "%s has been replaced and is out of reach: restart needed",
		    x->resolver.path);
	return e == ERR_CLOSED ? ERR_OK : e;
}
