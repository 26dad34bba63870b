/*
 * flash_restore: the image that was confirmed last, flashed again.
 *
 * Where policy says `restore = yes`: a device that runs another version than it confirmed (its
 * module was swapped, or a new image does not work and it has no way back by itself), and one that
 * has had nothing to run for longer than it may, gets what was confirmed on it last, if the store
 * still has it: the gate lets go of such images last. It is an upgrade like every other, verified
 * and queued, with a number of flashd's own (sixteen times the milliseconds of the wall clock), of
 * which the platform knows nothing. A plan for the device comes before it; what fails is tried
 * again, with pauses.
 */
#ifndef SUBOTA_FLASH_RESTORE_H
#define SUBOTA_FLASH_RESTORE_H

#include "flash.h"

/* It is about to be learned what it answers: whoever runs an image on trial when it is heard for
 * the first time since a start is known by what it confirmed, to which its next start may lead. */
void flash_restore_know(struct flash *f, struct roster_device *d, const Pb__SessionReport *answer);
/* It has answered: a device that runs something else than it confirmed was changed behind our back,
 * which is told once; but not one that runs what its last upgrade wrote, although that had failed.
 */
void flash_restore_watch(struct flash *f, struct roster_device *d, const Pb__SessionReport *answer);
/* Begin what is due; true when some upgrade changed. */
bool flash_restore_start(struct flash *f);
/* Does policy want it for this device? Is this upgrade for what was confirmed there? */
bool flash_restore_is_wanted(const struct flash *f, const struct roster_device *d);
/* And would it also undo, so, what its group could not keep? */
bool flash_restore_in_group(const struct flash *f, const struct roster_device *d);
bool flash_restore_is_one(
    const struct flash *f, const struct roster_device *d, const struct device_upgrade *u);
/* Could it be done now: policy, a confirmed image, and that still good? */
enum err flash_restore_can(
    struct flash *f, const struct roster_device *d, char why[WHY_SIZE]) MUST_CHECK;
/* When one is tried again. */
struct mono flash_restore_next(const struct flash *f);

#endif
