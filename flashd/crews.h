/*
 * crews: session processes that serve several links each, where `links_per_session` says so.
 *
 * A link joins a process that has room, or a new one, when its order begins, and leaves it when
 * its channel has ended; a process that nobody is in ends. It is less memory (one process for many
 * devices) for less isolation: see session/crew.h for what a link then shares.
 */
#ifndef SUBOTA_CREWS_H
#define SUBOTA_CREWS_H

#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "err.h"
#include "nursery.h"

struct crews;

/* At most `links` (1 to CREW_LINKS) in one process; `nursery` is borrowed. Caller frees. */
enum err crews_new(struct nursery *nursery, size_t links, struct crews **out) MUST_CHECK;
void crews_free(struct crews *c);
AUTO_DEFINE(crews, struct crews *, crews_free)

/* What an order comes with; all is borrowed. -1: none (image, gpio). */
struct crews_link {
	int channel, link, image, gpio;
};

/* A place for it; *id is the process, as the nursery names it. Errors of nursery_spawn and
 * hatch_give_all. */
enum err crews_join(struct crews *c, const struct crews_link *l, uint32_t *id) MUST_CHECK;
/* A link of that process has ended. */
void crews_leave(struct crews *c, uint32_t id);
/* That process is gone. */
void crews_on_end(struct crews *c, uint32_t id);

#endif
