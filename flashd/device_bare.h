/*
 * device_bare: rows of the machine for devices that have nothing to run while they are written.
 *
 * A DESTRUCTIVE driver has no other slot and no way back. From the first byte on such a device is
 * bare until it says that an image runs. An upgrade of a bare device does not end as failed by its
 * deadlines: it is written again and again, with pauses, and each time a deadline passes there is
 * an alarm (event device_bare). It ends before it succeeds only when its image is not acceptable
 * any more, or when a newer plan takes its place after an alarm.
 */
#ifndef SUBOTA_DEVICE_BARE_H
#define SUBOTA_DEVICE_BARE_H

#include "device.h"

/* Guard: begun, no way back, and nothing that runs was seen since. */
bool device_bare_is(void *ctx, const void *data);

/* And the trouble is not that its image is no longer what was signed, or that the disk does not
 * give it back: the gate fetches another only when it is told that this one has failed. */
bool device_bare_goes_on(void *ctx, const void *data);

/* Actions. The boot loader is there and nothing else: write, with pauses after the first time. */
void device_bare_write(void *ctx, const void *data);
/* The time is over: alarm, start the clock again, look; a write or look that is due sooner stays.
 */
void device_bare_alarm(void *ctx, const void *data);

/* An alarm was given: a newer plan may take the place of this one. */
bool device_bare_yields(const struct device_upgrade *u);

/* What the end of a verb says about it; `event` is what it led to. */
void device_bare_learn(struct device_upgrade *u, int event);

#endif
