/*
 * bench_first: see bench_first.h.
 */
#include "bench_first.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "auto.h"
#include "bench.h"
#include "house_look.h"
#include "loopback.h"

enum { TICK_MS = 20, READ_MS = 2000 };

static double
wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void
serve(struct bench_first *f)
{
	static const char answer[] =
	    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	AUTO(fd) int fd = accept(f->listener, NULL, NULL);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char head[4096];

	if (fd < 0 || poll(&p, 1, READ_MS) <= 0)
		return;
	double none = 0, now = wall_ms();
	if (recv(fd, head, sizeof(head), 0) <= 0)
		return;
	atomic_compare_exchange_strong(&f->at, &none, now);
	if (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) > 0)
		shutdown(fd, SHUT_WR);
}

static void *
live(void *arg)
{
	struct bench_first *f = arg;
	struct pollfd p = {.fd = f->listener, .events = POLLIN};

	while (!atomic_load(&f->stop))
		if (poll(&p, 1, TICK_MS) > 0)
			serve(f);
	return NULL;
}

bool
bench_first_start(struct bench_first *f)
{
	memset(f, 0, sizeof(*f));
	f->listener = loopback_listen(0, &f->port);
	if (f->listener < 0)
		return false;
	return pthread_create(&f->thread, NULL, live, f) == 0;
}

void
bench_first_stop(struct bench_first *f)
{
	atomic_store(&f->stop, true);
	pthread_join(f->thread, NULL);
	close(f->listener);
}

void
bench_first_reset(struct bench_first *f)
{
	atomic_store(&f->at, 0);
}

double
bench_first_wait(struct bench_first *f, double seconds)
{
	double end = bench_now() + seconds;

	while (atomic_load(&f->at) == 0 && bench_now() < end)
		house_look_pause(2);
	return atomic_load(&f->at);
}
