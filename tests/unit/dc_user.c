/*
 * dc_user: what a person may decide about a manual plan, and when.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_user.h"

enum { HOUR = 3600000, NOW = 1, APPOINT = 2, CANCEL = 3, RETRY = 5, SEEN = 4, FAILED = 3 };

/* A plan from 0 to 10 h, two hours of it gone, nobody decided. */
static struct dc_user_case
fresh(void)
{
	return (struct dc_user_case){
	    .manual = true, .active = true, .ends = 10 * HOUR, .now = 2 * HOUR};
}

static enum err
decide(const struct dc_user_case *c, int64_t oper, int64_t starts, int64_t ends)
{
	const struct dc_user_wish w = {oper, starts, ends};
	enum dc_user_status to = DC_USER_NONE;
	char why[DC_RULE_WHY] = "";
	enum err err = dc_user_decide(c, &w, &to, why);

	cr_expect_eq(err != ERR_OK, why[0] != '\0', "a refusal says why: %s", why);
	if (!err)
		cr_expect_eq((int64_t)to, oper == RETRY ? NOW : oper);
	return err;
}

Test(dc_user, a_person_confirms_appoints_or_cancels_before_the_upgrade_began)
{
	struct dc_user_case c = fresh();

	cr_expect_eq(decide(&c, NOW, 0, 0), ERR_OK);
	cr_expect_eq(decide(&c, APPOINT, 3 * HOUR, 4 * HOUR), ERR_OK);
	cr_expect_eq(decide(&c, CANCEL, 0, 0), ERR_OK);
	cr_expect_eq(decide(&c, RETRY, 0, 0), ERR_PHASE, "nothing failed");
	cr_expect_eq(decide(&c, 6, 0, 0), ERR_INVALID);
	cr_expect_eq(decide(&c, SEEN, 0, 0), ERR_PHASE, "there is no result");
	c.status = DC_USER_APPOINTED;
	cr_expect_eq(decide(&c, NOW, 0, 0), ERR_OK, "sooner than appointed");
	for (c.device_state = 1; c.device_state < 5; c.device_state++)
		for (int oper = NOW; oper <= CANCEL; oper++)
			cr_expect_eq(decide(&c, oper, 3 * HOUR, 5 * HOUR), ERR_PHASE,
			    "state %d", (int)c.device_state);
}

Test(dc_user, an_appointment_is_an_hour_inside_the_plan_and_to_come)
{
	struct dc_user_case c = fresh();

	cr_expect_eq(decide(&c, APPOINT, 3 * HOUR, 4 * HOUR - 1), ERR_INVALID);
	cr_expect_eq(decide(&c, APPOINT, 9 * HOUR, 10 * HOUR), ERR_OK);
	cr_expect_eq(decide(&c, APPOINT, 9 * HOUR, 10 * HOUR + 1), ERR_INVALID);
	cr_expect_eq(decide(&c, APPOINT, -1, 4 * HOUR), ERR_INVALID);
	cr_expect_eq(decide(&c, APPOINT, 0, 2 * HOUR), ERR_INVALID, "over already");
	cr_expect_eq(decide(&c, APPOINT, 0, 2 * HOUR + 1), ERR_OK);
}

Test(dc_user, a_retry_follows_a_failure_and_nothing_follows_a_cancellation)
{
	struct dc_user_case c = fresh();

	c.device_state = FAILED;
	c.status = DC_USER_NOW;
	cr_expect_eq(decide(&c, RETRY, 0, 0), ERR_OK);
	c.status = DC_USER_CANCELLED;
	cr_expect_eq(decide(&c, RETRY, 0, 0), ERR_PHASE);
	c.device_state = 0;
	cr_expect_eq(decide(&c, NOW, 0, 0), ERR_PHASE);
}

Test(dc_user, a_result_can_be_confirmed_and_a_failure_repeated_after_it)
{
	struct dc_user_case c = fresh();

	for (c.device_state = 2; c.device_state < 5; c.device_state++)
		cr_expect_eq(decide(&c, SEEN, 0, 0), ERR_OK, "state %d", (int)c.device_state);
	c.device_state = 1;
	cr_expect_eq(decide(&c, SEEN, 0, 0), ERR_PHASE);
	c.status = DC_USER_SEEN;
	c.device_state = FAILED;
	cr_expect_eq(decide(&c, RETRY, 0, 0), ERR_OK);
}

Test(dc_user, only_a_manual_plan_in_its_time_can_be_confirmed)
{
	struct dc_user_case c = fresh();

	c.manual = false;
	cr_expect_eq(decide(&c, NOW, 0, 0), ERR_PHASE);
	c = fresh();
	c.active = false;
	cr_expect_eq(decide(&c, NOW, 0, 0), ERR_PHASE);
	c = fresh();
	c.now = c.ends;
	cr_expect_eq(decide(&c, NOW, 0, 0), ERR_PHASE);
	c.now = -1;
	cr_expect_eq(decide(&c, NOW, 0, 0), ERR_PHASE);
}
