/*
 * flash_group: order and groups (order.h) held against what is under way.
 */
#ifndef SUBOTA_FLASH_GROUP_H
#define SUBOTA_FLASH_GROUP_H

#include "flash.h"

/* Do others come first, or is the group not complete? `text` says which. For upgrades in the queue.
 * What gives a device back what it had (flash_restore) belongs to no group: it waits for none, none
 * waits for it, and its end stops nothing. Who runs already what this one brings is not missing.
 */
bool flash_group_holds(const struct flash *f, const struct roster_device *d,
    const struct device_upgrade *u, char text[DEVICE_HOLD]);
/* Others of its group are under way: they wait for it, so that it waits for no canary. */
bool flash_group_has_begun(const struct flash *f, const struct roster_device *d);
/* ERR_POLICY: a member of its group could not be taken back should another fail: it has nothing to
 * run while it is written, and no confirmed image that policy (`restore`) would write again. */
enum err flash_group_check(
    struct flash *f, const struct device_upgrade *u, char why[WHY_SIZE]) MUST_CHECK;
/* Tell every upgrade under way whether it has to wait for its group, and for how long it must have
 * run. */
void flash_group_refresh(struct flash *f);
/* An upgrade has just ended: if not well, its group stops or goes back. */
void flash_group_ended(struct flash *f, const struct device_upgrade *u);

#endif
