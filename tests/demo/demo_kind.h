/*
 * demo_kind: which devices the demo has, and how they are reached. One table.
 */
#ifndef SUBOTA_DEMO_KIND_H
#define SUBOTA_DEMO_KIND_H

struct demo_kind {
	const char *name;
	const char *link, *loader; /* as struct house_options has them */
	const char *text;          /* "SMP" */
};

/* The table; ends with a row without a name. */
const struct demo_kind *demo_kind_table(void);
/* NULL: there is none of that name. */
const struct demo_kind *demo_kind_find(const char *name);

#endif
