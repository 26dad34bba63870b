/*
 * loop: see loop.h.
 *
 * Watches live in a table with holes; each has a serial number, so that a callback may remove any
 * watch, and reuse its place, while the round that found it ready is still being dispatched.
 * Descriptors are in an epoll set: flashd has one for each of hundreds of sessions, and looking at
 * all of them for every message of one would cost more than the message. The set is one more
 * descriptor of the poll, next to the few ZeroMQ sockets, whose items are built anew for every
 * round. Timers that are due move to a list of their own before the first one runs: one that sets
 * itself again for "now" waits for the next round and starves nobody.
 *
 * zmq_poll rather than ZMQ_FD and poll(2): the latter reports edges, and every forgotten look at
 * ZMQ_EVENTS would be a hang.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <zmq.h>

#include "log.h"
#include "loop.h"

enum { WATCHES_MAX = 512, SOCKETS_MAX = 64, AT_ONCE = 64, PLACE_BITS = 16 };

struct watch {
	loop_on_ready *fn; /* NULL: a hole */
	void *arg;
	void *socket; /* NULL: fd */
	int fd;
	short events; /* POLLIN, POLLOUT */
	uint64_t serial;
};

struct loop {
	struct watch watches[WATCHES_MAX];
	size_t n; /* places used, holes included */
	size_t sockets;
	int epoll;
	uint64_t serial;
	struct loop_timer *timers; /* by due */
	struct loop_timer *firing; /* due in this round */
	int signals;               /* signalfd */
	bool stopped;
	int result; /* of loop_run */
};

enum err
loop_new(struct loop **out)
{
	sigset_t set;
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return ERR_NOMEM;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	loop->signals = loop->epoll = -1;
	if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
		loop->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (loop->signals >= 0)
		loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		log_error(NULL, "signalfd, epoll: %m");
		loop_free(loop);
		return ERR_SYSTEM;
	}
	*out = loop;
	return ERR_OK;
}

void
loop_free(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->signals >= 0)
		close(loop->signals);
	if (loop->epoll >= 0)
		close(loop->epoll);
	free(loop);
}

/* --- watches --------------------------------------------------------------------------------- */

/* What the kernel shall say when it is ready: where it is, and which of those that were there. */
static enum err
tell_kernel(const struct loop *loop, const struct watch *w, int how)
{
	uint64_t place = (uint64_t)(w - loop->watches);
	struct epoll_event e = {.data.u64 = w->serial << PLACE_BITS | place};

	if (w->socket)
		return ERR_OK;
	e.events = (w->events & POLLIN ? EPOLLIN : 0u) | (w->events & POLLOUT ? EPOLLOUT : 0u);
	return epoll_ctl(loop->epoll, how, w->fd, &e) == 0 ? ERR_OK : ERR_SYSTEM;
}

static struct watch *
find(struct loop *loop, void *socket, int fd)
{
	for (size_t i = 0; i < loop->n; i++) {
		struct watch *w = &loop->watches[i];
		if (w->fn && w->socket == socket && (socket || w->fd == fd))
			return w;
	}
	return NULL;
}

static enum err
add(struct loop *loop, const struct watch *new)
{
	size_t i = 0;

	if (find(loop, new->socket, new->fd))
		return ERR_EXISTS;
	while (i < loop->n && loop->watches[i].fn)
		i++;
	if (i == WATCHES_MAX || (new->socket && loop->sockets == SOCKETS_MAX))
		return ERR_LIMIT;
	struct watch *w = &loop->watches[i];

	*w = *new;
	w->serial = ++loop->serial;
	enum err e = tell_kernel(loop, w, EPOLL_CTL_ADD);
	if (e != ERR_OK) {
		w->fn = NULL;
		return e;
	}
	loop->n += i == loop->n;
	loop->sockets += w->socket != NULL;
	return ERR_OK;
}

static void
drop(struct loop *loop, struct watch *w)
{
	if (w) {
		(void)!tell_kernel(loop, w, EPOLL_CTL_DEL); /* closed already: forgotten already */
		loop->sockets -= w->socket != NULL;
		w->fn = NULL;
	}
	while (loop->n && !loop->watches[loop->n - 1].fn)
		loop->n--;
}

enum err
loop_watch_fd(struct loop *loop, int fd, short events, loop_on_ready *fn, void *arg)
{
	if (fd < 0 || !fn)
		return ERR_INVALID;
	return add(loop, &(struct watch){.fn = fn, .arg = arg, .fd = fd, .events = events});
}

void
loop_change_fd(struct loop *loop, int fd, short events)
{
	struct watch *w = find(loop, NULL, fd);

	if (!w)
		return;
	w->events = events;
	/* not there: it was closed meanwhile, and its number is that of another one now */
	if (tell_kernel(loop, w, EPOLL_CTL_MOD) != ERR_OK &&
	    (errno != ENOENT || tell_kernel(loop, w, EPOLL_CTL_ADD) != ERR_OK))
		log_error(NULL, "epoll_ctl for descriptor %d: %m", fd);
}

void
loop_unwatch_fd(struct loop *loop, int fd)
{
	drop(loop, find(loop, NULL, fd));
}

enum err
loop_watch_socket(struct loop *loop, void *socket, loop_on_ready *fn, void *arg)
{
	if (!socket || !fn)
		return ERR_INVALID;
	return add(loop,
	    &(struct watch){.fn = fn, .arg = arg, .socket = socket, .fd = -1, .events = POLLIN});
}

void
loop_unwatch_socket(struct loop *loop, void *socket)
{
	if (socket)
		drop(loop, find(loop, socket, -1));
}

