/*
 * sim_fault: what goes wrong, and when: a list made from the seed before the run begins, so that a
 * run can be repeated without some of them, which is how a history is shrunk.
 */
#ifndef SUBOTA_SIM_FAULT_H
#define SUBOTA_SIM_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sim_fault_kind {
	SIM_FAULT_KILL,
	SIM_FAULT_POWER,
	SIM_FAULT_BUS_CUT,
	SIM_FAULT_BUS_BUSY,
	SIM_FAULT_UPLINK_CUT,
	SIM_FAULT_UPLINK_LATE_CUT,
	SIM_FAULT_FORGOTTEN_LOGIN,
	SIM_FAULT_RATE_LIMIT,
	SIM_FAULT_NO_ADDRESS,
	SIM_FAULT_COURIER_BREAKS,
	SIM_FAULT_COURIER_DIES,
	SIM_FAULT_COURIER_HTTP,
	SIM_FAULT_COURIER_LIES,
	SIM_FAULT_SESSION_DIES,
	SIM_FAULT_SESSION_HANGS,
	SIM_FAULT_UNPLUG,
	SIM_FAULT_NOISE,
	SIM_FAULT_DISK_FULL,
	SIM_FAULT_DISK_READ_ONLY,
	SIM_FAULT_DISK_ERROR,
	SIM_FAULT_CLOCK_JUMP,
	SIM_FAULT_STORE_SPOILT,
	/* in lively worlds only: sim_trouble.h */
	SIM_FAULT_PERSON_CANCELS,
	SIM_FAULT_PERSON_CHECKS,
	SIM_FAULT_PERSON_FORGETS,
	SIM_FAULT_PERSON_ROLLOUT,
	SIM_FAULT_ADDRESS_AGAIN,
	SIM_FAULT_ADDRESS_BAD,
	SIM_FAULT_LOGIN_TROUBLE,
	SIM_FAULT_EXPELLED,
	SIM_FAULT_PROCESS_AWAY,
	SIM_FAULT_BUS_AWAY,
	SIM_FAULT_DEVICE_AWAY,
	SIM_FAULT_SESSION_DIES_LATE,
	SIM_FAULT_BOARD_AMID_CHANGE,
	SIM_FAULT_HIT_AT_MESSAGE,
	SIM_FAULT_POWER_AMID_DOWNLOAD,
	SIM_FAULT_SERVER_WRONG,
	SIM_FAULT_SERVER_GONE,
	SIM_FAULT_SERVER_SLOW,
	SIM_FAULT_NETWORK_GONE,
	SIM_FAULT_RECORD_LOST,
	SIM_FAULT_STORE_LOST,
	SIM_FAULT_UNRECORDED, /* in hostile ones, too, in every fifth seed: sim_ack.h */
	/* in hostile worlds only, each from a stream of its own: sim_mischief.h */
	SIM_FAULT_REPLACED,
	SIM_FAULT_RESTART,
	SIM_FAULT_DEAF,
	SIM_FAULT_SWAP_CUT,
	SIM_FAULT_SAYS_VERSION,
	SIM_FAULT_SAYS_HASH,
	SIM_FAULT_FORGETS,
	SIM_FAULT_DENIES,
	SIM_FAULT_PLAN_REPLACED,
	SIM_FAULT_PLAN_WITHDRAWN,
	SIM_FAULT_COURIER_FULL,
	SIM_FAULT_NAME_LOST, /* with a power cut: counted only */
	SIM_FAULT_PLAN_LATE, /* counted only */
	SIM_FAULT_TRAITOR,
	SIM_FAULT_AIMED, /* from SIM_AIMED on: sim_aim.h */
	SIM_FAULT_LATE,  /* from SIM_LATE on: sim_late.h */
	SIM_FAULT_KINDS,
	SIM_FAULT_FIRST_NEW = SIM_FAULT_REPLACED
};
const char *sim_fault_name(int kind);

/* Make the list and arrange for it; `skip` (may be NULL) has a true for each one to leave out. */
void sim_fault_new(unsigned n, const bool *skip);
unsigned sim_fault_count(void);
/* Instead of a list: faults of all kinds for ever, one in so many ms on average, processes dying
 * only until then (ns); and their end. */
void sim_fault_steady(int64_t mean_ms, int64_t deaths_until);
void sim_fault_calm(void);

/* The list as text for people, with what is left out left out. */
void sim_fault_print(const bool *skip);

#endif
