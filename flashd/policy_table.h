/*
 * policy_table: which of the configured policies ([flashd.policy NAME]) holds for a device; pure.
 *
 * The most specific one does: one that names the device, else its group, else its product, else one
 * that names nothing; among equals the first in the file. Conditions add up: the stricter of the
 * policy's, the device's own section's and the plan's limits holds, and of both modes, too: never
 * before ask before auto.
 */
#ifndef SUBOTA_POLICY_TABLE_H
#define SUBOTA_POLICY_TABLE_H

#include <time.h>

#include "flash_settings.h"
#include "policy.h"

/* NULL: none; the device's own section decides. Borrowed from `s`. */
const struct flash_settings_policy *policy_table_find(
    const struct flash_settings *s, const struct flash_settings_device *d);

/* Fill in the part of `out` that the configuration decides, at this local time. */
void policy_table_apply(const struct flash_settings *s, const struct flash_settings_device *d,
    const struct tm *local, struct policy_device *out);

#endif
