/*
 * dc_make: see dc_make.h. What a verb may begin from is one table.
 *
 * A savepoint makes a transaction of it wherever the caller stands.
 */
#include "dc_make.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
/* word, the states it begins from, the state it leads to */
static const struct verb_row {
	const char *word, *from, *or_from, *to;
} verbs[] = {
	[DC_MAKE_ACTIVATE]  = {"activate",  "inactivated", "suspended",   "activated"},
	[DC_MAKE_SUSPEND]   = {"suspend",   "activated",   "activated",   "suspended"},
	[DC_MAKE_TERMINATE] = {"terminate", "activated",   "suspended",   "terminated"},
	[DC_MAKE_DELETE]    = {"delete",    "inactivated", "inactivated", "deleted"},
};
/* clang-format on */

enum err
dc_make_refuse(char why[static DC_RULE_WHY], enum err err, const char *what, const char *sentence)
{
	snprintf(why, DC_RULE_WHY, "%.110s: %s", what, sentence);
	return err;
}

/* End a savepoint by what came of it. */
enum err
dc_make_conclude(struct dc_db *db, enum err err, const char *what, char why[static DC_RULE_WHY])
{
	if (err && dc_db_run(db, "ROLLBACK TO make", ""))
		return dc_make_refuse(why, ERR_SYSTEM, what, "the database is broken");
	if (dc_db_run(db, "RELEASE make", ""))
		return dc_make_refuse(why, ERR_SYSTEM, what, "the database is busy");
	if (err && !why[0])
		return dc_make_refuse(why, err, what, err_text(err));
	return err;
}

/* --- plans ----------------------------------------------------------------------------------- */

/* The specified versions of the nth component; a delta package goes by its source version. */
static const char *
versions_of(const struct dc_make_plan *p, unsigned nth)
{
	return p->versions[nth] ? p->versions[nth] : p->rule.versions;
}

static enum err
add_component(struct dc_db *db, const struct dc_make_plan *p, int64_t plan, unsigned nth,
    char why[static DC_RULE_WHY])
{
	const char *name = p->packages[nth], *versions = versions_of(p, nth);
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    db, "SELECT id, source, component, kind FROM package WHERE name = ?", "t", name);

	if (!dc_query_next(q))
		return dc_make_refuse(why, ERR_NOT_FOUND, name, "there is no such package");
	if (versions && !dc_rule_are_versions(versions))
		return dc_make_refuse(
		    why, ERR_INVALID, versions, "expected at most 8 versions, joined by ';'");
	if (p->versions[nth] && !dc_query_is_null(q, 1))
		return dc_make_refuse(why, ERR_INVALID, name,
		    "expected no specified versions for a delta package, which has a source "
		    "version");
	if (dc_db_int(db, 0,
		"SELECT count(*) FROM plan_component pc JOIN package k ON k.id = pc.package "
		"WHERE pc.plan = ? AND k.component = ? AND k.kind = ?",
		"iti", plan, dc_query_text(q, 2), dc_query_int(q, 3)))
		return dc_make_refuse(why, ERR_INVALID, dc_query_text(q, 2),
		    "expected each component once in a plan, got two packages for it");
	return dc_db_run(db,
	    "INSERT INTO plan_component (plan, seq, package, versions) VALUES (?, ?, ?, ?)", "iiit",
	    plan, (int64_t)nth, dc_query_int(q, 0), dc_query_is_null(q, 1) ? versions : NULL);
}

static enum err
add_components(struct dc_db *db, const struct dc_make_plan *p, int64_t plan,
    char why[static DC_RULE_WHY])
{
	enum err err = ERR_OK;

	for (unsigned i = 0; !err && i < p->rule.components; i++)
		err = add_component(db, p, plan, i, why);
	return err;
}

/* The second list overwrites the first. */
static enum err
add_list(struct dc_db *db, int64_t plan, const char *const *dk, unsigned n, const char *list)
{
	enum err err = ERR_OK;

	for (unsigned i = 0; !err && i < n; i++)
		err = dc_db_run(db,
		    "INSERT INTO plan_device (plan, dk, list) VALUES (?, ?, ?) "
		    "ON CONFLICT (plan, dk) DO UPDATE SET list = excluded.list",
		    "itt", plan, dk[i], list);
	return err;
}

