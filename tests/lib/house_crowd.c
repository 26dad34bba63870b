/*
 * house_crowd: see house_crowd.h.
 */
#include "house_crowd.h"

#include <sqlite3.h>
#include <string.h>

#include "house_look.h"
#include "json.h"

#define SECRET "Q3Jvd2RTZWNyZXQxMg"

enum { BUSY_MS = 10000, SQL = 600 };

static void
close_db(sqlite3 *db)
{
	sqlite3_close(db);
}
AUTO_DEFINE(house_crowd_db, sqlite3 *, close_db)

static sqlite3 *
open_db(struct house *h, int how)
{
	char path[300];
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "%s/devcenter/devcenter.db", h->dir);
	if (sqlite3_open_v2(path, &db, how, NULL) != SQLITE_OK) {
		sqlite3_close(db);
		return NULL;
	}
	sqlite3_busy_timeout(db, BUSY_MS);
	return db;
}

enum err
house_crowd_join(struct house *h)
{
	char pk[32], sql[SQL];

	for (int i = 1; i <= CROWD_PRODUCTS; i++) {
		snprintf(pk, sizeof(pk), "%s%d", CROWD_PK, i);
		struct tool_result r = HOUSE_DC(
		    h, "product", "add", pk, "--kind", "subdevice", "--ps", SECRET);
		if (r.status != 0)
			return house_fail(h, ERR_SYSTEM, "product add: %.200s", r.out);
	}
	snprintf(sql, sizeof(sql),
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u) "
	    "INSERT INTO device (pk, dk, gateway) SELECT '%s' || (1 + i %% %d), 'C' || i, "
	    "(SELECT id FROM device WHERE pk = '%s') FROM n",
	    h->options.crowd, CROWD_PK, CROWD_PRODUCTS, HOUSE_GATEWAY_PK);
	AUTO(house_crowd_db) sqlite3 *db = open_db(h, SQLITE_OPEN_READWRITE);
	if (db && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return ERR_OK;
	return house_fail(h, ERR_SYSTEM, "the crowd: %s", db ? sqlite3_errmsg(db) : "no database");
}

void
house_crowd_write(const struct house *h, FILE *secrets, FILE *conf)
{
	for (int i = 1; i <= CROWD_PRODUCTS; i++)
		fprintf(secrets, "[product %s%d]\nsecret = %s\n", CROWD_PK, i, SECRET);
	for (unsigned i = 1; i <= h->options.crowd; i++)
		fprintf(conf,
		    "\n[flashd.device crowd%u]\nproduct_key = %s%u\ndevice_key = C%u\n"
		    "vendor = %s\nmodel = %s%u\ndriver = smp\nport = %s/crowd/tty%u\nbaud = %u\n"
		    "reply_ms = 2000\nretries = 3\nreset_wait_ms = 50\n",
		    i, CROWD_PK, 1 + i % CROWD_PRODUCTS, i, HOUSE_VENDOR, CROWD_MODEL,
		    1 + i % CROWD_PRODUCTS, h->dir, i, h->options.baud);
}

/* --- looking ---------------------------------------------------------------------------------- */

long
house_crowd_ask(struct house *h, const char *sql)
{
	AUTO(house_crowd_db) sqlite3 *db = open_db(h, SQLITE_OPEN_READONLY);
	sqlite3_stmt *s = NULL;
	long n = -1;

	if (!db || sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(s) == SQLITE_ROW)
		n = (long)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

static unsigned
count(struct house *h, const char *sql)
{
	long n = house_crowd_ask(h, sql);

	return n < 0 ? 0 : (unsigned)n;
}

unsigned
house_crowd_online(struct house *h, const char *version)
{
	char sql[SQL];

	snprintf(sql, sizeof(sql),
	    "SELECT count(*) FROM device WHERE pk GLOB '%s*' AND online AND version = '%s'",
	    CROWD_PK, version);
	return count(h, sql);
}

unsigned
house_crowd_progress(struct house *h, int progress)
{
	char sql[SQL];

	snprintf(sql, sizeof(sql),
	    "SELECT count(*) FROM progress JOIN device d ON d.id = progress.device "
	    "WHERE pk GLOB '%s*' AND state = %d",
	    CROWD_PK, progress);
	return count(h, sql);
}

unsigned
house_crowd_running(struct house *h, const char *version)
{
	char path[300];
	unsigned n = 0;

	for (unsigned i = 1; i <= h->options.crowd; i++) {
		snprintf(path, sizeof(path), "%s/crowd/%u/status.json", h->dir, i);
		AUTO(json) cJSON *own = json_file(path);
		n += strcmp(json_text(own, "running"), version) == 0 &&
		     cJSON_IsTrue(cJSON_GetObjectItem(own, "confirmed"));
	}
	return n;
}

void
house_crowd_statuses(struct house *h, unsigned device, char out[CROWD_STATUSES])
{
	char sql[SQL];
	sqlite3_stmt *s = NULL;
	size_t at = 0;
	AUTO(house_crowd_db) sqlite3 *db = open_db(h, SQLITE_OPEN_READONLY);

	out[0] = 0;
	snprintf(sql, sizeof(sql),
	    "SELECT code FROM status WHERE device = (SELECT id FROM device WHERE dk = 'C%u') "
	    "ORDER BY id",
	    device);
	if (!db || sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		return;
	while (sqlite3_step(s) == SQLITE_ROW && at + 4 < CROWD_STATUSES)
		at += (size_t)snprintf(
		    out + at, CROWD_STATUSES - at, "%s%d", at ? " " : "", sqlite3_column_int(s, 0));
	sqlite3_finalize(s);
}
