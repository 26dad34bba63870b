/*
 * The gate and packages that a person lays into its drop directory.
 */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus_client.h"
#include "gatehouse_store.h"
#include "json.h"

TestSuite(gate_drop, .timeout = 90);

/* A person installs the package that was packed last; what the gate answers, the caller's. */
static cJSON *
ask_install(struct gatehouse *h, const char *version, enum err *error)
{
	char path[600], argument[200];
	struct bus_answer answer = {0};

	snprintf(path, sizeof(path), "%s/state/drop", h->dir);
	kit_write(path, "package", h->package.data, h->package.len);
	snprintf(path, sizeof(path), "%s/run/fetchd-act/sock", h->dir);
	snprintf(argument, sizeof(argument), "package %s p1/meter-9 app", version);
	cr_assert_eq(bus_client_act(path, "install", argument, 10000, &answer), ERR_OK);
	cJSON *doc = cJSON_Parse(answer.json);

	*error = (enum err)answer.error;
	free(answer.json);
	return doc;
}

/* The upgrade's number. */
static uint64_t
install(struct gatehouse *h, const char *version)
{
	enum err e = ERR_OK;
	AUTO(json) cJSON *doc = ask_install(h, version, &e);

	cr_assert_eq(e, ERR_OK, "%s", json_text(doc, "detail"));
	return (uint64_t)json_number(doc, "upgrade");
}

/* trust: store-prune */
Test(gate_drop, a_package_that_came_by_two_ways_is_not_removed_while_one_of_them_needs_it)
{
	struct gatehouse h;
	uint8_t first[32], second[32];

	gatehouse_open(&h);
	snprintf(h.extra, sizeof(h.extra), "quota = 2000000\n");
	gatehouse_pack(&h, 900000);
	memcpy(first, h.digest, 32);
	gatehouse_start(&h);
	gatehouse_order(&h, 1);
	gatehouse_flash_order(&h, 1);
	gatehouse_flash_says(&h, 1, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_report(&h, 1, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_flash_order(&h, install(&h, "2.4.1"));

	h.spec.sequence++;
	gatehouse_pack(&h, 900001);
	memcpy(second, h.digest, 32);
	gatehouse_order(&h, 2);
	gatehouse_flash_order(&h, 2);
	gatehouse_flash_says(&h, 2, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_report(&h, 2, PB__PHASE__PHASE_DONE, ERR_OK);

	h.spec.sequence++;
	gatehouse_pack(&h, 900002);
	gatehouse_order(&h, 3);
	gatehouse_flash_order(&h, 3);
	cr_expect_gt(gatehouse_store_entry(&h, first), 0, "the installation is not over");
	cr_expect_eq(gatehouse_store_entry(&h, second), -1);
	gatehouse_close(&h);
}

Test(gate_drop, a_package_that_flashd_cannot_use_goes_when_nobody_needs_it_by_either_way)
{
	struct gatehouse h;

	gatehouse_open(&h);
	gatehouse_pack(&h, 100000);
	gatehouse_start(&h);
	gatehouse_order(&h, 1);
	gatehouse_flash_order(&h, 1);
	uint64_t by_hand = install(&h, "2.4.1");

	gatehouse_flash_order(&h, by_hand);
	gatehouse_flash_says(&h, by_hand, PB__PHASE__PHASE_FAILED, ERR_TOCTOU);
	gatehouse_flash_says(&h, 1, PB__PHASE__PHASE_FLASHING, ERR_OK);
	gatehouse_report(&h, 1, PB__PHASE__PHASE_FLASHING, ERR_OK);
	cr_expect_gt(gatehouse_store_entry(&h, h.digest), 0, "upgrade 1 is not over");
	gatehouse_flash_says(&h, 1, PB__PHASE__PHASE_FAILED, ERR_TIMEOUT);
	gatehouse_report(&h, 1, PB__PHASE__PHASE_FAILED, ERR_TIMEOUT);
	cr_expect_eq(gatehouse_store_entry(&h, h.digest), -1);
	gatehouse_close(&h);
}

static void
expect_unrecorded(struct gatehouse *h, const char *why)
{
	enum err e = ERR_OK;
	AUTO(json) cJSON *doc = ask_install(h, "2.4.1", &e);

	cr_expect_eq(e, ERR_SYSTEM, "%s", err_name(e));
	cr_expect(strstr(json_text(doc, "detail"), why), "%s", json_text(doc, "detail"));
	cr_expect(strstr(json_text(doc, "detail"), "/fetchd.db: "), "%s", json_text(doc, "detail"));
}

/* Neither its number, nor, where only that is, what it is. */
/* trust: 57 */
Test(gate_drop, an_installation_that_cannot_be_recorded_is_told_why)
{
	struct gatehouse h;
	char path[300];
	sqlite3 *db = NULL;

	gatehouse_open(&h);
	gatehouse_pack(&h, 100000);
	gatehouse_start(&h);
	gatehouse_order(&h, 1);
	gatehouse_flash_order(&h, 1);
	snprintf(path, sizeof(path), "%s/state/fetchd/fetchd.db", h.dir);
	cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, GATEHOUSE_PATIENCE_MS);
	cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	expect_unrecorded(&h, "database is locked");
	cr_assert_eq(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db,
			 "CREATE TRIGGER broken BEFORE INSERT ON upgrade"
			 " BEGIN INSERT INTO nowhere VALUES(1); END",
			 NULL, NULL, NULL),
	    SQLITE_OK);
	expect_unrecorded(&h, "may still begin");
	cr_assert_eq(sqlite3_exec(db, "DROP TRIGGER broken", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	gatehouse_flash_order(&h, install(&h, "2.4.1"));
	cr_expect_eq(gatehouse_stop(&h), 0);
	gatehouse_close(&h);
}
