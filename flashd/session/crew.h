/*
 * crew: several links in one session process (`links_per_session`), each with a ferry of its own.
 *
 * An order comes as descriptors through a hatch (common/hatch.h): a channel, the link and, where
 * there is one, the package and the device's GPIO lines, with a byte that says which. A ferry works
 * on it as it does alone; when its channel ends, all that came with it is closed. What a session
 * loses by company: a driver that is taken over by its device reaches the links of the others, and
 * dies with them.
 */
#ifndef SUBOTA_CREW_H
#define SUBOTA_CREW_H

#include <stdbool.h>

#include "auto.h"
#include "ferry.h"

enum {
	CREW_LINKS = 256, /* at most */
	CREW_IMAGE = 1,   /* in the byte: a package comes along */
	CREW_GPIO = 2,
};

struct crew;

/* `hatch` is borrowed. Caller frees, which closes all that came through it. */
enum err crew_new(int hatch, work_find *find, struct crew **out) MUST_CHECK;
void crew_free(struct crew *c);
AUTO_DEFINE(crew, struct crew *, crew_free)

/* Wait for something to do, at most `max_wait_ms` (-1 = for ever), and do it. False: nothing will
 * come any more and nobody is at work. */
bool crew_step(struct crew *c, int max_wait_ms);

#endif
