/*
 * System tests of records that the disk has spoilt: whatever becomes of a daemon's database,
 * between upgrades or in the middle of one, it is set aside, people are told, what it held is
 * learned from the device and the platform again, the platform is told the truth, and the next
 * upgrade goes through.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "house_case.h"
#include "house_life.h"
#include "house_look.h"
#include "json.h"

TestSuite(damaged, .timeout = 180);

enum harm { CUT, FLIPPED, EMPTIED, OVERWRITTEN };

static const char *const databases[HOUSE_PARTS] = {
    [HOUSE_FLASHD] = "flashd/flashd.db",
    [HOUSE_FETCHD] = "fetchd/fetchd.db",
    [HOUSE_CLOUDD] = "cloudd/cloudd.db",
};

/* What was committed goes into the file itself with the daemon's end; a kill leaves its log, which
 * has to go, or it would mend what is spoilt here. */
static void
spoil(struct house *h, enum house_part p, enum harm harm)
{
	char path[400], wal[410];
	uint8_t byte = 0;
	struct stat st;

	snprintf(path, sizeof(path), "%s/state/%s", h->dir, databases[p]);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	unlink(wal);
	AUTO(fd) int fd = open(path, O_RDWR);
	cr_assert(fd >= 0 && fstat(fd, &st) == 0, "%s", path);
	switch (harm) {
	case CUT:
		cr_assert_eq(ftruncate(fd, st.st_size / 2 + 100), 0);
		return;
	case FLIPPED:
		cr_assert_eq(pread(fd, &byte, 1, 1000), 1);
		byte ^= 0x10;
		cr_assert_eq(pwrite(fd, &byte, 1, 1000), 1);
		return;
	case EMPTIED:
		cr_assert_eq(ftruncate(fd, 0), 0);
		return;
	case OVERWRITTEN:
		cr_assert_eq(pwrite(fd, "no database", 11, 0), 11);
		return;
	}
}

/* The event, the metric, and what the doctor says. */
static void
expect_alarm(struct house *h, enum house_part p)
{
	char name[32], line[100];
	struct tool_result r = CTL(
	    h->dir, "events", house_name(p, name), "--config", "subota.conf");

	cr_expect(strstr(r.out, "record_damaged"), "%s", r.out);
	r = CTL(h->dir, "metrics", "--config", "subota.conf");
	snprintf(line, sizeof(line), "subota_records_set_aside{daemon=\"%s\"} 1\n", name);
	cr_expect(strstr(r.out, line), "%s: %s", line, r.out);
	r = CTL(h->dir, "doctor", "--config", "subota.conf");
	cr_expect(strstr(r.out, "expected no damaged record, got 1"), "%s", r.out);
}

static void
spoilt_between_upgrades(enum house_part p, enum harm harm)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	HOUSE_MUST(h, house_stop(h, p));
	spoil(h, p, harm);
	HOUSE_MUST(h, house_start(h, p));
	HOUSE_MUST(h, house_look_wait_version(h, 0, HOUSE_NEW));
	expect_alarm(h, p);
	house_case_plan(h, &(struct house_pack){.name = "next", .version = "1.2.0", .sequence = 6});
	house_case_upgraded(h, 0, "1.2.0");
}

/* trust: 48 record-aside */
Test(damaged, ledger_of_flashd_with_a_flipped_bit)
{
	spoilt_between_upgrades(HOUSE_FLASHD, FLIPPED);
}

/* trust: 48 */
Test(damaged, ledger_of_flashd_that_was_cut)
{
	spoilt_between_upgrades(HOUSE_FLASHD, CUT);
}

/* trust: record-aside */
Test(damaged, book_of_fetchd_that_was_cut)
{
	spoilt_between_upgrades(HOUSE_FETCHD, CUT);
}

Test(damaged, book_of_fetchd_without_a_byte)
{
	spoilt_between_upgrades(HOUSE_FETCHD, EMPTIED);
}

/* trust: record-aside */
Test(damaged, records_of_cloudd_without_a_byte)
{
	spoilt_between_upgrades(HOUSE_CLOUDD, EMPTIED);
}

Test(damaged, records_of_cloudd_that_are_no_database_any_more)
{
	spoilt_between_upgrades(HOUSE_CLOUDD, OVERWRITTEN);
}

/* --- an old copy ------------------------------------------------------------------------------ */

/* A backup from before the last upgrade is whole, so nobody can see that it is old; but the head of
 * the signed log that cloudd has seen tells. */
static void
restored(enum house_part p)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	char name[32], copy[300], restore[300];

	house_name(p, name);
	snprintf(copy, sizeof(copy), "cp -a state/%s backup", name);
	snprintf(restore, sizeof(restore), "rm -r state/%s; cp -a backup state/%s", name, name);
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	HOUSE_MUST(h, house_stop(h, p));
	cr_assert_eq(TOOL(h->dir, "sh", "-c", copy).status, 0);
	HOUSE_MUST(h, house_start(h, p));
	HOUSE_MUST(h, house_look_wait_version(h, 0, HOUSE_NEW));
	house_case_plan(h, &(struct house_pack){.name = "next", .version = "1.2.0", .sequence = 6});
	house_case_upgraded(h, 0, "1.2.0");
	HOUSE_MUST(h, house_stop(h, p));
	cr_assert_eq(TOOL(h->dir, "sh", "-c", restore).status, 0);
	HOUSE_MUST(h, house_start(h, p));
	HOUSE_MUST(h, house_look_wait_version(h, 0, "1.2.0"));
	if (p == HOUSE_FLASHD) {
		struct tool_result r = CTL(h->dir, "audit", "verify", "--config", "subota.conf");

		cr_expect_eq(r.status, 65, "%s", r.out);
	}
	house_case_plan(h, &(struct house_pack){.name = "last", .version = "1.3.0", .sequence = 7});
	house_case_upgraded(h, 0, "1.3.0");
}

