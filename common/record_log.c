/*
 * record_log: the part of record that looks after the log (NAME-wal); declared in record_part.h.
 *
 * The log is bounded: once it has RECORD_LOG_PAGES it is copied into the database and begun anew,
 * in place, so that a full disk has room for the next one.
 *
 * And it is bound to the database as it was when the log began. SQLite would take any log that is
 * whole in itself, be it of another database or of a later life of this one, whose file somebody
 * has restored from a backup; where it has no first page, not even a number in that page tells. So
 * the first transaction of each log writes the first page, with a number (the application id) that
 * follows from the one in the file; the next log begins when that one has got into the file. At
 * open, the number behind the log has to be the file's own (a log that was copied already) or its
 * successor.
 *
 * Rejected: SQLite's own checkpoints (it does not tell when a log begins); the salts in a log's
 * header, which would have to be written into the file before each log, without a log to save it.
 */
#include "log.h"
#include "record_part.h"
#include "record_sum.h"

enum { LOG_PAGES = 1024 };

/* All numbers come once before one comes again; 0 is none. */
static uint32_t
successor(uint32_t number)
{
	do
		number = number * 1664525U + 1013904223U;
	while (number == 0);
	return number;
}

bool
record_log_fits(uint32_t in_file, uint32_t seen)
{
	return in_file == 0 || seen == in_file || seen == successor(in_file);
}

static int
on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct record *r = arg;

	(void)db;
	(void)name;
	r->log_pages = pages;
	return SQLITE_OK;
}

void
record_log_watch(struct record *r)
{
	r->log_turn = LOG_PAGES;
	sqlite3_wal_hook(r->db, on_commit, r);
}

/* --- a new log -------------------------------------------------------------------------------- */

enum err
record_log_bind(struct record *r)
{
	int64_t number = 0;
	char set[64];

	if (!r->log_is_new || !record_sum_on(r->db))
		return ERR_OK;
	enum err e = record_get_int(r, &number, "PRAGMA application_id", "");
	if (e != ERR_OK || number == 0)
		return e;
	snprintf(
	    set, sizeof(set), "PRAGMA application_id = %d", (int32_t)successor((uint32_t)number));
	e = record_part_exec(r, set);
	if (e == ERR_OK && sqlite3_get_autocommit(r->db))
		r->log_is_new = false;
	return e;
}

void
record_log_put_away(struct record *r)
{
	if (record_part_exec(r, "PRAGMA wal_checkpoint(TRUNCATE)") == ERR_OK)
		r->log_is_new = true;
	else
		log_warn(NULL, "the record's log cannot be put away now; it is read all the same");
}

/* A statement that still reads needs the log as it is. */
static bool
is_reading(const struct record *r)
{
	for (sqlite3_stmt *s = sqlite3_next_stmt(r->db, NULL); s; s = sqlite3_next_stmt(r->db, s))
		if (sqlite3_stmt_busy(s))
			return true;
	return false;
}

void
record_log_turn(struct record *r)
{
	if (r->log_pages < r->log_turn || !sqlite3_get_autocommit(r->db) || is_reading(r))
		return;
	int code = sqlite3_wal_checkpoint_v2(r->db, "main", SQLITE_CHECKPOINT_RESTART, NULL, NULL);

	if (code == SQLITE_OK) {
		r->log_is_new = true;
		r->log_turn = LOG_PAGES;
		r->log_pages = 0;
		return;
	}
	r->log_turn = r->log_pages + LOG_PAGES;
	log_warn(NULL, "%s: its log of %d pages cannot be begun anew now: %s", r->path,
	    r->log_pages, sqlite3_errstr(code));
}
