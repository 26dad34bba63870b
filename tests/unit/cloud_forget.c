/*
 * cloud_forget: a device that a person removes leaves the platform, whenever that is there.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cloud_act.h"
#include "cloud_case.h"

#define NAME CLOUD_CASE_PK "/" CLOUD_CASE_DK

static enum err
forget(struct cloud_case *c, const char *name)
{
	AUTO(mem) char *json = NULL;
	enum err e = cloud_act(&c->cloud, "forget", name, &json);

	if (!c->mute)
		cloud_case_confirm_all(c);
	return e;
}

/* What the record knows of the device. */
static int64_t
rows(struct cloud_case *c)
{
	int64_t n = 0;

	cr_assert_eq(record_get_int(c->cloud.outbox.record, &n,
			 "SELECT (SELECT count(*) FROM device) +"
			 " (SELECT count(*) FROM secret WHERE product_key = '" CLOUD_CASE_PK "') +"
			 " (SELECT count(*) FROM leaving)",
			 ""),
	    ERR_OK);
	return n;
}

Test(cloud_forget, logs_out_de_registers_and_keeps_nothing)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cr_assert_eq(forget(c, NAME), ERR_OK);
	CLOUD_CASE_EXPECT(c, "!operator_forget 00c4 00c6");
	cr_expect(strstr(c->last.topic, CLOUD_CASE_GATEWAY "/sys"), "%s", c->last.topic);
	cr_expect_eq(rows(c), 3, "until it is answered");
	cloud_case_reply(c, DIALECT_FORGOTTEN, DIALECT_CODE_OK);
	CLOUD_CASE_EXPECT(c, "!device_forgotten");
	cr_expect_eq(rows(c), 0);
	AUTO(mem) char *json = NULL;
	cr_expect_eq(forget(c, NAME), ERR_UNKNOWN_DEVICE);
	cloud_case_pass(c, 3600000);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_restart(c);
	cr_expect_null(c->cloud.devices.first);
}

Test(cloud_forget, is_said_again_after_a_restart_until_it_is_answered)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cr_assert_eq(forget(c, NAME), ERR_OK);
	CLOUD_CASE_EXPECT(c, "!operator_forget 00c4 00c6");
	cloud_case_restart(c);
	cloud_on_gate_up(&c->cloud);
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c, "offline online g0034 g0044 00c6");
	cloud_case_reply(c, DIALECT_FORGOTTEN, DIALECT_CODE_OK);
	CLOUD_CASE_EXPECT(c, "!device_forgotten");
}

Test(cloud_forget, waits_for_a_platform_that_is_away)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_lose(c);
	cloud_case_trace(c);
	cr_assert_eq(forget(c, NAME), ERR_OK);
	CLOUD_CASE_EXPECT(c, "!operator_forget");
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c, "online g0034 g0044 00c6");
}

Test(cloud_forget, asks_again_when_nobody_answers_and_after_a_refusal_only_later)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cr_assert_eq(forget(c, NAME), ERR_OK);
	cloud_case_trace(c);
	cloud_case_pass(c, 11000);
	CLOUD_CASE_EXPECT(c, "00c6");
	cloud_case_reply(c, DIALECT_FORGOTTEN, DIALECT_CODE_SUB_SECRET);
	CLOUD_CASE_EXPECT(c, "!forget_refused");
	cloud_case_pass(c, 599000);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "00c6");
	cloud_case_reply(c, DIALECT_FORGOTTEN, 10404);
	CLOUD_CASE_EXPECT(c, "!forget_refused");
	cr_expect_eq(rows(c), 3);
}

Test(cloud_forget, takes_not_known_here_for_a_yes)
{
	static const int codes[] = {
	    DIALECT_CODE_PRODUCT, DIALECT_CODE_SUB_UNKNOWN, DIALECT_CODE_NOT_ASSOCIATED};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

		cr_assert_eq(forget(c, NAME), ERR_OK);
		cloud_case_reply(c, DIALECT_FORGOTTEN, codes[i]);
		CLOUD_CASE_EXPECT(c, "!operator_forget 00c4 00c6 !device_forgotten");
		cr_expect_eq(rows(c), 0, "code %d", codes[i]);
	}
}

Test(cloud_forget, does_not_throw_away_a_device_in_its_upgrade)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OFFERED);
	cr_expect_eq(forget(c, NAME), ERR_BUSY);
	cr_expect_eq(forget(c, "p1sub/d9"), ERR_UNKNOWN_DEVICE);
	CLOUD_CASE_EXPECT(c, "");
	cr_expect_not(cloud_case_device(c)->leaving);
}

Test(cloud_forget, tells_first_what_was_not_told_yet)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OFFERED);
	c->mute = true;
	cloud_case_verdict(c, PB__VERDICT__VERDICT_REJECT, ERR_POLICY, 0);
	cloud_case_trace(c);
	cr_assert_eq(forget(c, NAME), ERR_OK);
	CLOUD_CASE_EXPECT(c, "!operator_forget");
	c->mute = false;
	cloud_case_confirm_all(c);
	CLOUD_CASE_EXPECT(c, "00c4 00c6");
}

Test(cloud_forget, gives_up_what_the_platform_does_not_let_it_tell)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OFFERED);
	c->mute = true;
	cloud_case_verdict(c, PB__VERDICT__VERDICT_REJECT, ERR_POLICY, 0);
	cloud_case_lose(c);
	cr_assert_eq(forget(c, NAME), ERR_OK);
	c->login_code = DIALECT_CODE_NOT_ASSOCIATED;
	c->mute = false;
	cloud_case_trace(c);
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c, "online g0034 g0044 00c2 !login_refused");
	cloud_case_pass(c, 600000);
	CLOUD_CASE_EXPECT(c, "00c6");
	cloud_case_reply(c, DIALECT_FORGOTTEN, DIALECT_CODE_NOT_ASSOCIATED);
	CLOUD_CASE_EXPECT(c, "!device_forgotten");
	cr_expect_eq(cloud_case_device(c)->pending, 0);
	cr_expect_eq(rows(c), 0);
}

Test(cloud_forget, does_not_say_in_the_name_of_a_device_what_it_cannot_sign)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_lose(c);
	cloud_case_trace(c);
	cloud_case_device(c)->product_secret = NULL;
	cr_assert_eq(forget(c, NAME), ERR_OK);
	CLOUD_CASE_EXPECT(c, "!operator_forget !device_forgotten");
	cr_expect_eq(rows(c), 0);
}

Test(cloud_forget, registers_anew_who_is_reported_again)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cr_assert_eq(forget(c, NAME), ERR_OK);
	cloud_case_reply(c, DIALECT_FORGOTTEN, DIALECT_CODE_OK);
	cloud_case_trace(c);
	cloud_case_reports_device(c, "1.0.0", PB__DEVICE_STATE__DEVICE_STATE_PRESENT);
	cloud_case_confirm_all(c);
	CLOUD_CASE_EXPECT(c, "00c0 00c2 0044:1.0.0 0115");
	cr_expect_eq(rows(c), 2);
}

Test(cloud_forget, an_answer_that_nobody_asked_for_changes_nothing)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_reply(c, DIALECT_FORGOTTEN, DIALECT_CODE_OK);
	CLOUD_CASE_EXPECT(c, "");
	cr_expect_eq(cloud_case_device(c)->login.state, LOGIN_IN);
	cr_expect_eq(rows(c), 2);
}
