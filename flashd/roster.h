/*
 * roster: the devices of the configuration and what each said of itself when last asked.
 *
 * A device is asked (IDENTIFY) at the start, after every upgrade, and from time to time; one that
 * does not answer is asked less and less often. What it says is its own claim: it is shown, given
 * to policy, and sent to the gate as a DeviceReport when it changed.
 *
 * Everything that happens to one of hundreds of devices looks at all of them. So devices are found
 * in a list sorted by name, an upgrade remembers its device, and what concerns a whole device
 * (several components) is kept at the first of them.
 */
#ifndef SUBOTA_ROSTER_H
#define SUBOTA_ROSTER_H

#include "counters.h"
#include "device.h"
#include "flash_settings.h"
#include "lane.h"

struct roster_device {
	const struct flash_settings_device *config;
	struct lane *lane;
	size_t lane_number;           /* its place among the lanes */
	struct roster_device *leader; /* first of its device's components, maybe itself */
	unsigned active;              /* at the leader: see roster_count */
	unsigned place, places;       /* of this component among those of its device, from 0 */
	char binding[DEVICE_BINDING];
	char unit[65];             /* flash_unit.h; "" = not known */
	Pb__DeviceState state;     /* UNKNOWN, AWAY or PRESENT */
	char version[DEVICE_TEXT]; /* that it keeps; on trial: see roster_on_answer */
	bool on_trial;             /* it runs an image that is not kept */
	bool unkept;               /* and `version` is that image's: no other was ever heard */
	uint32_t battery;          /* percent; 101 = mains or unknown */
	int32_t signal_dbm;
	int error; /* of the last question */
	char detail[WHY_SIZE];
	struct mono ask_at;
	unsigned misses;
	bool asking;            /* a session does */
	bool report_due;        /* the gate has to hear */
	bool busy;              /* as the gate has heard */
	struct mono restore_at; /* flash_restore.h: not before */
	unsigned restores;
	bool destructive;   /* its driver leaves nothing to run while it writes, as last said */
	bool regressed;     /* alarm raised: runs another version than it confirmed */
	uint64_t left_by;   /* flash_back.h: the upgrade whose image it runs on trial; 0 = none */
	bool going_back;    /* its session was not asked, but told to go back */
	uint64_t back_from; /* the upgrade that it was sent back from, `backs` times */
	unsigned backs;
};

struct roster {
	struct roster_device *devices;
	struct roster_device **by_name; /* the same, by product, device and component */
	size_t n;
	uint64_t ask_every_ms;
};

/* `config` is borrowed. Everybody is asked at once. */
enum err roster_init(
    struct roster *r, const struct flash_settings *config, struct mono now) MUST_CHECK;
void roster_fini(struct roster *r);

/* The entry for exactly this component; else one of the same device (for a good refusal); else
 * NULL. */
struct roster_device *roster_find(
    const struct roster *r, const char *product_key, const char *device_key, const char *component);

/* The entry for exactly the component of an upgrade, or NULL. What was found once is remembered in
 * `seat`: an upgrade may be asked about at every event. */
struct roster_device *roster_of(const struct roster *r, const struct device_upgrade *u);
struct roster_device *roster_seat(const struct roster *r, struct device_upgrade *u);

/* Is it an upgrade of this device, whichever component? */
bool roster_is_of(const struct device_upgrade *u, const struct roster_device *d);
/* The gate has to hear how this device is once more: an old report of it is said again. */
void roster_tell_again(struct roster *r, const char *product_key, const char *device_key);
/* And of this component? */
bool roster_is_for(const struct device_upgrade *u, const struct roster_device *d);
/* The newest upgrade for it, NULL when there is none; the ledger's list is newest first. */
struct device_upgrade *roster_newest(struct device_upgrade *list, const struct roster_device *d);
/* The newest of them that has written to the device, or may still do so: what it runs is that one's
 * doing, whatever was refused or cancelled since. NULL: none. */
struct device_upgrade *roster_last_writer(
    struct device_upgrade *list, const struct roster_device *d);
/* Under which its numbers are kept; the texts are the entry's. */
struct counters_key roster_key(const struct roster_device *d);

/* Counts what is under way for each device, all of its components together, from a list of
 * upgrades; true until the next change: roster_is_busy. One pass over each. */
void roster_count(struct roster *r, const struct device_upgrade *list);
bool roster_is_busy(const struct roster_device *d);

/* The answer to a question, or what came of one; NULL = the session died. Nobody upgrades it: what
 * it runs on trial is its version if no other is known, for it has to log in with one. */
void roster_on_answer(
    struct roster *r, struct roster_device *d, const Pb__SessionReport *a, struct mono now);
/* The question could not even be asked. */
void roster_on_failure(
    struct roster *r, struct roster_device *d, enum err e, const char *why, struct mono now);
/* Facts from the verbs of an upgrade: what runs on trial meanwhile is the upgrade's, or is to go.
 * It is never the device's version, even if flashd was started anew and knows no other. */
void roster_learn(struct roster_device *d, const Pb__SessionReport *a);
/* Ask soon, whatever the plan was. */
void roster_ask_soon(struct roster_device *d, struct mono now);

struct subject roster_subject(const struct roster_device *d);

#endif
