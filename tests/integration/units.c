/*
 * units: the systemd units as systemd judges them. That they work is `make test-boot`.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "kit.h"
#include "tool.h"

TestSuite(units, .timeout = 60);

static bool
has_systemd(void)
{
	return access("/usr/bin/systemd-analyze", X_OK) == 0;
}

static const char *const units[] = {"subota-cloudd.service", "subota-fetchd.service",
    "subota-flashd.service", "subota-fetchd-nursery@.service", "subota-fetchd-nursery.socket",
    "subota-flashd-nursery@.service", "subota-flashd-nursery.socket", "subota-firewall.service",
    "subota.target"};

/* Exposure as a tenth, as --threshold= counts; everything at most that much exposed passes. */
static int
judge(const char *unit, const char *tenths, char out[4000])
{
	char path[200], threshold[40];

	snprintf(path, sizeof(path), "deploy/systemd/%s", unit);
	snprintf(threshold, sizeof(threshold), "--threshold=%s", tenths);
	struct tool_result r = TOOL(
	    ".", "systemd-analyze", "security", "--offline=true", "--no-pager", threshold, path);
	snprintf(out, 4000, "%.3999s", r.out);
	return r.status;
}

Test(units, are_exposed_no_more_than_they_promise)
{
	static const struct {
		const char *unit, *tenths;
	} promised[] = {{"subota-cloudd.service", "10"}, {"subota-fetchd.service", "5"},
	    {"subota-flashd.service", "5"}, {"subota-fetchd-nursery@.service", "10"},
	    {"subota-flashd-nursery@.service", "5"}, {"subota-firewall.service", "11"}};
	char out[4000];

	if (!has_systemd())
		cr_skip_test("needs systemd-analyze");
	for (size_t i = 0; i < sizeof(promised) / sizeof(promised[0]); i++)
		cr_expect_eq(judge(promised[i].unit, promised[i].tenths, out), 0, "%s: %s",
		    promised[i].unit, out);
	/* the judge can say no */
	cr_expect_neq(judge("subota-cloudd.service", "5", out), 0, "%s", out);
}

/* Everything that systemd reads of a unit it understands; no word is ignored. */
Test(units, contain_no_word_that_systemd_does_not_know)
{
	char path[200];

	if (!has_systemd())
		cr_skip_test("needs systemd-analyze");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		snprintf(path, sizeof(path), "deploy/systemd/%s", units[i]);
		struct tool_result r = TOOL(
		    ".", "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path);

		cr_expect_null(strstr(r.out, "nknown"), "%s: %s", units[i], r.out);
		cr_expect_null(strstr(r.out, "ignoring"), "%s: %s", units[i], r.out);
	}
}

static char *
read_unit(const char *unit)
{
	char path[200];
	size_t n = 0;
	char *text = calloc(1, 20000);

	snprintf(path, sizeof(path), "deploy/systemd/%s", unit);
	AUTO(file) FILE *f = fopen(path, "re");
	cr_assert_not_null(f, "%s", path);
	n = fread(text, 1, 19999, f);
	cr_assert_gt(n, 0);
	return text;
}

/* Of all four processes, only these may. */
Test(units, give_each_process_what_the_design_gives_it_and_nothing_else)
{
	static const struct {
		const char *word;
		const char *has; /* letters: c f l n, of those that have it */
	} rows[] = {{"\nPrivateNetwork=yes\n", "fl"}, {"\nDeviceAllow=", "l"},
	    {"\nPrivateDevices=yes\n", "cfn"}, {"\nLoadCredential=", "c"}, {" AF_INET ", "cn"},
	    {"\nNoNewPrivileges=yes\n", "cfln"}, {"\nCapabilityBoundingSet=\n", "cfln"},
	    {"\nWatchdogSec=", "cfl"}, {"\nUser=subota-flash\n", "l"},
	    {"\nUser=subota-fetch\n", "f"}, {"\nUser=subota-cloud\n", "c"},
	    {"\nUser=subota-courier\n", "n"}};
	static const char letters[] = "cfln";

	for (size_t u = 0; u < 4; u++) {
		AUTO(mem) char *text = read_unit(units[u]);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			cr_expect_eq(strstr(text, rows[i].word) != NULL,
			    strchr(rows[i].has, letters[u]) != NULL, "%s: %s", units[u],
			    rows[i].word);
	}
}
