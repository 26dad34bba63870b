/*
 * cloud_act: the platform is asked when a person wants it, and the person is told why not.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cloud_act.h"
#include "cloud_case.h"

static void
expect(struct cloud_case *c, const char *what, const char *argument, enum err e, const char *word)
{
	AUTO(mem) char *json = NULL;
	enum err got = cloud_act(&c->cloud, what, argument, &json);

	cr_expect_eq(
	    got, e, "%s %s: expected %s, got %s", what, argument, err_name(e), err_name(got));
	cr_assert_not_null(json);
	cr_expect(strstr(json, word), "expected '%s' in %s", word, json);
}

Test(cloud_act, asks_the_platform_at_once)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	expect(c, "check", CLOUD_CASE_PK "/" CLOUD_CASE_DK, ERR_OK, "{");
	CLOUD_CASE_EXPECT(c, "!operator_check 0115");
}

Test(cloud_act, asks_also_before_the_time_to_which_a_plan_was_put_off)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OFFERED);
	cloud_case_verdict(c, PB__VERDICT__VERDICT_DEFER, ERR_POLICY, c->wall + 3600000);
	cloud_case_trace(c);
	expect(c, "check", CLOUD_CASE_PK "/" CLOUD_CASE_DK, ERR_OK, "{");
	CLOUD_CASE_EXPECT(c, "!operator_check 0115");
	cloud_case_pass(c, 3600000);
	cr_expect_eq(cloud_case_device(c)->conversation.ask_at, 0);
}

Test(cloud_act, says_why_it_does_not_ask)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	static const char name[] = CLOUD_CASE_PK "/" CLOUD_CASE_DK;

	expect(c, "check", "p1sub/d9", ERR_UNKNOWN_DEVICE, "p1sub/d9");
	expect(c, "check", "d1", ERR_UNKNOWN_DEVICE, "d1");
	expect(c, "check", "", ERR_UNKNOWN_DEVICE, "PRODUCT/DEVICE");
	expect(c, "confirm", "7", ERR_NOT_FOUND, "expected check or forget");
	cloud_case_drive(c, CONVERSATION_OFFERED);
	expect(c, "check", name, ERR_BUSY, "OFFERED");
	cloud_case_reports_device(c, "1.0.0", PB__DEVICE_STATE__DEVICE_STATE_AWAY);
	cloud_case_exception(c, true, DIALECT_CODE_NOT_ASSOCIATED, 0);
	expect(c, "check", name, ERR_NOT_LOGGED_IN, "PAUSED");
	cloud_case_lose(c);
	expect(c, "check", name, ERR_OFFLINE, "platform");
}
