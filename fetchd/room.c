/*
 * room: see room.h.
 */
#include <inttypes.h>

#include "room.h"

enum { PARTIAL_MS = 86400000 };

bool
room_is_stale(const struct image *i)
{
	return i->state == IMAGE_PARTIAL && clock_wall_ms() > i->used_at + PARTIAL_MS;
}

void
room_forget(struct gate *g, struct image *i)
{
	store_incoming_drop(g->store, i->id);
	if (book_drop_image(&g->book, i) != ERR_OK)
		log_warn(NULL, "cannot forget an image");
}

/* The image to give up first, ready or begun: never one that is wanted; good ones last, else the
 * longest unused. */
static struct image *
pick_victim(struct gate *g)
{
	struct image *victim = NULL;

	for (struct image *i = g->book.images; i; i = i->next) {
		bool kept = i->state == IMAGE_READY || i->state == IMAGE_PARTIAL;

		if (!kept || book_users(&g->book, i->id))
			continue;
		if (!victim || i->good < victim->good ||
		    (i->good == victim->good && i->used_at < victim->used_at))
			victim = i;
	}
	return victim;
}

/* Bytes that downloads in progress will still add. */
static uint64_t
promised(const struct gate *g)
{
	uint64_t sum = 0;

	for (const struct image *i = g->book.images; i; i = i->next)
		if (i->state == IMAGE_FETCHING)
			sum += i->size - i->done;
	return sum;
}

enum err
room_make(struct gate *g, uint64_t bytes)
{
	uint64_t need = bytes + promised(g);
	enum err e = store_room(g->store, need);

	while (e == ERR_QUOTA || e == ERR_FULL) {
		struct image *victim = pick_victim(g);

		if (!victim)
			return e;
		log_info(NULL, "image %" PRIu64 " makes room for a new one", victim->id);
		if (victim->state == IMAGE_PARTIAL)
			store_incoming_drop(g->store, victim->id);
		else
			store_drop(g->store, victim->digest);
		if (book_drop_image(&g->book, victim) != ERR_OK)
			return ERR_SYSTEM;
		e = store_room(g->store, need);
	}
	return e;
}
