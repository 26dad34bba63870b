/*
 * flash_talk: flashd's conversation with the gate.
 *
 * The gate may offer, order, cancel and acknowledge; each is judged here, none is believed. What
 * flashd says of an upgrade is a report, durable until it is acknowledged from the platform's side
 * and said again until then.
 */
#ifndef SUBOTA_FLASH_TALK_H
#define SUBOTA_FLASH_TALK_H

#include "flash.h"

/* Bind the socket for the gate and the control socket. */
enum err flash_talk_open(struct flash *f) MUST_CHECK;

/* The verdict ACCEPT for an admitted upgrade. */
enum err flash_talk_accept(struct flash *f, const struct device_upgrade *u) MUST_CHECK;
/* The verdict ASKED for one that waits for a person. */
enum err flash_talk_asked(struct flash *f, const struct device_upgrade *u) MUST_CHECK;
/* Reports the gate has not had since its link came up, or not acknowledged for a minute. */
void flash_talk_reports(struct flash *f);
/* DeviceReports that are due. */
void flash_talk_devices(struct flash *f);
void flash_talk_progress(struct flash *f, const struct device_upgrade *u);
/* Every ten minutes for each upgrade that waits for its turn: it lives. When it is due. */
void flash_talk_signs(struct flash *f, struct mono now);
struct mono flash_talk_sign_due(const struct flash *f, const struct device_upgrade *u);

#endif
