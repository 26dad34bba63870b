/*
 * record: see record.h. How a database is opened (and mended) is in record_open.c.
 *
 * SQLite rolls a transaction back by itself after some errors (disk full, I/O). A statement that
 * came after that would be committed on its own, half of what was meant; so a transaction that
 * SQLite has left refuses everything until record_rollback.
 *
 * What a disk refuses is tried again and again by whoever wants it; the same trouble is logged once
 * a minute. After a sync that failed the kernel calls its pages clean, and the next sync would say
 * that all is well: the next commit writes its own pages in the place of those, all of them anew.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "log.h"
#include "record_part.h"
#include "remedy.h"

struct record_row {
	sqlite3_stmt *stmt;
};

static enum err
error_of(sqlite3 *db, int code)
{
	int os = sqlite3_system_errno(db);

	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return ERR_OK;
	case SQLITE_CONSTRAINT:
		return ERR_EXISTS;
	case SQLITE_FULL:
		return ERR_FULL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_IOERR:
		if (code == SQLITE_IOERR_DATA) /* record_sum.h */
			return ERR_CORRUPT;
		return os == ENOSPC || os == EDQUOT ? ERR_FULL : ERR_SYSTEM;
	default:
		return ERR_SYSTEM;
	}
}

static int
last_errno(sqlite3 *db, int whose)
{
	sqlite3_file *file = NULL;
	int error = 0;

	if (sqlite3_file_control(db, "main", whose, &file) == SQLITE_OK && file && file->pMethods)
		file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
	return error;
}

/* The system's word, where the disk is to blame: SQLite's own is the same for all of it, and its
 * sqlite3_system_errno what came last, from whichever call. */
static int
disk_error(sqlite3 *db, int code)
{
	if ((code & 0xff) == SQLITE_FULL)
		return ENOSPC;
	if ((code & 0xff) != SQLITE_IOERR || code == SQLITE_IOERR_DATA)
		return 0;
	int log = last_errno(db, SQLITE_FCNTL_JOURNAL_POINTER);
	int error = log ? log : last_errno(db, SQLITE_FCNTL_FILE_POINTER);

	return error ? error : EIO;
}

/* True: not said for a while. */
static bool
note_trouble(struct record *r, const char *got)
{
	char now[RECORD_TROUBLE];
	bool is_new = !r->trouble[0] ||
		      mono_between(r->trouble_said, clock_now()) >= RECORD_SAY_MS;

	snprintf(now, sizeof(now), "%.140s: %.150s", r->path, got);
	is_new = is_new || strcmp(now, r->trouble) != 0;
	snprintf(r->trouble, sizeof(r->trouble), "%s", now);
	if (is_new)
		r->trouble_said = clock_now();
	return is_new;
}

const char *
record_trouble(const struct record *r)
{
	return r->trouble;
}

enum err
record_part_fail(struct record *r, int code, const char *sql)
{
	enum err e = error_of(r->db, code);
	int os = disk_error(r->db, code);
	char got[RECORD_TROUBLE / 2];

	if (e == ERR_OK)
		return ERR_OK;
	snprintf(got, sizeof(got), "%.50s%s%s%s%s", sqlite3_errmsg(r->db), os ? " (" : "",
	    os ? strerror(os) : "", os ? ")" : "", remedy(os));
	if (e != ERR_EXISTS)
		r->log_turn = 0; /* what failed may lie in the log behind its end */
	log_write(e != ERR_EXISTS && note_trouble(r, got) ? LOG_ERROR : LOG_DEBUG, NULL,
	    "%s: expected \"%.200s\" to work, got: %s", r->path, sql, got);
	return e;
}

enum err
record_part_exec(struct record *r, const char *sql)
{
	return record_part_fail(r, sqlite3_exec(r->db, sql, NULL, NULL, NULL), sql);
}

/* --- statements ------------------------------------------------------------------------------- */

