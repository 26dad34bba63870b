/*
 * record_schema: is a database one of ours? Declared in record_part.h.
 *
 * Each daemon's database has a version, and each counts for itself: the file of another daemon, put
 * here by a mistaken restore, says "3" too. Taken for ours it would lack tables at every start, or
 * be migrated on, which spoils it for its owner. What ours has is what our migrations make, so they
 * are run in memory and the names of the tables compared. More than those is none of our business.
 */
#include <sqlite3.h>

#include "log.h"
#include "record_part.h"

AUTO_DEFINE(memory, sqlite3 *, sqlite3_close)
AUTO_DEFINE(tables, sqlite3_stmt *, sqlite3_finalize)

static enum err
make_model(sqlite3 **db, const char *const *migrations, int version)
{
	if (sqlite3_open_v2(":memory:", db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
	    SQLITE_OK)
		return ERR_NOMEM;
	for (int i = 0; i < version; i++)
		if (sqlite3_exec(*db, migrations[i], NULL, NULL, NULL) != SQLITE_OK)
			return ERR_SYSTEM;
	return ERR_OK;
}

static enum err
check_table(struct record *r, const char *name, int version)
{
	int64_t there = 0;
	enum err e = record_get_int(r, &there,
	    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", "t", name);

	if (e != ERR_OK || there)
		return e;
	log_error(NULL,
	    "%s: expected version %d of this program's records, with a table %s, got a "
	    "database without: another program's",
	    r->path, version, name);
	return ERR_CORRUPT;
}

/* Nothing is made without its version, so one of version 0 that has tables is none of ours. */
static enum err
check_empty(struct record *r)
{
	int64_t tables = 0;
	enum err e = record_get_int(r, &tables, "SELECT count(*) FROM sqlite_schema", "");

	if (e != ERR_OK || tables == 0)
		return e;
	log_error(NULL,
	    "%s: expected this program's records, got a database without their version, with "
	    "%lld tables and indices: another program's",
	    r->path, (long long)tables);
	return ERR_CORRUPT;
}

enum err
record_schema_check(struct record *r, const char *const *migrations, int version)
{
	AUTO(memory) sqlite3 *model = NULL;
	AUTO(tables) sqlite3_stmt *s = NULL;

	if (version == 0)
		return check_empty(r);
	enum err e = make_model(&model, migrations, version);
	if (e == ERR_OK &&
	    sqlite3_prepare_v2(model,
		"SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
		-1, &s, NULL) != SQLITE_OK)
		e = ERR_NOMEM;
	while (e == ERR_OK && sqlite3_step(s) == SQLITE_ROW)
		e = check_table(r, (const char *)sqlite3_column_text(s, 0), version);
	return e;
}
