/*
 * dc_db: see dc_db.h. Statements are cached by the address of their literal.
 */
#include "dc_db.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>

#include "log.h"

enum { CACHE = 160, BUSY_MS = 120000 };

struct dc_query {
	sqlite3_stmt *stmt;
	struct dc_db *db;
	const char *sql; /* NULL: free */
	bool busy;
};

struct dc_db {
	sqlite3 *sql;
	bool failed;
	unsigned depth; /* of dc_db_begin */
	struct dc_query cache[CACHE];
};

static enum err
trouble(struct dc_db *db, const char *what)
{
	int code = sqlite3_errcode(db->sql);

	if (code == SQLITE_CONSTRAINT)
		return ERR_EXISTS;
	log_error(NULL, "database: %s: %s", what, sqlite3_errmsg(db->sql));
	return ERR_SYSTEM;
}

static enum err
migrate_from(struct dc_db *db, int64_t have)
{
	char set[48];

	for (int64_t i = have; dc_schema[i]; i++) {
		snprintf(set, sizeof(set), "PRAGMA user_version = %lld", (long long)i + 1);
		if (sqlite3_exec(db->sql, dc_schema[i], NULL, NULL, NULL) != SQLITE_OK ||
		    sqlite3_exec(db->sql, set, NULL, NULL, NULL) != SQLITE_OK)
			return trouble(db, "schema");
	}
	return ERR_OK;
}

/* Who only looks must not wait for who writes: the write lock is taken only for a schema that is
 * behind, and then looked at again, because another may have been faster. */
