/*
 * flash_depends: what an image depends on (`depends` of its manifest), held against the devices of
 * this gateway.
 *
 * A dependency is on another component of the same device, or on every device of a model behind
 * this gateway. What is confirmed there (sequence, image) and what it says of itself (version)
 * decides; what it runs on trial does not. One that is not met waits in the queue while an upgrade
 * of that device is on its way or the device has not been heard, else the image is refused; before
 * the first byte, both. Within a group (`together`) what is on its way counts as if it ran, as none
 * is kept without the others, and what is not on its way yet is waited for: plans of a group come
 * one after the other.
 */
#ifndef SUBOTA_FLASH_DEPENDS_H
#define SUBOTA_FLASH_DEPENDS_H

#include "flash.h"

/* verify_on_depends; `arg` is the struct flash. */
enum err flash_depends_on(
    void *arg, const struct verify_target *t, const Tr__Depends *d, char why[WHY_SIZE]);

/* The same once it has been written: whatever became of the others, it is written to the end, for
 * the device may have nothing else to run. Always ERR_OK. */
enum err flash_depends_past(
    void *arg, const struct verify_target *t, const Tr__Depends *d, char why[WHY_SIZE]);

/* May this upgrade have its turn? ERR_AGAIN or ERR_DEPENDS with `why`; other faults of its image
 * are found when it is written. */
enum err flash_depends_hold(
    struct flash *f, struct device_upgrade *u, char why[WHY_SIZE]) MUST_CHECK;

/* An upgrade has ended, or a device has answered: who waits for it is looked at again at once. */
void flash_depends_news(struct flash *f, struct mono now);

#endif
