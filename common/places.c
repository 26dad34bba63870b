/*
 * places: see places.h.
 */
#include "places.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

enum { STEP = 16, EXIT_ENVIRONMENT = 71 };

void
places_add(struct places *p, const char *name, const char *format, ...)
{
	va_list ap;

	if (p->n == p->room) {
		struct place *more = realloc(p->list, (p->room + STEP) * sizeof(*more));

		if (!more)
			exit(EXIT_ENVIRONMENT);
		p->list = more;
		p->room += STEP;
	}
	struct place *new = &p->list[p->n];
	new->name = name;
	va_start(ap, format);
	int len = vsnprintf(new->path, sizeof(new->path), format, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(new->path)) {
		log_error(NULL, "expected a path of at most %zu bytes for %s, got %d",
		    sizeof(new->path) - 1, name, len);
		exit(EXIT_ENVIRONMENT);
	}
	p->n++;
}

void
places_fini(struct places *p)
{
	free(p->list);
	*p = (struct places){0};
}

const char *
places_find(const struct places *p, const char *name, size_t i)
{
	for (size_t k = 0; k < p->n; k++)
		if (strcmp(p->list[k].name, name) == 0 && i-- == 0)
			return p->list[k].path;
	return NULL;
}
