/*
 * demo_fault: what can be made to go wrong in the demo, and what has to come of it. One table.
 */
#ifndef SUBOTA_DEMO_FAULT_H
#define SUBOTA_DEMO_FAULT_H

#include "demo_watch.h"

enum { DEMO_WHY = 200 };

struct demo_fault {
	const char *name;
	const char *text;  /* what happens */
	const char *then;  /* what has to come of it */
	bool forged;       /* the package is signed by somebody else */
	bool upgraded;     /* does each device run the new version in the end? */
	const char *device[2]; /* more arguments for the first device; NULL: none */
	const char *platform[2]; /* fault of the Developer Center: name, value */
	/* Called after each look until it returns true: it has struck. May be NULL. */
	bool (*strike)(struct demo_watch *w);
	/* What else has to hold. False with `why`. May be NULL. */
	bool (*holds)(const struct demo_watch *w, char why[DEMO_WHY]);
};

/* The table; ends with a row without a name. The first row is the day on which nothing goes wrong,
 * called "none". */
const struct demo_fault *demo_fault_table(void);
/* NULL: there is none of that name. */
const struct demo_fault *demo_fault_find(const char *name);

/* Did what was expected come true? False with `why`: expected ..., got ... */
bool demo_fault_judge(const struct demo_fault *f, const struct demo_watch *w, char why[DEMO_WHY]);

#endif
