/*
 * powercut: the parts of the long run of power cuts that need no power: what a disk did not have,
 * and a run that is gone on with.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "kit.h"
#include "powercut_view.h"
#include "report.h"

static void
put(const char *dir, const char *name, const char *text)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	AUTO(file) FILE *f = fopen(path, "we");
	cr_assert_not_null(f, "%s", path);
	cr_assert_geq(fputs(text, f), 0);
}

Test(powercut, each_file_that_is_not_what_it_was_is_told)
{
	static struct powercut_view before, after;
	char *dir = kit_scratch(), path[300];
	struct tally lost = {0};

	snprintf(path, sizeof(path), "%s/store", dir);
	cr_assert_eq(mkdir(path, 0700), 0);
	put(dir, "a.db", "0123456789 and more");
	put(dir, "b.db", "of the same length");
	put(dir, "c.db", "unchanged");
	put(dir, "events.jsonl", "not looked at");
	put(dir, "store/0123456789abcdef0123", "goes");
	powercut_view_take(&before, dir);
	put(dir, "a.db", "0123456789");
	put(dir, "b.db", "Of the same length");
	put(dir, "events.jsonl", "");
	put(dir, "store/17", "comes");
	snprintf(path, sizeof(path), "%s/store/0123456789abcdef0123", dir);
	cr_assert_eq(unlink(path), 0);
	powercut_view_take(&after, dir);
	powercut_view_compare(&before, &after, &lost);
	cr_expect_eq(lost.kinds, 4);
	cr_expect_eq(tally_of(&lost, "a.db shorter"), 1);
	cr_expect_eq(tally_of(&lost, "b.db older"), 1);
	cr_expect_eq(tally_of(&lost, "store/N gone"), 1);
	cr_expect_eq(tally_of(&lost, "store/N back"), 1);
	kit_scratch_remove(dir);
}

/* Seven of ten cuts were made. */
static struct report
made_before(void)
{
	struct report r = {.seed = 3,
	    .sittings = 2,
	    .seconds = 60,
	    .o = {.random = UINT64_C(0xfedcba9876543211),
		.wanted = 10,
		.cuts = 7,
		.plans = 3,
		.upgrades = 24}};

	tally_add(&r.o.moments, "image READY", 5);
	tally_add(&r.o.writes, "at any moment", 7);
	tally_add(&r.o.files, "a.db older", 2);
	return r;
}

Test(powercut, a_run_that_was_ended_is_gone_on_with)
{
	char *dir = kit_scratch(), path[300];
	struct report r = made_before();
	struct report again = {.seed = 3, .o = {.wanted = 10}};

	snprintf(path, sizeof(path), "%s/p.json", dir);
	cr_expect_not(report_go_on(&again, path), "there is none");
	cr_assert_eq(report_write(&r, path), ERR_OK);
	cr_assert(report_go_on(&again, path));
	cr_expect_eq(again.o.random, r.o.random);
	cr_expect_eq(again.o.cuts, 7);
	cr_expect_eq(again.o.upgrades, 24);
	cr_expect_eq(again.sittings, 2);
	cr_expect_eq(tally_of(&again.o.moments, "image READY"), 5);
	cr_expect_eq(tally_of(&again.o.writes, "at any moment"), 7);
	cr_expect_eq(tally_of(&again.o.files, "a.db older"), 2);
	cr_expect_not(report_is_complete(&again));
	kit_scratch_remove(dir);
}

Test(powercut, a_run_of_other_numbers_or_one_that_broke_is_not_gone_on_with)
{
	char *dir = kit_scratch(), path[300];
	struct report r = made_before();
	struct report other = {.seed = 4, .o = {.wanted = 10}},
		      longer = {.seed = 3, .o = {.wanted = 11}};

	snprintf(path, sizeof(path), "%s/p.json", dir);
	cr_assert_eq(report_write(&r, path), ERR_OK);
	cr_expect_not(report_go_on(&other, path));
	cr_expect_not(report_go_on(&longer, path));
	snprintf(r.o.why, sizeof(r.o.why), "something");
	cr_assert_eq(report_write(&r, path), ERR_OK);
	r.o.why[0] = 0;
	cr_expect_not(report_go_on(&r, path));
	kit_scratch_remove(dir);
}
