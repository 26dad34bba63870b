/*
 * cloud: what comes for a device that has logged out, and when it is back.
 */
#include <criterion/criterion.h>

#include "cloud_act.h"
#include "cloud_case.h"

#define PRESENT PB__DEVICE_STATE__DEVICE_STATE_PRESENT
#define AWAY PB__DEVICE_STATE__DEVICE_STATE_AWAY

/* A plan, and what comes of it; returns the number of the platform's message before it. */
static uint16_t
put_off(struct cloud_case *c)
{
	uint16_t before = c->down_package;

	cloud_case_plan(c, "2.0.0");
	cloud_case_verdict(c, PB__VERDICT__VERDICT_DEFER, ERR_DEVICE_AWAY, c->wall + 60000);
	CLOUD_CASE_EXPECT(c, "!plan_offered offer:2.0.0 s1 !upgrade_ended s3");
	return before;
}

/* What the network repeats comes a moment later, also to one that has just gone. */
Test(cloud_left, takes_what_is_repeated_to_a_device_that_logged_out_for_a_repetition)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	uint16_t before = put_off(c);

	cloud_case_reports_device(c, "1.0.0", AWAY);
	CLOUD_CASE_EXPECT(c, "00c4");
	c->down_package = before;
	cloud_case_plan(c, "2.0.0");
	CLOUD_CASE_EXPECT(c, "");
}

/* The platform counts anew from a login on, not from what a device says on its way out. */
Test(cloud_left, takes_what_is_repeated_to_a_device_that_is_removed_for_a_repetition)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	AUTO(mem) char *json = NULL;
	uint16_t before = put_off(c);

	enum err e = cloud_act(&c->cloud, "forget", CLOUD_CASE_PK "/" CLOUD_CASE_DK, &json);
	cr_assert_eq(e, ERR_OK);
	CLOUD_CASE_EXPECT(c, "!operator_forget 00c4 00c6");
	c->down_package = before;
	cloud_case_plan(c, "2.0.0");
	CLOUD_CASE_EXPECT(c, "");
}

/* But then the same plan may have the same number. */
Test(cloud_left, takes_the_first_plan_after_a_login_for_no_repetition_of_the_first_before)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	uint16_t before = put_off(c);

	cloud_case_reports_device(c, "1.0.0", AWAY);
	cloud_case_reports_device(c, "1.0.0", PRESENT);
	CLOUD_CASE_EXPECT(c, "00c4 00c2 0044:1.0.0 0115");
	c->down_package = before;
	cloud_case_plan(c, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!plan_offered offer:2.0.0 s1");
}
