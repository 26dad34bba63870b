/*
 * ledger: see ledger.h.
 */
#include <stdio.h>
#include <string.h>

#include "ledger_part.h"
#include "log.h"
#include "unit.h"

enum { WROTE_FOR_GOOD = 2 }; /* in column `wrote`: and nothing leads back */

static const char *const migrations[] = {
    "CREATE TABLE upgrade(id INTEGER PRIMARY KEY, state INT, product_key TEXT, device_key TEXT,"
    " component TEXT, target_version TEXT, digest BLOB, image_version TEXT, binding TEXT,"
    " sequence INT, counter INT, generation INT, image_sha256 BLOB, image_hash BLOB, wrote INT,"
    " rebooted INT, version TEXT, verb INT, error INT, detail TEXT, spent_ms INT);"
    "CREATE TABLE report(id INTEGER PRIMARY KEY, upgrade INT, product_key TEXT, device_key TEXT,"
    " phase INT, error INT, detail TEXT, version TEXT);"
    "CREATE TABLE value(name TEXT PRIMARY KEY, value INT);" COUNTERS_SCHEMA,
    "ALTER TABLE upgrade ADD COLUMN min_battery INT NOT NULL DEFAULT 0;"
    "ALTER TABLE upgrade ADD COLUMN min_signal INT NOT NULL DEFAULT 0;",
    /* the state QUEUED came in between */
    "UPDATE upgrade SET state = state + 1 WHERE state >= 3;"
    "CREATE TABLE rollout(id INTEGER PRIMARY KEY, state INT, product_key TEXT, component TEXT,"
    " version TEXT, done INT, failed INT, failures INT);",
    "ALTER TABLE upgrade ADD COLUMN source_version TEXT NOT NULL DEFAULT '';",
    JOURNAL_SCHEMA "ALTER TABLE report ADD COLUMN head TEXT NOT NULL DEFAULT '';",
    UNIT_SCHEMA,
    /* numbers do not say which is newer (ledger.h) */
    "ALTER TABLE upgrade ADD COLUMN added INT NOT NULL DEFAULT 0;",
};

enum { MIGRATIONS = sizeof(migrations) / sizeof(migrations[0]) };

#define COPY_TEXT(to, row, column) snprintf(to, sizeof(to), "%s", record_text(row, column))

/* --- reading ---------------------------------------------------------------------------------- */

static bool
copy_hash(const struct record_row *row, int column, uint8_t out[DEVICE_HASH])
{
	size_t len = 0;
	const void *data = record_blob(row, column, &len);

	if (!data || len != DEVICE_HASH)
		return false;
	memcpy(out, data, DEVICE_HASH);
	return true;
}

static void
take_columns(struct device_upgrade *u, const struct record_row *row)
{
	u->id = (uint64_t)record_int(row, 0);
	u->state = (int)record_int(row, 1);
	u->noted = u->state + 1;
	COPY_TEXT(u->product_key, row, 2);
	COPY_TEXT(u->device_key, row, 3);
	COPY_TEXT(u->component, row, 4);
	COPY_TEXT(u->target_version, row, 5);
	u->has_digest = copy_hash(row, 6, u->digest);
	COPY_TEXT(u->image_version, row, 7);
	COPY_TEXT(u->binding, row, 8);
	u->sequence = (uint64_t)record_int(row, 9);
	u->counter = (uint64_t)record_int(row, 10);
	u->generation = (uint32_t)record_int(row, 11);
	if (!copy_hash(row, 12, u->image_sha256))
		memset(u->image_sha256, 0, sizeof(u->image_sha256));
	u->has_image_hash = copy_hash(row, 13, u->image_hash);
	u->wrote = record_int(row, 14) != 0;
	u->destructive = record_int(row, 14) == WROTE_FOR_GOOD;
	u->rebooted = record_int(row, 15) != 0;
	COPY_TEXT(u->version, row, 16);
	u->verb = (int)record_int(row, 17);
	u->error = (int)record_int(row, 18);
	COPY_TEXT(u->detail, row, 19);
	u->spent_ms = (uint64_t)record_int(row, 20);
	u->min_battery = (uint32_t)record_int(row, 21);
	u->min_signal_dbm = (int32_t)record_int(row, 22);
	COPY_TEXT(u->source_version, row, 23);
	u->added = (uint64_t)record_int(row, 24);
}

