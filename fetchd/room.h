/*
 * room: who has to leave the store when a package needs its place.
 *
 * What other downloads have been promised counts as taken, so that two of them cannot both begin
 * with room for one. An image that an upgrade wants never leaves. A package whose download was
 * given up for now (IMAGE_PARTIAL) leaves like one that is ready, and after a day at the latest.
 */
#ifndef SUBOTA_ROOM_H
#define SUBOTA_ROOM_H

#include "gate.h"

/* Give up images until `bytes` fit. ERR_QUOTA or ERR_FULL when they do not. */
enum err room_make(struct gate *g, uint64_t bytes) MUST_CHECK;

/* A package that came by two ways is two images and one entry. Does an upgrade want it by any of
 * them? flashd finds it unusable, for all of them. The entry goes, and they with it. */
bool room_is_wanted(const struct gate *g, const struct image *i);
void room_blame(struct gate *g, const struct image *i);
enum err room_drop_entry(struct gate *g, const struct image *i) MUST_CHECK;

/* The begun one that nobody has come back for within a day, and to give that up. */
bool room_is_stale(const struct image *i);
void room_forget(struct gate *g, struct image *i);

#endif
