/*
 * dc_user: see dc_user.h.
 */
#include "dc_user.h"

#include <stdio.h>
#include <string.h>

#include "dc_plan.h"

enum { STATE_NONE = 0, STATE_DONE = 2, STATE_FAILED = 3 };

static enum err
refuse(char why[static DC_RULE_WHY], enum err err, const char *expected, int64_t got)
{
	snprintf(why, DC_RULE_WHY, "expected %s, got %lld", expected, (long long)got);
	return err;
}

static enum err
check_appointment(const struct dc_user_case *c, const struct dc_user_wish *w, char *why)
{
	if (w->ends - w->starts < DC_USER_APPOINT_MS)
		return refuse(why, ERR_INVALID, "an appointment of at least 3600000 ms",
		    w->ends - w->starts);
	if (w->starts < c->starts || w->ends > c->ends)
		return refuse(why, ERR_INVALID, "an appointment inside the plan",
		    w->starts < c->starts ? w->starts : w->ends);
	if (w->ends <= c->now)
		return refuse(why, ERR_INVALID, "an appointment that is to come", w->ends);
	return ERR_OK;
}

enum err
dc_user_decide(const struct dc_user_case *c, const struct dc_user_wish *w, enum dc_user_status *to,
    char why[static DC_RULE_WHY])
{
	if (!c->manual || !c->active || c->now < c->starts || c->now >= c->ends)
		return refuse(why, ERR_PHASE, "a manual plan that is active", c->active);
	if (c->status == DC_USER_CANCELLED)
		return refuse(why, ERR_PHASE, "a plan that was not cancelled", c->status);
	switch (w->oper) {
	case DC_USER_DO_RETRY:
		if (c->device_state != STATE_FAILED)
			return refuse(
			    why, ERR_PHASE, "a device state of 3, failed", c->device_state);
		*to = DC_USER_NOW;
		return ERR_OK;
	case DC_USER_DO_SEEN:
		if (c->device_state < STATE_DONE)
			return refuse(why, ERR_PHASE, "a device state of 2 or 3", c->device_state);
		*to = DC_USER_SEEN;
		return ERR_OK;
	case DC_USER_DO_NOW:
	case DC_USER_DO_APPOINT:
	case DC_USER_DO_CANCEL:
		break;
	default:
		return refuse(why, ERR_INVALID, "operType 1 to 5", w->oper);
	}
	if (c->device_state != STATE_NONE)
		return refuse(why, ERR_PHASE, "a device state of 0, not upgraded", c->device_state);
	*to = (enum dc_user_status)w->oper;
	return w->oper == DC_USER_DO_APPOINT ? check_appointment(c, w, why) : ERR_OK;
}

/* --- writing down ---------------------------------------------------------------------------- */

int64_t
dc_user_device_state(struct dc_db *db, int64_t plan, int64_t device, int64_t now)
{
	struct dc_rule_counts k = {{0}};
	int64_t parts = dc_db_int(
	    db, 0, "SELECT count(*) FROM plan_component WHERE plan = ?", "i", plan);
	int64_t seen = 0;
	AUTO(dc_query)
	struct dc_query *of = dc_db_query(
	    db, "SELECT state, ends FROM plan WHERE id = ?", "i", plan);
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(db,
	    "SELECT state, count(*) FROM progress WHERE plan = ? AND device = ? GROUP BY state",
	    "ii", plan, device);

	while (dc_query_next(q)) {
		k.n[dc_query_int(q, 0)] = dc_query_int(q, 1);
		seen += dc_query_int(q, 1);
	}
	if (dc_query_next(of) && dc_rule_is_over(dc_query_text(of, 0), dc_query_int(of, 1), now))
		k.n[STATE_FAILED] += k.n[STATE_NONE] + parts - seen;
	return dc_rule_device_state(&k, parts);
}

/* What is not done yet gets this state and becomes due (0: never). */
static enum err
set_open(struct dc_db *db, int64_t plan, int64_t device, int64_t state, int64_t due)
{
	return dc_db_run(db,
	    "INSERT INTO progress (plan, seq, device, state, due) "
	    "SELECT plan, seq, ?, ?, nullif(?, 0) FROM plan_component WHERE plan = ? "
	    "ON CONFLICT (plan, seq, device) DO UPDATE SET state = excluded.state, "
	    "due = excluded.due, tries = 0, last = 0, ended = NULL WHERE state NOT IN (2, 4)",
	    "iiii", device, state, due, plan);
}

static enum err
write_down(struct dc_db *db, int64_t plan, int64_t device, enum dc_user_status status,
    const struct dc_user_wish *w, int64_t now)
{
	bool appointed = status == DC_USER_APPOINTED;
	enum err err = dc_db_run(db,
	    "INSERT INTO confirmation (plan, device, status, starts, ends) "
	    "VALUES (?, ?, ?, nullif(?, 0), nullif(?, 0)) ON CONFLICT (plan, device) DO UPDATE SET "
	    "status = excluded.status, starts = excluded.starts, ends = excluded.ends",
	    "iiiii", plan, device, (int64_t)status, appointed ? w->starts : (int64_t)0,
	    appointed ? w->ends : (int64_t)0);

	if (err)
		return err;
	if (status == DC_USER_SEEN)
		return ERR_OK;
	if (status == DC_USER_CANCELLED)
		return set_open(db, plan, device, STATE_FAILED, 0);
	return set_open(db, plan, device, STATE_NONE, appointed ? w->starts : now);
}