/* A record that cannot be right ends its upgrade, not flashd. */
static void
give_up(struct device_upgrade *u)
{
	struct subject s = device_subject(u);

	log_error(&s, "record: expected a state, got %d", u->state);
	u->state = DEVICE_FAILED;
	u->error = ERR_CORRUPT;
	snprintf(u->detail, sizeof(u->detail), "the record of this upgrade was damaged");
	u->verb = 0;
	u->changed = true;
	u->say = 1u << PB__PHASE__PHASE_FAILED;
}

struct loading {
	struct ledger *l;
	struct mono now;
};

static enum err
load_upgrade(void *arg, const struct record_row *row)
{
	struct loading *at = arg;
	AUTO(mem) struct device_upgrade *u = calloc(1, sizeof(*u));

	if (!u)
		return ERR_NOMEM;
	take_columns(u, row);
	if (u->state < DEVICE_IDENTIFIED || u->state >= DEVICE_STATES)
		give_up(u);
	u->due = MONO_NEVER;
	u->since = mono_after(at->now, -(int64_t)u->spent_ms);
	u->sign = at->now;
	u->announced = device_is_over(u) && !u->say;
	u->next = at->l->upgrades;
	at->l->n_upgrades++;
	at->l->last_added = u->added;
	at->l->upgrades = HAND_OVER(u);
	return ERR_OK;
}

static enum err
load(struct ledger *l, struct mono now)
{
	struct loading at = {l, now};
	struct device_news n = {.now = now};
	enum err e = record_query(l->record, load_upgrade, &at,
	    "SELECT id, state, product_key, device_key, component, target_version, digest,"
	    " image_version, binding, sequence, counter, generation, image_sha256, image_hash,"
	    " wrote, rebooted, version, verb, error, detail, spent_ms, min_battery, min_signal,"
	    " source_version, added FROM upgrade ORDER BY added, id",
	    "");

	for (struct device_upgrade *u = l->upgrades; e == ERR_OK && u; u = u->next)
		if (!device_is_over(u))
			e = device_step(u, DEVICE_RESTARTED, &n);
	return e;
}

enum err
ledger_open(const char *path, struct mono now, struct ledger *l, bool *fresh)
{
	*l = (struct ledger){0};
	enum err e = record_open(path, migrations, MIGRATIONS, fresh, &l->record);

	if (e == ERR_OK)
		e = record_run(l->record,
		    "INSERT OR IGNORE INTO value(name, value) VALUES('report', ?)", "i",
		    (int64_t)(clock_wall_ms() * 1024));
	if (e == ERR_OK)
		e = journal_open(&l->journal, l->record);
	if (e == ERR_OK)
		e = load(l, now);
	if (e == ERR_OK)
		e = ledger_load_rollouts(l);
	if (e == ERR_OK)
		e = passed_load(&l->passed, l->record, "value");
	if (e != ERR_OK)
		ledger_close(l);
	return e;
}

void
ledger_close(struct ledger *l)
{
	for (struct device_upgrade *u = l->upgrades, *next; u; u = next) {
		next = u->next;
		free(u);
	}
	ledger_free_rollouts(l);
	journal_close(&l->journal);
	record_close(l->record);
	*l = (struct ledger){0};
}

/* --- in memory -------------------------------------------------------------------------------- */

enum err
ledger_add(struct ledger *l, const struct device_upgrade *u, struct device_upgrade **out)
{
	AUTO(mem) struct device_upgrade *copy = malloc(sizeof(*copy));

	if (!copy)
		return ERR_NOMEM;
	if (l->n_upgrades >= LEDGER_UPGRADES_MAX)
		return ERR_LIMIT;
	*copy = *u;
	copy->changed = true;
	copy->added = ++l->last_added;
	copy->next = l->upgrades;
	l->n_upgrades++;
	l->upgrades = *out = HAND_OVER(copy);
	return ERR_OK;
}

struct device_upgrade *
ledger_find(const struct ledger *l, uint64_t id)
{
	for (struct device_upgrade *u = l->upgrades; u; u = u->next)
		if (u->id == id)
			return u;
	return NULL;
}