/* --- timers ---------------------------------------------------------------------------------- */

static void
unlink_timer(struct loop_timer **list, const struct loop_timer *t)
{
	while (*list && *list != t)
		list = &(*list)->next;
	if (*list)
		*list = t->next;
}

void
loop_timer_clear(struct loop *loop, struct loop_timer *t)
{
	if (!t->set)
		return;
	unlink_timer(&loop->timers, t);
	unlink_timer(&loop->firing, t);
	t->next = NULL;
	t->set = false;
}

void
loop_timer_set(
    struct loop *loop, struct loop_timer *t, struct mono due, loop_on_timer *fn, void *arg)
{
	struct loop_timer **at = &loop->timers;

	loop_timer_clear(loop, t);
	while (*at && (*at)->due.ms <= due.ms)
		at = &(*at)->next;
	*t = (struct loop_timer){.fn = fn, .arg = arg, .due = due, .next = *at, .set = true};
	*at = t;
}

static void
run_timers(struct loop *loop)
{
	struct mono now = clock_now();
	struct loop_timer **last = &loop->firing;

	while (*last)
		last = &(*last)->next;
	*last = loop->timers;
	while (*last && mono_reached(now, (*last)->due))
		last = &(*last)->next;
	loop->timers = *last;
	*last = NULL;
	while (loop->firing) {
		struct loop_timer *t = loop->firing;
		loop_on_timer *fn = t->fn;
		void *arg = t->arg;
		loop_timer_clear(loop, t);
		fn(arg); /* may free t */
	}
}

/* --- signals --------------------------------------------------------------------------------- */

static void
read_signals(struct loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		loop->stopped = true;
		loop->result = (int)info.ssi_signo;
	}
}

/* --- rounds ---------------------------------------------------------------------------------- */

enum { SIGNALS, DESCRIPTORS, FIRST_SOCKET };

struct ready {
	zmq_pollitem_t items[FIRST_SOCKET + SOCKETS_MAX];
	size_t place[FIRST_SOCKET + SOCKETS_MAX];
	uint64_t serial[FIRST_SOCKET + SOCKETS_MAX];
	int n;
};

static void
collect(const struct loop *loop, struct ready *r)
{
	r->items[SIGNALS] = (zmq_pollitem_t){.fd = loop->signals, .events = ZMQ_POLLIN};
	r->items[DESCRIPTORS] = (zmq_pollitem_t){.fd = loop->epoll, .events = ZMQ_POLLIN};
	r->n = FIRST_SOCKET;
	for (size_t i = 0, left = loop->sockets; left > 0 && i < loop->n; i++) {
		const struct watch *w = &loop->watches[i];

		if (!w->fn || !w->socket)
			continue;
		left--;
		r->items[r->n] = (zmq_pollitem_t){.socket = w->socket, .events = ZMQ_POLLIN};
		r->place[r->n] = i;
		r->serial[r->n++] = w->serial;
	}
}

/* Unless a callback of this round has removed it. */
static void
call(struct loop *loop, size_t place, uint64_t serial, short revents)
{
	const struct watch *w = &loop->watches[place];

	if (w->fn && w->serial == serial)
		w->fn(w->arg, revents);
}

static void
dispatch_descriptors(struct loop *loop)
{
	struct epoll_event
	    e[AT_ONCE]; /* the rest is ready in the next round, too, and comes first */
	int n = epoll_wait(loop->epoll, e, AT_ONCE, 0);

	for (int i = 0; i < n; i++) {
		short revents = 0;

		if (e[i].events & EPOLLIN)
			revents |= POLLIN;
		if (e[i].events & EPOLLOUT)
			revents |= POLLOUT;
		if (e[i].events & (EPOLLERR | EPOLLHUP))
			revents |= POLLERR;
		call(loop, e[i].data.u64 & ((1u << PLACE_BITS) - 1), e[i].data.u64 >> PLACE_BITS,
		    revents);
	}
}

static void
dispatch(struct loop *loop, const struct ready *r)
{
	if (r->items[SIGNALS].revents)
		read_signals(loop);
	if (r->items[DESCRIPTORS].revents)
		dispatch_descriptors(loop);
	for (int i = FIRST_SOCKET; i < r->n; i++)
		if (r->items[i].revents)
			call(loop, r->place[i], r->serial[i],
			    r->items[i].revents & ZMQ_POLLERR ? POLLIN | POLLERR : POLLIN);
}

static long
wait_ms(const struct loop *loop, int max_wait_ms)
{
	int64_t ms = max_wait_ms < 0 ? INT32_MAX : max_wait_ms;

	if (loop->timers && loop->timers->due.ms != MONO_NEVER.ms) {
		int64_t left = mono_between(clock_now(), loop->timers->due);
		ms = left < ms ? left : ms;
	}
	if (ms < 0)
		return 0;
	return ms == INT32_MAX ? -1 : (long)ms;
}

static bool
one_round(struct loop *loop, int max_wait_ms)
{
	struct ready r;

	collect(loop, &r);
	if (zmq_poll(r.items, r.n, wait_ms(loop, max_wait_ms)) >= 0) {
		dispatch(loop, &r);
	} else if (errno != EINTR) {
		log_error(NULL, "zmq_poll over %d watches: %m", r.n);
		loop->stopped = true;
		loop->result = -1;
		return false;
	}
	run_timers(loop);
	return !loop->stopped;
}

bool
loop_once(struct loop *loop, int max_wait_ms)
{
	return one_round(loop, max_wait_ms);
}

int
loop_run(struct loop *loop)
{
	while (!loop->stopped && one_round(loop, -1))
		continue;
	return loop->result;
}

void
loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
