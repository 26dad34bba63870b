/*
 * The runner and the program of red tests: whatever goes wrong in a test must make the run red.
 */
#include <criterion/criterion.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit.h"
#include "tool.h"

struct scene {
	char *dir;
	char program[400], red[400];
	struct tool_result r;
};

int __attribute__((weak)) __lsan_do_recoverable_leak_check(void);

static void
open_scene(struct scene *s)
{
	char self[300] = "";

	/* By this a Criterion program knows that it is a worker; the one we start is none. */
	cr_assert_eq(unsetenv("BXFI_MAP"), 0);
	*s = (struct scene){.dir = kit_scratch()};
	cr_assert_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	const char *here = dirname(self);
	snprintf(s->program, sizeof(s->program), "%s/../bin/subota-tests", here);
	snprintf(s->red, sizeof(s->red), "%s/red", here);
}

/* One item; the output is in s->r.out. */
static void
run_item(struct scene *s, const char *item)
{
	s->r = TOOL(s->dir, s->program, "-l", "30", item);
}

/* The red program with one of its tests, through a small script: the runner gives no filter. */
static void
run_red(struct scene *s, const char *test)
{
	char script[1000], path[500], item[600];

	snprintf(script, sizeof(script), "#!/bin/sh\nexec '%s' --filter 'red/%s'\n", s->red, test);
	kit_write(s->dir, "red", script, strlen(script));
	snprintf(path, sizeof(path), "%s/red", s->dir);
	cr_assert_eq(chmod(path, 0755), 0);
	snprintf(item, sizeof(item), "suite:%s", path);
	run_item(s, item);
}

static void
expect_end(const struct scene *s, int status, const char *last_line)
{
	const char *out = s->r.out;
	size_t len = strlen(out), want = strlen(last_line);

	cr_expect_eq(s->r.status, status, "status %d: %s", s->r.status, out);
	cr_expect(len >= want && strcmp(out + len - want, last_line) == 0,
	    "expected '%s' at the end of: %s", last_line, out);
}

static void
expect_red(const char *test, const char *last_line, const char *says)
{
	struct scene s;

	open_scene(&s);
	run_red(&s, test);
	expect_end(&s, 1, last_line);
	cr_expect_not_null(strstr(s.r.out, says), "expected '%s' in: %s", says, s.r.out);
	kit_scratch_remove(s.dir);
}

Test(runner, passing_test_shows_criterions_closing_line_and_the_sum)
{
	struct scene s;

	open_scene(&s);
	run_red(&s, "passes");
	expect_end(&s, 0, "\n1 passed, 0 failed\n");
	cr_expect_not_null(strstr(s.r.out, "[====] Synthesis: Tested: 1 | Passing: 1"));
	kit_scratch_remove(s.dir);
}

Test(runner, failing_test_is_red_and_shows_why_also_at_the_very_end)
{
	expect_red("fails",
	    "\nfailed: red/red/fails (tests/red/red.c:20: expected one, got two)\n"
	    "0 passed, 1 failed\n",
	    "[----]   expected one, got two");
}

Test(runner, crashing_test_is_red)
{
	expect_red("crashes", "\n0 passed, 1 failed\n", "[FAIL] red::crashes");
}

Test(runner, hanging_test_is_red)
{
	expect_red("hangs", "\n0 passed, 1 failed\n", "Timed out");
}

Test(runner, process_left_behind_is_red_named_and_killed)
{
	expect_red("leaves_a_process", "\n1 passed, 1 failed\n", "left a process behind: ");
}

Test(runner, file_left_behind_is_red_and_named)
{
	expect_red("leaves_a_file", "\n1 passed, 1 failed\n", "left a file behind: left-");
}

Test(runner, suite_without_a_test_is_red)
{
	expect_red("there_is_none", "\n0 passed, 1 failed\n", "no test ran");
}

Test(runner, leak_is_red_where_there_is_a_leak_sanitizer)
{
	struct scene s;

	if (__lsan_do_recoverable_leak_check) {
		expect_red("leaks", "\n0 passed, 1 failed\n", "this test leaks memory");
		return;
	}
	open_scene(&s);
	run_red(&s, "leaks");
	expect_end(&s, 0, "\n1 passed, 0 failed\n");
	kit_scratch_remove(s.dir);
}

Test(runner, checks_count_by_their_exit_status)
{
	struct scene s;

	open_scene(&s);
	s.r = TOOL(s.dir, s.program, "check:good:test a:b = a:b", "check:bad:test a:b = a",
	    "check:none:/no/such");
	expect_end(&s, 1, "\n1 passed, 2 failed\n");
	kit_scratch_remove(s.dir);
}

Test(runner, item_that_takes_too_long_is_killed)
{
	struct scene s;

	open_scene(&s);
	s.r = TOOL(s.dir, s.program, "-l", "1", "check:slow:sleep 1000", "check:good:true");
	expect_end(&s, 1, "\n1 passed, 1 failed\n");
	cr_expect_not_null(strstr(s.r.out, "slow: killed after 1 s"), "%s", s.r.out);
	kit_scratch_remove(s.dir);
}

Test(runner, nothing_to_run_is_red_and_nonsense_is_refused)
{
	struct scene s;

	open_scene(&s);
	s.r = TOOL(s.dir, s.program);
	expect_end(&s, 1, "0 passed, 0 failed\n");
	run_item(&s, "suit:x");
	cr_expect_eq(s.r.status, 64);
	kit_scratch_remove(s.dir);
}
