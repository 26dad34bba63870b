/*
 * dc_db: everything the local Developer Center knows, in one SQLite file (WAL).
 *
 * The server and the command line share it: each write is one transaction, readers see it at once,
 * and dc_db_version() tells the server that somebody else wrote. The schema is dc_schema.c.
 *
 * Values are bound by a type string: i = int64_t, t = const char * (NULL is NULL), b = const void *
 * followed by size_t. Texts of statements are literals and prepared once.
 */
#ifndef DC_DB_H
#define DC_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "err.h"

struct dc_db;
struct dc_query;

/* Open (and make, when `create`) DIR/devcenter.db; brings the schema up to date. */
enum err dc_db_open(const char *dir, bool create, struct dc_db **out) MUST_CHECK;
void dc_db_close(struct dc_db *db);
AUTO_DEFINE(dc_db, struct dc_db *, dc_db_close)

/* A statement without rows. ERR_EXISTS for a constraint, ERR_SYSTEM (logged) for anything else. */
enum err dc_db_run(struct dc_db *db, const char *sql, const char *types, ...) MUST_CHECK;
/* Same, where failure means that the disk or the file is broken: remembered in dc_db_failed(), on
 * which the server ends. */
void dc_db_do(struct dc_db *db, const char *sql, const char *types, ...);
/* A transaction around everything that one event causes; may nest. It takes the write lock at once,
 * so that what was read in it is still true when it writes. */
void dc_db_begin(struct dc_db *db);
void dc_db_commit(struct dc_db *db);
bool dc_db_failed(const struct dc_db *db);
int64_t dc_db_last_id(const struct dc_db *db);
int dc_db_changes(const struct dc_db *db);

/* Rows. NULL when it could not be started (logged); dc_query_next(NULL) is false. Texts are "" for
 * NULL and live until the next row. */
struct dc_query *dc_db_query(struct dc_db *db, const char *sql, const char *types, ...);
bool dc_query_next(struct dc_query *q);
int64_t dc_query_int(const struct dc_query *q, int column);
double dc_query_real(const struct dc_query *q, int column);
const char *dc_query_text(const struct dc_query *q, int column);
bool dc_query_is_null(const struct dc_query *q, int column);
void dc_query_free(struct dc_query *q);
AUTO_DEFINE(dc_query, struct dc_query *, dc_query_free)

/* First column of the first row, `otherwise` when there is none. */
int64_t dc_db_int(struct dc_db *db, int64_t otherwise, const char *sql, const char *types, ...);

/* Changes whenever another connection has written. */
int64_t dc_db_version(struct dc_db *db);

/* The statements that make the schema, one list per version; ends with NULL. */
extern const char *const dc_schema[];

#endif
