/*
 * cloud_link: the connection of the gateway and the logins of its devices: what the platform's
 * codes lead to, and what becomes of messages that it did not take.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cloud_case.h"
#include "dp.h"

#define PRESENT PB__DEVICE_STATE__DEVICE_STATE_PRESENT
#define AWAY PB__DEVICE_STATE__DEVICE_STATE_AWAY

/* --- the gateway ------------------------------------------------------------------------------ */

Test(cloud_link, registers_once_and_signs_with_the_device_secret_from_then_on)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_new();
	struct cloud_credentials who;

	cr_assert_eq(cloud_credentials(&c->cloud, &who), ERR_OK);
	cr_expect_eq(who.password[0], '0');
	cr_expect_str_eq(who.topic, "q/1/d/" CLOUD_CASE_GATEWAY "/+");
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c, "g0034 g0044");
	cloud_case_restart(c);
	cr_assert_eq(cloud_credentials(&c->cloud, &who), ERR_OK);
	cr_expect_eq(who.password[0], '1');
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c, "g0034 g0044");
}

Test(cloud_link, fails_a_connection_on_which_the_platform_says_no_secret)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_new();

	cloud_on_ready(&c->cloud);
	cloud_case_pass(c, CLOUD_ONLINE_MS - 1000);
	cr_expect_eq(c->fails, 0);
	cloud_case_pass(c, 1000);
	cr_expect_eq(c->fails, 1);
	cr_expect_eq(c->fail_code, DIALECT_CODE_UNKNOWN);
	CLOUD_CASE_EXPECT(c, "");
}

Test(cloud_link, drops_the_connection_when_the_platform_refuses_the_gateway)
{
	static const int codes[] = {10422, 10423, 10424, 10425, 10426, 10427, 10430, 10431};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

		cloud_case_exception(c, false, codes[i], 1);
		cr_expect_eq(c->fails, 1, "%d", codes[i]);
		cr_expect_eq(c->fail_code, codes[i]);
		cr_expect_str_eq(c->cloud.outbox.gateway_secret, CLOUD_CASE_SECRET);
	}
}

Test(cloud_link, survives_a_code_about_one_message_of_the_gateway)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_exception(c, false, DIALECT_CODE_RATE, 1);
	cr_expect_eq(c->fails, 0);
	cr_expect(c->cloud.online);
	cr_expect_eq(c->cloud.last_code, DIALECT_CODE_RATE);
}

Test(cloud_link, goes_to_no_other_server_and_no_other_product)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	uint8_t values[100];
	struct ttlv_writer w = TTLV_WRITER(values);

	ttlv_put_text(&w, 1, "mqtts://evil.example:8883");
	cloud_case_down(c, false, DIALECT_CONFIGURE, &w);
	cr_expect_eq(c->reconnects, 0);
	cr_expect(c->cloud.online);
	CLOUD_CASE_EXPECT(c, "00a4:5");
}

Test(cloud_link, answers_questions_and_refuses_what_it_does_not_serve)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	struct ttlv_writer none = TTLV_WRITER(((uint8_t[4]){0}));

	cloud_case_down(c, false, DIALECT_READ_STATUS, &none);
	CLOUD_CASE_EXPECT(c, "g0032");
	cr_expect_eq(c->last.package_id, c->down_package, "an answer has the question's id");
	cloud_case_down(c, false, DIALECT_READ_INFO, &none);
	CLOUD_CASE_EXPECT(c, "0042");
	cloud_case_down(c, true, DIALECT_READ_INFO, &none);
	CLOUD_CASE_EXPECT(c, "0042");
	cr_expect(c->last.from_device);
	cloud_case_down(c, true, DIALECT_READ_STATUS, &none);
	CLOUD_CASE_EXPECT(c, "00a4:4");
	cloud_case_down(c, false, 0x0777, &none);
	CLOUD_CASE_EXPECT(c, "00a4:4");
	cloud_case_down(c, true, DIALECT_PLAN, &none);
	CLOUD_CASE_EXPECT(c, "00a4:5");
	cr_expect_eq(c->cloud.refused, 3);
}

Test(cloud_link, refuses_junk_and_strangers_silently)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	static const uint8_t junk[] = {0xaa, 0xaa, 0, 5, 1};

	cloud_on_message(&c->cloud, "q/1/d/" CLOUD_CASE_GATEWAY "/x", junk, sizeof(junk));
	cloud_on_message(&c->cloud, "q/1/d/qdp1other/x", junk, sizeof(junk));
	cloud_on_message(&c->cloud, "nonsense", junk, 0);
	cr_expect_eq(c->cloud.refused, 3);
	CLOUD_CASE_EXPECT(c, "");
}

