/*
 * dc_ota: the platform's side of an upgrade (spec: developer center, sections 8 and 11.1), profile
 * P1: a sub-device has the same messages as a device, on its own endpoint.
 *
 * Several components run in the order of the list, each with statuses of its own; an address is
 * only given to the first that is not done. One that was confirmed earlier gets it in its turn.
 *
 * request or push -> 0x0111 plan -> 0x0114 status 1, 2 -> 0x0113 address -> 4, 5, 8, 9, 11 or 12;
 * success is status 11 or a version report that equals the target, whichever comes first.
 */
#ifndef DC_OTA_H
#define DC_OTA_H

#include "dc_peer.h"

/* clang-format off */
/* Why a plan is offered. */
enum dc_ota_why {
	DC_OTA_REQUEST,  /* 0x0115: always answered when a plan fits */
	DC_OTA_LOGIN,    /* the others only when the plan is pushed actively, */
	DC_OTA_VERSION,  /* inside its push period and not waiting after a refusal */
	DC_OTA_ACTIVE,
	DC_OTA_TIMER,
	DC_OTA_SWEEP,    /* the look at everybody, every ten minutes */
};
/* clang-format on */

/* Offer the first plan that fits, if any: one component as it is, several as a list (id 28). */
void dc_ota_offer(struct dc *dc, struct dc_peer *p, enum dc_ota_why why);

/* 0x0113 for the first plan that fits, without its 0x0111; nothing when none does. */
void dc_ota_address(struct dc *dc, struct dc_peer *p);

/* A device reported versions (NULL: did not say): record, settle, offer. */
void dc_ota_version(struct dc *dc, struct dc_peer *p, const char *version, const char *mcu);

/* Handlers of 0x0115, 0x0114 and 0x0112; 0 or the code of an exception. */
unsigned dc_ota_request(struct dc *dc, struct dc_peer *p);
unsigned dc_ota_status(struct dc *dc, struct dc_peer *p);
unsigned dc_ota_confirm(struct dc *dc, struct dc_peer *p);

/* Offer whatever has become due. */
void dc_ota_tick(struct dc *dc);

/* "Downloading" and the like; NULL for a status that is not assigned. */
const char *dc_ota_status_text(int64_t status);
/* The platform's word for where a component stands on a device: its state, the last status (0:
 * none), whether it was offered. */
const char *dc_ota_progress_text(int64_t state, int64_t last, bool offered);

#endif
