/*
 * demo_watch: looks at a house, again and again, and keeps one struct demo_device per device up to
 * date.
 */
#ifndef SUBOTA_DEMO_WATCH_H
#define SUBOTA_DEMO_WATCH_H

#include "demo_state.h"
#include "house.h"

struct demo_usage {
	uint64_t cpu_ms, children_ms, rss_kib; /* largest seen */
};

struct demo_watch {
	struct house *house;
	unsigned n;
	struct demo_device device[HOUSE_DEVICES];
	struct demo_usage usage[HOUSE_PARTS];
	uint64_t package_size, served, requests; /* by the package store */
	char statuses[HOUSE_DEVICES][120];       /* that the platform recorded, "1 2 5 8 9 11" */
	struct mono platform_due;
};

void demo_watch_init(struct demo_watch *w, struct house *h, const char *target);
/* Look once; asks the platform at most twice a second. */
void demo_watch_step(struct demo_watch *w, struct mono now);
/* Ask the platform and the process table now. */
void demo_watch_platform(struct demo_watch *w);
void demo_watch_usage(struct demo_watch *w);

/* Is each device at an end that the platform knows of, too? */
bool demo_watch_is_over(const struct demo_watch *w);

#endif
