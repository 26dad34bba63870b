/*
 * flash_nursery: see flash_nursery.h.
 */
#include <poll.h>
#include <unistd.h>

#include "crews.h"
#include "flash_nursery.h"
#include "lane.h"
#include "log.h"

static void
on_note(void *arg, short revents)
{
	struct flash *f = arg;
	struct nursery_note note;
	enum err e = nursery_read(f->nursery, &note);

	(void)revents;
	for (size_t i = 0; e == ERR_OK && i < f->n_lanes; i++)
		if (lane_on_end(f->lanes[i].lane, &note) && !f->crews)
			return;
	if (e == ERR_OK && f->crews)
		crews_on_end(f->crews, note.id);
	if (e != ERR_CLOSED)
		return;
	/* It cannot be started again without the privileges that are gone: a restart will.
	 * Everything is durable, and its sessions died with it. */
	log_error(NULL, "the nursery died, no device can be spoken with: restart needed");
	_exit(71);
}

enum err
flash_nursery_watch(struct flash *f)
{
	return loop_watch_fd(f->daemon->loop, nursery_fd(f->nursery), POLLIN, on_note, f);
}

void
flash_nursery_unwatch(struct flash *f)
{
	loop_unwatch_fd(f->daemon->loop, nursery_fd(f->nursery));
}

void
flash_nursery_end(struct flash *f)
{
	nursery_free(f->nursery);
	f->nursery = NULL;
}
