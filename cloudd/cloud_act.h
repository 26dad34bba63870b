/*
 * cloud_act: what a person on the gateway may order of cloudd: ask the platform for an upgrade of a
 * device now. Who may is decided by the act socket's group (bus.h).
 */
#ifndef SUBOTA_CLOUD_ACT_H
#define SUBOTA_CLOUD_ACT_H

#include "cloud.h"

/* `check` PRODUCT/DEVICE. ERR_NOT_FOUND: no such order; ERR_UNKNOWN_DEVICE, ERR_OFFLINE,
 * ERR_NOT_LOGGED_IN, ERR_BUSY: it cannot be asked now. *json: {"detail": sentence}. */
enum err cloud_act(struct cloud *c, const char *what, const char *argument, char **json) MUST_CHECK;

#endif
