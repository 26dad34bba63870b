/*
 * gate: fetchd's main process: between the cloud's side and the devices' side.
 *
 * talk.c speaks with the two neighbours and follows each upgrade; works.c works on images:
 * couriers, verification, store. Both only step the two machines (image.h, upgrade.h); gate_settle
 * makes the outcome durable and then carries out the effects, so a restart at any point converges.
 *
 * The gate opens no network socket and parses no HTTP. A message from cloudd can ask, delay, repeat
 * or lie about an upgrade, but every byte that reaches the store was signed by a publisher.
 */
#ifndef SUBOTA_GATE_H
#define SUBOTA_GATE_H

#include "book.h"
#include "check.h"
#include "clock_alarm.h"
#include "daemon.h"
#include "download.h"
#include "follow.h"
#include "held.h"
#include "record_alarm.h"
#include "settings.h"
#include "store.h"

/* The one copy from the drop directory that is under way (drop.h). */
struct gate_drop {
	uint64_t job; /* 0 = none */
	int in, out;
	struct loop_timer slice;
};

struct gate {
	struct daemon *daemon;
	const struct settings *settings;
	struct nursery *nursery; /* started before privileges were dropped */
	struct downloads *downloads;
	struct book book;
	struct store *store;
	struct trust *trust;
	struct bus_link *cloud, *flash;
	struct held to_cloud, to_flash;
	char boot_id[CLOCK_BOOT_ID];
	char hosts_text[512], redirects_text[512]; /* cut into the next two */
	char *hosts[SETTINGS_HOSTS_MAX], *redirects[SETTINGS_HOSTS_MAX];
	size_t n_hosts, n_redirects;

	struct loop_timer tick; /* runs only while something is pending */
	uint64_t sent_report;   /* last one handed to cloudd since the link came up */
	struct mono resend_at;
	struct mono sweep_due; /* what could not be removed is tried again then */
	bool settling;
	enum err unsaved; /* why what changed could not be made durable, the last time */
	struct clock_alarm clock;
	struct record_alarm record;

	/* the one verification in progress */
	struct loop_timer slice;
	uint64_t check_job; /* 0 = none */
	int check_fd;
	bool check_stored; /* the file lies in the store already */
	struct checked checked;
	struct check *check;

	struct gate_drop drop;
	struct loop_timer drop_sweep; /* every hour */
	struct follow follow; /* hashing beside a download */
};

/* Open everything and go on where the last one stopped. `nursery` becomes the gate's. */
enum err gate_start(struct gate *g, struct daemon *d, struct nursery *nursery) MUST_CHECK;
void gate_stop(struct gate *g);

/* Make what changed durable, then carry it out. Called after every event. */
void gate_settle(struct gate *g);
/* Whether something has happened that is not durable yet (the disk is full, say). */
bool gate_is_unsettled(const struct gate *g);

/* What time it is, for trust. */
struct trust_time gate_time(struct gate *g);

#endif
