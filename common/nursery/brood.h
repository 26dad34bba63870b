/*
 * brood: which programs a nursery starts, for whom, and with what; as data.
 */
#ifndef SUBOTA_BROOD_H
#define SUBOTA_BROOD_H

#include <stdbool.h>
#include <stddef.h>

#include "nursery.h"

struct brood_program {
	enum nursery_program program; /* 0 ends a list */
	const char *name;             /* as which it is started */
	const char *place;            /* where its path stands */
	size_t min_fds, max_fds;
	bool is_told_places; /* what it may reach comes as words after the mode */
	int last_words_ms;   /* to end by itself when the daemon is gone; 0: killed at once */
};

struct brood {
	const char *parent;                    /* the daemon */
	const char *promise, *promise_of_more; /* the latter when `more` is among the places */
	const char *more;
	size_t max;     /* processes at a time */
	bool has_names; /* its programs ask name servers (resolver.h) */
	const struct brood_program *programs;
};

/* Of a daemon; NULL: it has none. */
const struct brood *brood_find(const char *parent);
/* The row of what is asked for with so many descriptors; NULL: not for this one, or not so. */
const struct brood_program *brood_program(const struct brood *b, unsigned program, size_t n_fds);
/* The name of its promise, given the places of its programs. */
const char *brood_promise(const struct brood *b, const struct places *places);
/* Whether all of `words`, "$name=path" with a NUL each, stand among the places: what a nursery was
 * not given it gives to nobody. `len` counts the last NUL. */
bool brood_owns(const struct places *places, const char *words, size_t len);

#endif