/* --- devices ---------------------------------------------------------------------------------- */

Test(cloud_link, logs_in_who_is_there_and_out_who_is_away)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_reports_device(c, "1.0.0", AWAY);
	CLOUD_CASE_EXPECT(c, "00c4");
	cloud_case_reports_device(c, "1.0.0", PRESENT);
	CLOUD_CASE_EXPECT(c, "00c2 0044:1.0.0 0115");
}

Test(cloud_link, keeps_a_device_logged_in_that_is_away_during_its_upgrade)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_UPDATING);
	cloud_case_reports_device(c, "1.0.0", AWAY);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_FAILED, ERR_DEVICE_AWAY, "1.0.0");
	CLOUD_CASE_EXPECT(c, "!upgrade_ended s12:1.0.0 ack:flashd:102 00c4");
}

Test(cloud_link, skips_the_registration_after_a_restart)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_restart(c);
	cloud_case_reports_device(c, "1.0.0", PRESENT);
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c, "g0034 g0044 00c2 0044:1.0.0 0115");
}

Test(cloud_link, tells_the_operator_about_a_device_that_is_not_associated_and_tries_later)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_new();

	c->login_code = DIALECT_CODE_NOT_ASSOCIATED;
	cloud_case_reports_device(c, "1.0.0", PRESENT);
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c, "g0034 g0044 00c0 00c2 !login_refused");
	cloud_case_pass(c, 599000);
	CLOUD_CASE_EXPECT(c, "");
	c->login_code = 0;
	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "00c2 0044:1.0.0 0115");
}

Test(cloud_link, takes_logged_in_already_as_logged_in)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_new();

	c->login_code = DIALECT_CODE_ALREADY;
	cloud_case_reports_device(c, "1.0.0", PRESENT);
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c, "g0034 g0044 00c0 00c2 0044:1.0.0 0115");
}

Test(cloud_link, registers_a_device_anew_when_its_secret_is_refused)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_lose(c);
	c->login_code = DIALECT_CODE_SUB_SECRET;
	c->mute = true;
	cloud_case_connect(c);
	for (int i = 0; i < 3; i++) /* 0034, 0044, 00C2 */
		cloud_case_confirm(c);
	c->login_code = 0;
	c->mute = false;
	cloud_case_confirm_all(c);
	CLOUD_CASE_EXPECT(
	    c, "offline online g0034 g0044 00c2 !login_refused 00c0 00c2 0044:1.0.0 0115");
}

Test(cloud_link, waits_longer_each_time_the_platform_does_not_answer_a_login)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_new();

	c->no_logins = true;
	cloud_case_reports_device(c, "1.0.0", PRESENT);
	cloud_case_connect(c);
	cloud_case_pass(c, 60000);
	/* 10 s for the answer each time; 1, 2, 4, 8 s between */
	CLOUD_CASE_EXPECT(c, "g0034 g0044 00c0 00c0 00c0 00c0 00c0");
}

Test(cloud_link, lets_sixteen_devices_log_in_at_a_time)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_new();
	unsigned n = 0;

	c->no_logins = true;
	cloud_case_connect(c);
	cloud_case_trace(c);
	for (int i = 0; i < 20; i++) {
		snprintf(c->keys.device_key, sizeof(c->keys.device_key), "d%d", i);
		cloud_case_reports_device(c, "1.0.0", PRESENT);
	}
	for (const char *at = cloud_case_trace(c); (at = strstr(at, "00c0")); at++)
		n++;
	cr_expect_eq(n, CLOUD_LOGINS_MAX);
}

Test(cloud_link, says_that_a_product_without_a_secret_cannot_be_reported)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_new();

	c->secrets.n = 1;
	cloud_case_reports_device(c, "1.0.0", PRESENT);
	cloud_case_reports_device(c, "1.0.1", PRESENT);
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c, "!no_secret g0034 g0044");
}

Test(cloud_link, goes_when_the_platform_puts_the_device_offline_and_comes_back_later)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_reply(c, DIALECT_PUT_OFFLINE, 1);
	CLOUD_CASE_EXPECT(c, "!put_offline");
	cloud_case_pass(c, 600000);
	CLOUD_CASE_EXPECT(c, "00c2 0044:1.0.0 0115");
}

Test(cloud_link, does_not_ask_for_a_plan_before_the_time_to_which_it_was_put_off)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OFFERED);
	cloud_case_verdict(c, PB__VERDICT__VERDICT_DEFER, ERR_POLICY, c->wall + 3 * 3600000);
	CLOUD_CASE_EXPECT(c, "!upgrade_ended s3");
	cloud_case_pass(c, 3 * 3600000 - 1000);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "0115");
	cloud_case_pass(c, (int64_t)c->identity.request_interval_ms);
	CLOUD_CASE_EXPECT(c, "0115");
}