static enum err
prepare(struct record *r, const char *sql, sqlite3_stmt **out)
{
	const char *tail = "";
	int code = sqlite3_prepare_v3(r->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, &tail);

	if (code != SQLITE_OK)
		return record_part_fail(r, code, sql);
	while (isspace((unsigned char)*tail))
		tail++;
	assert(*out && !*tail); /* exactly one statement a text */
	return ERR_OK;
}

/* The cached statement of this text, or the slot for it: a free one, else the one that was not
 * wanted for longest. NULL: it is there but at work (a query inside its own callback), or all are.
 */
static struct record_cached *
find_slot(struct record *r, const char *sql)
{
	struct record_cached *oldest = NULL;

	for (size_t i = 0; i < RECORD_CACHE; i++) {
		struct record_cached *c = &r->cache[i];

		if (c->stmt && strcmp(sqlite3_sql(c->stmt), sql) == 0)
			return c->busy ? NULL : c;
		if (!c->busy && (!oldest || c->used < oldest->used))
			oldest = c;
	}
	return oldest;
}

/* A statement while it is at work: from the cache, or of its own when `slot` is NULL. */
struct work {
	struct record *r;
	struct record_cached *slot;
	sqlite3_stmt *stmt;
};

static void
work_end(struct work *w)
{
	if (!w->stmt)
		return;
	if (!w->slot) {
		sqlite3_finalize(w->stmt);
		return;
	}
	sqlite3_reset(w->stmt);
	sqlite3_clear_bindings(w->stmt);
	w->slot->busy = false;
}

static inline void
auto_work(struct work *w)
{
	work_end(w);
}

static enum err
work_begin(struct work *w, struct record *r, const char *sql)
{
	struct record_cached *c = find_slot(r, sql);

	*w = (struct work){.r = r, .slot = c};
	if (r->in_transaction && sqlite3_get_autocommit(r->db)) {
		log_error(NULL, "%s: expected an open transaction, got one that failed: refused",
		    r->path);
		return ERR_SYSTEM;
	}
	if (!c)
		return prepare(r, sql, &w->stmt);
	if (!c->stmt || strcmp(sqlite3_sql(c->stmt), sql) != 0) {
		sqlite3_finalize(c->stmt);
		c->stmt = NULL;
		enum err e = prepare(r, sql, &c->stmt);
		if (e != ERR_OK)
			return e;
	}
	c->used = ++r->clock;
	c->busy = true;
	w->stmt = c->stmt;
	return ERR_OK;
}

static enum err
bind(struct work *w, const char *types, va_list ap)
{
	int code = SQLITE_OK;

	assert((size_t)sqlite3_bind_parameter_count(w->stmt) == strlen(types));
	for (int i = 0; types[i] && code == SQLITE_OK; i++) {
		const void *data = NULL;

		switch (types[i]) {
		case 'i':
			code = sqlite3_bind_int64(w->stmt, i + 1, va_arg(ap, int64_t));
			break;
		case 't':
			data = va_arg(ap, const char *);
			code = sqlite3_bind_text(w->stmt, i + 1, data, -1, SQLITE_STATIC);
			break;
		case 'b':
			data = va_arg(ap, const void *);
			code = sqlite3_bind_blob64(
			    w->stmt, i + 1, data, va_arg(ap, size_t), SQLITE_STATIC);
			break;
		default:
			assert(!"types are i, t and b");
		}
	}
	return record_part_fail(w->r, code, sqlite3_sql(w->stmt));
}

static enum err
run_rows(struct work *w, record_on_row *fn, void *arg)
{
	struct record_row row = {w->stmt};
	enum err e = ERR_OK;
	int code = SQLITE_ROW;

	while (e == ERR_OK && (code = sqlite3_step(w->stmt)) == SQLITE_ROW)
		e = fn ? fn(arg, &row) : ERR_OK;
	return e == ERR_OK ? record_part_fail(w->r, code, sqlite3_sql(w->stmt)) : e;
}

