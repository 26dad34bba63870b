/*
 * record_sum: every page of a database has a sum: what flipped, moved or was cut is found, and
 * databases from before there were sums get them.
 */
#include "record_sum.h"
#include "record_scene.h"

enum { PAGE = 1024, HEADER = 100, STRIDE = 93 };

/* A closed database of some pages with a row of text that means something. */
static void
make(const char *path)
{
	struct record *r = open_at(path, 2, true);

	for (int64_t id = 2; id < 40; id++)
		cr_assert_eq(record_run(r,
				 "INSERT INTO thing(id, name, data) VALUES(?, 'counter ' || ?,"
				 " zeroblob(300))",
				 "ii", id, id),
		    ERR_OK);
	cr_assert_eq(record_run(r, "DELETE FROM thing WHERE id > 30", ""), ERR_OK);
	record_close(r);
}

static void
flip(const char *path, off_t at, uint8_t bits)
{
	AUTO(fd) int fd = open(path, O_RDWR);
	uint8_t byte = 0;

	cr_assert_eq(pread(fd, &byte, 1, at), 1);
	byte ^= bits;
	cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
}

static off_t
size_of(const char *path)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0, "%s", path);
	return st.st_size;
}

/* Opened, it is found to be damaged (or not), and then holds what a new one holds (or all). */
static void
expect_damaged(const char *path, bool damaged, const char *what, long where)
{
	struct record *r = NULL;
	bool fresh = false;

	cr_assert_eq(record_open(path, schema, 2, &fresh, &r), ERR_OK, "%s %ld", what, where);
	cr_expect_eq(record_was_damaged(r), damaged, "%s %ld", what, where);
	cr_expect_eq(count(r), damaged ? 1 : 30, "%s %ld", what, where);
	record_close(r);
}

/* All that quick_check reads: every page but the leaves of the list of free ones. */
/* trust: record-sums */
Test(record_sum, one_flipped_bit_anywhere_in_a_page_in_use_is_found, .timeout = 60)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *good = in(dir, "good"), *path = in(dir, "db");

	make(good);
	off_t size = size_of(good);

	cr_assert_geq(size, 4 * PAGE);
	for (off_t at = 0; at < 3 * PAGE; at += at < HEADER ? 1 : STRIDE) {
		copy(good, path);
		flip(path, at, (uint8_t)(1 << at % 8));
		/* which format wrote it, 18 and 19, decides whether SQLite may open it at all */
		expect_damaged(path, true, "bit at", (long)at);
	}
}

/* trust: record-sums */
Test(record_sum, a_page_in_the_place_of_another_is_found)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	uint8_t page[2][PAGE];

	make(path);
	AUTO(fd) int fd = open(path, O_RDWR);
	cr_assert_eq(pread(fd, page, sizeof(page), PAGE), (ssize_t)sizeof(page));
	cr_assert_eq(pwrite(fd, page[1], PAGE, PAGE), PAGE);
	cr_assert_eq(pwrite(fd, page[0], PAGE, 2 * PAGE), PAGE);
	expect_damaged(path, true, "swapped pages", 1);
}

/* trust: record-sums */
Test(record_sum, a_file_that_was_cut_anywhere_or_has_no_byte_is_found)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *good = in(dir, "good"), *path = in(dir, "db");

	make(good);
	for (off_t left = 0; left < 3 * PAGE; left += left < HEADER ? 50 : PAGE / 2) {
		copy(good, path);
		cr_assert_eq(truncate(path, left), 0);
		expect_damaged(path, true, "cut to", (long)left);
	}
}

/* trust: record-wal */
Test(record_sum, a_log_that_is_garbage_is_as_if_it_were_not_there)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db"), *wal = in(dir, "db-wal");
	char garbage[3 * PAGE];

	memset(garbage, 0x5a, sizeof(garbage));
	make(path);
	kit_write(dir, "db-wal", garbage, sizeof(garbage));
	expect_damaged(path, false, "garbage in the log", 0);
	cr_expect(!there(dir, "db.corrupt-1"));
	kit_write(dir, "db-wal", "", 0);
	expect_damaged(path, false, "a log of no bytes", 0);
	cr_expect(!there(dir, "db-wal"), "%s: closed, it has none", wal);
}