enum err
dc_user_load(struct dc_db *db, int64_t plan, int64_t device, int64_t now, struct dc_user_case *out)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(db,
	    "SELECT pl.mode, pl.state, pl.starts, pl.ends, c.status FROM plan pl "
	    "JOIN device d ON d.id = ? AND d.pk = pl.pk "
	    "LEFT JOIN confirmation c ON c.plan = pl.id AND c.device = d.id WHERE pl.id = ?",
	    "ii", device, plan);

	if (!dc_query_next(q))
		return ERR_NOT_FOUND;
	*out = (struct dc_user_case){.manual = strcmp(dc_query_text(q, 0), "manual") == 0,
	    .active = strcmp(dc_query_text(q, 1), "activated") == 0,
	    .starts = dc_query_int(q, 2),
	    .ends = dc_query_int(q, 3),
	    .status = dc_query_int(q, 4),
	    .device_state = dc_user_device_state(db, plan, device, now),
	    .now = now};
	return ERR_OK;
}

enum err
dc_user_confirm(struct dc_db *db, int64_t plan, int64_t device, const struct dc_user_wish *w,
    int64_t now, char why[static DC_RULE_WHY])
{
	enum dc_user_status to;
	struct dc_user_case c;

	if (dc_user_load(db, plan, device, now, &c))
		return refuse(why, ERR_NOT_FOUND, "a plan of the device's product", plan);
	enum err err = dc_user_decide(&c, w, &to, why);
	if (err)
		return err;
	if (dc_db_run(db, "SAVEPOINT confirm", ""))
		return refuse(why, ERR_SYSTEM, "a database that is free, busy with plan", plan);
	err = write_down(db, plan, device, to, w, now);
	if (err && dc_db_run(db, "ROLLBACK TO confirm", ""))
		err = ERR_SYSTEM;
	if (dc_db_run(db, "RELEASE confirm", "") || err)
		return refuse(why, ERR_SYSTEM, "a database that can be written, at plan", plan);
	return ERR_OK;
}

/* --- another try of a silent plan ------------------------------------------------------------- */

/* ERR_PHASE with a sentence unless each failed component still runs what it ran before. */
static enum err
check_versions(struct dc_db *db, int64_t plan, int64_t device, char why[static DC_RULE_WHY])
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(db,
	    "SELECT k.component, k.kind, coalesce(k.source, pr.was) FROM progress pr "
	    "JOIN plan_component pc ON pc.plan = pr.plan AND pc.seq = pr.seq "
	    "JOIN package k ON k.id = pc.package "
	    "WHERE pr.plan = ? AND pr.device = ? AND pr.state = 3",
	    "ii", plan, device);

	while (dc_query_next(q)) {
		char version[DC_RULE_VERSION + 1];
		const char *was = dc_query_text(q, 2);

		dc_plan_version_in(
		    db, device, dc_query_text(q, 0), dc_query_int(q, 1), version, sizeof(version));
		if (strcmp(version, was) == 0 || dc_query_is_null(q, 2))
			continue;
		snprintf(why, DC_RULE_WHY,
		    "expected a device that still reports version %.64s of %.32s, got %.64s", was,
		    dc_query_text(q, 0), version);
		return ERR_PHASE;
	}
	return ERR_OK;
}

enum err
dc_user_may_retry(
    struct dc_db *db, int64_t plan, int64_t device, int64_t now, char why[static DC_RULE_WHY])
{
	struct dc_user_case c;

	if (dc_user_load(db, plan, device, now, &c))
		return refuse(why, ERR_NOT_FOUND, "a plan of the device's product", plan);
	if (c.manual)
		return refuse(why, ERR_PHASE, "a silent plan (the app repeats a manual one)", plan);
	if (!c.active || now < c.starts || now >= c.ends)
		return refuse(why, ERR_PHASE, "a plan that is active", plan);
	if (c.device_state != STATE_FAILED)
		return refuse(why, ERR_PHASE, "a device state of 3, failed", c.device_state);
	return check_versions(db, plan, device, why);
}

enum err
dc_user_retry(
    struct dc_db *db, int64_t plan, int64_t device, int64_t now, char why[static DC_RULE_WHY])
{
	enum err err = dc_user_may_retry(db, plan, device, now, why);

	if (err)
		return err;
	return dc_db_run(db,
	    "UPDATE progress SET state = 0, tries = 0, last = 0, due = ?, forced = 1, "
	    "ended = NULL WHERE plan = ? AND device = ? AND state = 3",
	    "iii", now, plan, device);
}
