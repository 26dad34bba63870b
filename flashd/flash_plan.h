/*
 * flash_plan: a dry run: what would come of this bundle on this device now, and why. The very
 * functions that judge plans and images are asked, with the head of the bundle as it came from
 * whoever asks; nothing is kept of it, not even newer roots, and nobody is told.
 */
#ifndef SUBOTA_FLASH_PLAN_H
#define SUBOTA_FLASH_PLAN_H

#include "flash.h"

/* bus_on_data. `what`: "plan"; `argument`: NAME or PRODUCT/DEVICE, and maybe a blank and a
 * component; `data`: the bundle's bytes up to its first payload. *json: {"device", "component",
 * "from", "to", "verdict": begin, wait, ask, refuse or nothing, "checks": [{"check", "result",
 * "text"}]}. ERR_NOT_FOUND: no such device; errors of bundle_read_head. */
enum err flash_plan_on_data(
    void *arg, const char *what, const char *argument, const void *data, size_t len, char **json);

#endif
