/*
 * cloud_time: a wall clock that jumps between the moment when flashd puts a plan off and the one to
 * which it does.
 */
#include <criterion/criterion.h>

#include "cloud_case.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

/* Put off for an hour, by a clock that then is another one. */
static struct cloud_case *
put_off(int64_t jump_ms)
{
	struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OFFERED);
	cloud_case_verdict(c, PB__VERDICT__VERDICT_DEFER, ERR_POLICY, c->wall + (uint64_t)HOUR_MS);
	cloud_case_trace(c);
	c->wall = (uint64_t)((int64_t)c->wall + jump_ms);
	return c;
}

/* trust: time-jump */
Test(cloud_time, asks_again_though_the_clock_was_a_year_ahead_when_the_plan_was_put_off)
{
	AUTO(cloud_case) struct cloud_case *c = put_off(-365 * DAY_MS);

	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "0115");
}

/* trust: time-jump */
Test(cloud_time, asks_again_at_once_when_the_clock_jumps_over_the_time)
{
	AUTO(cloud_case) struct cloud_case *c = put_off(365 * DAY_MS);

	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "0115");
}

/* It was put off by a clock that was wrong: what is right flashd knows. */
/* trust: time-jump */
Test(cloud_time, asks_again_at_once_when_the_clock_is_set_whichever_way)
{
	static const int64_t jumps[] = {-7 * DAY_MS, -2 * HOUR_MS, -2 * 60000, 2 * 60000};

	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		AUTO(cloud_case) struct cloud_case *c = put_off(jumps[i]);

		cloud_case_pass(c, 10000);
		CLOUD_CASE_EXPECT(c, "0115");
	}
}

/* Half a minute a step, as a bad clock is mended. */
Test(cloud_time, waits_as_long_as_it_was_told_to_by_a_clock_that_is_slewed)
{
	AUTO(cloud_case) struct cloud_case *c = put_off(0);

	for (int i = 0; i < 10; i++) {
		cloud_case_pass(c, 60000);
		c->wall -= 30000;
	}
	cloud_case_pass(c, 54 * 60000);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_pass(c, 60000);
	CLOUD_CASE_EXPECT(c, "0115");
}
