/*
 * modbus_line: see modbus_line.h.
 */
#include "modbus_line.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "loopback.h"

enum { WAIT_MS = 5, PATIENCE_MS = 20000, FIRST_UNIT = 17 };

struct modbus_line {
	pthread_t thread;
	pthread_mutex_t lock;
	atomic_bool stop;
	atomic_uint slow_us, collisions;
	struct modbus_dev *dev[MODBUS_LINE_UNITS];
	unsigned units, port;
	int fd, slave, listener;
};

static void
open_terminal(struct modbus_line *l, const char *path, uid_t uid)
{
	char name[64];
	struct termios raw;
	int failed = openpty(&l->fd, &l->slave, name, NULL, NULL);

	assert(failed == 0);
	fcntl(l->fd, F_SETFD, FD_CLOEXEC);
	fcntl(l->slave, F_SETFD, FD_CLOEXEC);
	tcgetattr(l->slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(l->slave, TCSANOW, &raw);
	failed = geteuid() == 0 ? chown(name, uid, (gid_t)-1) : 0;
	assert(failed == 0);
	failed = symlink(name, path);
	assert(failed == 0);
}

static void
open_port(struct modbus_line *l)
{
	l->listener = loopback_listen(0, &l->port);
	assert(l->listener >= 0);
}

/* All units hear everything; the one that is meant answers. */
static void
exchange(struct modbus_line *l)
{
	uint8_t in[600];
	ssize_t n = read(l->fd, in, sizeof(in));
	struct timespec work = {.tv_nsec = (long)atomic_load(&l->slow_us) * 1000};
	struct pollfd more = {.fd = l->fd, .events = POLLIN};

	if (n <= 0 && l->listener >= 0) {
		close(l->fd);
		l->fd = -1;
	}
	for (unsigned i = 0; n > 0 && i < l->units; i++) {
		struct modbus_dev *d = l->dev[i];

		modbus_dev_bytes(d, in, (size_t)n);
		if (d->out_len == 0)
			continue;
		nanosleep(&work, NULL);
		if (poll(&more, 1, 0) > 0)
			atomic_fetch_add(&l->collisions, 1);
		n = write(l->fd, d->out, d->out_len) < 0 ? 0 : n;
		d->out_len = 0;
	}
}

static void *
live(void *arg)
{
	struct modbus_line *l = arg;

	while (!atomic_load(&l->stop)) {
		struct pollfd p[2] = {{.fd = l->fd, .events = POLLIN},
		    {.fd = l->fd < 0 ? l->listener : -1, .events = POLLIN}};
		int ready = poll(p, 2, WAIT_MS);

		pthread_mutex_lock(&l->lock);
		for (unsigned i = 0; ready == 0 && i < l->units; i++)
			modbus_dev_quiet(l->dev[i]);
		if (p[0].revents)
			exchange(l);
		if (p[1].revents)
			l->fd = accept4(l->listener, NULL, NULL, SOCK_CLOEXEC);
		pthread_mutex_unlock(&l->lock);
	}
	return NULL;
}

struct modbus_line *
modbus_line_start(const char *path, uid_t uid, unsigned units)
{
	struct modbus_line *l = calloc(1, sizeof(*l));

	assert(l && units <= MODBUS_LINE_UNITS);
	l->fd = l->slave = l->listener = -1;
	l->units = units;
	pthread_mutex_init(&l->lock, NULL);
	for (unsigned i = 0; i < units; i++) {
		l->dev[i] = calloc(1, sizeof(*l->dev[i]));
		assert(l->dev[i]);
		modbus_dev_init(l->dev[i], "1.0.0");
		l->dev[i]->unit = (uint8_t)(FIRST_UNIT + i);
		l->dev[i]->tcp = !path;
	}
	if (path)
		open_terminal(l, path, uid);
	else
		open_port(l);
	int failed = pthread_create(&l->thread, NULL, live, l);
	assert(failed == 0);
	return l;
}

static void
shut(int fd)
{
	if (fd >= 0)
		close(fd);
}

void
modbus_line_stop(struct modbus_line *l)
{
	atomic_store(&l->stop, true);
	pthread_join(l->thread, NULL);
	shut(l->fd);
	shut(l->slave);
	shut(l->listener);
	for (unsigned i = 0; i < l->units; i++)
		free(l->dev[i]);
	free(l);
}

unsigned
modbus_line_port(const struct modbus_line *l)
{
	return l->port;
}

struct modbus_dev *
modbus_line_take(struct modbus_line *l, unsigned unit)
{
	pthread_mutex_lock(&l->lock);
	return l->dev[unit - FIRST_UNIT];
}

void
modbus_line_give(struct modbus_line *l)
{
	pthread_mutex_unlock(&l->lock);
}

void
modbus_line_slow(struct modbus_line *l, unsigned us)
{
	atomic_store(&l->slow_us, us);
}

bool
modbus_line_until_written(struct modbus_line *l, unsigned unit, unsigned pieces)
{
	for (int ms = 0; ms < PATIENCE_MS; ms += WAIT_MS) {
		unsigned writes = modbus_line_take(l, unit)->writes;

		modbus_line_give(l);
		if (writes >= pieces)
			return true;
		poll(NULL, 0, WAIT_MS);
	}
	return false;
}

unsigned
modbus_line_collisions(const struct modbus_line *l)
{
	return atomic_load(&l->collisions);
}
