/*
 * unit: which unit stands behind a device's name: the serial number or unique id that its driver
 * read last, in flashd's record.
 *
 * What was confirmed on a device (counters.h) is bound to its unit as soon as that is known: what
 * stood there before belongs to the first unit that is heard; another unit under the same name
 * begins with the signed floors, and finds its own numbers again should it come back. A unit is a
 * device's own word: one that lies can escape its own numbers, not the floors of the root document.
 */
#ifndef SUBOTA_UNIT_H
#define SUBOTA_UNIT_H

#include "counters.h"

/* For the list of migrations of flashd's database. */
#define UNIT_SCHEMA \
	"CREATE TABLE unit(product_key TEXT, device_key TEXT, component TEXT, unit TEXT," \
	" PRIMARY KEY(product_key, device_key, component)) WITHOUT ROWID;"

enum { UNIT_TEXT = 65, UNIT_KEPT = 16 };

/* "" = never heard. k->binding is not looked at. */
enum err unit_get(struct record *r, const struct counters_key *k, char out[UNIT_TEXT]) MUST_CHECK;

/* This one is there now; part of the caller's transaction. k->binding: without a unit, or with the
 * one before. `adopts`: what was confirmed under it is this unit's (whose binding is `binding`). Of
 * more than UNIT_KEPT units the ones with the lowest counters are forgotten. */
enum err unit_set(struct record *r, const struct counters_key *k, const char *unit,
    const char *binding, bool adopts) MUST_CHECK;

#endif
