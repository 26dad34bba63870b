/*
 * device_queue: rows of the machine (device.c) about having a turn.
 *
 * With a good image an upgrade stands in the queue (QUEUED); which one begins, rollout.h decides. A
 * device that answers no more before anything was written gives its turn back, so that others need
 * not wait for it; it is taken up again when it is heard. It may do so a few times: then the
 * deadlines of FLASHING hold, so that a device which comes and goes does not queue for ever.
 */
#ifndef SUBOTA_DEVICE_QUEUE_H
#define SUBOTA_DEVICE_QUEUE_H

#include "device.h"

enum { DEVICE_QUEUE_TROUBLES = 2, DEVICE_QUEUE_YIELDS = 10 };

/* Guard: nothing was written, and it has not answered so many times in a row. */
bool device_queue_yields(void *ctx, const void *data);

/* Actions: to the end of the queue; the same with the reason, and the clock of QUEUED begins. */
void device_queue_enter(void *ctx, const void *data);
void device_queue_again(void *ctx, const void *data);

/* The turn did not come in time. */
void device_queue_late(void *ctx, const void *data);

/* It has begun, but has not been heard for a while: others need not wait for it. */
bool device_queue_is_absent(const struct device_upgrade *u);

/* Guards: another unit has the place of one that was being upgraded; of one that was told to stop
 * or to go back. */
bool device_queue_swaps(void *ctx, const void *data);
bool device_queue_drops(void *ctx, const void *data);
/* Action: another unit has its place. What was done to the one before is no business of this one:
 * from the beginning. */
void device_queue_anew(void *ctx, const void *data);

#endif
