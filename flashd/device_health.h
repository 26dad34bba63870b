/*
 * device_health: rows of the machine (device.c) between "the new image runs" and "keep it".
 *
 * Running with the right hash and version is the first half of being healthy. The second: it goes
 * on answering so for a while (`settle`), and where devices go together (order.h) all others run
 * theirs, too. Until then it is asked again and again and nothing is confirmed: a device with a
 * test boot that resets meanwhile is back on its old image by itself.
 */
#ifndef SUBOTA_DEVICE_HEALTH_H
#define SUBOTA_DEVICE_HEALTH_H

#include "device.h"

/* Guard: it is not to be kept yet. */
bool device_health_waits(void *ctx, const void *data);
/* Action: ask again in a moment. */
void device_health_watch(void *ctx, const void *data);
/* It answered otherwise or not at all: the while begins anew. */
void device_health_lost(struct device_upgrade *u);

#endif