bool
ledger_is_unsaved(const struct ledger *l)
{
	for (const struct device_upgrade *u = l->upgrades; u; u = u->next)
		if (u->changed || u->say)
			return true;
	for (const struct rollout *r = l->rollouts; r; r = r->next)
		if (r->changed)
			return true;
	return false;
}

/* --- writing ---------------------------------------------------------------------------------- */

static enum err
save_upgrade(struct ledger *l, const struct device_upgrade *u)
{
	return record_run(l->record,
	    "INSERT OR REPLACE INTO upgrade(id, state, product_key, device_key, component,"
	    " target_version, digest, image_version, binding, sequence, counter, generation,"
	    " image_sha256, image_hash, wrote, rebooted, version, verb, error, detail, spent_ms,"
	    " min_battery, min_signal, source_version, added)"
	    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	    "iittttbttiiibbiitiitiiiti", (int64_t)u->id, (int64_t)u->state, u->product_key,
	    u->device_key, u->component, u->target_version, u->digest,
	    u->has_digest ? sizeof(u->digest) : (size_t)0, u->image_version, u->binding,
	    (int64_t)u->sequence, (int64_t)u->counter, (int64_t)u->generation, u->image_sha256,
	    sizeof(u->image_sha256), u->image_hash,
	    u->has_image_hash ? sizeof(u->image_hash) : (size_t)0,
	    (int64_t)(u->wrote && u->destructive ? WROTE_FOR_GOOD : u->wrote), (int64_t)u->rebooted,
	    u->version, (int64_t)u->verb, (int64_t)u->error, u->detail, (int64_t)u->spent_ms,
	    (int64_t)u->min_battery, (int64_t)u->min_signal_dbm, u->source_version,
	    (int64_t)u->added);
}

/* What it runs, for the platform: a new image that was not seen to stay may be undone by the next
 * start, and is no version to tell. */
static const char *
version_of(const struct device_upgrade *u)
{
	bool fresh = (u->wrote || u->rebooted) && strcmp(u->version, u->image_version) == 0;

	return fresh && u->state != DEVICE_DONE ? "" : u->version;
}

static enum err
add_report(struct ledger *l, const struct device_upgrade *u, int phase)
{
	int64_t id = 0;
	char head[AUDIT_HEAD] = "";
	bool ends = device_is_over(u) && phase == (int)device_phase(u->state);
	enum err error = ends ? (enum err)u->error : ERR_OK;
	const char *detail = ends ? u->detail : "";
	/* not only the next: that was given already, if this record is an old copy */
	enum err e = record_run(l->record,
	    "UPDATE value SET value = max(value + 1, ?) WHERE name = 'report'", "i",
	    (int64_t)(clock_wall_ms() * 1024));

	if (e == ERR_OK)
		e = record_get_int(
		    l->record, &id, "SELECT value FROM value WHERE name = 'report'", "");
	/* said before and not yet acknowledged: once is enough */
	if (e == ERR_OK)
		e = record_run(l->record, "DELETE FROM report WHERE upgrade = ? AND phase = ?",
		    "ii", (int64_t)u->id, (int64_t)phase);
	if (e == ERR_OK)
		e = journal_add(&l->journal, u, phase, error, detail, head);
	if (e != ERR_OK)
		return e;
	return record_run(l->record,
	    "INSERT INTO report(id, upgrade, product_key, device_key, phase, error, detail,"
	    " version, head) VALUES(?,?,?,?,?,?,?,?,?)",
	    "iittiittt", id, (int64_t)u->id, u->product_key, u->device_key, (int64_t)phase,
	    (int64_t)error, detail, version_of(u), head);
}

static enum err
raise_counters(struct ledger *l, const struct device_upgrade *u)
{
	struct counters_key key = {u->product_key, u->device_key, u->binding, u->component};
	struct counters_row row = {
	    .counter = u->counter, .sequence = u->sequence, .generation = u->generation};

	memcpy(row.digest, u->digest, sizeof(row.digest));
	memcpy(row.image_sha256, u->image_sha256, sizeof(row.image_sha256));
	snprintf(row.version, sizeof(row.version), "%s", u->image_version);
	return counters_raise(l->record, &key, &row);
}

