/*
 * pump: what the platform is told: builds frames and hands them to the connection, as far as it
 * takes them.
 *
 * One message of a device's outbox at a time, so that the platform hears them in order; at most
 * CLOUD_FLIGHT_MAX messages in all. What finds no room stays where it is and is tried again when
 * something has been confirmed.
 */
#ifndef SUBOTA_PUMP_H
#define SUBOTA_PUMP_H

#include "cloud.h"

/* Tokens with this bit are messages that nobody waits for; the others are ids of the outbox. */
#define PUMP_TRANSIENT (UINT64_C(1) << 63)

/* Send whatever can be sent now. */
void pump_run(struct cloud *c);

/* Answer at once: 00A4 to a message of `s` (NULL: the gateway) that cannot be served. */
void pump_exception(struct cloud *c, struct subdevice *s, int code, uint16_t package_id);
/* 0032 or 0042, the answer to 0031 or 0041. */
void pump_answer(struct cloud *c, struct subdevice *s, uint16_t command, uint16_t package_id);

#endif
