/*
 * house_db: see house_db.h.
 */
#include "house_db.h"

#include <sqlite3.h>
#include <stdio.h>

#define PLATFORM "devcenter/devcenter.db"

enum { BUSY_MS = 10000 };

static void
close_db(sqlite3 *db)
{
	sqlite3_close(db);
}
AUTO_DEFINE(house_db, sqlite3 *, close_db)

static sqlite3 *
open_db(struct house *h, const char *name, int how)
{
	char path[300];
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "%s/%s", h->dir, name);
	if (sqlite3_open_v2(path, &db, how, NULL) != SQLITE_OK) {
		sqlite3_close(db);
		return NULL;
	}
	sqlite3_busy_timeout(db, BUSY_MS);
	return db;
}

static void
list(struct house *h, const char *name, const char *sql, char *out, size_t size)
{
	AUTO(house_db) sqlite3 *db = open_db(h, name, SQLITE_OPEN_READONLY);
	sqlite3_stmt *s = NULL;
	size_t at = 0;

	out[0] = 0;
	if (!db || sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		return;
	while (sqlite3_step(s) == SQLITE_ROW && at < size) {
		const char *text = (const char *)sqlite3_column_text(s, 0);
		int n = snprintf(out + at, size - at, "%s%s", at ? " " : "", text ? text : "");

		at += (size_t)n;
	}
	sqlite3_finalize(s);
}

void
house_db_list(struct house *h, const char *sql, char *out, size_t size)
{
	list(h, PLATFORM, sql, out, size);
}

long
house_db_ask_of(struct house *h, const char *path, const char *sql)
{
	char text[32];

	list(h, path, sql, text, sizeof(text));
	return text[0] ? strtol(text, NULL, 10) : -1;
}

long
house_db_ask(struct house *h, const char *sql)
{
	return house_db_ask_of(h, PLATFORM, sql);
}

bool
house_db_run(struct house *h, const char *sql)
{
	AUTO(house_db) sqlite3 *db = open_db(h, PLATFORM, SQLITE_OPEN_READWRITE);

	if (db && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	(void)!house_fail(
	    h, ERR_SYSTEM, "%.100s: %.200s", sql, db ? sqlite3_errmsg(db) : "no database");
	return false;
}