/* trust: record-wal */
Test(record_sum, a_log_with_a_flipped_bit_gives_what_was_committed_before_it)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db"), *wal = in(dir, "after-wal");
	AUTO(mem) char *after = in(dir, "after");
	struct record *r = NULL;

	make(path);
	r = open_at(path, 2, false);
	cr_assert_eq(add(r, 31, "whole"), ERR_OK);
	cut_power(dir, "db", "after");
	off_t whole = size_of(wal);

	cr_assert_eq(add(r, 32, "spoilt"), ERR_OK);
	cut_power(dir, "db", "after");
	flip(wal, whole + 24 + 200, 4);
	AUTO(record) struct record *again = open_at(after, 2, false);
	cr_expect(!record_was_damaged(again));
	cr_expect_eq(count(again), 31);
	record_close(r);
}

/* The log of another database: its pages would take the place of ours. */
/* trust: record-wal */
Test(record_sum, a_log_that_belongs_to_another_database_is_found)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db"), *other = in(dir, "other"), *wal = in(dir, "db-wal");
	AUTO(mem) char *other_wal = in(dir, "other-wal");
	static const char *const another[] = {
	    "CREATE TABLE stranger(id INTEGER PRIMARY KEY, data BLOB);"};
	struct record *r = NULL;
	bool fresh = false;

	make(path);
	cr_assert_eq(record_open(other, another, 1, &fresh, &r), ERR_OK);
	cr_assert_eq(
	    record_run(r, "INSERT INTO stranger(data) VALUES(zeroblob(9000))", ""), ERR_OK);
	copy(other_wal, wal);
	record_close(r);
	expect_damaged(path, true, "a stranger's log", 0);
	cr_expect(there(dir, "db.corrupt-1-wal"));
}

/* trust: record-golden */
Test(record_sum, a_database_from_before_there_were_sums_is_rewritten_with_them)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	sqlite3 *db = NULL;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, schema[0], NULL, NULL, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db,
			 "INSERT INTO thing(id, name) VALUES(2, 'older'), (3, 'oldest');"
			 "PRAGMA user_version = 1; PRAGMA journal_mode = WAL",
			 NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	struct record *r = open_at(path, 2, false);

	cr_expect(!record_was_damaged(r));
	cr_expect_eq(count(r), 3);
	record_close(r);
	flip(path, 4096 - RECORD_SUM_BYTES - 40, 1);
	AUTO(record) struct record *again = open_at(path, 2, true);
	cr_expect(record_was_damaged(again), "a bit in its first page is found now");
}

/* trust: record-newer */
Test(record_sum, a_database_of_a_newer_program_is_not_touched)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db"), *before = in(dir, "before");
	struct record *none = NULL;
	bool fresh = false;

	make(path);
	copy(path, before);
	cr_expect_eq(record_open(path, schema, 1, &fresh, &none), ERR_UNSUPPORTED);
	cr_expect_null(none);
	cr_expect(!there(dir, "db.corrupt-1"));
	cr_expect_eq(size_of(path), size_of(before));
	expect_damaged(path, false, "with the newer program again", 2);
}

Test(record_sum, what_makes_no_sense_may_be_set_aside_by_who_read_it)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	bool fresh = false;

	make(path);
	AUTO(record) struct record *r = open_at(path, 2, false);
	cr_assert_eq(count(r), 30);
	cr_assert_eq(record_renew(r, schema, 2, &fresh), ERR_OK);
	cr_expect(fresh && record_was_damaged(r));
	cr_expect_eq(count(r), 1);
	cr_expect(there(dir, "db.corrupt-1"));
}