/* --- messages that were not taken ------------------------------------------------------------- */

Test(cloud_link, sends_a_status_again_after_a_new_login_when_it_was_not_logged_in)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_pass(c, LOGIN_SETTLED_MS);
	cloud_case_drive(c, CONVERSATION_OFFERED);
	c->mute = true;
	cloud_case_verdict(c, PB__VERDICT__VERDICT_ACCEPT, ERR_OK, 0);
	CLOUD_CASE_EXPECT(c, "s2");
	c->mute = false;
	cloud_case_exception(c, true, DIALECT_CODE_NOT_LOGGED_IN, c->last.package_id);
	CLOUD_CASE_EXPECT(c, "00c2 s2 0044:1.0.0");
	cr_expect_eq(cloud_case_state(c), CONVERSATION_CONFIRMED);
	cr_expect_neq(cloud_case_device(c)->conversation.due.ms, MONO_NEVER.ms);
}

Test(cloud_link, sends_a_status_again_that_was_confirmed_already)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_UPDATING);
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_FAILED, ERR_VERIFY, "1.0.0");
	CLOUD_CASE_EXPECT(c, "!upgrade_ended s12:1.0.0 ack:flashd:102");
	uint16_t package = c->last.package_id;
	cloud_case_pass(c, OUTBOX_KEEP_MS - 60000);
	cloud_case_exception(c, true, DIALECT_CODE_NOT_LOGGED_IN, package);
	CLOUD_CASE_EXPECT(c, "00c2 s12:1.0.0 ack:flashd:102 0044:1.0.0 0115");
}

Test(cloud_link, does_not_go_in_circles_when_it_is_thrown_out_at_once)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_exception(c, true, DIALECT_CODE_NOT_LOGGED_IN, 0);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "00c2 0044:1.0.0 0115");
}

Test(cloud_link, slows_down_when_the_platform_wants_that_and_repeats_what_it_refused)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OFFERED);
	cloud_case_verdict(c, PB__VERDICT__VERDICT_ACCEPT, ERR_OK, 0);
	CLOUD_CASE_EXPECT(c, "s2");
	cloud_case_exception(c, true, DIALECT_CODE_RATE, c->last.package_id);
	cloud_case_pass(c, CLOUD_ONLINE_MS - 1000);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "s2");
	cr_expect_eq(cloud_case_state(c), CONVERSATION_CONFIRMED);
}

/* Else it would ask when the next question is due, hours later, and never tell its version. */
Test(cloud_link, asks_and_tells_its_version_again_when_the_platform_wanted_that_slower)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_exception(c, true, DIALECT_CODE_RATE, c->last.package_id);
	cloud_case_pass(c, CLOUD_ONLINE_MS - 1000);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "0044:1.0.0 0115");
	cloud_case_pass(c, 60000);
	CLOUD_CASE_EXPECT(c, "");
}

Test(cloud_link, ignores_codes_about_messages_that_it_does_not_know)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_exception(c, true, 10450, 4711);
	cloud_case_exception(c, true, DIALECT_CODE_NOT_ASSOCIATED, 4711);
	CLOUD_CASE_EXPECT(c, "!login_refused");
}

/* --- a lost link ------------------------------------------------------------------------------ */

Test(cloud_link, repeats_what_was_under_way_when_the_link_was_lost)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_DOWNLOADING);
	c->mute = true;
	cloud_case_report(c, "fetchd", PB__PHASE__PHASE_FETCHED, ERR_OK, "");
	CLOUD_CASE_EXPECT(c, "s8");
	cloud_case_lose(c);
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_FLASHING, ERR_OK, "");
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
	CLOUD_CASE_EXPECT(c, "offline !upgrade_ended");
	c->mute = false;
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c,
	    "online g0034 g0044 00c2 s8 ack:fetchd:100 s9 ack:flashd:101 s11:2.0.0 0044:2.0.0 "
	    "ack:flashd:102 0115");
}

Test(cloud_link, says_nothing_twice_that_was_confirmed_before_the_link_was_lost)
{
	for (int s = CONVERSATION_OFFERED; s < CONVERSATION_STATES; s++) {
		AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

		cloud_case_drive(c, s);
		cloud_case_lose(c);
		cloud_case_connect(c);
		CLOUD_CASE_EXPECT(c, s < CONVERSATION_ORDERED
					 ? "offline online g0034 g0044 00c2 0044:1.0.0"
					 : "offline online g0034 g0044 00c2");
		cr_expect_eq(cloud_case_state(c), s);
	}
}

