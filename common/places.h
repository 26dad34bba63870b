/*
 * places: names for paths that only the configuration knows, so that the promises of sandbox.h can
 * be written down before there is a configuration. A name starts with '$'; it may have many paths.
 */
#ifndef SUBOTA_PLACES_H
#define SUBOTA_PLACES_H

#include <stddef.h>

#include "auto.h"
#include "err.h"

struct place {
	const char *name; /* "$state"; borrowed for as long as the list lives */
	char path[300];
};

struct places {
	size_t n, room;
	struct place *list;
};

/* One more path for `name`. Without memory, or when it is too long, the process ends (71): it could
 * not keep its promises. */
void places_add(struct places *p, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void places_fini(struct places *p);

/* The i-th path of `name`, counted from 0; NULL when there are no more. */
const char *places_find(const struct places *p, const char *name, size_t i);

#endif
