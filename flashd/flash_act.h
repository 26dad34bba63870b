/*
 * flash_act: what a person on the gateway may order: confirm or reject a plan that policy asks
 * about, cancel an upgrade, pause or resume a rollout. Who may is decided by the act socket's group
 * (bus.h); each order is an event record.
 */
#ifndef SUBOTA_FLASH_ACT_H
#define SUBOTA_FLASH_ACT_H

#include "flash.h"

/* Policy wants a person's yes for this new upgrade: record it so, and tell the operator. */
void flash_act_ask(struct flash *f, struct device_upgrade *u, const char *why);

/* bus_on_query for the act socket. ERR_NOT_FOUND: no such order or upgrade; ERR_PHASE: it means
 * nothing in the upgrade's state; else why policy says no even so. *json: {"detail": sentence}. */
enum err flash_act_on_order(void *arg, const char *what, const char *argument, char **json);

#endif
