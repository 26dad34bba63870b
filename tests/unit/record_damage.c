/*
 * record: what becomes of damaged files.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record_scene.h"
#include "sick_calls.h"

static void
damage(const char *path, off_t at, const char *with, size_t len)
{
	AUTO(fd) int fd = open(path, O_WRONLY);

	cr_assert_eq(pwrite(fd, with, len, at), (ssize_t)len);
}

Test(record, sets_a_file_that_is_no_database_aside_and_begins_anew)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");

	for (int n = 0; n < 2; n++) {
		AUTO(record) struct record *old = open_at(path, 2, true);

		cr_expect_eq(record_was_damaged(old), n > 0);
		record_close(HAND_OVER(old));
		damage(path, 0, "this is no database file", 24);
	}
	AUTO(record) struct record *r = open_at(path, 2, true);
	cr_expect_eq(count(r), 1);
	cr_expect(there(dir, "db.corrupt-1"));
	cr_expect(there(dir, "db.corrupt-2"));
	cr_expect(!there(dir, "db.corrupt-3"));
}

Test(record, sets_a_database_with_damaged_pages_aside)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	char junk[4096];
	struct record *old = open_at(path, 1, true);

	for (int64_t id = 2; id < 500; id++)
		cr_assert_eq(record_run(old, "INSERT INTO thing(id, data) VALUES(?, zeroblob(200))",
				 "i", id),
		    ERR_OK);
	record_close(old);
	memset(junk, 0xee, sizeof(junk));
	damage(path, 3 * 4096, junk, sizeof(junk));
	AUTO(record) struct record *r = open_at(path, 1, true);
	cr_expect_eq(count(r), 1);
	cr_expect(there(dir, "db.corrupt-1"));
}

/* trust: record-aside */
Test(record, sets_the_log_aside_together_with_the_database)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	AUTO(mem) char *after = in(dir, "after");
	AUTO(record) struct record *r = open_at(path, 1, true);

	cr_assert_eq(add(r, 2, NULL), ERR_OK);
	cut_power(dir, "db", "after");
	/* damage that the log does not cover: it is read before the log is */
	damage(after, 0, "this is no database file", 24);
	AUTO(mem) char *wal = in(dir, "after-wal");
	damage(wal, 0, "and this is no log", 18);
	AUTO(record) struct record *again = open_at(after, 1, true);
	cr_expect_eq(count(again), 1);
	cr_expect(there(dir, "after.corrupt-1"));
	cr_expect(there(dir, "after.corrupt-1-wal"));
}

/* trust: record-aside */
Test(record, keeps_a_bounded_number_of_damaged_databases)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");

	for (int n = 0; n < 10; n++) {
		record_close(open_at(path, 1, true));
		damage(path, 0, "this is no database file", 24);
	}
	record_close(open_at(path, 1, true));
	cr_expect(there(dir, "db.corrupt-8"));
	cr_expect(!there(dir, "db.corrupt-9"));
}

Test(record, follows_no_link_and_opens_nothing_but_a_plain_file)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	AUTO(mem) char *elsewhere = in(dir, "elsewhere");
	struct record *none = NULL;
	char missing[300], endless[700];
	bool fresh = false;

	cr_assert_eq(symlink(elsewhere, path), 0);
	cr_expect_eq(record_open(path, schema, 1, &fresh, &none), ERR_SYSTEM);
	cr_expect(!there(dir, "elsewhere"));
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(record_open(path, schema, 1, &fresh, &none), ERR_SYSTEM);
	snprintf(missing, sizeof(missing), "%s/no/such/dir", dir);
	cr_expect_eq(record_open(missing, schema, 1, &fresh, &none), ERR_SYSTEM);
	memset(endless, 'x', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = 0;
	cr_expect_eq(record_open(endless, schema, 1, &fresh, &none), ERR_LIMIT);
	cr_expect_null(none);
}

/* A cable, a controller, a page that is gone: what is in it nobody knows. */
Test(record, what_the_disk_does_not_give_back_is_not_set_aside_as_damaged)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(mem) char *path = in(dir, "db");
	struct record *old = open_at(path, 1, true), *r = NULL;
	bool fresh = false;

	for (int64_t id = 2; id < 500; id++)
		cr_assert_eq(record_run(old, "INSERT INTO thing(id, data) VALUES(?, zeroblob(200))",
				 "i", id),
		    ERR_OK);
	record_close(old);
	for (long from = 0; from < 64 * 1024; from += 1024) {
		sick_calls_fail(SICK_READ, EIO, from);
		cr_expect_eq(record_open(path, schema, 1, &fresh, &r), ERR_SYSTEM, "%ld", from);
	}
	sick_calls_fail(SICK_READ, 0, 0);
	cr_expect_not(there(dir, "db.corrupt-1"));
	r = open_at(path, 1, false);
	cr_expect_eq(count(r), 499);
	record_close(r);
}
