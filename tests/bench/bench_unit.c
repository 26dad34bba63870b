/*
 * bench_unit: see bench_unit.h. The wires are those of the other virtual devices (sub_wire.h).
 */
#include "bench_unit.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "../subdevices/sub_pty.h"
#include "../subdevices/sub_wire.h"
#include "auto.h"
#include "modbus_dev.h"

enum { LOOK_MS = 50, MS_NS = 1000000, QUIET_NS = 20 * MS_NS };

static const int64_t second_ns = 1000000000;

struct bench_unit {
	pthread_t thread;
	atomic_bool stop;
	atomic_uint writes;
	char path[300]; /* of the link */
	struct sub_pty pty;
	struct sub_wire in, out;
	struct modbus_dev dev;
	int64_t heard;
};

static int64_t
clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * second_ns + t.tv_nsec;
}

static void
hear(struct bench_unit *u, int64_t now)
{
	struct modbus_dev *d = &u->dev;
	int64_t at = 0;
	uint8_t b = 0;

	while (sub_wire_next(&u->in, now, &b, &at)) {
		if (at - u->heard > QUIET_NS)
			modbus_dev_quiet(d);
		u->heard = at;
		modbus_dev_bytes(d, &b, 1);
		if (d->out_len > 0)
			sub_wire_put(&u->out, at, d->out, d->out_len);
		d->out_len = 0;
	}
	atomic_store(&u->writes, d->writes);
}

static void
move_bytes(struct bench_unit *u, int64_t now)
{
	uint8_t bytes[1024];
	size_t room = sub_wire_room(&u->in, now), n = 0;
	ssize_t got = 0;

	if (room > 0)
		got = read(u->pty.master, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
	if (got > 0)
		sub_wire_put(&u->in, now, bytes, (size_t)got);
	hear(u, now);
	while ((n = sub_wire_get(&u->out, now, bytes, sizeof(bytes))) > 0)
		(void)!write(u->pty.master, bytes, n); /* nobody reads: lost */
}

static void *
live(void *arg)
{
	struct bench_unit *u = arg;

	prctl(PR_SET_TIMERSLACK, 1000);
	while (!atomic_load(&u->stop)) {
		int64_t now = clock_ns(), in = sub_wire_due(&u->in), out = sub_wire_due(&u->out);
		int64_t due = in < out ? in : out;
		int64_t wait = due < now ? 0 : due - now;
		struct pollfd p = {.fd = u->pty.master, .events = POLLIN};

		wait = wait < LOOK_MS * (int64_t)MS_NS ? wait : LOOK_MS * (int64_t)MS_NS;
		const struct timespec t = {wait / second_ns, wait % second_ns};

		ppoll(&p, 1, &t, NULL);
		move_bytes(u, clock_ns());
	}
	return NULL;
}

struct bench_unit *
bench_unit_start(const char *path, unsigned baud, unsigned latency_ms)
{
	struct bench_unit *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	modbus_dev_init(&u->dev, "1.0.0");
	u->dev.unit = 17;
	sub_wire_init(&u->in, baud, latency_ms * (int64_t)MS_NS, 1);
	sub_wire_init(&u->out, baud, latency_ms * (int64_t)MS_NS, 2);
	snprintf(u->path, sizeof(u->path), "%s", path);
	u->pty = (struct sub_pty){.path = u->path, .owner = (uid_t)-1, .master = -1, .slave = -1};
	if (sub_pty_plug(&u->pty) && pthread_create(&u->thread, NULL, live, u) == 0)
		return u;
	sub_pty_unplug(&u->pty);
	free(u);
	return NULL;
}

void
bench_unit_stop(struct bench_unit *u)
{
	if (!u)
		return;
	atomic_store(&u->stop, true);
	pthread_join(u->thread, NULL);
	sub_pty_unplug(&u->pty);
	free(u);
}

unsigned
bench_unit_writes(const struct bench_unit *u)
{
	return atomic_load(&u->writes);
}
