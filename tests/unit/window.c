/*
 * window: what can be written, and how long it is until a window opens.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "window.h"

enum { SUN, MON, TUE, WED, THU, FRI, SAT };

#define AT(day, hour, minute) (unsigned)((day)*WINDOW_DAY + (hour)*60 + (minute))

static unsigned
wait_for(const char *text, unsigned minute)
{
	struct window w;
	char why[WHY_SIZE] = "";

	cr_assert_eq(window_parse(text, &w, why), ERR_OK, "'%s': %s", text, why);
	return window_wait(&w, minute);
}

Test(window, is_open_from_its_first_minute_and_closed_from_its_last)
{
	cr_expect_eq(wait_for("10:00-11:30", AT(WED, 9, 59)), 1);
	cr_expect_eq(wait_for("10:00-11:30", AT(WED, 10, 0)), 0);
	cr_expect_eq(wait_for("10:00-11:30", AT(WED, 11, 29)), 0);
	cr_expect_eq(wait_for("10:00-11:30", AT(WED, 11, 30)), 22 * 60 + 30);
}

Test(window, lasts_over_midnight_into_a_day_on_which_it_does_not_open)
{
	cr_expect_eq(wait_for("sat 22:00-05:00", AT(SAT, 21, 0)), 60);
	cr_expect_eq(wait_for("sat 22:00-05:00", AT(SAT, 23, 59)), 0);
	cr_expect_eq(wait_for("sat 22:00-05:00", AT(SUN, 4, 59)), 0);
	cr_expect_eq(wait_for("sat 22:00-05:00", AT(SUN, 5, 0)), 6 * WINDOW_DAY + 17 * 60);
	cr_expect_eq(wait_for("sat 22:00-05:00", AT(SUN, 22, 0)), 6 * WINDOW_DAY);
}

Test(window, belongs_to_days_and_to_ranges_of_days_also_over_the_week_s_end)
{
	cr_expect_eq(wait_for("mon-fri 08:00-09:00", AT(FRI, 8, 30)), 0);
	cr_expect_eq(wait_for("mon-fri 08:00-09:00", AT(SAT, 8, 30)), 2 * WINDOW_DAY - 30);
	cr_expect_eq(wait_for("fri-mon 08:00-09:00", AT(SUN, 8, 0)), 0);
	cr_expect_eq(wait_for("fri-mon 08:00-09:00", AT(TUE, 8, 0)), 3 * WINDOW_DAY);
}

Test(window, of_several_the_next_one_counts)
{
	static const char two[] = "mon-fri 22:00-05:00,  sat-sun 00:00-24:00";

	cr_expect_eq(wait_for(two, AT(THU, 12, 0)), 600);
	cr_expect_eq(wait_for(two, AT(SAT, 12, 0)), 0);
	cr_expect_eq(wait_for(two, AT(SUN, 23, 59)), 0);
	cr_expect_eq(wait_for(two, AT(MON, 0, 0)), 22 * 60);
	cr_expect_eq(wait_for(two, AT(SAT, 4, 0)), 0, "friday's, too");
}

Test(window, that_ends_when_it_begins_lasts_a_day)
{
	cr_expect_eq(wait_for("mon 12:00-12:00", AT(TUE, 11, 59)), 0);
	cr_expect_eq(wait_for("mon 12:00-12:00", AT(TUE, 12, 0)), 6 * WINDOW_DAY);
	cr_expect_eq(wait_for("00:00-00:00", AT(WED, 13, 13)), 0);
}

Test(window, never_opens_when_there_is_none)
{
	cr_expect_eq(wait_for("", AT(TUE, 11, 59)), WINDOW_WEEK);
	cr_expect_eq(wait_for("  ", AT(TUE, 11, 59)), WINDOW_WEEK);
}

Test(window, refuses_what_it_does_not_understand)
{
	static const char *const bad[] = {"22:00", "22:00-", "22:00-5:00", "22:00 - 05:00",
	    "22:60-23:00", "24:00-05:00", "22:00-24:01", "22:00-05:00,", ",22:00-05:00",
	    "22:00-05:00 23:00-24:00", "foo 22:00-05:00", "mon22:00-05:00", "mon- 22:00-05:00",
	    "mon-fri-sat 22:00-05:00", "Mon 22:00-05:00", "22.00-05.00", "-1:00-05:00",
	    "22:00-05:00;", "mon", "mon "};
	struct window w;
	char why[WHY_SIZE];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = 0;
		cr_expect_eq(window_parse(bad[i], &w, why), ERR_CONFIG, "'%s'", bad[i]);
		cr_expect(strstr(why, "expected windows as") && strstr(why, bad[i]), "%s", why);
	}
}

Test(window, refuses_one_more_than_its_limit)
{
	char text[(WINDOW_MAX + 1) * 12 + 1] = "";
	struct window w;
	char why[WHY_SIZE];

	for (size_t i = 0; i <= WINDOW_MAX; i++)
		memcpy(text + i * 12, "00:00-01:00,", 12);
	text[WINDOW_MAX * 12 + 11] = 0;
	cr_expect_eq(window_parse(text, &w, why), ERR_CONFIG);
	text[WINDOW_MAX * 12 - 1] = 0;
	cr_expect_eq(window_parse(text, &w, why), ERR_OK, "%s", why);
	cr_expect_eq(w.n, WINDOW_MAX);
}
