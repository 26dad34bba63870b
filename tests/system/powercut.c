/*
 * powercut: the gateway's power is cut again and again while it upgrades eight devices, at moments
 * that a seed chooses, and of its disk there is only what was synced. Every upgrade ends rightly,
 * nothing contradicts, nothing that was reported is missing from the signed log (lib/outage.h).
 *
 * This is the short share; make powercut N=1000 SEED=1 is the long one.
 */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "house_case.h"
#include "outage.h"
#include "powercut.h"

TestSuite(powercut, .timeout = 3600);

enum { CUTS = 50, SEED = 1 };

/* A file on the disk that is cut off. */
static void
put(const char *path, bool synced)
{
	static const char bytes[65536] = "what may be lost";
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	cr_assert_eq(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	cr_assert(!synced || fsync(fd) == 0);
}

/* Else a run of cuts shows nothing. */
Test(powercut, what_was_not_synced_is_not_there_afterwards)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});
	char kept[400], lost[400];
	struct powercut p;
	struct stat st = {0};

	if (!powercut_open(&p, h))
		cr_skip_test("a disk of its own needs root and loop devices");
	HOUSE_MUST(h, house_start_all(h));
	snprintf(kept, sizeof(kept), "%s/disk/kept", h->dir);
	snprintf(lost, sizeof(lost), "%s/disk/lost", h->dir);
	put(kept, true);
	put(lost, false);
	HOUSE_MUST(h, powercut_now(&p));
	cr_expect(stat(kept, &st) == 0 && st.st_size == 65536, "%lld", (long long)st.st_size);
	st.st_size = 0;
	cr_expect(stat(lost, &st) != 0 || st.st_size == 0, "%lld", (long long)st.st_size);
	powercut_close(&p);
}

/* trust: 56 */
Test(powercut, gateway_without_power_again_and_again_loses_nothing)
{
	struct outage o = {.random = outage_random(SEED), .wanted = CUTS};

	if (!outage_run(&o))
		cr_skip_test("a disk of its own needs root and loop devices");
	cr_expect_str_empty(o.why, "%s", o.why);
	cr_expect_eq(o.cuts, CUTS);
	cr_expect_eq(o.lost, 0);
	cr_expect_gt(o.plans, 0);
	cr_log_info("%u cuts, %u plans", o.cuts, o.plans);
}
