/*
 * record_part: what record.c (statements, transactions) and record_open.c (opening, checking,
 * mending, migrating) share; nobody else includes this.
 */
#ifndef SUBOTA_RECORD_PART_H
#define SUBOTA_RECORD_PART_H

#include <sqlite3.h>

#include "record.h"

enum { RECORD_CACHE = 64, RECORD_PATH = 512 };

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
	uint64_t clock;
	struct record_cached cache[RECORD_CACHE];
};

/* The error of an SQLite result code, after a log line; ERR_OK for a good code. A constraint is an
 * answer, so it is logged for debugging only. */
enum err record_part_fail(struct record *r, int code, const char *sql) MUST_CHECK;
void record_part_drop_cache(struct record *r);

#endif
