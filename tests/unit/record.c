/*
 * record against real files; what a power cut leaves is a copy of the files made while the writer
 * still has them open.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record_alarm.h"
#include "record_scene.h"
#include "sick_calls.h"

Test(record, makes_a_database_for_its_owner_only_and_finds_it_again)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	struct stat st;

	record_close(open_at(path, 2, true));
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0600);
	AUTO(record) struct record *r = open_at(path, 2, false);
	cr_expect_eq(count(r), 1);
}

Test(record, is_opened_with_the_promised_settings)
{
	static const struct {
		const char sql[40];
		int64_t want;
	} pragmas[] = {{"PRAGMA synchronous", 2}, {"PRAGMA foreign_keys", 1},
	    {"PRAGMA trusted_schema", 0}, {"PRAGMA cache_size", -256}, {"PRAGMA user_version", 2}};
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	AUTO(record) struct record *r = open_at(path, 2, true);

	for (size_t i = 0; i < sizeof(pragmas) / sizeof(pragmas[0]); i++) {
		int64_t got = -1;

		cr_expect_eq(record_get_int(r, &got, pragmas[i].sql, ""), ERR_OK);
		cr_expect_eq(got, pragmas[i].want, "%s: %lld", pragmas[i].sql, (long long)got);
	}
	cr_expect(there(dir, "db-wal"), "the log of WAL mode");
}

struct seen {
	int rows;
	char text[40];
	char blob[8];
	size_t blob_len;
	bool null_blob;
};

static enum err
look(void *arg, const struct record_row *row)
{
	struct seen *s = arg;
	size_t len = 9;
	const void *data = record_blob(row, 1, &len);

	s->rows++;
	snprintf(s->text, sizeof(s->text), "%s", record_text(row, 0));
	s->null_blob = !data;
	s->blob_len = len;
	memcpy(s->blob, data ? data : "", data ? len : 0);
	return ERR_OK;
}

Test(record, gives_back_what_was_bound)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	AUTO(record) struct record *r = open_at(path, 1, true);
	struct seen s = {0};
	int64_t n = 0;

	cr_assert_eq(record_run(r, "INSERT INTO thing(id, name, data) VALUES(?,?,?)", "itb",
			 INT64_MIN, "a'; DROP TABLE thing", "\0\1\2", (size_t)3),
	    ERR_OK);
	cr_expect_eq(record_changes(r), 1);
	cr_assert_eq(
	    record_query(r, look, &s, "SELECT name, data FROM thing WHERE id < ?", "i", (int64_t)0),
	    ERR_OK);
	cr_expect_eq(s.rows, 1);
	cr_expect_str_eq(s.text, "a'; DROP TABLE thing");
	cr_expect(s.blob_len == 3 && memcmp(s.blob, "\0\1\2", 3) == 0);
	cr_assert_eq(
	    record_run(r, "UPDATE thing SET name = ?, data = ?", "tb", NULL, NULL, (size_t)0),
	    ERR_OK);
	cr_expect_eq(record_changes(r), 2);
	cr_assert_eq(record_query(r, look, &s, "SELECT name, data FROM thing", ""), ERR_OK);
	cr_expect_str_eq(s.text, "");
	cr_expect(s.null_blob && s.blob_len == 0);
	cr_assert_eq(record_get_int(r, &n, "SELECT min(id) FROM thing", ""), ERR_OK);
	cr_expect_eq(n, INT64_MIN);
	cr_expect_eq(record_get_int(r, &n, "SELECT id FROM thing WHERE id = ?", "i", (int64_t)99),
	    ERR_NOT_FOUND);
}

static enum err
stop_at_second(void *arg, const struct record_row *row)
{
	int *rows = arg;

	(void)row;
	return ++*rows == 2 ? ERR_CANCELLED : ERR_OK;
}

Test(record, stops_a_query_at_the_first_error_of_its_callback)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	AUTO(record) struct record *r = open_at(path, 1, true);
	int rows = 0;

	for (int64_t id = 2; id < 6; id++)
		cr_assert_eq(add(r, id, NULL), ERR_OK);
	cr_expect_eq(
	    record_query(r, stop_at_second, &rows, "SELECT id FROM thing", ""), ERR_CANCELLED);
	cr_expect_eq(rows, 2);
	cr_expect_eq(add(r, 6, NULL), ERR_OK, "the statement that stopped holds nothing");
}

struct nested {
	struct record *r;
	int outer, inner;
};

static enum err
count_inner(void *arg, const struct record_row *row)
{
	(void)row;
	((struct nested *)arg)->inner++;
	return ERR_OK;
}

static enum err
count_outer(void *arg, const struct record_row *row)
{
	struct nested *n = arg;

	(void)row;
	n->outer++;
	return record_query(n->r, count_inner, n, "SELECT id FROM thing", "");
}

Test(record, allows_a_query_inside_the_same_query)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	AUTO(record) struct record *r = open_at(path, 1, true);
	struct nested n = {.r = r};

	cr_assert_eq(add(r, 2, NULL), ERR_OK);
	cr_assert_eq(add(r, 3, NULL), ERR_OK);
	cr_assert_eq(record_query(r, count_outer, &n, "SELECT id FROM thing", ""), ERR_OK);
	cr_expect_eq(n.outer, 3);
	cr_expect_eq(n.inner, 9);
}

Test(record, survives_more_texts_than_its_cache_holds)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	AUTO(record) struct record *r = open_at(path, 1, true);

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 200; i++) {
			char sql[80];
			int64_t got = -1;

			snprintf(sql, sizeof(sql), "SELECT %d + ?", i);
			cr_assert_eq(record_get_int(r, &got, sql, "i", (int64_t)1000), ERR_OK);
			cr_assert_eq(got, i + 1000);
		}
}

Test(record, tells_a_broken_constraint_from_other_errors)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	AUTO(record) struct record *r = open_at(path, 2, true);

	cr_expect_eq(add(r, 1, "again"), ERR_EXISTS);
	cr_expect_eq(add(r, 2, "first"), ERR_EXISTS);
	cr_expect_eq(record_run(r, "INSERT INTO part VALUES(?)", "i", (int64_t)77), ERR_EXISTS);
	cr_expect_eq(record_run(r, "INSERT INTO nothing VALUES(1)", ""), ERR_SYSTEM);
	cr_expect_eq(record_run(r, "INSERT INTO thing(name) VALUES(\"text\")", ""), ERR_SYSTEM,
	    "double quotes are no text");
	cr_expect_eq(count(r), 1);
	cr_expect_eq(add(r, 2, "second"), ERR_OK);
}

Test(record, undoes_what_was_not_committed)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	AUTO(record) struct record *r = open_at(path, 1, true);

	cr_assert_eq(record_begin(r), ERR_OK);
	cr_assert_eq(add(r, 2, NULL), ERR_OK);
	record_rollback(r);
	record_rollback(r);
	cr_expect_eq(count(r), 1);
	cr_assert_eq(record_begin(r), ERR_OK);
	cr_assert_eq(add(r, 2, NULL), ERR_OK);
	record_close(HAND_OVER(r));
	r = open_at(path, 1, false);
	cr_expect_eq(count(r), 1);
}

/* trust: 57 */
Test(record, refuses_statements_after_sqlite_gave_a_transaction_up)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	AUTO(record) struct record *r = open_at(path, 1, true);

	cr_assert_eq(record_begin(r), ERR_OK);
	cr_assert_eq(add(r, 2, NULL), ERR_OK);
	cr_expect_eq(record_run(r, "INSERT OR ROLLBACK INTO thing(id) VALUES(1)", ""), ERR_EXISTS);
	cr_expect_eq(add(r, 3, NULL), ERR_SYSTEM);
	cr_expect_eq(record_commit(r), ERR_SYSTEM);
	record_rollback(r);
	cr_expect_eq(count(r), 1);
	cr_expect_eq(add(r, 3, NULL), ERR_OK);
}

