/*
 * flash: flashd's one struct, and how what happened is made durable before anything leaves.
 *
 * flash_talk.c speaks with the gate, flash_work.c with devices through lanes; both only step the
 * machines (device.h, roster.h). flash_settle records the outcome and then carries out the effects,
 * so a restart at any point converges. Nothing that the gate or a device says can end this process.
 */
#ifndef SUBOTA_FLASH_H
#define SUBOTA_FLASH_H

#include "clock_alarm.h"
#include "daemon.h"
#include "ledger.h"
#include "link.h"
#include "plug.h"
#include "record_alarm.h"
#include "roster.h"
#include "unit.h"
#include "verify.h"

struct flash;

/* A lane, the devices that take turns on it, and whose turn it is. */
struct flash_lane {
	struct flash *flash;
	struct lane *lane;
	struct roster_device *device; /* of the order under way; NULL = none */
	uint64_t upgrade;             /* 0 = it is only being asked */
};

struct flash {
	struct daemon *daemon;
	const struct flash_settings *settings;
	struct device_limits limits;
	char gate_socket[108];
	struct ledger ledger;
	struct trust *trust;
	struct roster roster;
	struct flash_lane *lanes;
	size_t n_lanes;
	struct plug *plug;           /* the same; NULL: nobody listens */
	struct link_sockets sockets; /* made before flash_start, kept by it */
	struct nursery *nursery;     /* likewise */
	struct crews *crews;         /* NULL: a session for each order */
	struct pins *pins;           /* of each configured device, likewise; NULL = none */
	struct bus_link *gate;
	bool online; /* the platform can be reached, as the gate says */
	struct clock_alarm clock;
	struct record_alarm record;

	struct loop_timer tick;
	uint64_t sent_report; /* last one handed to the gate since the link came up */
	uint64_t told_report; /* the youngest ever handed to it by this process */
	struct mono resend_at;
	bool settling;
};

/* Open everything and go on where the last one stopped. */
enum err flash_start(struct flash *f, struct daemon *d) MUST_CHECK;
void flash_stop(struct flash *f);

/* Make what changed durable, carry it out, find work for idle lanes. After every event. */
void flash_settle(struct flash *f);

/* What the clock says and what is known to have passed (trust.h); settled: for an upgrade whose
 * device has been written to already. */
struct trust_time flash_time(struct flash *f, bool settled);

/* An event record about an upgrade. */
void flash_note(struct flash *f, const char *name, const struct device_upgrade *u, enum err e,
    const char *text);

#endif