static enum err
migrate(struct dc_db *db)
{
	int64_t newest = 0;

	while (dc_schema[newest])
		newest++;
	if (dc_db_int(db, 0, "PRAGMA user_version", "") >= newest)
		return ERR_OK;
	if (sqlite3_exec(db->sql, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return trouble(db, "begin");
	int64_t have = dc_db_int(db, 0, "PRAGMA user_version", "");
	enum err err = have < newest ? migrate_from(db, have) : ERR_OK;

	if (err)
		return err;
	return sqlite3_exec(db->sql, "COMMIT", NULL, NULL, NULL) == SQLITE_OK
		   ? ERR_OK
		   : trouble(db, "commit");
}

enum err
dc_db_open(const char *dir, bool create, struct dc_db **out)
{
	char path[4096];
	int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
	AUTO(dc_db) struct dc_db *db = calloc(1, sizeof(*db));

	if (!db)
		return ERR_NOMEM;
	if (snprintf(path, sizeof(path), "%s/devcenter.db", dir) >= (int)sizeof(path))
		return ERR_LIMIT;
	if (sqlite3_open_v2(path, &db->sql, flags, NULL) != SQLITE_OK) {
		log_error(NULL, "%s: %s", path, sqlite3_errmsg(db->sql));
		return ERR_NOT_FOUND;
	}
	sqlite3_busy_timeout(db->sql, BUSY_MS);
	if (sqlite3_exec(db->sql,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON",
		NULL, NULL, NULL) != SQLITE_OK)
		return trouble(db, path);
	enum err err = migrate(db);
	if (!err)
		*out = HAND_OVER(db);
	return err;
}

void
dc_db_close(struct dc_db *db)
{
	if (!db)
		return;
	for (int i = 0; i < CACHE; i++)
		sqlite3_finalize(db->cache[i].stmt);
	sqlite3_close(db->sql);
	free(db);
}

/* A prepared statement that is not in use; the cache is larger than the number of literals. */
static struct dc_query *
prepare(struct dc_db *db, const char *sql)
{
	for (int i = 0; i < CACHE; i++) {
		struct dc_query *q = &db->cache[i];

		if (q->sql == sql && !q->busy)
			return q;
		if (q->sql)
			continue;
		if (sqlite3_prepare_v3(
			db->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL) != SQLITE_OK) {
			log_error(NULL, "database: %s: %s", sql, sqlite3_errmsg(db->sql));
			return NULL;
		}
		q->sql = sql;
		q->db = db;
		return q;
	}
	log_error(NULL, "database: more statements than the %d of the cache", CACHE);
	return NULL;
}

static void
bind(sqlite3_stmt *s, const char *types, va_list ap)
{
	for (int i = 1; *types; types++, i++) {
		if (*types == 'i') {
			sqlite3_bind_int64(s, i, va_arg(ap, int64_t));
		} else if (*types == 't') {
			sqlite3_bind_text(s, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
		} else {
			const void *data = va_arg(ap, const void *);

			sqlite3_bind_blob64(s, i, data, va_arg(ap, size_t), SQLITE_TRANSIENT);
		}
	}
}

static struct dc_query *
start(struct dc_db *db, const char *sql, const char *types, va_list ap)
{
	struct dc_query *q = prepare(db, sql);

	if (!q)
		return NULL;
	q->busy = true;
	bind(q->stmt, types, ap);
	return q;
}

static enum err
run(struct dc_db *db, const char *sql, const char *types, va_list ap)
{
	AUTO(dc_query) struct dc_query *q = start(db, sql, types, ap);

	if (!q)
		return ERR_SYSTEM;
	int code = sqlite3_step(q->stmt);
	return code == SQLITE_DONE || code == SQLITE_ROW ? ERR_OK : trouble(db, sql);
}

enum err
dc_db_run(struct dc_db *db, const char *sql, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	enum err err = run(db, sql, types, ap);
	va_end(ap);
	return err;
}

void
dc_db_do(struct dc_db *db, const char *sql, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	if (run(db, sql, types, ap))
		db->failed = true;
	va_end(ap);
}

void
dc_db_begin(struct dc_db *db)
{
	if (db->depth++ == 0)
		dc_db_do(db, "BEGIN IMMEDIATE", "");
}

void
dc_db_commit(struct dc_db *db)
{
	if (--db->depth == 0)
		dc_db_do(db, "COMMIT", "");
}

bool
dc_db_failed(const struct dc_db *db)
{
	return db->failed;
}

int64_t
dc_db_last_id(const struct dc_db *db)
{
	return sqlite3_last_insert_rowid(db->sql);
}

int
dc_db_changes(const struct dc_db *db)
{
	return sqlite3_changes(db->sql);
}

struct dc_query *
dc_db_query(struct dc_db *db, const char *sql, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	struct dc_query *q = start(db, sql, types, ap);
	va_end(ap);
	return q;
}

bool
dc_query_next(struct dc_query *q)
{
	if (!q)
		return false;
	int code = sqlite3_step(q->stmt);
	if (code != SQLITE_ROW && code != SQLITE_DONE) {
		log_error(NULL, "database: %s: %s", q->sql, sqlite3_errmsg(q->db->sql));
		q->db->failed = true;
	}
	return code == SQLITE_ROW;
}

int64_t
dc_query_int(const struct dc_query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

double
dc_query_real(const struct dc_query *q, int column)
{
	return sqlite3_column_double(q->stmt, column);
}

const char *
dc_query_text(const struct dc_query *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q->stmt, column);

	return text ? text : "";
}

bool
dc_query_is_null(const struct dc_query *q, int column)
{
	return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

void
dc_query_free(struct dc_query *q)
{
	if (!q)
		return;
	sqlite3_reset(q->stmt);
	sqlite3_clear_bindings(q->stmt);
	q->busy = false;
}

int64_t
dc_db_int(struct dc_db *db, int64_t otherwise, const char *sql, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	AUTO(dc_query) struct dc_query *q = start(db, sql, types, ap);
	va_end(ap);
	return dc_query_next(q) ? dc_query_int(q, 0) : otherwise;
}

int64_t
dc_db_version(struct dc_db *db)
{
	return dc_db_int(db, 0, "PRAGMA data_version", "");
}
