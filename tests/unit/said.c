/*
 * said: the closing line and the failed tests in the log of a test program.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "said.h"

#define CLOSING(t, p, f, c) \
	"[====] Synthesis: Tested: " #t " | Passing: " #p " | Failing: " #f " | Crashing: " #c " \n"

Test(said, closing_line_is_read_from_among_other_words)
{
	struct said s;

	cr_assert(said_closing("noise\n" CLOSING(9, 7, 2, 1) "more noise\n", &s));
	cr_expect_eq(s.tested, 9);
	cr_expect_eq(s.passing, 7);
	cr_expect_eq(s.failing, 2);
	cr_expect_eq(s.crashing, 1);
	cr_expect_eq(strncmp(s.line, "[====] Synthesis: Tested: 9 |", 29), 0, "%s", s.line);
	cr_expect_null(strchr(s.line, '\n'));
}

Test(said, last_closing_line_counts)
{
	struct said s;

	cr_assert(said_closing(CLOSING(1, 1, 0, 0) CLOSING(2, 1, 1, 0), &s));
	cr_expect_eq(s.tested, 2);
}

Test(said, log_without_a_closing_line_that_adds_up_says_nothing)
{
	static const char *const logs[] = {"", "[FAIL] a::b: (0.00s)\n",
	    "[====] Synthesis: Tested: 3 | Passing:", "Synthesis: Tested: x\n",
	    CLOSING(3, 4, 0, 0), CLOSING(3, 1, 4, 0)};
	struct said s;

	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++)
		cr_expect_not(said_closing(logs[i], &s), "%s", logs[i]);
}

Test(said, failed_tests_are_named_one_after_the_other)
{
	const char *at = "[FAIL] bus::is_full: (0.00s)\nwords\n[FAIL] bus::dies: CRASH!\n"
			 "[FAIL] half\n";
	char name[SAID_NAME];

	cr_assert(said_failed(&at, name));
	cr_expect_str_eq(name, "bus/is_full");
	cr_assert(said_failed(&at, name));
	cr_expect_str_eq(name, "bus/dies");
	cr_expect_not(said_failed(&at, name));
}

Test(said, why_a_test_failed_is_its_place_and_first_words)
{
	const char *log = "[----] a.c:1: Assertion Failed\n[----]   \n[----]   other\n"
			  "[FAIL] a::b: (0.00s)\n"
			  "words\n[----] b/c.c:23: Assertion Failed\n[----]   \n"
			  "[----]   one, got two\n[----]   second\n[----]   \n"
			  "[FAIL] bus::is_full: (0.00s)\n"
			  "[----] d.c:9: Unexpected signal caught below this line!\n"
			  "[FAIL] bus::dies: CRASH!\n[FAIL] bus::hangs: Timed out. (1.00s)\n";
	static const char *const whys[] = {"a.c:1: other", "b/c.c:23: one, got two",
	    "d.c:9: Unexpected signal caught below this line!", "Timed out. (1.00s)"};
	const char *at = log;
	char name[SAID_NAME], why[SAID_WHY];

	for (unsigned i = 0; i < sizeof(whys) / sizeof(whys[0]); i++) {
		cr_assert(said_failed(&at, name));
		said_why(log, at, why);
		cr_expect_str_eq(why, whys[i]);
	}
}
