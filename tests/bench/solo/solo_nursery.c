/*
 * solo_nursery: common/nursery.h where couriers and sessions are threads. A courier takes its order
 * and its file as the courier's main.c does, and fetches. To kill one means to wait until it sees
 * its channel end.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fetch.h"
#include "hatch.h"
#include "log.h"
#include "msg.h"
#include "nursery.h"
#include "solo.h"

enum { ORDER_MS = 10000, CA_MAX = 4 << 20 };

struct nursery {
	int notes[2]; /* pipe */
	uint32_t last_id;
};

struct newborn {
	struct nursery *nursery;
	uint32_t id;
	enum nursery_program program;
	int fds[NURSERY_FDS]; /* of its own; -1: another's now */
	size_t n;
};

static enum err
open_nursery(struct nursery **out)
{
	struct nursery *n = calloc(1, sizeof(*n));

	if (!n || pipe(n->notes) != 0) {
		free(n);
		return ERR_SYSTEM;
	}
	*out = n;
	return ERR_OK;
}

enum err
nursery_start(const struct nursery_setup *s, struct nursery **out)
{
	(void)s;
	return open_nursery(out);
}

enum err
nursery_connect(const char *path, struct nursery **out)
{
	(void)path;
	return open_nursery(out);
}

void
nursery_free(struct nursery *n)
{
	free(n); /* at the end: its couriers may still write */
}

int
nursery_fd(const struct nursery *n)
{
	return n->notes[0];
}

pid_t
nursery_pid(const struct nursery *n)
{
	(void)n;
	return 0;
}

static char *
read_ca(const char *path)
{
	AUTO(file) FILE *f = path[0] ? fopen(path, "re") : NULL;
	AUTO(mem) char *text = f ? calloc(1, CA_MAX + 1) : NULL;

	return text && fread(text, 1, CA_MAX, f) > 0 ? HAND_OVER(text) : NULL;
}

static enum err
fetch(int fds[])
{
	AUTO(chan) struct chan *chan = NULL;
	AUTO(msg) Pb__Envelope *order = NULL;
	AUTO(fd) int file = -1;
	enum err e = chan_new(fds[0], WHO_COURIER, WHO_FETCHD, &chan);

	if (e != ERR_OK)
		return e;
	fds[0] = -1; /* the channel's now */
	e = chan_wait(chan, ORDER_MS, &order);
	e = e ? e : hatch_take(fds[1], ORDER_MS, &file);
	if (e != ERR_OK)
		return e;
	AUTO(mem) char *ca = read_ca(order->courier_order->ca_file);

	return fetch_run(order->courier_order, ca, chan, file);
}

static void *
live(void *arg)
{
	struct newborn *b = arg;
	struct nursery_note note = {.id = b->id, .pid = 1};
	enum err e = b->program == NURSERY_COURIER ? fetch(b->fds) : solo_session_run(b->fds, b->n);

	note.status = e == ERR_OK ? 0 : 1 << 8;
	for (size_t i = 0; i < b->n; i++)
		if (b->fds[i] >= 0)
			close(b->fds[i]);
	if (write(b->nursery->notes[1], &note, sizeof(note)) != (ssize_t)sizeof(note))
		log_error(NULL, "an end is not heard");
	free(b);
	return NULL;
}

enum err
nursery_spawn(struct nursery *n, const struct nursery_birth *birth, uint32_t *id)
{
	struct newborn *b = calloc(1, sizeof(*b));

	if (!b)
		return ERR_NOMEM;
	*b = (struct newborn){
	    .nursery = n, .id = ++n->last_id, .program = birth->program, .n = birth->n_fds};
	for (size_t i = 0; i < b->n; i++)
		b->fds[i] = dup(birth->fds[i]);
	*id = b->id;
	return solo_thread_start(live, b);
}

enum err
nursery_kill(struct nursery *n, uint32_t id)
{
	(void)n, (void)id;
	return ERR_OK;
}

enum err
nursery_read(struct nursery *n, struct nursery_note *out)
{
	return read(n->notes[0], out, sizeof(*out)) == (ssize_t)sizeof(*out) ? ERR_OK : ERR_AGAIN;
}
