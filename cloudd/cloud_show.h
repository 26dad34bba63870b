/*
 * cloud_show: what `subotactl` may know: status, devices, upgrades. JSON, without any secret.
 */
#ifndef SUBOTA_CLOUD_SHOW_H
#define SUBOTA_CLOUD_SHOW_H

#include "cloud.h"

/* `what`: status, devices, upgrades. *json is heap, the caller's. ERR_NOT_FOUND for another word.
 */
enum err cloud_show(struct cloud *c, const char *what, char **json) MUST_CHECK;

#endif
