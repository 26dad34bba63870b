/*
 * flash_status: answers to subotactl, as JSON: status, devices, upgrades.
 */
#ifndef SUBOTA_FLASH_STATUS_H
#define SUBOTA_FLASH_STATUS_H

#include "err.h"

/* A bus_on_query; `arg` is the struct flash. ERR_NOT_FOUND: no such question. */
enum err flash_status_on_query(
    void *arg, const char *what, const char *argument, char **json) MUST_CHECK;

#endif
