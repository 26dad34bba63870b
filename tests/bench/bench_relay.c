/*
 * bench_relay: see bench_relay.h.
 */
#include "bench_relay.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auto.h"
#include "bench.h"
#include "loopback.h"

enum { PAIRS = 16, TICK_MS = 4, BURST_MS = 20, PIECE = 1024 };

/* A connection and its other half. */
struct pair {
	int fd[2]; /* 0: whoever called; 1: the device */
};

struct bench_relay {
	pthread_t thread;
	atomic_bool stop;
	unsigned port, rate;
	struct sockaddr_in target;
	enum bench_relay_end end;
	uint64_t after;
	uint64_t carried; /* to the device */
	int listener;
	struct pair pair[PAIRS];
	double room[2], at; /* bytes that may pass now, in each direction */
};

static int
dial(const struct bench_relay *r)
{
	const struct sockaddr_in a = r->target;
	AUTO(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -1;
	return hand_over_fd(&fd);
}

static void
hang_up(struct pair *p)
{
	for (int i = 0; i < 2; i++)
		if (p->fd[i] >= 0)
			close(p->fd[i]);
	p->fd[0] = p->fd[1] = -1;
}

static void
let_in(struct bench_relay *r)
{
	int caller = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (int i = 0; caller >= 0 && i < PAIRS; i++) {
		struct pair *p = &r->pair[i];

		if (p->fd[0] >= 0)
			continue;
		p->fd[0] = caller;
		p->fd[1] = dial(r);
		if (p->fd[1] < 0)
			hang_up(p);
		return;
	}
	if (caller >= 0)
		close(caller);
}

static bool
is_broken(const struct bench_relay *r)
{
	return r->end != BENCH_RELAY_WHOLE && r->carried >= r->after;
}

/* From end `from` of a connection to the other one. */
static void
carry(struct bench_relay *r, struct pair *p, int from)
{
	uint8_t bytes[PIECE];
	size_t most = r->room[from] < PIECE ? (size_t)r->room[from] : PIECE;
	ssize_t n = most > 0 ? recv(p->fd[from], bytes, most, MSG_PEEK) : -1;

	if (n == 0) {
		hang_up(p);
		return;
	}
	if (n > 0)
		n = send(p->fd[1 - from], bytes, (size_t)n, MSG_NOSIGNAL);
	if (n <= 0)
		return;
	(void)!recv(p->fd[from], bytes, (size_t)n, 0); /* what has been passed on */
	r->room[from] -= (double)n;
	if (from == 0)
		r->carried += (uint64_t)n;
}

static void
earn(struct bench_relay *r)
{
	double now = bench_now(), most = r->rate * (BURST_MS / 1e3);

	for (int i = 0; i < 2; i++) {
		r->room[i] += (now - r->at) * r->rate;
		r->room[i] = r->room[i] < most ? r->room[i] : most;
	}
	r->at = now;
}

static void
break_off(struct bench_relay *r)
{
	for (int i = 0; i < PAIRS; i++)
		hang_up(&r->pair[i]);
	if (r->listener >= 0)
		close(hand_over_fd(&r->listener));
}

static void *
live(void *arg)
{
	struct bench_relay *r = arg;

	while (!atomic_load(&r->stop)) {
		struct pollfd p = {.fd = r->listener, .events = POLLIN};

		if (poll(&p, 1, TICK_MS) > 0)
			let_in(r);
		earn(r);
		if (is_broken(r) && r->end == BENCH_RELAY_DIES)
			break_off(r);
		for (int i = 0; i < PAIRS && !is_broken(r); i++)
			for (int from = 0; from < 2 && r->pair[i].fd[0] >= 0; from++)
				carry(r, &r->pair[i], from);
	}
	break_off(r);
	return NULL;
}

struct bench_relay *
bench_relay_start(
    const char *address, unsigned port, unsigned rate, enum bench_relay_end end, uint64_t after)
{
	AUTO(mem) struct bench_relay *r = calloc(1, sizeof(*r));

	struct in_addr target;

	if (!r || inet_pton(AF_INET, address, &target) != 1)
		return NULL;
	*r = (struct bench_relay){.target = {.sin_family = AF_INET,
				      .sin_addr = target,
				      .sin_port = htons((uint16_t)port)},
	    .rate = rate,
	    .end = end,
	    .after = after,
	    .at = bench_now()};
	for (int i = 0; i < PAIRS; i++)
		r->pair[i] = (struct pair){{-1, -1}};
	r->listener = loopback_listen(SOCK_NONBLOCK, &r->port);
	if (r->listener < 0 || pthread_create(&r->thread, NULL, live, r) != 0) {
		break_off(r);
		return NULL;
	}
	return HAND_OVER(r);
}

void
bench_relay_stop(struct bench_relay *r)
{
	if (!r)
		return;
	atomic_store(&r->stop, true);
	pthread_join(r->thread, NULL);
	free(r);
}

unsigned
bench_relay_port(const struct bench_relay *r)
{
	return r->port;
}
