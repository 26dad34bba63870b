/*
 * cloud: whole upgrades between a fake platform and a fake gate. What each state does with each
 * event alone is in conversation.c.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cloud_case.h"

#define ACCEPT(c) cloud_case_verdict(c, PB__VERDICT__VERDICT_ACCEPT, ERR_OK, 0)

Test(cloud, carries_a_silent_upgrade_from_the_plan_to_the_new_version)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_plan(c, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!plan_offered offer:2.0.0 s1");
	ACCEPT(c);
	CLOUD_CASE_EXPECT(c, "s2");
	cloud_case_firmware(c, "2.0.0");
	CLOUD_CASE_EXPECT(c, "order s4");
	cr_expect_eq(c->order_size, 4711);
	cloud_case_progress(c, PB__PHASE__PHASE_FETCHING);
	CLOUD_CASE_EXPECT(c, "s5");
	cloud_case_pass(c, 10000);
	CLOUD_CASE_EXPECT(c, "s5 s5");
	cloud_case_report(c, "fetchd", PB__PHASE__PHASE_FETCHED, ERR_OK, "");
	CLOUD_CASE_EXPECT(c, "s8 ack:fetchd:100");
	cloud_case_report(c, "fetchd", PB__PHASE__PHASE_VERIFIED, ERR_OK, "");
	CLOUD_CASE_EXPECT(c, "ack:fetchd:101");
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_FLASHING, ERR_OK, "");
	CLOUD_CASE_EXPECT(c, "s9 ack:flashd:102");
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!upgrade_ended s11:2.0.0 0044:2.0.0 ack:flashd:103");
	cr_expect_eq(cloud_case_state(c), CONVERSATION_IDLE);
	cr_expect_eq(cloud_case_device(c)->pending, 0);
}
