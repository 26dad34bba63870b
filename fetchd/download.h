/*
 * download: the gate's side of running couriers: the nursery, a channel each, and a watch that none
 * of them hangs. It starts, listens, and says when a courier is gone; it decides nothing.
 *
 * `on_end` comes exactly once per start, and only after the courier's process has ended, so that
 * nobody writes to the file any more when the gate looks at it.
 */
#ifndef SUBOTA_DOWNLOAD_H
#define SUBOTA_DOWNLOAD_H

#include "loop.h"
#include "nursery.h"
#include "route.h"

struct downloads;

struct download_handler {
	/* Not the final one; passed the route table's checks, is otherwise unbelieved. */
	void (*on_report)(void *arg, uint64_t job, const Pb__CourierReport *r);
	/* `final` is NULL when the courier ended without its last word. */
	void (*on_end)(void *arg, uint64_t job, const Pb__CourierReport *final);
	/* The nursery is dead: nothing can be fetched any more. */
	void (*on_lost)(void *arg);
	void *arg;
};

/* `nursery` is borrowed. Caller frees, which closes all channels (couriers then end). */
enum err downloads_new(struct loop *loop, struct nursery *nursery,
    const struct download_handler *h, struct downloads **out) MUST_CHECK;
void downloads_free(struct downloads *d);

/* Work may come soon: have a courier ready that has started already. It ends after a few seconds
 * without any; never more than one waits. */
void downloads_make_ready(struct downloads *d);
/* Start a courier for `job` (not 0); the file is borrowed. */
enum err downloads_start(struct downloads *d, uint64_t job, int file,
    Pb__CourierOrder *order) MUST_CHECK;
/* Make the courier of `job` end, gently first. */
void downloads_stop(struct downloads *d, uint64_t job);
/* Whether a courier of `job` has not ended. */
bool downloads_has(const struct downloads *d, uint64_t job);
/* How many couriers with a job have not ended. */
unsigned downloads_count(const struct downloads *d);

#endif
