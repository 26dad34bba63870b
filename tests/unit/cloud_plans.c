/*
 * cloud_plans: plans with several components, between a fake platform and a fake gate.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cloud_case.h"

#define ACCEPT(c) cloud_case_verdict(c, PB__VERDICT__VERDICT_ACCEPT, ERR_OK, 0)
#define REJECT(c, why) cloud_case_verdict(c, PB__VERDICT__VERDICT_REJECT, why, 0)

static struct cloud_case *
with_two(void)
{
	struct cloud_case *c = cloud_case_online();

	cloud_case_reports_component(c, "app", "1.0.0", 0);
	cloud_case_reports_component(c, "radio", "7.0", 1);
	cloud_case_trace(c);
	return c;
}

/* From the verdict to the report of flashd's that ends it. */
static void
carry(struct cloud_case *c, const char *component, const char *target, int phase, enum err e)
{
	ACCEPT(c);
	if (strcmp(component, "app") == 0)
		cloud_case_firmware(c, target);
	else
		cloud_case_firmware_of(c, component, target);
	cloud_case_report(c, "fetchd", PB__PHASE__PHASE_FETCHED, ERR_OK, "");
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_FLASHING, ERR_OK, "");
	cloud_case_report(c, "flashd", phase, e, e == ERR_OK ? target : "");
}

/* rule: plan-several */
Test(cloud_plans, components_follow_one_another_in_the_order_of_the_list)
{
	AUTO(cloud_case) struct cloud_case *c = with_two();

	cloud_case_plans(c, "app:2.0.0;radio:7.1");
	CLOUD_CASE_EXPECT(c, "!plan_offered offer:2.0.0 s1");
	uint64_t first = c->upgrade;
	carry(c, "app", "2.0.0", PB__PHASE__PHASE_DONE, ERR_OK);
	CLOUD_CASE_EXPECT(c, "s2 order s4 s8 ack:fetchd:100 s9 ack:flashd:101 !upgrade_ended "
			     "!plan_offered offer:7.1 s11:2.0.0,radio:7.0 "
			     "0044:2.0.0,radio:7.0 s1 ack:flashd:102");
	cr_expect_neq(c->upgrade, first, "an upgrade of its own");
	carry(c, "radio", "7.1", PB__PHASE__PHASE_DONE, ERR_OK);
	CLOUD_CASE_EXPECT(c, "s2 order s4 s8 ack:fetchd:103 s9 ack:flashd:104 !upgrade_ended "
			     "s11:2.0.0,radio:7.1 0044:2.0.0,radio:7.1 ack:flashd:105");
	cr_expect_eq(cloud_case_state(c), CONVERSATION_IDLE);
}

/* rule: plan-several-fails */
Test(cloud_plans, a_failed_component_stops_those_after_it)
{
	AUTO(cloud_case) struct cloud_case *c = with_two();

	cloud_case_plans(c, "app:2.0.0;radio:7.1");
	carry(c, "app", "2.0.0", PB__PHASE__PHASE_REVERTED, ERR_REVERTED);
	cr_expect_eq(cloud_case_state(c), CONVERSATION_IDLE);
	cr_expect_eq(cloud_case_device(c)->conversation.n_rest, 0);
	cr_expect_eq(c->last_status.status, DIALECT_FAILURE);
	cr_expect_null(strstr(cloud_case_trace(c), "7.1"));
	cloud_case_plans(c, "app:2.0.0;radio:7.1");
	CLOUD_CASE_EXPECT(c, "!plan_offered offer:2.0.0 s1");
	REJECT(c, ERR_BATTERY);
	CLOUD_CASE_EXPECT(c, "!upgrade_ended s3");
	cr_expect_eq(cloud_case_state(c), CONVERSATION_IDLE);
}

Test(cloud_plans, a_component_that_runs_its_target_already_is_passed_over)
{
	AUTO(cloud_case) struct cloud_case *c = with_two();

	cloud_case_plans(c, "app:1.0.0;radio:7.1");
	REJECT(c, ERR_ALREADY);
	CLOUD_CASE_EXPECT(c, "!plan_offered offer:1.0.0 s1 !upgrade_ended !plan_offered offer:7.1 "
			     "0044:1.0.0,radio:7.0 s1");
	REJECT(c, ERR_ALREADY);
	CLOUD_CASE_EXPECT(c, "!upgrade_ended s3");
}

/* rule: plan-repeated */
Test(cloud_plans, a_list_that_is_repeated_goes_on_where_it_stands)
{
	AUTO(cloud_case) struct cloud_case *c = with_two();

	cloud_case_plans(c, "app:2.0.0;radio:7.1");
	carry(c, "app", "2.0.0", PB__PHASE__PHASE_DONE, ERR_OK);
	cloud_case_trace(c);
	cloud_case_plans(c, "app:2.0.0;radio:7.1");
	CLOUD_CASE_EXPECT(c, "offer:7.1 s1");
	ACCEPT(c);
	cloud_case_plans(c, "app:2.0.0;radio:7.1");
	CLOUD_CASE_EXPECT(c, "s2");
	cr_expect_eq(cloud_case_state(c), CONVERSATION_CONFIRMED);
}

