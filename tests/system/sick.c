/*
 * System tests of a disk that dies under the daemons: what is written, flushed or read ends in an
 * I/O error, and ext4 turns read-only on it, as Debian mounts it. (Nobody can remount read-only
 * what has files open for writing, so in the field it is always such an error.) People are told
 * which file it was and what to do; what is on the disk afterwards is what the next start finds.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "house_case.h"
#include "house_life.h"
#include "house_look.h"
#include "json.h"
#include "powercut.h"

TestSuite(sick, .timeout = 180);

#define MENDED_AT_ONCE "^has_journal" /* ext4 goes on after errors; its own data are not at stake */
#define TURNS_READ_ONLY "has_journal"

static void
open_sick(struct powercut *p, struct house *h, const char *feature)
{
	if (!powercut_open_sick(p, h, feature))
		cr_skip_test("a disk that can fail needs root, /dev/fuse and loop devices");
	HOUSE_MUST(h, house_start_all(h));
}

static bool
has_written(struct house *h, void *arg)
{
	AUTO(json) cJSON *own = house_look_device(h, 0);

	(void)arg;
	return json_number(own, "upload_bytes") >= 50000;
}

/* ext4 gives up when its journal cannot be written, which it is when somebody wants to sync. */
static bool
is_read_only(struct house *h, void *arg)
{
	char path[400];

	(void)arg;
	snprintf(path, sizeof(path), "%s/disk/try", h->dir);
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		(void)fsync(fd);
	return fd < 0 && errno == EROFS;
}

static bool
fails(struct house *h, enum house_part part)
{
	AUTO(json) cJSON *status = house_look_ask(h, part, "status");

	return cJSON_IsTrue(cJSON_GetObjectItem(status, "record_fails"));
}

/* flashd and cloudd have something to record amid an upgrade. */
static bool
both_fail(struct house *h, void *arg)
{
	(void)arg;
	return fails(h, HOUSE_FLASHD) && fails(h, HOUSE_CLOUDD);
}

static bool
none_fails(struct house *h, void *arg)
{
	(void)arg;
	return !fails(h, HOUSE_FLASHD) && !fails(h, HOUSE_FETCHD) && !fails(h, HOUSE_CLOUDD);
}

static void
expect_alarm(struct house *h)
{
	struct tool_result r = CTL(h->dir, "doctor", "--config", "subota.conf");

	cr_expect(strstr(r.out, "expected a record that can be written, got"), "%s", r.out);
	cr_expect(strstr(r.out, "/flashd.db: "), "%s", r.out);
	cr_expect(strstr(r.out, "/cloudd.db: "), "%s", r.out);
	cr_expect(strstr(r.out, "replace it") || strstr(r.out, "mount it"), "%s", r.out);
	r = CTL(h->dir, "metrics", "--config", "subota.conf");
	cr_expect(strstr(r.out, "subota_record_fails{daemon=\"flashd\"} 1\n"), "%s", r.out);
}

/* Each part of the upgrade was told once, and nothing else of it. */
static void
expect_told_once(struct house *h)
{
	static const int statuses[] = {1, 2, 8, 9, 11};

	house_case_upgraded(h, 0, HOUSE_NEW);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		cr_expect_eq(house_case_count(h, 0, statuses[i]), 1, "status %d", statuses[i]);
	struct tool_result r = CTL(h->dir, "audit", "verify", "--config", "subota.conf");

	cr_expect_eq(r.status, 0, "%s", r.out);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* trust: store-full 57 */
Test(sick, a_disk_that_turns_read_only_amid_an_upgrade_loses_no_report)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.baud = 460800});
	struct powercut p;

	open_sick(&p, h, TURNS_READ_ONLY);
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, house_case_is_flashing, NULL, "a device that is written");
	sickdisk_fail(p.sick, SICKDISK_WRITE | SICKDISK_FLUSH);
	house_case_until(h, is_read_only, NULL, "a file system that is read-only");
	house_case_until(h, has_written, NULL, "the image, which needs no disk");
	house_case_until(h, both_fail, NULL, "records that cannot be written");
	expect_alarm(h);
	cr_expect_eq(house_case_count(h, 0, 11), 0, "what is not recorded is not told");
	HOUSE_MUST(h, powercut_now(&p)); /* a sound disk, its file system mended */
	expect_told_once(h);
	powercut_close(&p);
}

/* Writes that fail, of all daemons, and the least time in which they may: however slow a machine
 * is, it only takes longer. */
enum { TRIES = 12, TRIES_MS = 1000 };

static bool
have_tried(struct house *h, void *arg)
{
	const struct powercut *p = arg;

	(void)h;
	return sickdisk_failed(p->sick) >= TRIES;
}

