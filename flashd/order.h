/*
 * order: which devices go before others and which go together, as configured; pure.
 *
 * `after = NAME NAME` in a device's section: it begins when nothing is under way for those, and not
 * after they failed with the same version. `together = WORD`: all devices with this word get a new
 * version or none does: the first begins when each has an image and is there, none keeps its image
 * before all of them run theirs, and when one fails the others stop or go back.
 *
 * What cannot be is refused at the start: unknown names, circles, and an order within a group,
 * whose members would wait for each other.
 */
#ifndef SUBOTA_ORDER_H
#define SUBOTA_ORDER_H

#include "flash_settings.h"

/* Logged and ERR_CONFIG. */
enum err order_check(const struct flash_settings *s) MUST_CHECK;

/* Does `a` name `b` in its `after`? */
bool order_is_after(const struct flash_settings_device *a, const struct flash_settings_device *b);
/* Are they in one group? Not a device with itself. */
bool order_is_together(
    const struct flash_settings_device *a, const struct flash_settings_device *b);

#endif
