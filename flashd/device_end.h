/*
 * device_end: actions of the machine (device.c) with which an upgrade ends, and what the record
 * then says of why.
 */
#ifndef SUBOTA_DEVICE_END_H
#define SUBOTA_DEVICE_END_H

#include "device.h"

/* It is being taken back, and `error` says why: what goes wrong on the way is not the reason. */
bool device_end_goes_back(const struct device_upgrade *u);

/* With the event's error and detail. */
void device_end_as(void *ctx, const void *data);
void device_end_done(void *ctx, const void *data);
void device_end_reverted(void *ctx, const void *data);
/* The time is over: what went wrong last is the reason, if something did; no image. */
void device_end_late(void *ctx, const void *data);
void device_end_late_image(void *ctx, const void *data);
void device_end_cancel(void *ctx, const void *data);
void device_end_supersede(void *ctx, const void *data);
/* It was cancelled with its group, and cannot go back, but the image before is kept: the end, for
 * the reason of the cancel, after which that is written (flash_restore.h). */
bool device_end_is_replaced(void *ctx, const void *data);
void device_end_replaced(void *ctx, const void *data);
/* A cancel of the group that can be heeded so, later. */
bool device_end_may_replace(void *ctx, const void *data);
void device_end_replace_later(void *ctx, const void *data);
/* A cancel by a person or of the group, when it cannot just be stopped: what runs or will run goes
 * back, and what the device says next decides how; it is being marked to run at this moment. */
bool device_end_is_by_person(void *ctx, const void *data);
bool device_end_is_marked(void *ctx, const void *data);
void device_end_go_back(void *ctx, const void *data);
/* Guard: it was called off while it was marked, which had no effect: the old image runs, and
 * nothing is written or marked once more. Action: the end, for the reason that was given then. */
bool device_end_is_called_off(void *ctx, const void *data);
void device_end_call_off(void *ctx, const void *data);
/* A cancel that does not end it. */
void device_end_too_late(void *ctx, const void *data);

#endif