/* trust: 48 74 record-old */
Test(damaged, ledger_of_flashd_from_before_an_upgrade)
{
	restored(HOUSE_FLASHD);
}

/* trust: 48 record-old */
Test(damaged, book_of_fetchd_from_before_an_upgrade)
{
	restored(HOUSE_FETCHD);
}

/* trust: record-old */
Test(damaged, records_of_cloudd_from_before_an_upgrade)
{
	restored(HOUSE_CLOUDD);
}

/* --- in the middle of an upgrade -------------------------------------------------------------- */

/* The platform has an end of the plan, and it is what the device is. (Status 3 may come before it:
 * a cloudd that has forgotten offers the plan again and hears that the device is busy.) */
static bool
is_true(struct house *h, void *arg)
{
	char verdict[32];
	AUTO(json) cJSON *own = house_look_device(h, 0);
	const char *runs = json_text(own, "running");

	(void)arg;
	house_case_verdict(h, 0, verdict);
	return (strcmp(verdict, "success") == 0 && strcmp(runs, HOUSE_NEW) == 0) ||
	       (strcmp(verdict, "failed") == 0 && strcmp(runs, HOUSE_OLD) == 0);
}

static void
spoilt_amid(enum house_part p, enum harm harm, house_case_is *when)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){
	    .baud = when == house_case_is_flashing ? 460800 : 0, .retries = 3});

	HOUSE_MUST(h, house_stop(h, p)); /* so that the file is more than its first page */
	HOUSE_MUST(h, house_start(h, p));
	HOUSE_MUST(h, house_look_wait_version(h, 0, HOUSE_OLD));
	if (when == house_case_is_fetching)
		house_case_fault(h, "http_rate", "40000");
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, when, NULL, "the phase in which to kill");
	house_kill(h, p);
	spoil(h, p, harm);
	house_case_fault(h, "http_rate", "0");
	HOUSE_MUST(h, house_start(h, p));
	house_case_until(h, is_true, NULL, "an end that is true");
	expect_alarm(h, p);
	house_case_plan(h, &(struct house_pack){.name = "next", .version = "1.2.0", .sequence = 6});
	house_case_until_verdict(h, 0, "success");
	HOUSE_MUST(h, house_look_wait_version(h, 0, "1.2.0"));
}

/* trust: record-rebuilt */
Test(damaged, ledger_of_flashd_in_mid_flash)
{
	spoilt_amid(HOUSE_FLASHD, FLIPPED, house_case_is_flashing);
}

/* trust: record-rebuilt */
Test(damaged, book_of_fetchd_in_mid_download)
{
	spoilt_amid(HOUSE_FETCHD, CUT, house_case_is_fetching);
}

/* trust: record-rebuilt */
Test(damaged, book_of_fetchd_in_mid_flash)
{
	spoilt_amid(HOUSE_FETCHD, EMPTIED, house_case_is_flashing);
}

/* trust: record-rebuilt */
Test(damaged, records_of_cloudd_in_mid_download)
{
	spoilt_amid(HOUSE_CLOUDD, OVERWRITTEN, house_case_is_fetching);
}

/* trust: record-rebuilt */
Test(damaged, records_of_cloudd_in_mid_flash)
{
	spoilt_amid(HOUSE_CLOUDD, FLIPPED, house_case_is_flashing);
}

/* --- what lies in the store ------------------------------------------------------------------- */

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

/* Beside the one entry, $e: an entry without a record, things that are no entries under the names
 * of entries, files under names that are none; in the entry's place a pipe; the same among
 * downloads. As root makes them, who owns them then. */
static const char clutter[] = "set -e; cd store; e=$(ls | grep -E '^[0-9a-f]{64}$'); "
			      "cp -a $e " HEX "0; "
			      "mkfifo " HEX "1; "
			      "ln -s /etc " HEX "2; "
			      "ln $e/bundle " HEX "3; "
			      "mkdir " HEX "4; "
			      "echo mine > notes.txt; mkfifo pipe; ln -s /etc/passwd link; "
			      "rm $e/bundle; mkfifo $e/bundle; "
			      "cd incoming; mkfifo 2.part; ln -s /etc/passwd 3.part; mkdir 4.part; "
			      "echo x > 5.part; ln 5.part 6.part; echo x > '2.part '; "
			      "mkdir " HEX "5.new; mkfifo " HEX "5.new/bundle; "
			      "chown --reference=. 4.part *5.new ../*4";

/* trust: store-orphans 40 */
Test(damaged, store_in_which_anything_may_lie_is_cleared_of_what_bears_our_names)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	HOUSE_MUST(h, house_stop(h, HOUSE_FETCHD));
	struct tool_result r = TOOL(h->dir, "sh", "-c", clutter);

	cr_assert_eq(r.status, 0, "%s", r.out);
	HOUSE_MUST(h, house_start(h, HOUSE_FETCHD));
	house_life_until_said(h, HOUSE_FETCHD, "its entry in the store is gone", 1);
	r = TOOL(h->dir, "sh", "-c", "cd store; echo $(ls -A) / $(ls -A incoming)");
	cr_expect_str_eq(r.out, "incoming link notes.txt pipe /\n");
	house_case_plan(h, &(struct house_pack){.name = "next", .version = "1.2.0", .sequence = 6});
	house_case_upgraded(h, 0, "1.2.0");
}
