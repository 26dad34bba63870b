/*
 * ledger_rollout: rollouts in the ledger; declared in ledger.h. Their counts change in the
 * transaction of the ends that they count, so no end is counted twice or not at all.
 */
#include <stdio.h>
#include <string.h>

#include "ledger_part.h"
#include "log.h"

#define COPY_TEXT(to, row, column) snprintf(to, sizeof(to), "%s", record_text(row, column))

static enum err
on_rollout(void *arg, const struct record_row *row)
{
	struct ledger *l = arg;
	AUTO(mem) struct rollout *r = calloc(1, sizeof(*r));

	if (!r)
		return ERR_NOMEM;
	r->id = (uint64_t)record_int(row, 0);
	r->state = (int)record_int(row, 1);
	COPY_TEXT(r->product_key, row, 2);
	COPY_TEXT(r->component, row, 3);
	COPY_TEXT(r->version, row, 4);
	r->done = (uint32_t)record_int(row, 5);
	r->failed = (uint32_t)record_int(row, 6);
	r->failures = (uint32_t)record_int(row, 7);
	if (r->state < 0 || r->state >= ROLLOUT_STATES) {
		log_error(NULL, "record: expected a state of rollout %llu, got %d; stopped",
		    (unsigned long long)r->id, r->state);
		r->state = ROLLOUT_STOPPED;
	}
	if (r->id > l->last_rollout)
		l->last_rollout = r->id;
	l->n_rollouts++;
	r->next = l->rollouts;
	l->rollouts = HAND_OVER(r);
	return ERR_OK;
}

enum err
ledger_load_rollouts(struct ledger *l)
{
	int64_t paused = 0;
	enum err e = record_get_int(
	    l->record, &paused, "SELECT value FROM value WHERE name = 'paused'", "");

	if (e != ERR_OK && e != ERR_NOT_FOUND)
		return e;
	l->paused = paused != 0;
	return record_query(l->record, on_rollout, l,
	    "SELECT id, state, product_key, component, version, done, failed, failures FROM rollout"
	    " ORDER BY id",
	    "");
}

enum err
ledger_save_rollouts(struct ledger *l)
{
	enum err e = ERR_OK;

	for (const struct rollout *r = l->rollouts; r && e == ERR_OK; r = r->next)
		if (r->changed)
			e = record_run(l->record,
			    "INSERT OR REPLACE INTO rollout(id, state, product_key, component,"
			    " version, done, failed, failures) VALUES(?,?,?,?,?,?,?,?)",
			    "iitttiii", (int64_t)r->id, (int64_t)r->state, r->product_key,
			    r->component, r->version, (int64_t)r->done, (int64_t)r->failed,
			    (int64_t)r->failures);
	return e;
}

void
ledger_rollouts_saved(struct ledger *l)
{
	for (struct rollout *r = l->rollouts; r; r = r->next)
		r->changed = false;
}

void
ledger_free_rollouts(struct ledger *l)
{
	for (struct rollout *r = l->rollouts, *next; r; r = next) {
		next = r->next;
		free(r);
	}
	l->rollouts = NULL;
}

/* --- finding ---------------------------------------------------------------------------------- */

static bool
is_of(const struct device_upgrade *u, const struct rollout *r)
{
	return strcmp(u->product_key, r->product_key) == 0 &&
	       strcmp(u->component, r->component) == 0 &&
	       strcmp(u->target_version, r->version) == 0;
}

struct rollout *
ledger_rollout_of(const struct ledger *l, const struct device_upgrade *u)
{
	for (struct rollout *r = l->rollouts; r; r = r->next)
		if (is_of(u, r))
			return r;
	return NULL;
}

struct rollout *
ledger_rollout(const struct ledger *l, uint64_t id)
{
	for (struct rollout *r = l->rollouts; r; r = r->next)
		if (r->id == id)
			return r;
	return NULL;
}

static bool
is_needed(const struct ledger *l, const struct rollout *r)
{
	for (const struct device_upgrade *u = l->upgrades; u; u = u->next)
		if (!device_is_over(u) && is_of(u, r))
			return true;
	return false;
}

/* Room for one more: the oldest that no upgrade needs goes. The list is newest first. */
static enum err
forget_one(struct ledger *l)
{
	struct rollout **oldest = NULL;

	for (struct rollout **at = &l->rollouts; *at; at = &(*at)->next)
		if (!is_needed(l, *at))
			oldest = at;
	if (!oldest)
		return ERR_LIMIT;
	struct rollout *r = *oldest;
	enum err e = record_run(l->record, "DELETE FROM rollout WHERE id = ?", "i", (int64_t)r->id);

	if (e != ERR_OK)
		return e;
	*oldest = r->next;
	l->n_rollouts--;
	free(r);
	return ERR_OK;
}

struct rollout *
ledger_need_rollout(struct ledger *l, const struct device_upgrade *u)
{
	struct rollout *r = ledger_rollout_of(l, u);

	if (r || (l->n_rollouts >= ROLLOUT_MAX && forget_one(l) != ERR_OK))
		return r;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->id = ++l->last_rollout;
	snprintf(r->product_key, sizeof(r->product_key), "%s", u->product_key);
	snprintf(r->component, sizeof(r->component), "%s", u->component);
	snprintf(r->version, sizeof(r->version), "%s", u->target_version);
	r->changed = true;
	r->next = l->rollouts;
	l->n_rollouts++;
	l->rollouts = r;
	return r;
}

enum err
ledger_pause(struct ledger *l, bool paused)
{
	enum err e = record_run(l->record,
	    "INSERT OR REPLACE INTO value(name, value) VALUES('paused', ?)", "i", (int64_t)paused);

	if (e == ERR_OK)
		l->paused = paused;
	return e;
}
