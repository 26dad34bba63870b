/*
 * record_part: what record.c (statements, transactions), record_open.c (opening, checking, mending,
 * migrating), record_schema.c (whose it is) and record_log.c (its log) share; nobody else includes
 * this.
 */
#ifndef SUBOTA_RECORD_PART_H
#define SUBOTA_RECORD_PART_H

#include <sqlite3.h>

#include "clock.h"
#include "record.h"

enum { RECORD_CACHE = 64, RECORD_PATH = 512, RECORD_TROUBLE = 300, RECORD_SAY_MS = 60000 };

struct record_cached {
	sqlite3_stmt *stmt;
	uint64_t used; /* value of record.clock at its last use */
	bool busy;
};

struct record {
	sqlite3 *db;
	char path[RECORD_PATH];
	bool was_damaged;
	bool in_transaction; /* between record_begin and the end of it, whatever SQLite thinks */
	bool log_is_new;     /* nothing was committed to it: the next transaction has to bind it */
	int log_pages;       /* in the log, as of the last commit */
	int log_turn;        /* so many, and it is begun anew */
	char trouble[RECORD_TROUBLE]; /* why the last was not written, or read; "" = it was */
	struct mono trouble_said;     /* when that was logged */
	uint64_t clock;
	struct record_cached cache[RECORD_CACHE];
};

/* The error of an SQLite result code, after a log line; ERR_OK for a good code. A constraint is an
 * answer, so it is logged for debugging only. */
enum err record_part_fail(struct record *r, int code, const char *sql) MUST_CHECK;
void record_part_drop_cache(struct record *r);
/* Statements without rows. */
enum err record_part_exec(struct record *r, const char *sql) MUST_CHECK;

/* ERR_CORRUPT: a database of this version that lacks what so many migrations make. */
enum err record_schema_check(
    struct record *r, const char *const *migrations, int version) MUST_CHECK;

/* May a log with this number in its first page belong to a file with that one? 0: none yet. */
bool record_log_fits(uint32_t in_file, uint32_t seen);
/* ERR_CORRUPT: something in it was spoilt that had been synced once. A last transaction that was
 * torn is none of that. */
enum err record_log_check(struct record *r) MUST_CHECK;
/* From now on its length is known. */
void record_log_watch(struct record *r);
/* Copy it into the database and begin a new one, of no bytes; logged when that cannot be. */
void record_log_put_away(struct record *r);
/* After a commit: the same once it is long enough, but it keeps its bytes. */
void record_log_turn(struct record *r);
/* In the first transaction of a new log, or before the first statement that is one by itself. */
enum err record_log_bind(struct record *r) MUST_CHECK;

#endif
