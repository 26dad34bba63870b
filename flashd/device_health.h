/*
 * device_health: rows of the machine (device.c) between "the new image runs" and "keep it".
 *
 * Running with the right hash and version is the first half of being healthy. The second: it goes
 * on answering so for a while (`settle`), then a program of the operator says so by its exit status
 * (`health_command`), and where devices go together (order.h) all others run theirs, too. Until
 * then it is asked again and again and nothing is confirmed: a device with a test boot that resets
 * meanwhile is back on its old image by itself.
 */
#ifndef SUBOTA_DEVICE_HEALTH_H
#define SUBOTA_DEVICE_HEALTH_H

#include "device.h"

/* Guard: it is not to be kept yet. */
bool device_health_waits(void *ctx, const void *data);
/* Action: ask again in a moment. */
void device_health_watch(void *ctx, const void *data);
/* It answered otherwise or not at all: the while begins anew, and the program is asked again. */
void device_health_lost(struct device_upgrade *u);

/* Guard: the program has to be asked. It is asked anew after a restart: nothing of it is recorded
 * but that it said no. Action: ask it. */
bool device_health_asks(void *ctx, const void *data);
void device_health_ask(void *ctx, const void *data);
/* Action: it says yes; is the device still there? */
void device_health_good(void *ctx, const void *data);
/* Guard: it says no, or cannot be asked, time and again. Action: the image goes back. */
bool device_health_is_bad(void *ctx, const void *data);
void device_health_bad(void *ctx, const void *data);
/* Guard: it said no, before. */
bool device_health_was_bad(void *ctx, const void *data);
/* Action: and there is no way back: the end, for the program's reason. */
void device_health_stuck(void *ctx, const void *data);

/* The same guards where the device says that it keeps the image, which may be what it ran before
 * this upgrade. */
bool device_health_kept_waits(void *ctx, const void *data);
bool device_health_kept_asks(void *ctx, const void *data);

/* Runs the new image, and all that is its own business is done. */
bool device_health_is_well(const struct device_upgrade *u);

#endif