Test(cloud_plans, another_list_takes_the_place_of_one_that_was_not_answered)
{
	AUTO(cloud_case) struct cloud_case *c = with_two();

	cloud_case_plans(c, "app:2.0.0;radio:7.1");
	cloud_case_plans(c, "app:3.0.0;radio:7.2");
	CLOUD_CASE_EXPECT(
	    c, "!plan_offered offer:2.0.0 s1 cancel offer:3.0.0 s1");
	carry(c, "app", "3.0.0", PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect(strstr(cloud_case_trace(c), "offer:7.2"));
}

Test(cloud_plans, the_address_of_a_further_component_may_come_before_its_confirmation)
{
	AUTO(cloud_case) struct cloud_case *c = with_two();

	cloud_case_plans(c, "app:2.0.0;radio:7.1");
	cloud_case_firmware(c, "2.0.0");
	ACCEPT(c);
	CLOUD_CASE_EXPECT(c, "!plan_offered offer:2.0.0 s1 s2");
	cloud_case_firmware(c, "2.0.0");
	cloud_case_report(c, "fetchd", PB__PHASE__PHASE_FETCHED, ERR_OK, "");
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
	cloud_case_trace(c);
	cloud_case_firmware_of(c, "radio", "7.1");
	ACCEPT(c);
	CLOUD_CASE_EXPECT(c, "order s4");
}

/* rule: plan-several */
Test(cloud_plans, a_restart_goes_on_with_the_right_component)
{
	for (int state = CONVERSATION_OFFERED; state <= CONVERSATION_UPDATING; state++) {
		AUTO(cloud_case) struct cloud_case *c = with_two();

		cloud_case_plans(c, "app:2.0.0;radio:7.1");
		if (state >= CONVERSATION_CONFIRMED)
			ACCEPT(c);
		if (state >= CONVERSATION_ORDERED)
			cloud_case_firmware(c, "2.0.0");
		if (state >= CONVERSATION_FETCHED)
			cloud_case_report(c, "fetchd", PB__PHASE__PHASE_FETCHED, ERR_OK, "");
		if (state >= CONVERSATION_UPDATING)
			cloud_case_report(c, "flashd", PB__PHASE__PHASE_FLASHING, ERR_OK, "");
		cloud_case_restart(c);
		cloud_on_gate_up(&c->cloud);
		cloud_case_connect(c);
		cloud_case_trace(c);
		cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
		cr_expect(strstr(cloud_case_trace(c), "offer:7.1"), "in state %d", state);
		cloud_case_restart(c);
		cloud_on_gate_up(&c->cloud);
		CLOUD_CASE_EXPECT(c, "offline offer:7.1");
		cloud_case_connect(c);
		carry(c, "radio", "7.1", PB__PHASE__PHASE_DONE, ERR_OK);
		cr_expect_eq(cloud_case_state(c), CONVERSATION_IDLE);
		cr_expect_eq(cloud_case_device(c)->pending, 0);
	}
}

Test(cloud_plans, the_versions_of_all_components_are_reported_and_asked_for)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_reports_component(c, "app", "1.0.0", 0);
	cloud_case_reports_component(c, "radio", "7.0", 1);
	CLOUD_CASE_EXPECT(c, "0044:1.0.0,radio:7.0 0115");
	cloud_case_reports_component(c, "radio", "7.0", 1);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_plans(c, "radio:7.1");
	cloud_case_trace(c);
	carry(c, "radio", "7.1", PB__PHASE__PHASE_FAILED, ERR_TIMEOUT);
	cr_expect(strstr(cloud_case_trace(c), "s12:1.0.0,radio:7.0"));
}

Test(cloud_plans, the_version_in_the_making_is_not_said_in_a_report_of_the_other)
{
	AUTO(cloud_case) struct cloud_case *c = with_two();

	cloud_case_plans(c, "app:2.0.0;radio:7.1");
	carry(c, "app", "2.0.0", PB__PHASE__PHASE_FLASHING, ERR_OK);
	c->mute = true;
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
	carry(c, "radio", "7.1", PB__PHASE__PHASE_TESTING, ERR_OK);
	cloud_case_reports_component(c, "radio", "7.1", 1);
	cloud_case_trace(c);
	c->mute = false;
	cloud_case_confirm_all(c);
	const char *trace = cloud_case_trace(c);
	cr_expect(strstr(trace, "0044:2.0.0,radio:7.0"), "%s", trace);
	cr_expect_null(strstr(trace, "7.1"), "%s", trace);
}