/* They wait between two tries. */
static void
expect_patience(struct house *h, struct powercut *p)
{
	struct mono from = clock_now();

	sickdisk_fail(p->sick, SICKDISK_WRITE | SICKDISK_FLUSH); /* counted from now on */
	house_case_until(h, have_tried, p, "many tries");
	int64_t ms = mono_between(from, clock_now());

	cr_expect_geq(ms, TRIES_MS, "%d tries in %lld ms", TRIES, (long long)ms);
	for (enum house_part part = HOUSE_FLASHD; part <= HOUSE_CLOUDD; part++)
		cr_expect_leq(house_life_said(h, part, "expected \"COMMIT\" to work"), 3);
}

/* trust: store-full 57 */
Test(sick, a_disk_that_takes_nothing_for_a_while_amid_an_upgrade_loses_no_report)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.baud = 460800});
	struct powercut p;

	open_sick(&p, h, MENDED_AT_ONCE);
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, house_case_is_flashing, NULL, "a device that is written");
	sickdisk_fail(p.sick, SICKDISK_WRITE | SICKDISK_FLUSH);
	house_case_until(h, has_written, NULL, "the image, which needs no disk");
	house_case_until(h, both_fail, NULL, "records that cannot be written");
	expect_alarm(h);
	expect_patience(h, &p);
	sickdisk_fail(p.sick, 0);
	house_case_until(h, none_fails, NULL, "records that can be written");
	expect_told_once(h);
	HOUSE_MUST(h, powercut_now(&p)); /* it was durable, then */
	HOUSE_MUST(h, house_look_wait_version(h, 0, HOUSE_NEW));
	expect_told_once(h);
	powercut_close(&p);
}

/* trust: store-full 57 */
Test(sick, a_disk_that_fails_amid_a_download_fails_no_plan)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});
	struct powercut p;

	open_sick(&p, h, TURNS_READ_ONLY);
	house_case_fault(h, "http_rate", "40000");
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, house_case_is_fetching, NULL, "a download");
	sickdisk_fail(p.sick, SICKDISK_WRITE | SICKDISK_FLUSH);
	house_life_until_said(h, HOUSE_FETCHD, "expected to write the package into the store", 1);
	house_case_until(h, is_read_only, NULL, "a file system that is read-only");
	house_case_fault(h, "http_rate", "0");
	HOUSE_MUST(h, powercut_now(&p));
	expect_told_once(h);
	powercut_close(&p);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The kernel has nothing of these files in its cache any more. */
static void
drop_cached(struct house *h, const char *pattern)
{
	char path[400];
	glob_t found = {0};

	snprintf(path, sizeof(path), "%s/%s", h->dir, pattern);
	cr_assert_eq(glob(path, 0, NULL, &found), 0, "%s", path);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		AUTO(fd) int fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);

		cr_assert(fd >= 0 && fsync(fd) == 0, "%s", found.gl_pathv[i]);
		cr_assert_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	}
	globfree(&found);
}

/* trust: 57 */
Test(sick, a_package_that_the_disk_does_not_give_back_is_fetched_anew)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.baud = 460800});
	struct powercut p;
	double requests, bytes, size;

	open_sick(&p, h, MENDED_AT_ONCE);
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, house_case_is_flashing, NULL, "a device that is written");
	sickdisk_fail(p.sick, SICKDISK_READ);
	drop_cached(h, "store/*/bundle");
	house_case_until_verdict(h, 0, "failed");
	sickdisk_fail(p.sick, 0);
	house_life_until_said(h, HOUSE_FETCHD, "flashd found it unusable, dropped", 1);
	HOUSE_MUST(h, house_activate(h, "again"));
	house_case_until_verdict(h, 0, "success");
	house_case_served(h, &requests, &bytes, &size);
	cr_expect_eq(requests, 2);
	powercut_close(&p);
}

/* trust: record-aside */
Test(sick, records_that_the_disk_does_not_give_back_are_not_called_damaged)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.baud = 460800});
	struct powercut p;
	glob_t found = {0};
	char path[400];

	open_sick(&p, h, MENDED_AT_ONCE);
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, house_case_is_flashing, NULL, "a device that is written");
	for (enum house_part part = HOUSE_FLASHD; part <= HOUSE_CLOUDD; part++) {
		house_kill(h, part);
		drop_cached(h, "state/*/*.db*");
		sickdisk_fail(p.sick, SICKDISK_READ);
		cr_expect_neq(house_start(h, part), ERR_OK);
		cr_expect_geq(house_life_said(h, part, "replace it"), 1, "%s", house_why(h));
		sickdisk_fail(p.sick, 0);
		HOUSE_MUST(h, house_start(h, part));
	}
	snprintf(path, sizeof(path), "%s/state/*/*.corrupt-*", h->dir);
	cr_expect_eq(glob(path, 0, NULL, &found), GLOB_NOMATCH);
	globfree(&found);
	expect_told_once(h);
	powercut_close(&p);
}
