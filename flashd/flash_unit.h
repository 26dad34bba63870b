/*
 * flash_unit: a device's unit was heard (unit.h), and what follows when it is another one than
 * before: a module that was swapped is taken up again by itself.
 */
#ifndef SUBOTA_FLASH_UNIT_H
#define SUBOTA_FLASH_UNIT_H

#include "flash.h"

/* The units that the record knows; after roster_init. */
enum err flash_unit_load(struct flash *f) MUST_CHECK;

/* This is what the device says. True: another unit than before; it is recorded, told, written into
 * the audit log, and what was remembered of the one before is not held against it. A unit that is
 * heard for the first time takes over what was confirmed under the device's name. */
bool flash_unit_heard(struct flash *f, struct roster_device *d, const char *unit);

/* Was this upgrade, which has ended, one of the unit that is there now? */
bool flash_unit_is_of(const struct roster_device *d, const struct device_upgrade *u);

#endif
