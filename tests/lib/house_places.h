/*
 * house_places: where the daemons of a house keep what must last, its state and its store, in the
 * test's own hands: something else is mounted there. In a mount namespace of the calling process,
 * so nothing stays.
 */
#ifndef SUBOTA_TESTS_HOUSE_PLACES_H
#define SUBOTA_TESTS_HOUSE_PLACES_H

#include "house.h"

enum { HOUSE_PLACES = 2, HOUSE_PLACE = 400 };

/* The path of one of them. */
void house_place(const struct house *h, int place, char path[HOUSE_PLACE]);
/* After house_open, before the first start: the directories, to mount on. False: it may not be done
 * (root only). */
bool house_places_make(const struct house *h) MUST_CHECK;
/* Take away what was mounted on them. */
void house_places_clear(const struct house *h);

#endif
