/*
 * System tests of what is written to the gateway's disk: nothing when nothing happens, and reports
 * also when the disk is full.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "house_case.h"
#include "house_life.h"
#include "house_look.h"
#include "house_proc.h"
#include "json.h"
#include "powercut.h"

TestSuite(wear, .timeout = 180);

/* --- idle ------------------------------------------------------------------------------------- */

/* Bytes that a process has given to the disk, its logs included. */
static double
written_by(pid_t pid)
{
	return house_proc_number(pid, "io", "write_bytes:", -1);
}

struct seen {
	uint64_t sum; /* of sizes and times of change of all files */
	unsigned files;
};

static void
look(const char *dir, struct seen *s)
{
	AUTO(dir) DIR *d = opendir(dir);
	char path[600];
	struct stat st;

	cr_assert_not_null(d, "%s", dir);
	for (struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (lstat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			look(path, s);
			continue;
		}
		s->files++;
		s->sum = s->sum * 31 + (uint64_t)st.st_size +
			 (uint64_t)st.st_mtim.tv_sec * 1000000 +
			 (uint64_t)st.st_mtim.tv_nsec / 1000;
	}
}

static struct seen
all_files(struct house *h)
{
	static const char *const places[] = {"state", "store"};
	struct seen s = {0};

	for (int i = 0; i < 2; i++) {
		char path[400];

		snprintf(path, sizeof(path), "%s/%s", h->dir, places[i]);
		look(path, &s);
	}
	return s;
}

/* The devices have been asked so often since, and the platform for plans. */
struct turns {
	double bytes;
	unsigned plans;
};

enum { BYTES = 400, PLANS = 3 };

static struct turns
turns_of(struct house *h)
{
	AUTO(json) cJSON *own = house_look_device(h, 0);

	return (struct turns){
	    json_number(own, "wire_in"), house_life_log(h, "METER1", "requests an upgrade plan")};
}

static bool
has_turned(struct house *h, void *arg)
{
	const struct turns *from = arg;
	struct turns now = turns_of(h);

	return now.bytes >= from->bytes + BYTES && now.plans >= from->plans + PLANS;
}

/* trust: idle */
Test(wear, a_house_in_which_nothing_happens_writes_nothing)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){.asks = "1 s"});
	double before[HOUSE_PARTS] = {0};

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	struct turns settled = turns_of(h);
	house_case_until(h, has_turned, &settled, "turns in which the last things are said");
	struct turns from = turns_of(h);
	struct seen seen = all_files(h);

	for (enum house_part p = HOUSE_FLASHD; p <= HOUSE_CLOUDD; p++)
		before[p] = written_by(h->process[p].pid);
	house_case_until(h, has_turned, &from, "turns in which nothing happens");
	struct seen again = all_files(h);

	cr_expect_eq(again.files, seen.files);
	cr_expect_eq(again.sum, seen.sum, "a file of state or store has changed");
	for (enum house_part p = HOUSE_FLASHD; p <= HOUSE_CLOUDD; p++) {
		double bytes = written_by(h->process[p].pid) - before[p];
		char name[32];

		cr_expect_eq(bytes, 0, "%s has written %.0f bytes", house_name(p, name), bytes);
	}
}

/* --- a full disk ------------------------------------------------------------------------------ */

static bool
fill(struct house *h)
{
	char path[400];
	char block[65536] = {1};

	snprintf(path, sizeof(path), "%s/disk/ballast", h->dir);
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	size_t step = sizeof(block);

	while (fd >= 0 && step) {
		if (write(fd, block, step) <= 0)
			step /= 4;
	}
	return fd >= 0 && fsync(fd) == 0;
}

static void
make_room(struct house *h)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/disk/ballast", h->dir);
	cr_assert_eq(unlink(path), 0);
}

static bool
has_written(struct house *h, void *arg)
{
	AUTO(json) cJSON *own = house_look_device(h, 0);

	(void)arg;
	return json_number(own, "upload_bytes") >= 50000;
}
/* trust: store-full 57 */
Test(wear, a_disk_that_is_full_amid_an_upgrade_loses_no_report)
{
	static const int statuses[] = {1, 2, 8, 9, 11};
	AUTO(house_case)
	struct house *h = house_case_new(
	    &(struct house_options){.baud = 460800, .patience_s = 120});
	struct powercut p;

	if (!powercut_open(&p, h))
		cr_skip_test("a disk of its own needs root and loop devices");
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, house_case_is_flashing, NULL, "a device that is written");
	cr_assert(fill(h));
	house_case_until(h, has_written, NULL, "the image, which needs no disk");
	house_life_until_said(h, HOUSE_FLASHD, "disk is full", 1);
	make_room(h);
	house_case_upgraded(h, 0, HOUSE_NEW);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		cr_expect_eq(house_case_count(h, 0, statuses[i]), 1, "status %d", statuses[i]);
	struct tool_result r = CTL(h->dir, "audit", "verify", "--config", "subota.conf");

	cr_expect_eq(r.status, 0, "%s", r.out);
	powercut_close(&p);
}

/* trust: store-full 57 */
Test(wear, a_disk_that_is_full_when_a_plan_comes_delays_it_and_no_more)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.patience_s = 120});
	struct powercut p;

	if (!powercut_open(&p, h))
		cr_skip_test("a disk of its own needs root and loop devices");
	HOUSE_MUST(h, house_start_all(h));
	cr_assert(fill(h));
	house_case_plan(h, &(struct house_pack){.size = 300000});
	house_life_until_said(h, HOUSE_CLOUDD, "disk is full", 1);
	make_room(h);
	house_case_until_verdict(h, 0, "success");
	powercut_close(&p);
}
