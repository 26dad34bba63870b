/*
 * flash_group: order and groups (order.h) held against what is under way.
 */
#ifndef SUBOTA_FLASH_GROUP_H
#define SUBOTA_FLASH_GROUP_H

#include "flash.h"

/* Do others come first, or is the group not complete? `text` says which. For upgrades in the queue.
 */
bool flash_group_holds(const struct flash *f, const struct roster_device *d,
    const struct device_upgrade *u, char text[DEVICE_HOLD]);
/* Tell every upgrade under way whether it has to wait for its group, and for how long it must have
 * run. */
void flash_group_refresh(struct flash *f);
/* An upgrade has just ended: if not well, its group stops or goes back. */
void flash_group_ended(struct flash *f, const struct device_upgrade *u);

#endif