static enum err
save_one(struct ledger *l, struct device_upgrade *u, struct mono now)
{
	enum err e = ERR_OK;

	if (!u->changed && !u->say)
		return ERR_OK;
	u->spent_ms = now.ms > u->since.ms ? (uint64_t)mono_between(u->since, now) : 0;
	e = save_upgrade(l, u);
	for (int phase = 1; e == ERR_OK && phase <= PB__PHASE__PHASE_CANCELLED; phase++)
		if (u->say & 1u << phase)
			e = add_report(l, u, phase);
	if (e == ERR_OK && u->effects & DEVICE_DO_RAISE)
		e = raise_counters(l, u);
	return e;
}

/* The list is newest first, so the ones to forget come last. */
static enum err
forget_ended(struct ledger *l)
{
	size_t ended = 0;
	enum err e = ERR_OK;

	for (struct device_upgrade *u = l->upgrades; u && e == ERR_OK; u = u->next)
		if (device_is_over(u) && ++ended > LEDGER_ENDED_MAX)
			e = record_run(
			    l->record, "DELETE FROM upgrade WHERE id = ?", "i", (int64_t)u->id);
	return e;
}

static void
free_ended(struct ledger *l)
{
	size_t ended = 0;

	for (struct device_upgrade **at = &l->upgrades; *at;) {
		struct device_upgrade *u = *at;

		if (!device_is_over(u) || ++ended <= LEDGER_ENDED_MAX) {
			at = &u->next;
			continue;
		}
		*at = u->next;
		l->n_upgrades--;
		free(u);
	}
}

static enum err
save_all(struct ledger *l, struct mono now)
{
	enum err e = ERR_OK;

	for (struct device_upgrade *u = l->upgrades; u && e == ERR_OK; u = u->next)
		e = save_one(l, u, now);
	if (e == ERR_OK)
		e = ledger_save_rollouts(l);
	return e == ERR_OK ? forget_ended(l) : e;
}

enum err
ledger_save(struct ledger *l, struct mono now)
{
	enum err e = record_begin(l->record);

	if (e != ERR_OK)
		return e;
	e = save_all(l, now);
	if (e == ERR_OK)
		e = record_commit(l->record);
	if (e != ERR_OK) {
		record_rollback(l->record);
		return e;
	}
	for (struct device_upgrade *u = l->upgrades; u; u = u->next) {
		u->changed = false;
		u->say = 0;
		u->effects &= ~(unsigned)DEVICE_DO_RAISE;
	}
	ledger_rollouts_saved(l);
	free_ended(l);
	return ERR_OK;
}

/* --- reports ---------------------------------------------------------------------------------- */

enum err
ledger_drop_report(struct ledger *l, uint64_t id)
{
	return record_run(l->record, "DELETE FROM report WHERE id = ?", "i", (int64_t)id);
}

struct each {
	ledger_on_report *fn;
	void *arg;
};

static enum err
on_report(void *arg, const struct record_row *row)
{
	const struct each *each = arg;
	struct ledger_report r = {.id = (uint64_t)record_int(row, 0),
	    .upgrade = (uint64_t)record_int(row, 1),
	    .phase = (int)record_int(row, 4),
	    .error = (int)record_int(row, 5)};

	COPY_TEXT(r.product_key, row, 2);
	COPY_TEXT(r.device_key, row, 3);
	COPY_TEXT(r.detail, row, 6);
	COPY_TEXT(r.version, row, 7);
	COPY_TEXT(r.head, row, 8);
	return each->fn(each->arg, &r);
}

enum err
ledger_each_report(struct ledger *l, uint64_t after, unsigned max, ledger_on_report *fn, void *arg)
{
	struct each each = {fn, arg};

	return record_query(l->record, on_report, &each,
	    "SELECT id, upgrade, product_key, device_key, phase, error, detail, version,"
	    " head FROM report"
	    " WHERE id > ? ORDER BY id LIMIT ?",
	    "ii", (int64_t)after, (int64_t)max);
}

bool
ledger_has_reports(struct ledger *l)
{
	int64_t n = 0;

	/* what cannot be read now may be there */
	return record_get_int(l->record, &n, "SELECT count(*) FROM report", "") != ERR_OK || n > 0;
}

/* --- time ------------------------------------------------------------------------------------- */

uint64_t
ledger_bound(const struct ledger *l)
{
	return l->passed.ms;
}

void
ledger_set_bound(struct ledger *l, uint64_t ms)
{
	passed_set(&l->passed, l->record, ms);
}
