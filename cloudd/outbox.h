/*
 * outbox: what cloudd must not forget, in SQLite: where each conversation stands, what the platform
 * has not confirmed yet, which reports have been taken in, and the device secrets.
 *
 * Items are in memory and, if they are durable, on disk until the platform has confirmed them
 * (PUBCOMP). Everything that changed is written by outbox_save in one transaction; only after it
 * said ERR_OK may an effect leave the process. A device's last confirmed items stay in memory for a
 * while: the platform may still say that it came from a device that is not logged in, then it is
 * sent again.
 *
 * A report (source, id) is recorded together with the last item that it caused; it is acknowledged
 * when that item has been confirmed, or at once when it caused none. A repeated one is recognised
 * for the last OUTBOX_REPORTS reports.
 */
#ifndef SUBOTA_OUTBOX_H
#define SUBOTA_OUTBOX_H

#include "move.h"
#include "record.h"
#include "subdevice.h"

enum {
	OUTBOX_ITEMS_MAX = 65536,
	OUTBOX_REPORTS = 4096,
	OUTBOX_UPGRADES = 1000,      /* history for people */
	OUTBOX_KEEP_MS = 300000,     /* confirmed items, */
	OUTBOX_KEEP_EACH = 8,        /* and so many of a device: its newest */
	OUTBOX_CANCEL_MS = 86400000, /* cancels without an answer */
	OUTBOX_SOURCE_SIZE = 16,
};

enum outbox_kind {
	OUTBOX_STATUS, /* 0114 */
	OUTBOX_INFO,   /* 0044 */
	OUTBOX_CANCEL, /* to the gate: until an end of the upgrade is reported */
};

struct outbox_item {
	uint64_t id; /* in the order they came to be */
	enum outbox_kind kind;
	struct subdevice *device; /* borrowed */
	uint64_t upgrade;
	int status;
	int type;
	char component[DIALECT_COMPONENT_MAX + 1];
	char version[DIALECT_VERSION_MAX + 1];
	uint64_t made_at; /* wall clock, ms */
	bool durable;     /* false: status 5, which is worth nothing later */

	/* not recorded */
	bool saved;
	bool in_flight;      /* handed to the connection (or, a cancel, to the gate) */
	bool confirmed;      /* by the platform; gone from the disk with the next save */
	bool refused;        /* while in flight: send it again */
	uint16_t package_id; /* it was last sent under */
	struct mono confirmed_at;
	struct outbox_item *next;    /* of all */
	struct outbox_item *sibling; /* the next of the same device */
};

enum outbox_report_state { OUTBOX_NEW, OUTBOX_PENDING, OUTBOX_DONE };

struct outbox_report; /* outbox_part.h */

struct outbox {
	struct record *record;
	struct outbox_item *items, *last; /* oldest first */
	size_t n_items;
	struct outbox_report *reports; /* not saved yet */
	struct outbox_report *settled; /* saved, to be acknowledged */
	uint64_t last_item, last_upgrade;
	char gateway_secret[AUTH_KEY_MAX + 1]; /* device secret of the gateway, "" = none */
	char gateway_spare[AUTH_KEY_MAX + 1];  /* the one before it, "" = none */
	struct dialect_sub gateway;            /* whose they are */
	struct move move;                      /* to another server, or product */
	bool away;                             /* `gateway` is of another product than configured */
	bool move_dirty, gateway_dirty, dirty;
};

/* Open `path` and load everything; devices go into `devices`. `gateway`: whose device secret to
 * load. `wall_ms`: where a new database starts counting, so that ids are not used twice after a
 * lost one. Caller closes. */
enum err outbox_open(const char *path, const struct dialect_sub *gateway, uint64_t wall_ms,
    struct outbox *o, struct subdevices *devices, bool *fresh) MUST_CHECK;
void outbox_close(struct outbox *o);

/* Add to the end; the item gets its id. ERR_LIMIT, ERR_NOMEM. */
enum err outbox_add(
    struct outbox *o, const struct outbox_item *item, struct outbox_item **out) MUST_CHECK;
/* The device's oldest item that the platform has not confirmed; NULL for none. */
struct outbox_item *outbox_oldest(const struct outbox *o, const struct subdevice *device);
struct outbox_item *outbox_find(const struct outbox *o, uint64_t id);

/* The platform has it. */
void outbox_confirm(struct outbox *o, struct outbox_item *item, struct mono now);
/* The platform did not take what came from `device` under `package_id`: it is to be sent again.
 * The item (borrowed), or NULL if that was none of ours, or is said again by nobody, because what
 * came after it has been said already: the refusal was late (a queue of a connection before). */
const struct outbox_item *outbox_refuse(
    struct outbox *o, const struct subdevice *device, uint16_t package_id);
/* The connection is gone: whatever was on its way is to be sent again. */
void outbox_lose_flight(struct outbox *o, bool to_gate);
/* The upgrade has ended: no cancel is needed any more. */
void outbox_drop_cancels(struct outbox *o, uint64_t upgrade);
/* Forget confirmed items that are old or too many, and unanswered cancels that are old. */
void outbox_forget_old(struct outbox *o, struct mono now, uint64_t wall_ms);

/* What is known of a report. */
enum err outbox_find_report(
    struct outbox *o, const char *source, uint64_t id, enum outbox_report_state *out) MUST_CHECK;
/* Record a report with the next save; `item` 0 = it caused none. */
enum err outbox_add_report(
    struct outbox *o, const char *source, uint64_t id, uint64_t item) MUST_CHECK;

/* Write everything that changed, all or nothing. */
enum err outbox_save(struct outbox *o, struct subdevices *devices, uint64_t wall_ms) MUST_CHECK;
/* Called for each report that may be acknowledged now, once; after a save. */
typedef void outbox_on_settled(void *arg, const char *source, uint64_t id);
void outbox_each_settled(struct outbox *o, outbox_on_settled *fn, void *arg);

/* The gateway is another product from now on (false: the configured one again): its secrets take
 * the place of the others, which are saved first. */
enum err outbox_move_gateway(
    struct outbox *o, const struct dialect_sub *gateway, bool configured) MUST_CHECK;

/* History of upgrades for people, newest first. */
struct outbox_upgrade {
	uint64_t id;
	const char *product_key, *device_key, *component, *target; /* for the call */
	int status, error;
	const char *detail;
	uint64_t changed_at;
};
typedef enum err outbox_on_upgrade(void *arg, const struct outbox_upgrade *u);
enum err outbox_each_upgrade(
    struct outbox *o, unsigned max, outbox_on_upgrade *fn, void *arg) MUST_CHECK;

#endif
