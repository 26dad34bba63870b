/*
 * record_log: the part of record that looks after the log (NAME-wal); declared in record_part.h.
 *
 * The log is bounded: once it has LOG_PAGES it is copied into the database and begun anew,
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
 *
 * SQLite reads a log up to the first page that does not fit. Where that was torn by a power cut, in
 * the last transaction, nothing is lost that was promised. But a bit that flips in the midst of it
 * would take back, unseen, all that was committed since. The two can be told apart: a transaction
 * is begun after the one before was synced, so what was torn ends with the first mark of a commit.
 */
#include <endian.h>
#include <string.h>

#include "log.h"
#include "record_part.h"
#include "record_sum.h"

enum {
	LOG_PAGES = 1024,
	HEADER = 32, /* of the file: the format's number, .., page size, .., two salts, sum */
	FRAME = 24,  /* before each page: number, pages in all at a commit, salts, sum */
	SALTS = 8,   /* bytes of both */
	BIG_ENDIAN_SUMS = 0x377f0683, /* or one less: little endian ones */
};

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
	if (r->trouble[0])
		log_info(NULL, "%s: it can be written again", r->path);
	r->trouble[0] = 0;
	r->log_pages = pages;
	return SQLITE_OK;
}

void
record_log_watch(struct record *r)
{
	r->log_turn = LOG_PAGES;
	sqlite3_wal_hook(r->db, on_commit, r);
}

/* --- what is in it ---------------------------------------------------------------------------- */

struct walk {
	sqlite3_file *file;
	sqlite3_int64 size, at;
	uint32_t page; /* bytes */
	bool big;      /* how the words of sums are read */
	uint32_t sum[2];
	uint8_t salts[SALTS];
};

/* SQLite's sum of `n` bytes, a multiple of 8, from the one before on. */
static void
add_sum(struct walk *w, const uint8_t *data, uint32_t n)
{
	uint32_t words[2];

	for (uint32_t i = 0; i < n; i += 8) {
		memcpy(words, data + i, sizeof(words));
		w->sum[0] += (w->big ? be32toh(words[0]) : le32toh(words[0])) + w->sum[1];
		w->sum[1] += (w->big ? be32toh(words[1]) : le32toh(words[1])) + w->sum[0];
	}
}

static uint32_t
number_at(const uint8_t *data)
{
	uint32_t n;

	memcpy(&n, data, sizeof(n));
	return be32toh(n);
}

static bool
sum_is(const struct walk *w, const uint8_t *data)
{
	return number_at(data) == w->sum[0] && number_at(data + 4) == w->sum[1];
}

/* The next page of this log; false at its end. Whether it fits, and whether it ends a transaction.
 */
static bool
walk_next(struct walk *w, bool *fits, bool *commit)
{
	uint8_t frame[FRAME + RECORD_SUM_MAX];
	int n = (int)(FRAME + w->page);

	if (w->at + n > w->size ||
	    w->file->pMethods->xRead(w->file, frame, n, w->at) != SQLITE_OK ||
	    memcmp(frame + 8, w->salts, SALTS) != 0)
		return false;
	w->at += n;
	add_sum(w, frame, 8);
	add_sum(w, frame + FRAME, w->page);
	*fits = sum_is(w, frame + 16);
	*commit = number_at(frame + 4) != 0;
	return true;
}

/* Does the first page follow from a header with this sum? */
static bool
follows(const struct walk *from, const uint32_t sum[2], bool big)
{
	struct walk w = *from;
	uint8_t frame[FRAME];
	bool fits = false, commit = false;

	if (w.file->pMethods->xRead(w.file, frame, FRAME, HEADER) != SQLITE_OK)
		return false;
	memcpy(w.salts, frame + 8, SALTS);
	memcpy(w.sum, sum, sizeof(w.sum));
	w.big = big;
	return walk_next(&w, &fits, &commit) && fits;
}

/* False: SQLite reads nothing of it. Then `spoilt` says whether there was something to read: a
 * header is synced before its first page is written, so one to whose own sum, or to the sum of
 * whose bytes, a page has been written was whole once. */
static bool
walk_begin(struct walk *w, bool *spoilt)
{
	uint8_t header[HEADER];

	*spoilt = false;
	if (w->file->pMethods->xFileSize(w->file, &w->size) != SQLITE_OK || w->size < HEADER ||
	    w->file->pMethods->xRead(w->file, header, HEADER, 0) != SQLITE_OK)
		return false;
	const uint32_t stored[2] = {number_at(header + 24), number_at(header + 28)};

	w->at = HEADER;
	w->big = number_at(header) == BIG_ENDIAN_SUMS;
	memcpy(w->salts, header + 16, SALTS);
	add_sum(w, header, 24);
	if ((number_at(header) | 1) == BIG_ENDIAN_SUMS && sum_is(w, header + 24) &&
	    number_at(header + 8) == w->page)
		return true;
	*spoilt = follows(w, stored, false) || follows(w, stored, true) ||
		  follows(w, w->sum, w->big);
	return false;
}

static bool
is_spoilt(struct walk *w)
{
	bool spoilt = false, fits = true, commit = false, torn = false, over = false;

	if (!walk_begin(w, &spoilt))
		return spoilt;
	while (!over && walk_next(w, &fits, &commit)) {
		torn = torn || !fits;
		over = torn && commit;
	}
	return over && walk_next(w, &fits, &commit);
}

enum err
record_log_check(struct record *r)
{
	struct walk w = {0};
	int64_t page = 0;
	enum err e = record_get_int(r, &page, "PRAGMA page_size", "");

	if (e != ERR_OK)
		return e;
	w.page = (uint32_t)page;
	if (w.page > RECORD_SUM_MAX ||
	    sqlite3_file_control(r->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &w.file) !=
		SQLITE_OK ||
	    !w.file || !w.file->pMethods || !is_spoilt(&w))
		return ERR_OK;
	log_error(NULL,
	    "%s: expected a log of which at most the end is torn, got one that was "
	    "spoilt after it was synced",
	    r->path);
	return ERR_CORRUPT;
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
