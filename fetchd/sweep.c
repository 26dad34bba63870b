/*
 * sweep: see sweep.h. What is removed is what the records do not know, so a record that was lost
 * costs a download, and an entry that nobody wants costs no room for ever.
 */
#include <string.h>

#include "sweep.h"

enum { AGAIN_MS = 60000 };

static bool
knows_job(void *arg, uint64_t job)
{
	const struct gate *g = arg;
	const struct image *i = book_image(&g->book, job);

	return i && i->state != IMAGE_READY && i->state != IMAGE_FAILED;
}

/* What failed, or was lost and is fetched anew, has no entry that should stay. */
static bool
knows_entry(void *arg, const uint8_t digest[STORE_DIGEST])
{
	const struct gate *g = arg;

	for (const struct image *i = g->book.images; i; i = i->next)
		if (i->has_digest && memcmp(i->digest, digest, STORE_DIGEST) == 0 &&
		    i->state != IMAGE_FAILED && i->state != IMAGE_QUEUED)
			return true;
	return false;
}

void
sweep_store(struct gate *g)
{
	struct store_known known = {knows_job, knows_entry, g};

	store_sweep(g->store, &known);
}

bool
sweep_again(struct gate *g, struct mono now)
{
	if (!store_left_something(g->store) || !mono_reached(now, g->sweep_due))
		return store_left_something(g->store);
	g->sweep_due = mono_after(now, AGAIN_MS);
	sweep_store(g);
	return store_left_something(g->store);
}
