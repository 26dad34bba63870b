/*
 * dc_db: a database that an earlier version made is brought up to date, with what it holds.
 */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>

#include "dc_db.h"
#include "kit.h"

/* The tables of the first version, with a product and a plan. */
static void
make_first_version(const char *dir)
{
	char path[500];
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "%s/devcenter.db", dir);
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, dc_schema[0], NULL, NULL, NULL), SQLITE_OK);
	cr_assert_eq(
	    sqlite3_exec(db,
		"INSERT INTO product VALUES ('p1', 'secret', 'gateway', 'always', 0);"
		"INSERT INTO plan (name, pk, mode, starts, ends, push, push_from, push_to, "
		"reject_min, retries, retry_ms, min_signal, min_battery, created) "
		"VALUES ('old', 'p1', 'silent', 0, 9, 1, 0, 0, 120, 5, 1000, -113, 30, 0);"
		"PRAGMA user_version = 1",
		NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
}

Test(dc_db, an_older_database_is_brought_up_to_date_and_keeps_what_it_holds)
{
	char *dir = kit_scratch();
	struct dc_db *db = NULL;

	make_first_version(dir);
	for (int i = 0; i < 2; i++) { /* the second time there is nothing to do */
		cr_assert_eq(dc_db_open(dir, false, &db), ERR_OK);
		cr_expect_eq(dc_db_int(db, -1, "SELECT zone FROM plan WHERE name = 'old'", ""), 0);
		cr_expect_eq(dc_db_int(db, -1, "SELECT count(*) FROM setting", ""), 0);
		cr_expect_eq(dc_db_int(db, -1, "SELECT count(*) FROM confirmation", ""), 0);
		dc_db_close(db);
	}
	kit_scratch_remove(dir);
}

Test(dc_db, who_only_looks_does_not_wait_for_who_writes)
{
	char *dir = kit_scratch();
	struct dc_db *writer = NULL, *reader = NULL;

	cr_assert_eq(dc_db_open(dir, true, &writer), ERR_OK);
	dc_db_begin(writer);
	dc_db_do(writer, "INSERT INTO setting VALUES ('a', 'b')", "");
	cr_assert_eq(dc_db_open(dir, false, &reader), ERR_OK);
	cr_expect_eq(dc_db_int(reader, -1, "SELECT count(*) FROM setting", ""), 0);
	dc_db_commit(writer);
	cr_expect_eq(dc_db_int(reader, -1, "SELECT count(*) FROM setting", ""), 1);
	cr_expect_not(dc_db_failed(writer));
	dc_db_close(reader);
	dc_db_close(writer);
	kit_scratch_remove(dir);
}