/* trust: 57 */
Test(record, says_when_there_is_no_room)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	AUTO(record) struct record *r = open_at(path, 1, true);
	int64_t pages = 0;

	cr_assert_eq(record_get_int(r, &pages, "PRAGMA max_page_count = 8", ""), ERR_OK);
	cr_assert_eq(record_begin(r), ERR_OK);
	cr_expect_eq(
	    record_run(r, "INSERT INTO thing(data) VALUES(zeroblob(100000))", ""), ERR_FULL);
	record_rollback(r);
	cr_expect_eq(count(r), 1);
	cr_expect_eq(add(r, 2, NULL), ERR_OK);
}

/* trust: 56 */
Test(record, keeps_what_was_committed_before_the_power_went)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	AUTO(mem) char *after = in(dir, "after");
	AUTO(record) struct record *r = open_at(path, 2, true);

	cr_assert_eq(record_begin(r), ERR_OK);
	cr_assert_eq(add(r, 2, "committed"), ERR_OK);
	cr_assert_eq(record_commit(r), ERR_OK);
	cr_assert_eq(record_begin(r), ERR_OK);
	cr_assert_eq(add(r, 3, "not committed"), ERR_OK);
	cut_power(dir, "db", "after");
	record_rollback(r);
	AUTO(record) struct record *again = open_at(after, 2, false);
	cr_expect_eq(count(again), 2);
}

/* trust: record-wal */
Test(record, drops_a_transaction_whose_log_was_torn)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	AUTO(mem) char *after = in(dir, "after");
	AUTO(mem) char *wal = in(dir, "after-wal");
	AUTO(record) struct record *r = open_at(path, 1, true);
	struct stat st;

	cr_assert_eq(add(r, 2, "whole"), ERR_OK);
	cr_assert_eq(add(r, 3, "torn"), ERR_OK);
	cut_power(dir, "db", "after");
	cr_assert_eq(stat(wal, &st), 0);
	cr_assert_eq(truncate(wal, st.st_size - 100), 0);
	AUTO(record) struct record *again = open_at(after, 1, false);
	cr_expect_eq(count(again), 2);
}

