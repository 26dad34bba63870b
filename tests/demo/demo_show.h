/*
 * demo_show: device states as lines of text. Pure.
 */
#ifndef SUBOTA_DEMO_SHOW_H
#define SUBOTA_DEMO_SHOW_H

#include <stddef.h>

#include "demo_state.h"

enum { DEMO_SHOW_LINE = 256 };

/* One line of the live display, at most `width` columns (and DEMO_SHOW_LINE - 1 bytes), without a
 * newline: name, versions, phase, bar, share, bytes, rate, seconds. */
void demo_show_live(const struct demo_device *d, struct mono now, unsigned width,
    char out[DEMO_SHOW_LINE]);

/* For where there is no terminal: a line when the phase or the tens of its share have changed
 * against `before`; `at_ms` is the time that it begins with. False: nothing to say. */
bool demo_show_news(const struct demo_device *before, const struct demo_device *d, int64_t at_ms,
    char out[DEMO_SHOW_LINE]);

/* "812 B", "61.2 kB", "1.24 MB". */
void demo_show_bytes(uint64_t bytes, char out[24]);

#endif
