/*
 * ledger: what flashd must not forget: upgrades, reports, what was confirmed; in SQLite.
 *
 * All upgrades that matter are also held in memory, newest first: in the order in which they came,
 * for the numbers of plans, of a person's upgrades and of flashd's own are of different ranges.
 * ledger_save writes every one that changed, its new reports with their entries in the journal and,
 * when it is done, its counters, in one transaction; only after it said ERR_OK may effects leave
 * the process. A report stays until its acknowledgement came back from the platform's side; its id
 * is unique for ever, also over a lost database: a new one starts counting at the wall clock.
 */
#ifndef SUBOTA_LEDGER_H
#define SUBOTA_LEDGER_H

#include "counters.h"
#include "device.h"
#include "journal.h"
#include "passed.h"
#include "rollout.h"

enum { LEDGER_ENDED_MAX = 1000, LEDGER_UPGRADES_MAX = 8192 };

struct ledger {
	struct record *record;
	struct device_upgrade *upgrades;
	size_t n_upgrades;
	struct rollout *rollouts; /* newest first */
	size_t n_rollouts;
	uint64_t last_rollout, last_added;
	struct journal journal;
	bool paused; /* a person wants nothing more to begin */
	struct passed passed;
};

struct ledger_report {
	uint64_t id, upgrade;
	char product_key[DEVICE_TEXT], device_key[DEVICE_TEXT];
	int phase, error;
	char detail[DEVICE_DETAIL];
	char version[DEVICE_TEXT];
	char head[AUDIT_HEAD]; /* of its entry in the journal; "" = from before there was one */
};

/* Open STATE/flashd.db and load it; upgrades that go on have had DEVICE_RESTARTED. *fresh: there
 * was none, or it was damaged. */
enum err ledger_open(const char *path, struct mono now, struct ledger *l, bool *fresh) MUST_CHECK;
void ledger_close(struct ledger *l);

/* A copy of `u` becomes the ledger's; recorded with the next save. ERR_LIMIT: too many. */
enum err ledger_add(
    struct ledger *l, const struct device_upgrade *u, struct device_upgrade **out) MUST_CHECK;
struct device_upgrade *ledger_find(const struct ledger *l, uint64_t id);

/* All of it or nothing. On ERR_OK `changed`, `say` and DEVICE_DO_RAISE are clear. */
enum err ledger_save(struct ledger *l, struct mono now) MUST_CHECK;
bool ledger_is_unsaved(const struct ledger *l);

/* By id; of an upgrade; the same, made when there is none (NULL: too many, or no memory). */
struct rollout *ledger_rollout(const struct ledger *l, uint64_t id);
struct rollout *ledger_rollout_of(const struct ledger *l, const struct device_upgrade *u);
struct rollout *ledger_need_rollout(struct ledger *l, const struct device_upgrade *u);
/* Durable when it returns ERR_OK. */
enum err ledger_pause(struct ledger *l, bool paused) MUST_CHECK;

/* Acknowledged; ERR_OK also when it is gone already. */
enum err ledger_drop_report(struct ledger *l, uint64_t id) MUST_CHECK;
typedef enum err ledger_on_report(void *arg, const struct ledger_report *r);
/* Each report with an id above `after`, in order, at most `max`. */
enum err ledger_each_report(
    struct ledger *l, uint64_t after, unsigned max, ledger_on_report *fn, void *arg) MUST_CHECK;
bool ledger_has_reports(struct ledger *l);

/* The latest time known to have passed (trust.h); 0 = none. Never goes back. */
uint64_t ledger_bound(const struct ledger *l);
void ledger_set_bound(struct ledger *l, uint64_t ms);

#endif
