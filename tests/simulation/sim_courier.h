/*
 * sim_courier: the gate's couriers (fetchd/download.h) in virtual time, and the package server they
 * fetch from. A courier writes into the gate's own file, reports, and may fail, lie, hang or be
 * killed.
 */
#ifndef SUBOTA_SIM_COURIER_H
#define SUBOTA_SIM_COURIER_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether a courier that has not ended has this file open. */
bool sim_courier_writes(ino_t inode);

/* What the next ones do. */
enum sim_courier_trouble {
	SIM_COURIER_BREAKS, /* the network goes in the middle */
	SIM_COURIER_DIES,   /* without a last word */
	SIM_COURIER_HTTP,   /* 503 */
	SIM_COURIER_LIES,   /* writes other bytes than it fetched */
	SIM_COURIER_WRONG,  /* the server has other bytes than the platform says */
	SIM_COURIER_GONE,   /* 404 */
	SIM_COURIER_SLOW,   /* minutes from piece to piece */
	SIM_COURIER_FULL,   /* the disk has no room for more */
	SIM_COURIER_TROUBLES
};
void sim_courier_trouble(enum sim_courier_trouble t);
/* The power goes when the next one has written what is not yet durable; false: no more. */
void sim_courier_cut(bool goes);
/* Nobody reaches the server for so long. */
void sim_courier_unreachable(int64_t for_ns);
void sim_courier_calm(void);
/* Whether one wrote, since the beginning, other bytes of this package than its publisher's. */
struct sim_package;
bool sim_courier_lied(const struct sim_package *p);

#endif
