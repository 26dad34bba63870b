/*
 * follow: hash a package while its courier still writes it, so that little is left to do after the
 * last byte. One package at a time; another one is hashed afterwards, which costs only time. What
 * was hashed so is believed as little as anything else the courier does: check.h.
 */
#ifndef SUBOTA_FOLLOW_H
#define SUBOTA_FOLLOW_H

#include "check.h"
#include "image.h"
#include "loop.h"

struct gate;

struct follow {
	struct loop_timer timer; /* set while the package grows */
	uint64_t job;            /* of the image; 0 = none */
	int fd;                  /* of its incoming file, from check_early on */
	int wait_ms;
	uint64_t seen;           /* length of the file at the last look */
	struct check *check;     /* NULL until the head has been judged */
};

/* A courier reports that the image grows. */
void follow_growth(struct gate *g, const struct image *i);
/* The head of the image's file is good. */
void follow_head(struct gate *g, const struct image *i, const struct checked *c);
/* What was hashed of the image, NULL if nothing; the caller's. Ends the following. */
struct check *follow_take(struct gate *g, uint64_t job);
/* Forget what was hashed: the file begins anew, or is gone. */
void follow_drop(struct gate *g, uint64_t job);

#endif