static enum err
add_texts(
    struct dc_db *db, const struct dc_make_plan *p, int64_t plan, char why[static DC_RULE_WHY])
{
	for (unsigned i = 0; i < p->n_texts; i++) {
		size_t n = strcspn(p->texts[i], "=");
		char lang[9];

		if (p->texts[i][n] != '=' || n < 2 || n >= sizeof(lang) || !p->texts[i][n + 1])
			return dc_make_refuse(why, ERR_INVALID, p->texts[i], "expected LANG=TEXT");
		snprintf(lang, sizeof(lang), "%.*s", (int)n, p->texts[i]);
		enum err err = dc_db_run(db,
		    "INSERT INTO plan_text (plan, lang, text) VALUES (?, ?, ?)", "itt", plan, lang,
		    p->texts[i] + n + 1);
		if (err)
			return err;
	}
	if (p->manual &&
	    !dc_db_int(db, 0,
		"SELECT count(*) FROM plan_text WHERE plan = ? AND lang IN ('zh', 'en')", "i",
		plan))
		return dc_make_refuse(why, ERR_INVALID, p->rule.name,
		    "expected a text in zh or en, which a manual plan needs, got none");
	return ERR_OK;
}

/* Everything of a plan that has tables of its own; what is kept is there already. */
static enum err
add_parts(
    struct dc_db *db, const struct dc_make_plan *p, int64_t plan, char why[static DC_RULE_WHY])
{
	enum err err = p->keeps_components ? ERR_OK : add_components(db, p, plan, why);

	if (!err && !p->keeps_lists)
		err = add_list(db, plan, p->white, p->n_white, "white");
	if (!err && !p->keeps_lists)
		err = add_list(db, plan, p->black, p->n_black, "black");
	return err ? err : add_texts(db, p, plan, why);
}

static enum err
add_plan(struct dc_db *db, const struct dc_make_plan *p, int64_t now, int64_t *id,
    char why[static DC_RULE_WHY])
{
	const struct dc_rule_plan *r = &p->rule;
	enum err err = dc_db_run(db,
	    "INSERT INTO plan (name, pk, mode, starts, ends, push, push_from, push_to, reject_min, "
	    "retries, retry_ms, min_signal, min_battery, remark, created, zone, verifies) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0))",
	    "tttiiiiiiiiiitiii", r->name, p->pk, p->manual ? "manual" : "silent", r->starts,
	    r->ends, (int64_t)r->push, r->push_from, r->push_to, r->reject_min, r->retries,
	    r->retry_ms, r->min_signal, r->min_battery, r->remark, now, r->zone_min, p->verifies);

	*id = dc_db_last_id(db);
	return err ? err : add_parts(db, p, *id, why);
}

static enum err
check_plan(const struct dc_make_plan *p, char why[static DC_RULE_WHY])
{
	enum err err = dc_rule_plan(&p->rule, why);

	if (err)
		return err;
	if (p->manual && (!p->rule.push || p->rule.push_from != p->rule.push_to))
		return dc_make_refuse(why, ERR_INVALID, p->rule.name,
		    "expected no push options, which are for silent plans, got some");
	if (p->n_white > DC_RULE_AT_ONCE)
		return dc_make_refuse(why, ERR_INVALID, p->rule.name,
		    "expected at most 10000 devices that are upgraded, got more");
	return ERR_OK;
}

enum err
dc_make_plan(struct dc_db *db, const struct dc_make_plan *p, int64_t now, int64_t *id,
    char why[static DC_RULE_WHY])
{
	enum err err = check_plan(p, why);

	if (err)
		return err;
	if (!dc_db_int(db, 0, "SELECT count(*) FROM product WHERE pk = ?", "t", p->pk))
		return dc_make_refuse(why, ERR_NOT_FOUND, p->pk, "there is no such product");
	if (dc_db_run(db, "SAVEPOINT make", ""))
		return dc_make_refuse(why, ERR_SYSTEM, p->rule.name, "the database is busy");
	why[0] = '\0';
	return dc_make_conclude(db, add_plan(db, p, now, id, why), p->rule.name, why);
}