Test(record, migrates_an_older_database_and_keeps_its_rows)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	int64_t size = 0;
	struct record *old = open_at(path, 1, true);

	cr_assert_eq(add(old, 2, "older"), ERR_OK);
	record_close(old);
	AUTO(record) struct record *r = open_at(path, 2, false);
	cr_expect_eq(count(r), 2);
	cr_assert_eq(record_get_int(r, &size, "SELECT size FROM thing WHERE id = 2", ""), ERR_OK);
	cr_expect_eq(size, 5);
}

Test(record, keeps_the_old_version_when_a_migration_fails_half_way)
{
	static const char *const bad[] = {
	    "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB);"
	    "INSERT INTO thing(id, name) VALUES(1, 'first')",
	    "CREATE TABLE half(x); CREATE TABLE thing(x)"};
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	struct record *none = NULL;
	int64_t n = -1;
	bool fresh = false;

	record_close(open_at(path, 1, true));
	cr_expect_eq(record_open(path, bad, 2, &fresh, &none), ERR_SYSTEM);
	cr_expect_null(none);
	AUTO(record) struct record *r = open_at(path, 1, false);
	cr_assert_eq(
	    record_get_int(r, &n, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'", ""),
	    ERR_OK);
	cr_expect_eq(n, 0);
}

Test(record, refuses_a_database_of_a_newer_program)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	struct record *none = NULL;
	bool fresh = false;

	record_close(open_at(path, 2, true));
	cr_expect_eq(record_open(path, schema, 1, &fresh, &none), ERR_UNSUPPORTED);
	cr_expect_null(none);
	cr_expect(!there(dir, "db.corrupt-1"));
	record_close(open_at(path, 2, false));
}

/* --- a disk that fails ------------------------------------------------------------------------ */

struct sickness {
	enum sick_call call;
	int error;
	const char *word, *remedy;
};

static const struct sickness sicknesses[] = {
    {SICK_WRITE, EROFS, "Read-only file system", "mount it writable"},
    {SICK_WRITE, EIO, "Input/output error", "replace it"},
    {SICK_SYNC, EIO, "Input/output error", "replace it"},
    {SICK_WRITE, ENOSPC, "database or disk is full", "make room"},
};

/* trust: store-full 57 */
Test(record, what_a_disk_refuses_is_an_alarm_with_file_and_remedy_until_something_is_written)
{
	for (size_t i = 0; i < sizeof(sicknesses) / sizeof(sicknesses[0]); i++) {
		const struct sickness *s = &sicknesses[i];
		AUTO(scratch) char *dir = kit_scratch();
		AUTO(mem) char *path = in(dir, "db");
		AUTO(record) struct record *r = open_at(path, 2, true);
		struct record_alarm alarm = {0};
		struct event e = {0};

		cr_expect_str_empty(record_trouble(r));
		cr_expect_not(record_alarm_turned(&alarm, r, &e));
		sick_calls_fail(s->call, s->error, 0);
		cr_expect_neq(add(r, 7, "seven"), ERR_OK);
		cr_expect_neq(add(r, 7, "seven"), ERR_OK);
		cr_expect(strstr(record_trouble(r), path), "%s", record_trouble(r));
		cr_expect(strstr(record_trouble(r), s->word), "%s", record_trouble(r));
		cr_expect(strstr(record_trouble(r), s->remedy), "%s", record_trouble(r));
		cr_assert(record_alarm_turned(&alarm, r, &e));
		cr_expect_str_eq(e.name, "record_fails");
		cr_expect_not(record_alarm_turned(&alarm, r, &e), "once");
		sick_calls_fail(s->call, 0, 0);
		cr_expect_eq(count(r), 1, "reading alone does not end it");
		cr_expect_not(record_alarm_turned(&alarm, r, &e));
		cr_expect_eq(add(r, 8, "eight"), ERR_OK);
		cr_expect_str_empty(record_trouble(r));
		cr_assert(record_alarm_turned(&alarm, r, &e));
		cr_expect_str_eq(e.name, "record_good");
	}
}

/* The kernel calls the pages of a failed sync clean, and the next sync is about others. */
Test(record, a_commit_that_could_not_be_synced_is_not_taken_for_done_with_the_next_one)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db"), *after = in(dir, "after");
	AUTO(record) struct record *r = open_at(path, 2, true);

	sick_calls_fail(SICK_SYNC, EIO, 0);
	cr_expect_eq(add(r, 7, "seven"), ERR_SYSTEM);
	sick_calls_fail(SICK_SYNC, 0, 0);
	cr_expect_eq(count(r), 1);
	cr_expect_eq(add(r, 8, "eight"), ERR_OK);
	cr_expect_eq(count(r), 2);
	cut_power(dir, "db", "after");
	AUTO(record) struct record *then = open_at(after, 2, false);
	cr_expect_eq(count(then), 2);
	cr_expect_eq(add(then, 7, "seven"), ERR_OK, "the one that failed is not there");
}
