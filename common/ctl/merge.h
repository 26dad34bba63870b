/*
 * merge: what three daemons know of one device or one upgrade, in one row. Each row of theirs stays
 * whole under the daemon's name; the columns beside it are what a person asks first. Pure.
 */
#ifndef SUBOTA_MERGE_H
#define SUBOTA_MERGE_H

#include "out.h"

/* Answers to `devices` (of cloudd and flashd) or `upgrades` (of all); NULL: that daemon is silent.
 */
struct merge {
	const cJSON *cloudd, *fetchd, *flashd;
};

/* [{device, component, name, state, version, port, driver, login, upgrade, error, detail, cloudd,
 * flashd}]: first what flashd has, in its order. The caller's. */
cJSON *merge_devices(const struct merge *m);

/* [{upgrade, device, component, target, cloud, gate, flash, done, size, error, detail, cloudd,
 * fetchd, flashd}], the newest first. `error` and `detail` are those of whoever is nearest to the
 * device. The caller's. */
cJSON *merge_upgrades(const struct merge *m);

/* The upgrade of this id, NULL if there is none. Borrowed. */
const cJSON *merge_find_upgrade(const cJSON *upgrades, uint64_t id);

#endif
