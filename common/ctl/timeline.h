/*
 * timeline: one upgrade as a story: who had it in which state from when to when, and in one
 * sentence how it stands and why. Pure; from the daemons' records (history.h) and answers
 * (merge.h).
 */
#ifndef SUBOTA_TIMELINE_H
#define SUBOTA_TIMELINE_H

#include "out.h"

enum { TIMELINE_SENTENCE = 1200 };

/* [{at, after_ms, for_ms, daemon, event, text, error, expected, got}]: `after_ms` since the first;
 * `for_ms` until the same daemon's next, absent for its last. `events` are those of one upgrade by
 * time. The caller's. */
cJSON *timeline_make(const cJSON *events);

/* The same for people, and for one screen: {at, after, daemon, what, lasted, why}. Of a long story
 * the middle is left out, with a row that says so. The caller's. */
enum { TIMELINE_FIRST = 6, TIMELINE_LAST = 13 };
cJSON *timeline_rows(const cJSON *timeline);

/* How it stands: "done: meters/M1 app runs 1.1.0", "flashd refused it: not newer than ...
 * (ROLLBACK): expected ..., got ...", "at work: flashd FLASHING, 61440 of 120564 bytes". `upgrade`
 * is a row of merge_upgrades, `timeline` may be empty. */
void timeline_sentence(const cJSON *upgrade, const cJSON *timeline, char out[TIMELINE_SENTENCE]);

#endif
