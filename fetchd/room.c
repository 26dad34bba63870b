/*
 * room: see room.h.
 */
#include <inttypes.h>
#include <string.h>

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

/* A package that came by two ways, from a server and from a person (drop.h), or from two addresses,
 * is two images, and one entry. */
static bool
shares_entry(const struct image *a, const struct image *b)
{
	return a == b || (a->state == IMAGE_READY && b->state == IMAGE_READY &&
			     memcmp(a->digest, b->digest, sizeof(a->digest)) == 0);
}

bool
room_is_wanted(const struct gate *g, const struct image *i)
{
	for (const struct image *k = g->book.images; k; k = k->next)
		if (shares_entry(i, k) && book_users(&g->book, k->id))
			return true;
	return false;
}

void
room_blame(struct gate *g, const struct image *i)
{
	for (struct image *k = g->book.images; k; k = k->next)
		if (shares_entry(i, k))
			k->blamed = true;
}

enum err
room_drop_entry(struct gate *g, const struct image *i)
{
	const struct image gone = *i; /* which is dropped with the others */
	enum err e = ERR_OK;

	store_drop(g->store, gone.digest);
	for (struct image *k = g->book.images, *next; k && e == ERR_OK; k = next) {
		next = k->next;
		if (shares_entry(&gone, k))
			e = book_drop_image(&g->book, k);
	}
	return e;
}

/* The image to give up first, ready or begun: never one that is wanted; good ones last, else the
 * longest unused. */
static struct image *
pick_victim(struct gate *g)
{
	struct image *victim = NULL;

	for (struct image *i = g->book.images; i; i = i->next) {
		bool kept = i->state == IMAGE_READY || i->state == IMAGE_PARTIAL;

		if (!kept || room_is_wanted(g, i))
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
		if (victim->state == IMAGE_PARTIAL) {
			store_incoming_drop(g->store, victim->id);
			e = book_drop_image(&g->book, victim);
		} else {
			e = room_drop_entry(g, victim);
		}
		if (e != ERR_OK)
			return ERR_SYSTEM;
		e = store_room(g->store, need);
	}
	return e;
}
