/*
 * dc_make: see dc_make.h. What a verb may begin from is one table.
 *
 * A savepoint makes a transaction of it wherever the caller stands.
 */
#include "dc_make.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static enum err
refuse(char why[static DC_RULE_WHY], enum err err, const char *what, const char *sentence)
{
	snprintf(why, DC_RULE_WHY, "%.110s: %s", what, sentence);
	return err;
}

/* End a savepoint by what came of it. */
static enum err
conclude(struct dc_db *db, enum err err, const char *what, char why[static DC_RULE_WHY])
{
	if (err && dc_db_run(db, "ROLLBACK TO make", ""))
		return refuse(why, ERR_SYSTEM, what, "the database is broken");
	if (dc_db_run(db, "RELEASE make", ""))
		return refuse(why, ERR_SYSTEM, what, "the database is busy");
	if (err && !why[0])
		return refuse(why, err, what, err_text(err));
	return err;
}

/* --- packages -------------------------------------------------------------------------------- */

static const char *
base_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

/* Copy a file into the store under a name that nobody can guess, *path below /packages/. */
static enum err
store(const char *dir, const char *file, const char *base, char stored[140], struct dc_digest *d,
    char why[static DC_RULE_WHY])
{
	uint8_t raw[8];
	char path[4096];

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return refuse(why, ERR_SYSTEM, base, "no random bytes");
	snprintf(stored, 140, "%02x%02x%02x%02x%02x%02x%02x%02x-%s", raw[0], raw[1], raw[2], raw[3],
	    raw[4], raw[5], raw[6], raw[7], base);
	if (snprintf(path, sizeof(path), "%s/packages/%s", dir, stored) >= (int)sizeof(path))
		return refuse(why, ERR_LIMIT, dir, "name is too long");
	enum err err = dc_digest_copy(file, path, d);
	if (err == ERR_INVALID)
		return refuse(why, err, base, "expected at least one byte, got an empty file");
	if (err == ERR_LIMIT)
		return refuse(why, err, base, "expected at most 100 MiB, got more");
	return err ? refuse(why, err, base, err_text(err)) : ERR_OK;
}

static void
discard(const char *dir, const char *stored)
{
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/packages/%s", dir, stored) < (int)sizeof(path))
		unlink(path);
}

enum err
dc_make_file(struct dc_db *db, const char *dir, int64_t package, const char *file, const char *base,
    int64_t *idx, char why[static DC_RULE_WHY])
{
	struct dc_digest d;
	char stored[140];

	if (dc_rule_file(base, why))
		return ERR_INVALID;
	if (!dc_db_int(
		db, 0, "SELECT count(*) FROM package WHERE id = ? AND kind = 0", "i", package))
		return refuse(why, ERR_NOT_FOUND, base, "expected a package of a module, got none");
	if (dc_db_int(db, 0, "SELECT count(*) FROM plan_component WHERE package = ?", "i", package))
		return refuse(why, ERR_PHASE, base, "expected a package that is in no plan");
	*idx = 1 + dc_db_int(
		       db, 0, "SELECT count(*) FROM package_file WHERE package = ?", "i", package);
	if (*idx >= DC_RULE_FILES)
		return refuse(why, ERR_INVALID, base, "expected at most 5 files in a package");
	enum err err = store(dir, file, base, stored, &d, why);
	if (err)
		return err;
	err = dc_db_run(db,
	    "INSERT INTO package_file (package, idx, name, path, size, md5, crc, sha256) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	    "iittittt", package, *idx, base, stored, d.size, d.md5, d.crc, d.sha256);
	if (!err)
		return ERR_OK;
	discard(dir, stored);
	return refuse(why, err, base, err_text(err));
}

/* Take away what a package that did not come about has stored beside its first file. */
static void
discard_more(struct dc_db *db, const char *dir, int64_t package)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    db, "SELECT path FROM package_file WHERE package = ?", "i", package);

	while (dc_query_next(q))
		discard(dir, dc_query_text(q, 0));
}

static enum err
add_package(struct dc_db *db, const char *dir, const struct dc_make_package *p, int64_t now,
    struct dc_make_stored *out, char why[static DC_RULE_WHY])
{
	const struct dc_rule_package *r = &p->rule;
	struct dc_digest *d = &out->digest;
	int64_t idx;
	enum err err = dc_db_run(db,
	    "INSERT INTO package (name, component, kind, target, source, path, scheme, size, md5, "
	    "crc, sha256, url, remark, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    "ttittttittttti", r->name, r->component, (int64_t)r->mcu, r->target, r->source,
	    out->path, r->scheme, d->size, d->md5, d->crc, d->sha256, p->url, r->remark, now);

	out->id = dc_db_last_id(db);
	for (unsigned i = 0; !err && i + 1 < r->files; i++)
		err = dc_make_file(db, dir, out->id, p->more[i], base_of(p->more[i]), &idx, why);
	if (err)
		discard_more(db, dir, out->id);
	return err;
}

enum err
dc_make_package(struct dc_db *db, const char *dir, const struct dc_make_package *p, int64_t now,
    struct dc_make_stored *out, char why[static DC_RULE_WHY])
{
	enum err err = dc_rule_package(&p->rule, why);

	if (!err)
		err = store(dir, p->file, p->rule.base, out->path, &out->digest, why);
	if (err)
		return err;
	why[0] = '\0';
	if (dc_db_run(db, "SAVEPOINT make", "")) {
		discard(dir, out->path);
		return refuse(why, ERR_SYSTEM, p->rule.name, "the database is busy");
	}
	err = conclude(db, add_package(db, dir, p, now, out, why), p->rule.name, why);
	if (err)
		discard(dir, out->path);
	return err;
}

