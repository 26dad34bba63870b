/*
 * demo_watch: looks at a house, again and again, and keeps one struct demo_device per device up to
 * date.
 */
#ifndef SUBOTA_DEMO_WATCH_H
#define SUBOTA_DEMO_WATCH_H

#include "bus_client.h"
#include "demo_tap.h"
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
	struct bus_client_tap *tap; /* of cloudd; NULL: not to be heard */
	struct demo_marks marks[HOUSE_DEVICES];
};

/* Begins to listen to cloudd's tap, too. */
void demo_watch_init(struct demo_watch *w, struct house *h, const char *target);
void demo_watch_fini(struct demo_watch *w);
/* Look once; asks the platform at most twice a second. */
void demo_watch_step(struct demo_watch *w, struct mono now);
/* Put the exact durations of phases, as the tap told them, in the place of those that were seen. */
void demo_watch_settle(struct demo_watch *w);
/* Ask the platform and the process table now. */
void demo_watch_platform(struct demo_watch *w);
void demo_watch_usage(struct demo_watch *w);

/* Is each device at an end that the platform knows of, too? */
bool demo_watch_is_over(const struct demo_watch *w);

#endif
