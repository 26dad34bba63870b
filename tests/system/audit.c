/*
 * audit: the signed log of a real gateway: it tells of an upgrade, it is whole, and whatever is
 * done to it in the database or in a copy is found.
 */
#include <cjson/cJSON.h>
#include <sqlite3.h>
#include <string.h>

#include "house_case.h"
#include "json.h"
#include "record_sum.h"

TestSuite(audit, .timeout = 120);

#define AUDIT(h, ...) CTL((h)->dir, "audit", __VA_ARGS__, "--config", "subota.conf")

static void
keep(struct house *h, const char *name, const char *text)
{
	kit_write(h->dir, name, text, strlen(text));
}

/* Change flashd's database behind its back. */
static void
tamper(struct house *h, const char *sql)
{
	char path[400];
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "%s/state/flashd/flashd.db", h->dir);
	HOUSE_MUST(h, house_stop(h, HOUSE_FLASHD));
	cr_assert(record_sum_register()); /* who owns the gateway makes the pages' sums, too */
	cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, RECORD_SUM_VFS), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	HOUSE_MUST(h, house_start(h, HOUSE_FLASHD));
}

static void
expect_bad(struct house *h, const char *why)
{
	struct tool_result r = AUDIT(h, "verify", "--key", "gateway.pub");

	cr_expect_eq(r.status, 65, "%s", r.out);
	cr_expect(strstr(r.out, why), "expected '%s', got: %s", why, r.out);
}

static struct house *
upgraded_house(void)
{
	struct house *h = house_case_open(&(struct house_options){0});
	struct tool_result key = AUDIT(h, "key");

	cr_assert_eq(key.status, 0, "%s", key.out);
	keep(h, "gateway.pub", key.out);
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	return h;
}

Test(audit, an_upgrade_is_told_signed_and_whole)
{
	AUTO(house_case) struct house *h = upgraded_house();
	struct tool_result r = AUDIT(h, "verify", "--key", "gateway.pub");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "are whole; head "), "%s", r.out);
	cr_expect(strstr(r.out, "; 1 heads seen elsewhere fit"), "cloudd's: %s", r.out);
	r = AUDIT(h, "show", "--json");
	AUTO(json) cJSON *list = cJSON_Parse(r.out);
	const cJSON *last = cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1);

	cr_expect_str_eq(json_text(last, "phase"), "PHASE_DONE");
	cr_expect_str_eq(json_text(last, "runs"), HOUSE_NEW);
	cr_expect_eq(strlen(json_text(last, "manifest")), 64);
	r = AUDIT(h, "head");
	cr_expect_eq(r.status, 0);
	cr_expect_eq(atoll(r.out), cJSON_GetArraySize(list), "%s", r.out);
}

/* trust: 73 74 */
Test(audit, entries_that_were_altered_left_out_or_cut_off_are_found)
{
	AUTO(house_case) struct house *h = upgraded_house();

	tamper(h, "UPDATE audit SET line = replace(line, '1.1.0', '6.6.6') WHERE seq = 2");
	expect_bad(h, "line 2, behind entry 1: expected the signature of entry 2 to hold");
	tamper(h, "UPDATE audit SET line = replace(line, '6.6.6', '1.1.0') WHERE seq = 2");
	cr_expect_eq(AUDIT(h, "verify", "--key", "gateway.pub").status, 0);
	tamper(h, "CREATE TABLE kept AS SELECT * FROM audit WHERE seq = 3;"
		  "DELETE FROM audit WHERE seq = 3");
	expect_bad(h, "line 3, behind entry 2: expected entry 3, got entry 4");
	tamper(h, "INSERT INTO audit SELECT * FROM kept");
	tamper(h, "DELETE FROM audit WHERE seq >= 4");
	expect_bad(h, "got a log that ends with entry 3");
}

/* trust: 76 */
Test(audit, a_key_that_was_replaced_shows)
{
	AUTO(house_case) struct house *h = upgraded_house();

	tamper(h, "UPDATE audit_key SET seed = randomblob(32)");
	cr_expect_eq(AUDIT(h, "verify", "--key", "gateway.pub").status, 0, "the old entries hold");
	struct tool_result r = AUDIT(h, "verify");

	cr_expect_eq(r.status, 65, "but not under the key that the gateway has now: %s", r.out);
	house_case_plan(h, &(struct house_pack){.name = "next", .version = "1.2.0", .sequence = 6});
	house_case_upgraded(h, 0, "1.2.0");
	expect_bad(h, "expected an entry of key ");
}

Test(audit, a_copy_is_checked_without_any_daemon)
{
	AUTO(house_case) struct house *h = upgraded_house();
	struct tool_result head = AUDIT(h, "head");

	head.out[strcspn(head.out, "\n")] = '\0';
	cr_expect_eq(AUDIT(h, "show", "copy").status, 0);
	HOUSE_MUST(h, house_stop(h, HOUSE_FLASHD));
	struct tool_result r = AUDIT(
	    h, "verify", "copy", "--key", "gateway.pub", "--head", head.out);

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect_eq(TOOL(h->dir, "sed", "-i", "$d", "copy").status, 0);
	r = AUDIT(h, "verify", "copy", "--key", "gateway.pub", "--head", head.out);
	cr_expect_eq(r.status, 65, "%s", r.out);
	cr_expect_eq(AUDIT(h, "verify", "copy").status, 64, "a copy brings no key");
	cr_expect_eq(AUDIT(h, "verify", "copy", "--key", "gateway.pub", "--head", "x").status, 64);
}
