/*
 * clock: arithmetic on points in time, and times for people. Nothing here looks at how fast real
 * time passes.
 */
#include <criterion/criterion.h>
#include <stdint.h>

#include "clock.h"

Test(clock, adds_up_to_never_and_stays_there)
{
	struct mono t = {1000};

	cr_expect_eq(mono_after(t, 500).ms, 1500);
	cr_expect_eq(mono_after(t, -1500).ms, -500);
	cr_expect_eq(mono_after(t, INT64_MAX - 1000).ms, INT64_MAX);
	cr_expect_eq(mono_after(t, INT64_MAX - 999).ms, MONO_NEVER.ms, "an overflow");
	cr_expect_eq(mono_after(MONO_NEVER, -5).ms, MONO_NEVER.ms);
	cr_expect_eq(mono_after(MONO_NEVER, 5).ms, MONO_NEVER.ms);
}

Test(clock, tells_what_lies_between_and_what_is_due)
{
	struct mono a = {100}, b = {350};

	cr_expect_eq(mono_between(a, b), 250);
	cr_expect_eq(mono_between(b, a), -250);
	cr_expect(mono_reached(b, a));
	cr_expect(mono_reached(a, a));
	cr_expect(!mono_reached(a, b));
	cr_expect(!mono_reached(b, MONO_NEVER));
}

Test(clock, never_goes_back)
{
	struct mono before = clock_now();

	for (int i = 0; i < 1000; i++) {
		struct mono now = clock_now();

		cr_assert_leq(before.ms, now.ms);
		before = now;
	}
}

Test(clock, counts_the_wall_clock_from_1970)
{
	cr_expect_gt(clock_wall_ms(), UINT64_C(1600000000000));
}

Test(clock, writes_times_for_people)
{
	static const struct {
		uint64_t ms;
		char want[CLOCK_TEXT];
	} rows[] = {{0, "1970-01-01T00:00:00.000Z"}, {999, "1970-01-01T00:00:00.999Z"},
	    {UINT64_C(1709164800123), "2024-02-29T00:00:00.123Z"},
	    {CLOCK_MAX_MS, "9999-12-31T23:59:59.999Z"},
	    {CLOCK_MAX_MS + 1, "9999-12-31T23:59:59.000Z"},
	    {UINT64_MAX, "9999-12-31T23:59:59.615Z"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char got[CLOCK_TEXT];

		clock_text(rows[i].ms, got);
		cr_expect_str_eq(got, rows[i].want);
	}
}

Test(clock, start_of_the_kernel_has_one_name)
{
	char once[CLOCK_BOOT_ID], again[CLOCK_BOOT_ID];

	clock_boot_id(once);
	clock_boot_id(again);
	cr_expect_str_eq(once, again);
	cr_expect_eq(strlen(once), 36u);
}