static enum err
remove_parts(struct dc_db *db, int64_t plan, const struct dc_make_plan *but)
{
	enum err err = ERR_OK;

	if (!but || !but->keeps_components)
		err = dc_db_run(db, "DELETE FROM plan_component WHERE plan = ?", "i", plan);
	if (!err && (!but || !but->keeps_lists))
		err = dc_db_run(db, "DELETE FROM plan_device WHERE plan = ?", "i", plan);
	if (!err && (!but || !but->keeps_texts))
		err = dc_db_run(db, "DELETE FROM plan_text WHERE plan = ?", "i", plan);
	return err;
}

static enum err
rewrite(struct dc_db *db, const struct dc_make_plan *p, int64_t plan, char why[static DC_RULE_WHY])
{
	const struct dc_rule_plan *r = &p->rule;
	enum err err = remove_parts(db, plan, p);

	if (!err)
		err = dc_db_run(db,
		    "UPDATE plan SET name = ?, mode = ?, starts = ?, ends = ?, push = ?, "
		    "push_from = ?, push_to = ?, reject_min = ?, retries = ?, retry_ms = ?, "
		    "min_signal = ?, min_battery = ?, remark = ?, zone = ? WHERE id = ?",
		    "ttiiiiiiiiiitii", r->name, p->manual ? "manual" : "silent", r->starts, r->ends,
		    (int64_t)r->push, r->push_from, r->push_to, r->reject_min, r->retries,
		    r->retry_ms, r->min_signal, r->min_battery, r->remark, r->zone_min, plan);
	return err ? err : add_parts(db, p, plan, why);
}

enum err
dc_make_edit(
    struct dc_db *db, int64_t plan, const struct dc_make_plan *p, char why[static DC_RULE_WHY])
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(db, "SELECT state, pk FROM plan WHERE id = ?", "i", plan);
	enum err err = check_plan(p, why);

	if (err)
		return err;
	if (!dc_query_next(q))
		return dc_make_refuse(why, ERR_NOT_FOUND, "edit", "expected a plan, got none");
	if (strcmp(dc_query_text(q, 0), "inactivated") != 0)
		return dc_make_refuse(why, ERR_PHASE, p->rule.name,
		    "expected a plan that is inactivated: only those can be edited");
	if (p->pk && strcmp(p->pk, dc_query_text(q, 1)) != 0)
		return dc_make_refuse(
		    why, ERR_INVALID, p->pk, "expected the plan's own product, which is fixed");
	if (dc_db_run(db, "SAVEPOINT make", ""))
		return dc_make_refuse(why, ERR_SYSTEM, p->rule.name, "the database is busy");
	why[0] = '\0';
	return dc_make_conclude(db, rewrite(db, p, plan, why), p->rule.name, why);
}

enum err
dc_make_load(struct dc_db *db, int64_t plan, struct dc_make_loaded *l)
{
	struct dc_rule_plan *r = &l->plan.rule;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(db,
	    "SELECT name, remark, mode, starts, ends, push, push_from, push_to, reject_min, "
	    "retries, retry_ms, min_signal, min_battery, zone FROM plan WHERE id = ?",
	    "i", plan);

	*l = (struct dc_make_loaded){
	    .plan = {.keeps_components = true, .keeps_lists = true, .keeps_texts = true}};
	if (!dc_query_next(q))
		return ERR_NOT_FOUND;
	snprintf(l->name, sizeof(l->name), "%s", dc_query_text(q, 0));
	snprintf(l->remark, sizeof(l->remark), "%s", dc_query_text(q, 1));
	l->plan.manual = strcmp(dc_query_text(q, 2), "manual") == 0;
	*r = (struct dc_rule_plan){.name = l->name,
	    .remark = l->remark[0] ? l->remark : NULL,
	    .starts = dc_query_int(q, 3),
	    .ends = dc_query_int(q, 4),
	    .push = dc_query_int(q, 5),
	    .push_from = dc_query_int(q, 6),
	    .push_to = dc_query_int(q, 7),
	    .reject_min = dc_query_int(q, 8),
	    .retries = dc_query_int(q, 9),
	    .retry_ms = dc_query_int(q, 10),
	    .min_signal = dc_query_int(q, 11),
	    .min_battery = dc_query_int(q, 12),
	    .zone_min = dc_query_int(q, 13),
	    .components = 1};
	return ERR_OK;
}

