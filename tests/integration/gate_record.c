/*
 * The gate when its record cannot be written: another holds the lock of its database.
 */
#include <criterion/criterion.h>
#include <sqlite3.h>

#include "gatehouse.h"
#include "upgrade.h"

TestSuite(gate_record, .timeout = 90);

enum { SIZE = 1000, ID = 7 };

static void
close_db(sqlite3 *db)
{
	sqlite3_close(db);
}
AUTO_DEFINE(gate_db, sqlite3 *, close_db)

static sqlite3 *
open_db(const struct gatehouse *h)
{
	char path[300];
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "%s/state/fetchd/fetchd.db", h->dir);
	cr_assert_eq(
	    sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK, "%s", path);
	sqlite3_busy_timeout(db, GATEHOUSE_PATIENCE_MS);
	return db;
}

static int
recorded_state(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	int state = -1;

	cr_assert_eq(sqlite3_prepare_v2(db, "SELECT state FROM upgrade WHERE id = 7", -1, &s, NULL),
	    SQLITE_OK);
	if (sqlite3_step(s) == SQLITE_ROW)
		state = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return state;
}

static unsigned
acks(const struct gatehouse *h)
{
	return gatehouse_count(&h->at_flash, PB__ENVELOPE__BODY_REPORT_ACK, 0);
}

/* flashd would not say it again, and the gate would wait for it for ever when it died now. */
Test(gate_record, an_end_that_is_not_on_the_disk_is_told_to_cloudd_but_not_acknowledged_to_flashd)
{
	struct gatehouse h;

	gatehouse_open(&h);
	gatehouse_pack(&h, SIZE);
	gatehouse_start(&h);
	gatehouse_order(&h, ID);
	gatehouse_flash_order(&h, ID);
	gatehouse_flash_says(&h, ID, PB__PHASE__PHASE_FLASHING, ERR_OK);
	gatehouse_report(&h, ID, PB__PHASE__PHASE_FLASHING, ERR_OK);
	AUTO(gate_db) sqlite3 *db = open_db(&h);
	GATEHOUSE_WAIT(&h, recorded_state(db) == UPGRADE_TAKEN);
	cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	gatehouse_flash_says(&h, ID, PB__PHASE__PHASE_DONE, ERR_OK);
	uint64_t end = gatehouse_report(&h, ID, PB__PHASE__PHASE_DONE, ERR_OK)->id;
	gatehouse_ack(&h, "flashd", end);
	gatehouse_heard(&h);
	cr_expect_eq(acks(&h), 0);
	cr_assert_eq(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	GATEHOUSE_WAIT(&h, recorded_state(db) == UPGRADE_ENDED);
	gatehouse_ack(&h, "flashd", end);
	GATEHOUSE_WAIT(&h, acks(&h) == 1);
	cr_expect_eq(gatehouse_stop(&h), 0);
	gatehouse_close(&h);
}
