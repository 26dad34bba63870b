/*
 * solo_nursery: fetchd/nursery.h where a courier is a thread: it takes its order and its file as
 * the courier's main.c does, and fetches.
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
};

struct courier {
	struct nursery *nursery;
	uint32_t id;
	int chan, hatch;
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
fetch(struct courier *c)
{
	AUTO(chan) struct chan *chan = NULL;
	AUTO(msg) Pb__Envelope *order = NULL;
	AUTO(fd) int file = -1;
	enum err e = chan_new(c->chan, WHO_COURIER, WHO_FETCHD, &chan);

	if (e != ERR_OK)
		return e;
	c->chan = -1; /* the channel's now */
	e = chan_wait(chan, ORDER_MS, &order);
	e = e ? e : hatch_take(c->hatch, ORDER_MS, &file);
	if (e != ERR_OK)
		return e;
	AUTO(mem) char *ca = read_ca(order->courier_order->ca_file);

	return fetch_run(order->courier_order, ca, chan, file);
}

static void *
courier_thread(void *arg)
{
	struct courier *c = arg;
	struct nursery_note note = {.id = c->id, .pid = 1};

	note.status = fetch(c) == ERR_OK ? 0 : 1 << 8;
	if (c->chan >= 0)
		close(c->chan);
	close(c->hatch);
	if (write(c->nursery->notes[1], &note, sizeof(note)) != (ssize_t)sizeof(note))
		log_error(NULL, "a courier's end is not heard");
	free(c);
	return NULL;
}

enum err
nursery_spawn(struct nursery *n, uint32_t id, int chan_fd, int file_fd)
{
	struct courier *c = calloc(1, sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	*c = (struct courier){n, id, dup(chan_fd), dup(file_fd)};
	return solo_thread_start(courier_thread, c);
}

enum err
nursery_kill(struct nursery *n, uint32_t id)
{
	(void)n, (void)id;
	return ERR_OK; /* it ends with its channel */
}

enum err
nursery_read(struct nursery *n, struct nursery_note *out)
{
	return read(n->notes[0], out, sizeof(*out)) == (ssize_t)sizeof(*out) ? ERR_OK : ERR_AGAIN;
}
