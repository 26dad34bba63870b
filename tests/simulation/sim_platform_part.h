/*
 * sim_platform_part: what sim_platform.c (messages) and sim_plans.c (plans) share; nobody else
 * includes it.
 */
#ifndef SUBOTA_SIM_PLATFORM_PART_H
#define SUBOTA_SIM_PLATFORM_PART_H

#include "sim_house.h"
#include "sim_order.h"

enum { SIM_PLANS_MAX = 64 };

struct sim_plan {
	const struct sim_package *package;
	const struct sim_package *radio; /* the second component of its list; NULL = no list */
	bool old;                        /* this package again, although a newer one is there */
	int wrong; /* it asks for what the device has not: 1 another version, 2 more room */
	bool overtaken; /* a person has installed a newer one, which the device keeps */
	bool done, over;
	unsigned failures, refusals;
	int64_t due, since;
	bool offered;
	bool known; /* offered at some time, in a lively world: its version may come by another way
		     */
	bool begun; /* status 1 has come since */
	bool waits; /* nothing came after the confirmation */
	bool confirmed; /* and then 2, at confirmed_at */
	int64_t confirmed_at;
};

struct sim_peer {
	bool known, in; /* registered, logged in */
	bool silent;    /* no address for the next confirmation */
	bool hurried;   /* the next message is one too many */
	bool stale;     /* what came late may have begun a plan that was over */
	bool gap;       /* statuses have not been worked off yet, or an address came late */
	int quirk;      /* how the next request goes wrong (sim_quirk.c), and how many of them */
	unsigned quirk_times;
	bool malformed; /* the next address makes no sense */
	bool needless;  /* the first of its list runs already */
	char version[65];
	int last;                  /* status, 0 = none */
	struct sim_order order[2]; /* of app and radio */
	int64_t muddled;           /* until then nothing is known of the order */
	/* The second component is only held against what the other processor did: its plan need not
	 * be done, and another may come meanwhile. */
	const struct sim_package *radio_offered, *radio;
	int radio_last;
	bool radio_open; /* begun, and its end not heard */
	/* Dropped while the device had it: it may be told about for a while. */
	const struct sim_package *dropped;
	/* Done, as its version was heard before its success, which comes later, refused first. */
	const struct sim_package *early;
	struct sim_plan plan[SIM_PLANS_MAX];
	int n, at;
};

struct sim_platform {
	bool registered;
	struct sim_stream moods; /* sim_quirk.c */
	int cut_at;              /* cloudd loses the gate when this status is heard; 0 = never */
	int64_t cut_ns;
	uint16_t package_id;
	struct sim_plan first[SIM_PLANS_MAX]; /* of the first device, as they were made */
	struct sim_peer peer[SIM_DEVICES_MAX];
};

struct sim_peer *sim_plans_peer(int device);
/* The plan whose turn it is; NULL = all have ended. */
struct sim_plan *sim_plans_current(int device);
bool sim_plans_is_bad(const struct sim_plan *p);
const char *sim_plans_target(const struct sim_plan *p);
void sim_plans_make(int device, int n);
/* Offer the current plan if its time has come, or if the device asks. */
void sim_plans_offer(int device, bool asked);
/* The device is said to run this. */
void sim_plans_learn(int device, const char *version);
void sim_plans_failed(int device, bool refused);
void sim_plans_end(int device, bool done);

/* Messages; sim_platform.c. */
void sim_platform_send_firmware(int device, const struct sim_package *k, bool radio);
void sim_platform_reply(int device, uint16_t command, int code);
void sim_platform_exception(int device, int code, uint16_t package_id);
void sim_platform_send_plan(int device, const struct sim_plan *p);

/* Statuses; sim_status.c. One is said, and taken or refused; what it does, if it was taken. */
void sim_status_said(int device, bool radio, int status, bool refused);
void sim_status_hear(int device, bool radio, int status, const char *version);
/* One is said, and kept by the broker; and is worked off when its connection is long gone. */
void sim_status_keep(int device, bool radio, int status);
void sim_status_late(int device, bool radio, int status, const char *version);

#endif