enum err
dc_make_verify(struct dc_db *db, int64_t package, int64_t device, int64_t now, int64_t *plan,
    char why[static DC_RULE_WHY])
{
	char pk[64], dk[64], name[DC_RULE_NAME_BYTES + 1], shown[DC_RULE_NAME + 1];
	const char *const only[] = {dk};
	struct dc_make_plan p = {
	    .rule = dc_rule_plan_defaults(now), .pk = pk, .packages = {name}, .white = only,
	    .n_white = 1, .verifies = device};
	AUTO(dc_query)
	struct dc_query *d = dc_db_query(
	    db, "SELECT pk, dk, online FROM device WHERE id = ?", "i", device);
	AUTO(dc_query)
	struct dc_query *k = dc_db_query(
	    db, "SELECT name FROM package WHERE id = ?", "i", package);

	if (!dc_query_next(d) || !dc_query_next(k))
		return dc_make_refuse(
		    why, ERR_NOT_FOUND, "verify", "there is no such device or package");
	snprintf(pk, sizeof(pk), "%s", dc_query_text(d, 0));
	snprintf(dk, sizeof(dk), "%s", dc_query_text(d, 1));
	snprintf(name, sizeof(name), "%s", dc_query_text(k, 0));
	if (!dc_query_int(d, 2))
		return dc_make_refuse(why, ERR_OFFLINE, dk, "expected a device that is online");
	int64_t before = dc_db_int(
	    db, 0, "SELECT count(*) FROM plan WHERE verifies IS NOT NULL", "");
	snprintf(shown, sizeof(shown), "verification %lld of package %lld", (long long)before + 1,
	    (long long)package);
	p.rule.name = shown;
	p.rule.ends = now + DC_RULE_VERIFY_MS;
	enum err err = dc_make_plan(db, &p, now, plan, why);
	return err ? err : dc_make_change(db, *plan, DC_MAKE_ACTIVATE, now, why);
}

/* --- changes --------------------------------------------------------------------------------- */

bool
dc_make_verb(const char *word, enum dc_make_verb *out)
{
	for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].word, word) != 0)
			continue;
		*out = (enum dc_make_verb)i;
		return true;
	}
	return false;
}

const char *
dc_make_state(enum dc_make_verb verb)
{
	return verbs[verb].to;
}

static enum err
remove_plan(struct dc_db *db, int64_t plan)
{
	enum err err = remove_parts(db, plan, NULL);

	return err ? err : dc_db_run(db, "DELETE FROM plan WHERE id = ?", "i", plan);
}

enum err
dc_make_change(struct dc_db *db, int64_t plan, enum dc_make_verb verb, int64_t now,
    char why[static DC_RULE_WHY])
{
	const struct verb_row *v = &verbs[verb];
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    db, "SELECT name, state, ends FROM plan WHERE id = ?", "i", plan);
	enum err err;

	if (!dc_query_next(q))
		return dc_make_refuse(why, ERR_NOT_FOUND, v->word, "expected a plan, got none");
	const char *name = dc_query_text(q, 0), *state = dc_query_text(q, 1);
	if (strcmp(state, v->from) != 0 && strcmp(state, v->or_from) != 0) {
		snprintf(why, DC_RULE_WHY, "%.100s: expected a plan that is %s or %s, got one "
					   "that is %s",
		    name, v->from, v->or_from, state);
		return ERR_PHASE;
	}
	if (verb == DC_MAKE_ACTIVATE && dc_query_int(q, 2) <= now)
		return dc_make_refuse(
		    why, ERR_PHASE, name, "expected a plan whose end is to come, got an ended one");
	if (dc_db_run(db, "SAVEPOINT make", ""))
		return dc_make_refuse(why, ERR_SYSTEM, name, "the database is busy");
	why[0] = '\0';
	if (verb == DC_MAKE_DELETE)
		err = remove_plan(db, plan);
	else
		err = dc_db_run(
		    db, "UPDATE plan SET state = ? WHERE id = ?", "ti", v->to, plan);
	if (!err && verb == DC_MAKE_TERMINATE)
		err = dc_db_run(db,
		    "UPDATE progress SET state = 3, ended = ? WHERE state = 0 AND plan = ?", "ii",
		    now, plan);
	return dc_make_conclude(db, err, name, why);
}
