/*
 * sim_deed: what may happen when a machine has entered a state (sim_aim.h): somebody dies, is away,
 * loses what it has recorded; a person or the platform wants something else; a board is touched by
 * another tool than ours.
 */
#ifndef SUBOTA_SIM_DEED_H
#define SUBOTA_SIM_DEED_H

enum sim_deed {
	/* processes and what is between them */
	SIM_DEED_KILL_CLOUDD,
	SIM_DEED_KILL_FETCHD,
	SIM_DEED_KILL_FLASHD,
	SIM_DEED_AWAY_CLOUDD,
	SIM_DEED_AWAY_FETCHD,
	SIM_DEED_AWAY_FLASHD,
	SIM_DEED_DISK_CLOUDD, /* nothing can be recorded for a while */
	SIM_DEED_DISK_FETCHD,
	SIM_DEED_DISK_FLASHD,
	SIM_DEED_LOSE_CLOUDD, /* its database, with a restart */
	SIM_DEED_LOSE_FETCHD,
	SIM_DEED_LOSE_FLASHD,
	SIM_DEED_POWER,
	SIM_DEED_BUS_CLOUD, /* cut for seconds */
	SIM_DEED_BUS_FLASH,
	SIM_DEED_BUS_CLOUD_AWAY, /* for hours */
	SIM_DEED_BUS_FLASH_AWAY,
	SIM_DEED_BUS_BUSY,
	SIM_DEED_STORE_LOST,
	SIM_DEED_STORE_SPOILT,
	/* people and the platform */
	SIM_DEED_CANCEL, /* a person, the upgrade that is not over */
	SIM_DEED_WITHDRAW,
	SIM_DEED_REPLACE_PLAN,
	SIM_DEED_PUSH,
	SIM_DEED_PUSH_RADIO,
	SIM_DEED_PUSH_BEFORE,
	SIM_DEED_SILENCE, /* no address comes for the next confirmation */
	SIM_DEED_UPLINK,  /* cut for seconds */
	SIM_DEED_SERVER_GONE,
	SIM_DEED_SERVER_SLOW,
	SIM_DEED_SERVER_BREAKS,
	/* the board */
	SIM_DEED_UNPLUG,
	SIM_DEED_UNPLUG_LONG,
	SIM_DEED_RESET, /* an image on trial goes back */
	SIM_DEED_OTHER_UNIT,
	SIM_DEED_LIE_VERSION,
	SIM_DEED_LIE_HASH,
	SIM_DEED_MISFIT,
	SIM_DEED_FORGETS, /* does not write what it says it has written */
	SIM_DEED_DENIES,
	SIM_DEED_SWAP_CUT,
	SIM_DEED_SESSION_DIES, /* the next one */
	/* by another tool; only while an upgrade is under way */
	SIM_DEED_KEEP,
	SIM_DEED_UNKEEP,
	SIM_DEED_MARK,
	SIM_DEED_UNMARK,
	SIM_DEED_GO_BACK,        /* a reset, when it is on trial */
	SIM_DEED_GO_BACK_MARKED, /* and what was on trial is to boot once more */
	SIM_DEED_GO_BACK_ERASED, /* and what was on trial is gone */
	SIM_DEED_UNKEEP_BACK,    /* the mark is lost, and a reset comes */
	SIM_DEED_UNKEEP_MARKED,
	SIM_DEED_UNKEEP_ERASED,
	SIM_DEED_BOOT_NEW, /* the image that was written is marked and booted */
	SIM_DEED_ERASE,    /* the only image is gone */
	SIM_DEEDS_BY_LOT,
	/* in recipes only */
	SIM_DEED_LOSE_WRITTEN = SIM_DEEDS_BY_LOT, /* the image that was written is gone */
	SIM_DEED_HANG_CLOUD, /* what is said to cloudd is lost, and nobody finds out */
	SIM_DEED_ROUSE_CLOUD,
	SIM_DEED_BACK_AT_KEEP, /* a reset, when the session that is to keep it begins */
	SIM_DEEDS
};

const char *sim_deed_name(int deed);
/* `n` is any number: for how long, which. */
void sim_deed(int deed, int device, unsigned n);
/* It is calm: all disks may be written to, where this kind of trouble was. */
void sim_deed_end(void);

#endif
