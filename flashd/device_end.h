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
/* A cancel that does not end it. */
void device_end_too_late(void *ctx, const void *data);

#endif
