/*
 * gauge: what a daemon holds: memory, descriptors, bytes on its disk; sampled over hours, and
 * whether it stays flat.
 */
#ifndef SUBOTA_SOAK_GAUGE_H
#define SUBOTA_SOAK_GAUGE_H

#include <stdio.h>

#include "house.h"

enum { GAUGE_DAEMONS = 3, GAUGE_SAMPLES = 20000 };

struct gauge_sample {
	double at_s; /* since the beginning */
	unsigned plan;
	unsigned starts[GAUGE_DAEMONS]; /* of this daemon so far: two samples of one life compare */
	double memory_kib[GAUGE_DAEMONS]; /* its own, with children that stay (the nursery) */
	unsigned descriptors[GAUGE_DAEMONS];
	uint64_t state_bytes, store_bytes;
};

struct gauge {
	unsigned n;
	struct gauge_sample *samples; /* GAUGE_SAMPLES */
};

/* A house that rests for the moment: flashd, fetchd, cloudd, in this order. */
void gauge_take(struct gauge *g, struct house *h, double at_s, unsigned plan);
/* Of the samples from `first` on, in which no daemon died: the middle of the first quarter against
 * that of the last one. False with a sentence in `why` when something grew. */
bool gauge_is_flat(const struct gauge *g, unsigned first, char *why, size_t size);
void gauge_print(const struct gauge *g);
void gauge_write(const struct gauge *g, FILE *json);

#endif
