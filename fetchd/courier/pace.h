/*
 * pace: is a download too slow to go on?
 *
 * Two rules, both from the order: fewer than `low_bytes` a second on average over a window of
 * `low_seconds`, and a deadline for everything together. The first window is longer by the time a
 * connection may take. A body that drips one byte a second, a handshake that stalls and headers
 * that never end all look the same from here: no bytes. Pure: the caller brings the clock.
 */
#ifndef SUBOTA_PACE_H
#define SUBOTA_PACE_H

#include "clock.h"

struct pace {
	uint32_t low_bytes; /* per second; 0 = no such rule */
	uint32_t low_seconds;
	struct mono window_end;
	uint64_t window_base; /* bytes received when the window began */
	struct mono deadline; /* of the whole order */
};

enum pace_verdict { PACE_FINE, PACE_SLOW, PACE_OVER };

/* Start the clock of the whole order; total_seconds 0 = no deadline. */
void pace_init(struct pace *p, struct mono now, uint32_t low_bytes, uint32_t low_seconds,
    uint32_t total_seconds);
/* A new request begins: a new window, longer by `connect_ms`. */
void pace_begin(struct pace *p, struct mono now, uint32_t connect_ms, uint64_t received);
/* `received` counts all body bytes so far and never falls. */
enum pace_verdict pace_check(struct pace *p, struct mono now, uint64_t received);

#endif
