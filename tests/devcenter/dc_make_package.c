/*
 * dc_make_package: the packages of dc_make.h. A file is stored first and its row written after, so
 * that no row names a file that is not there; a file without a row is taken away.
 */
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dc_make.h"

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
		return dc_make_refuse(why, ERR_SYSTEM, base, "no random bytes");
	snprintf(stored, 140, "%02x%02x%02x%02x%02x%02x%02x%02x-%s", raw[0], raw[1], raw[2], raw[3],
	    raw[4], raw[5], raw[6], raw[7], base);
	if (snprintf(path, sizeof(path), "%s/packages/%s", dir, stored) >= (int)sizeof(path))
		return dc_make_refuse(why, ERR_LIMIT, dir, "name is too long");
	enum err err = dc_digest_copy(file, path, d);
	if (err == ERR_INVALID)
		return dc_make_refuse(
		    why, err, base, "expected at least one byte, got an empty file");
	if (err == ERR_LIMIT)
		return dc_make_refuse(why, err, base, "expected at most 100 MiB, got more");
	return err ? dc_make_refuse(why, err, base, err_text(err)) : ERR_OK;
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
		return dc_make_refuse(
		    why, ERR_NOT_FOUND, base, "expected a package of a module, got none");
	if (dc_db_int(db, 0, "SELECT count(*) FROM plan_component WHERE package = ?", "i", package))
		return dc_make_refuse(
		    why, ERR_PHASE, base, "expected a package that is in no plan");
	*idx = 1 + dc_db_int(
		       db, 0, "SELECT count(*) FROM package_file WHERE package = ?", "i", package);
	if (*idx >= DC_RULE_FILES)
		return dc_make_refuse(
		    why, ERR_INVALID, base, "expected at most 5 files in a package");
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
	return dc_make_refuse(why, err, base, err_text(err));
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
		return dc_make_refuse(why, ERR_SYSTEM, p->rule.name, "the database is busy");
	}
	err = dc_make_conclude(db, add_package(db, dir, p, now, out, why), p->rule.name, why);
	if (err)
		discard(dir, out->path);
	return err;
}
