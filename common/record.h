/*
 * record: durable records in SQLite (WAL, synchronous FULL, one database per daemon, single
 * writer).
 *
 * A schema is a list of migrations; `PRAGMA user_version` says how many have run; each runs in a
 * transaction of its own. At open the database is checked: every page against its sum
 * (record_sum.h), the trees by quick_check. A damaged one, and a file of no bytes, is renamed to
 * NAME.corrupt-N, an event is due, and a new one is made (*fresh says so); so is one beside which
 * lies the log of another database, or of another time of its own (record_log.c). Statements are
 * prepared once per text and cached; one statement a text, and a value never comes by the text.
 *
 * Binding by a type string: i = int64_t, t = const char * (NULL = NULL), b = const void * followed
 * by size_t.
 */
#ifndef SUBOTA_RECORD_H
#define SUBOTA_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "err.h"

struct record;
struct record_row; /* a row while its callback runs */

/* `n` migrations. Logged and returned: ERR_UNSUPPORTED (a newer program made it: left alone),
 * ERR_FULL, ERR_LIMIT (path), ERR_NOMEM, ERR_SYSTEM, ERR_CORRUPT (the new one is damaged, too). At
 * most 8 damaged databases are kept. */
enum err record_open(const char *path, const char *const *migrations, int n, bool *fresh,
    struct record **out) MUST_CHECK;
void record_close(struct record *r);
/* Whether record_open found a damaged database and set it aside: an event is due. */
bool record_was_damaged(const struct record *r);
/* How many damaged databases of its name lie beside it: an alarm until somebody removes them. */
unsigned record_set_aside(const struct record *r);
/* Why the last that was to be written or read was not, and what to do about it: an alarm until
 * something has been written again. "": nothing is wrong. */
const char *record_trouble(const struct record *r);
/* What was read from it cannot be right: set it aside as if it were damaged, and go on with a new
 * one. On an error only record_close is allowed. Errors of record_open. */
enum err record_renew(
    struct record *r, const char *const *migrations, int n, bool *fresh) MUST_CHECK;
AUTO_DEFINE(record, struct record *, record_close)

/* Run a statement that returns no rows. ERR_FULL, ERR_EXISTS (constraint), ERR_CORRUPT or
 * ERR_SYSTEM. */
enum err record_run(struct record *r, const char *sql, const char *types, ...) MUST_CHECK;
/* Call `fn` for each row; stops at its first error and returns it. */
typedef enum err record_on_row(void *arg, const struct record_row *row);
enum err record_query(struct record *r, record_on_row *fn, void *arg, const char *sql,
    const char *types, ...) MUST_CHECK;
/* First column of the first row; ERR_NOT_FOUND if there is none. */
enum err record_get_int(
    struct record *r, int64_t *out, const char *sql, const char *types, ...) MUST_CHECK;

int64_t record_int(const struct record_row *row, int column);
const char *record_text(
    const struct record_row *row, int column); /* "" for NULL; valid in the callback */
const void *record_blob(const struct record_row *row, int column, size_t *len);

/* A transaction; nesting is our bug. After record_commit returned ERR_OK the change survives a
 * power cut. */
enum err record_begin(struct record *r) MUST_CHECK;
enum err record_commit(struct record *r) MUST_CHECK;
void record_rollback(struct record *r);

int record_changes(const struct record *r); /* rows changed by the last record_run */

#endif