static enum err
run(struct record *r, record_on_row *fn, void *arg, const char *sql, const char *types, va_list ap)
{
	AUTO(work) struct work w = {0};
	enum err e = work_begin(&w, r, sql);

	if (e == ERR_OK)
		e = bind(&w, types, ap);
	return e == ERR_OK ? run_rows(&w, fn, arg) : e;
}

enum err
record_run(struct record *r, const char *sql, const char *types, ...)
{
	enum err e = r->in_transaction ? ERR_OK : record_log_bind(r);
	va_list ap;

	if (e != ERR_OK)
		return e;
	va_start(ap, types);
	e = run(r, NULL, NULL, sql, types, ap);
	va_end(ap);
	if (e == ERR_OK && !r->in_transaction)
		record_log_turn(r);
	return e;
}

enum err
record_query(
    struct record *r, record_on_row *fn, void *arg, const char *sql, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	enum err e = run(r, fn, arg, sql, types, ap);
	va_end(ap);
	return e;
}

struct first {
	int64_t value;
	bool there;
};

static enum err
take_first(void *arg, const struct record_row *row)
{
	struct first *f = arg;

	if (!f->there)
		*f = (struct first){record_int(row, 0), true};
	return ERR_OK;
}

enum err
record_get_int(struct record *r, int64_t *out, const char *sql, const char *types, ...)
{
	struct first f = {0};
	va_list ap;

	va_start(ap, types);
	enum err e = run(r, take_first, &f, sql, types, ap);
	va_end(ap);
	if (e != ERR_OK)
		return e;
	if (!f.there)
		return ERR_NOT_FOUND;
	*out = f.value;
	return ERR_OK;
}

/* --- rows ------------------------------------------------------------------------------------- */

int64_t
record_int(const struct record_row *row, int column)
{
	return sqlite3_column_int64(row->stmt, column);
}

const char *
record_text(const struct record_row *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row->stmt, column);

	return text ? text : "";
}

const void *
record_blob(const struct record_row *row, int column, size_t *len)
{
	const void *data = sqlite3_column_blob(row->stmt, column);

	*len = (size_t)sqlite3_column_bytes(row->stmt, column);
	return data;
}

int
record_changes(const struct record *r)
{
	return sqlite3_changes(r->db);
}

/* --- transactions ----------------------------------------------------------------------------- */

static enum err
control(struct record *r, const char *sql)
{
	AUTO(work) struct work w = {0};
	enum err e = work_begin(&w, r, sql);

	return e == ERR_OK ? run_rows(&w, NULL, NULL) : e;
}

enum err
record_begin(struct record *r)
{
	assert(!r->in_transaction);
	enum err e = control(r, "BEGIN IMMEDIATE");

	r->in_transaction = e == ERR_OK;
	if (e == ERR_OK)
		e = record_log_bind(r);
	if (e != ERR_OK)
		record_rollback(r);
	return e;
}

enum err
record_commit(struct record *r)
{
	assert(r->in_transaction);
	enum err e = control(r, "COMMIT");

	if (e != ERR_OK)
		return e;
	r->in_transaction = false;
	r->log_is_new = false;
	record_log_turn(r);
	return ERR_OK;
}

void
record_rollback(struct record *r)
{
	if (!r->in_transaction)
		return;
	r->in_transaction = false;
	if (!sqlite3_get_autocommit(r->db) && control(r, "ROLLBACK") != ERR_OK)
		log_error(NULL, "%s: expected to roll back, got a refusal", r->path);
}

/* --- the end ---------------------------------------------------------------------------------- */

void
record_part_drop_cache(struct record *r)
{
	for (size_t i = 0; i < RECORD_CACHE; i++)
		sqlite3_finalize(r->cache[i].stmt);
	memset(r->cache, 0, sizeof(r->cache));
}

void
record_close(struct record *r)
{
	if (!r)
		return;
	record_rollback(r);
	record_part_drop_cache(r);
	int code = sqlite3_close(r->db);
	if (code != SQLITE_OK)
		log_error(NULL, "%s: expected to close it, got: %s", r->path, sqlite3_errstr(code));
	free(r);
}
