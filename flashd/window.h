/*
 * window: maintenance windows, in local time; pure.
 *
 *     22:00-05:00                    every night
 *     mon-fri 22:00-05:00, sat-sun 00:00-24:00
 *
 * A window belongs to the days on which it opens; one whose end is not after its beginning lasts
 * over midnight, and one that ends when it began lasts 24 hours. Whoever is told to wait asks again
 * when the time is over, so a clock that is moved (summer time) costs one question, not a night.
 */
#ifndef SUBOTA_WINDOW_H
#define SUBOTA_WINDOW_H

#include <stddef.h>

#include "err.h"
#include "why.h"

enum { WINDOW_MAX = 16, WINDOW_DAY = 24 * 60, WINDOW_WEEK = 7 * WINDOW_DAY };

struct window {
	size_t n;
	struct {
		unsigned days;     /* 1 << day on which it opens; 0 = Sunday */
		unsigned from, to; /* minutes of the day, 0..1440 */
	} items[WINDOW_MAX];
};

/* ERR_CONFIG with the sentence in `why` (WHY_SIZE bytes). An empty text has no window. */
enum err window_parse(const char *text, struct window *out, char *why) MUST_CHECK;

/* Minutes from `minute` of the week (0 = Sunday, 00:00) until a window is open; 0 = one is;
 * WINDOW_WEEK when there is none. */
unsigned window_wait(const struct window *w, unsigned minute);

#endif