/* --- plans ----------------------------------------------------------------------------------- */

static enum err
add_components(struct dc_db *db, const struct dc_make_plan *p, int64_t plan,
    char why[static DC_RULE_WHY])
{
	for (unsigned i = 0; i < p->rule.components; i++) {
		int64_t package = dc_db_int(
		    db, 0, "SELECT id FROM package WHERE name = ?", "t", p->packages[i]);

		if (!package)
			return refuse(
			    why, ERR_NOT_FOUND, p->packages[i], "there is no such package");
		enum err err = dc_db_run(db,
		    "INSERT INTO plan_component (plan, seq, package, versions) VALUES (?, ?, ?, ?)",
		    "iiit", plan, (int64_t)i, package, p->rule.versions);
		if (err)
			return err;
	}
	return ERR_OK;
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
	bool told = !p->manual;

	for (unsigned i = 0; i < p->n_texts; i++) {
		size_t n = strcspn(p->texts[i], "=");
		char lang[9];

		if (p->texts[i][n] != '=' || n < 2 || n >= sizeof(lang) || !p->texts[i][n + 1])
			return refuse(why, ERR_INVALID, p->texts[i], "expected LANG=TEXT");
		snprintf(lang, sizeof(lang), "%.*s", (int)n, p->texts[i]);
		told = told || strcmp(lang, "zh") == 0 || strcmp(lang, "en") == 0;
		enum err err = dc_db_run(db,
		    "INSERT INTO plan_text (plan, lang, text) VALUES (?, ?, ?)", "itt", plan, lang,
		    p->texts[i] + n + 1);
		if (err)
			return err;
	}
	if (!told)
		return refuse(why, ERR_INVALID, p->rule.name,
		    "expected a text in zh or en, which a manual plan needs, got none");
	return ERR_OK;
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
	    r->ends, (int64_t)r->push, r->push_from,
	    r->push_to, r->reject_min, r->retries, r->retry_ms, r->min_signal, r->min_battery,
	    r->remark, now, r->zone_min, p->verifies);

	*id = dc_db_last_id(db);
	if (!err)
		err = add_components(db, p, *id, why);
	if (!err)
		err = add_list(db, *id, p->white, p->n_white, "white");
	if (!err)
		err = add_list(db, *id, p->black, p->n_black, "black");
	if (!err)
		err = add_texts(db, p, *id, why);
	return err;
}

enum err
dc_make_plan(struct dc_db *db, const struct dc_make_plan *p, int64_t now, int64_t *id,
    char why[static DC_RULE_WHY])
{
	enum err err = dc_rule_plan(&p->rule, why);

	if (err)
		return err;
	if (p->manual && (!p->rule.push || p->rule.push_from != p->rule.push_to))
		return refuse(why, ERR_INVALID, p->rule.name,
		    "expected no push options, which are for silent plans, got some");
	if (!dc_db_int(db, 0, "SELECT count(*) FROM product WHERE pk = ?", "t", p->pk))
		return refuse(why, ERR_NOT_FOUND, p->pk, "there is no such product");
	if (dc_db_run(db, "SAVEPOINT make", ""))
		return refuse(why, ERR_SYSTEM, p->rule.name, "the database is busy");
	why[0] = '\0';
	return conclude(db, add_plan(db, p, now, id, why), p->rule.name, why);
}

enum err
dc_make_verify(struct dc_db *db, int64_t package, int64_t device, int64_t now, int64_t *plan,
    char why[static DC_RULE_WHY])
{
	char pk[64], dk[64], name[DC_RULE_NAME + 1], shown[DC_RULE_NAME + 1];
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
		return refuse(why, ERR_NOT_FOUND, "verify", "there is no such device or package");
	snprintf(pk, sizeof(pk), "%s", dc_query_text(d, 0));
	snprintf(dk, sizeof(dk), "%s", dc_query_text(d, 1));
	snprintf(name, sizeof(name), "%s", dc_query_text(k, 0));
	if (!dc_query_int(d, 2))
		return refuse(why, ERR_OFFLINE, dk, "expected a device that is online");
	int64_t before = dc_db_int(
	    db, 0, "SELECT count(*) FROM plan WHERE verifies IS NOT NULL", "");
	snprintf(shown, sizeof(shown), "verification %lld of %.60s", (long long)before + 1, name);
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
	enum err err = dc_db_run(db, "DELETE FROM plan_component WHERE plan = ?", "i", plan);

	if (!err)
		err = dc_db_run(db, "DELETE FROM plan_device WHERE plan = ?", "i", plan);
	if (!err)
		err = dc_db_run(db, "DELETE FROM plan_text WHERE plan = ?", "i", plan);
	if (!err)
		err = dc_db_run(db, "DELETE FROM plan WHERE id = ?", "i", plan);
	return err;
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
		return refuse(why, ERR_NOT_FOUND, v->word, "expected a plan, got none");
	const char *name = dc_query_text(q, 0), *state = dc_query_text(q, 1);
	if (strcmp(state, v->from) != 0 && strcmp(state, v->or_from) != 0) {
		snprintf(why, DC_RULE_WHY, "%.100s: expected a plan that is %s or %s, got one "
					   "that is %s",
		    name, v->from, v->or_from, state);
		return ERR_PHASE;
	}
	if (verb == DC_MAKE_ACTIVATE && dc_query_int(q, 2) <= now)
		return refuse(
		    why, ERR_PHASE, name, "expected a plan whose end is to come, got an ended one");
	if (dc_db_run(db, "SAVEPOINT make", ""))
		return refuse(why, ERR_SYSTEM, name, "the database is busy");
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
	return conclude(db, err, name, why);
}
