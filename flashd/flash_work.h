/*
 * flash_work: what is to be done on devices next, and by which session.
 *
 * Devices on one link take turns, links work in parallel. Among what is due on a link, the upgrade
 * that has waited longest comes first, then questions to idle devices. An image is opened and
 * verified anew for every order that carries it; the record is safe before the session starts.
 */
#ifndef SUBOTA_FLASH_WORK_H
#define SUBOTA_FLASH_WORK_H

#include "flash.h"

/* One lane per port of the configuration. */
enum err flash_work_open(struct flash *f) MUST_CHECK;
void flash_work_close(struct flash *f);

/* Give idle lanes what is due; true when some upgrade changed, so that it must be recorded. */
bool flash_work_start(struct flash *f);
/* When something is due next, deadlines included. */
struct mono flash_work_next(struct flash *f);
/* Kill the session that works on the upgrade. */
void flash_work_stop(struct flash *f, const struct device_upgrade *u);

/* Is the device at the end of its lane free of other upgrades than `except`? */
const struct device_upgrade *flash_work_busy(
    const struct flash *f, const struct roster_device *d, uint64_t except);

/* Judge the image of an order for an upgrade; `out` is the caller's on ERR_OK. */
enum err flash_work_verify(struct flash *f, const struct device_upgrade *u,
    const uint8_t digest[32], struct verify_image *out, char why[WHY_SIZE]) MUST_CHECK;

/* Event records for upgrades that have just ended, and fresh questions to their devices. */
void flash_work_announce(struct flash *f);

#endif