Test(cloud_link, forgets_a_status_five_that_nobody_heard_only_when_it_dies)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_ORDERED);
	c->mute = true;
	cloud_case_progress(c, PB__PHASE__PHASE_FETCHING);
	cloud_case_restart(c);
	c->mute = false;
	cloud_on_gate_up(&c->cloud);
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c, "offline order online g0034 g0044 00c2");
}

/* --- other ways ------------------------------------------------------------------------------- */

Test(cloud_link, speaks_for_devices_over_the_gateways_topics_in_profile_two)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_new();
	uint8_t values[200];
	struct ttlv_writer w = TTLV_WRITER(values);

	c->profile = *profile_find("p2");
	cloud_on_gate_up(&c->cloud);
	cloud_case_reports_device(c, "1.0.0", PRESENT);
	cloud_case_connect(c);
	cr_expect_str_eq(c->last.topic, "q/2/d/" CLOUD_CASE_GATEWAY "/ota");
	cloud_case_trace(c);
	ttlv_put_text(&w, 4, "app");
	ttlv_put_text(&w, 6, "2.0.0");
	ttlv_put_int(&w, 7, 0);
	ttlv_put_text(&w, 17, CLOUD_CASE_PK);
	ttlv_put_text(&w, 18, CLOUD_CASE_DK);
	cloud_case_down(c, false, DIALECT_PLAN, &w);
	CLOUD_CASE_EXPECT(c, "!plan_offered offer:2.0.0 s1");
	cr_expect_str_eq(c->last.topic, "q/2/d/" CLOUD_CASE_GATEWAY "/ota");
}

Test(cloud_link, refuses_a_plan_on_the_gateways_topic_that_names_no_device)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	uint8_t values[200];
	struct ttlv_writer w = TTLV_WRITER(values);

	ttlv_put_text(&w, 4, "app");
	ttlv_put_text(&w, 6, "2.0.0");
	ttlv_put_int(&w, 7, 0);
	cloud_case_down(c, false, DIALECT_PLAN, &w);
	CLOUD_CASE_EXPECT(c, "00a4:5");
}

Test(cloud_link, subscribes_for_each_device_when_the_profile_says_so)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_new();

	c->profile.subscribe = true;
	cloud_case_reports_device(c, "1.0.0", PRESENT);
	cloud_case_connect(c);
	cr_expect_eq(c->subscribed, 1);
}

Test(cloud_link, is_not_online_without_the_session_key_that_it_asked_for)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_new();
	uint8_t values[100];
	struct ttlv_writer w = TTLV_WRITER(values);

	cloud_case_connect(c);
	cr_expect(c->cloud.online, "it did not ask");
	cloud_case_lose(c);
	c->identity.encrypt = true;
	cloud_case_connect(c);
	cr_expect(!c->cloud.online);
	ttlv_put_bytes(&w, 6, CLOUD_CASE_KEY, AUTH_SESSION_KEY);
	cloud_case_down(c, false, DIALECT_CONFIGURE, &w);
	cr_expect(c->cloud.online);
	cloud_case_lose(c);
	cr_expect(!c->cloud.has_session_key);
}

Test(cloud_link, seals_everything_of_whoever_has_a_session_key)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_new();

	c->identity.encrypt = true;
	cloud_on_gate_up(&c->cloud);
	cloud_case_reports_device(c, "1.0.0", PRESENT);
	cloud_case_connect(c);
	CLOUD_CASE_EXPECT(c, "offline online g0034 g0044 00c0 00c2 0044:1.0.0 0115");
	cr_expect(c->last.sealed && c->last.from_device);
	cloud_case_plan(c, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!plan_offered offer:2.0.0 s1");
	cloud_case_verdict(c, PB__VERDICT__VERDICT_ACCEPT, ERR_OK, 0);
	cloud_case_firmware(c, "2.0.0");
	CLOUD_CASE_EXPECT(c, "s2 order s4");
	cr_expect(c->last.sealed);
}

Test(cloud_link, refuses_what_is_not_sealed_when_it_has_a_session_key)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_new();
	static const uint8_t clear[] = {0xaa, 0xaa, 0, 5, 0x42, 0, 1, 0, 0x41};

	c->identity.encrypt = true;
	cloud_case_connect(c);
	cloud_case_trace(c);
	cloud_case_down_bytes(c, false, clear, sizeof(clear));
	CLOUD_CASE_EXPECT(c, "");
	cr_expect_eq(c->cloud.refused, 1);
}
