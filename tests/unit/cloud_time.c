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

/* trust: time-jump */
Test(cloud_time, waits_as_much_longer_as_a_clock_was_set_back_within_a_week)
{
	AUTO(cloud_case) struct cloud_case *c = put_off(-2 * HOUR_MS);

	cloud_case_pass(c, 3 * HOUR_MS - 1000);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "0115");
}
