/*
 * cloud_profile: the whole conversation about a sub-device in each way that it may be led: P1, P2,
 * and a custom profile in which every id is another; with and without session keys.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cloud_case.h"
#include "dp.h"

enum { PROFILES = 3 };

static const char names[PROFILES][8] = {"p1", "p2", "custom"};

static struct profile
profile_of(int i)
{
	struct profile p = *profile_find(i == 1 ? "p2" : "p1");

	if (i < 2)
		return p;
	p.ota_via = PROFILE_VIA_GATEWAY;
	p.subscribe = true;
	p.register_pk = 41, p.register_blob = 42;
	p.sub_pk = 43, p.sub_dk = 44;
	p.login_random = 45, p.login_sign = 46, p.login_flag = 47;
	p.reply_code = 48, p.reply_ds = 49, p.reply_session_key = 50;
	p.via_pk = 51, p.via_dk = 52;
	return p;
}

/* Everything up, and the device logged in, by one registration. */
static struct cloud_case *
open_case(int i, bool encrypt)
{
	struct cloud_case *c = cloud_case_new();

	c->profile = profile_of(i);
	c->identity.encrypt = encrypt;
	cloud_on_gate_up(&c->cloud);
	cloud_case_reports_device(c, "1.0.0", PB__DEVICE_STATE__DEVICE_STATE_PRESENT);
	cloud_case_connect(c);
	/* a version report over the gateway's topic is traced as the gateway's */
	CLOUD_CASE_EXPECT(c, i == 1 ? "offline online g0034 g0044 00c0 00c2 g0044 0115"
				    : "offline online g0034 g0044 00c0 00c2 0044:1.0.0 0115");
	return c;
}

static const char *
expected_topic(int i)
{
	return i == 0 ? "q/2/d/" CLOUD_CASE_DEVICE "/ota" : "q/2/d/" CLOUD_CASE_GATEWAY "/ota";
}

/* The last message to the platform names the device if, and only if, the profile wants that. */
static void
expect_named(const struct cloud_case *c, const struct cloud_case_letter *l, int i)
{
	static struct ttlv t;
	char pk[40] = "", dk[40] = "";

	cr_assert_eq(ttlv_parse(l->payload, l->len, &t), ERR_OK);
	(void)!ttlv_text(ttlv_find(&t, 0, t.n, (uint16_t)c->profile.via_pk), pk, sizeof(pk));
	(void)!ttlv_text(ttlv_find(&t, 0, t.n, (uint16_t)c->profile.via_dk), dk, sizeof(dk));
	cr_expect_str_eq(pk, i ? CLOUD_CASE_PK : "", "%s", names[i]);
	cr_expect_str_eq(dk, i ? CLOUD_CASE_DK : "", "%s", names[i]);
	cr_expect_str_eq(l->topic, expected_topic(i));
}

Test(cloud_profile, a_silent_upgrade_goes_from_the_login_to_the_new_version)
{
	for (int i = 0; i < 2 * PROFILES; i++) {
		bool encrypt = i >= PROFILES;
		AUTO(cloud_case) struct cloud_case *c = open_case(i % PROFILES, encrypt);

		cr_expect_eq(c->last.sealed, encrypt);
		cloud_case_plan(c, "2.0.0");
		CLOUD_CASE_EXPECT(c, "!plan_offered offer:2.0.0 s1");
		expect_named(c, &c->last_status, i % PROFILES);
		cloud_case_verdict(c, PB__VERDICT__VERDICT_ACCEPT, ERR_OK, 0);
		cloud_case_firmware(c, "2.0.0");
		cloud_case_progress(c, PB__PHASE__PHASE_FETCHING);
		CLOUD_CASE_EXPECT(c, "s2 order s4 s5");
		cloud_case_report(c, "fetchd", PB__PHASE__PHASE_FETCHED, ERR_OK, "");
		cloud_case_report(c, "flashd", PB__PHASE__PHASE_FLASHING, ERR_OK, "");
		CLOUD_CASE_EXPECT(c, "s8 ack:fetchd:100 s9 ack:flashd:101");
		cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
		const char *end = cloud_case_trace(c);

		cr_expect(strstr(end, "!upgrade_ended s11:2.0.0") && strstr(end, "ack:flashd:102"),
		    "%s: %s", names[i % PROFILES], end);
		expect_named(c, &c->last_status, i % PROFILES);
		cr_expect_eq(c->last_status.sealed, encrypt);
		cr_expect_eq(cloud_case_state(c), CONVERSATION_IDLE);
		cr_expect_eq(c->cloud.refused, 0);
	}
}

Test(cloud_profile, a_refusal_a_failed_download_and_a_failed_upgrade_are_told)
{
	for (int i = 0; i < PROFILES; i++) {
		AUTO(cloud_case) struct cloud_case *c = open_case(i, false);

		cloud_case_plan(c, "2.0.0");
		cloud_case_verdict(c, PB__VERDICT__VERDICT_REJECT, ERR_BATTERY, 0);
		cr_expect(strstr(cloud_case_trace(c), "s1 !upgrade_ended s3"));
		cloud_case_drive(c, CONVERSATION_DOWNLOADING);
		cloud_case_report(c, "fetchd", PB__PHASE__PHASE_FAILED, ERR_HTTP, "");
		cr_expect(strstr(cloud_case_trace(c), " s6"));
		cloud_case_drive(c, CONVERSATION_UPDATING);
		cloud_case_report(c, "flashd", PB__PHASE__PHASE_REVERTED, ERR_REVERTED, "1.0.0");
		cr_expect(strstr(cloud_case_trace(c), "s12:1.0.0"));
		expect_named(c, &c->last_status, i);
	}
}

Test(cloud_profile, a_device_that_the_platform_threw_out_says_again_what_was_not_taken)
{
	for (int i = 0; i < PROFILES; i++) {
		AUTO(cloud_case) struct cloud_case *c = open_case(i, false);
		uint8_t values[100];
		struct ttlv_writer w = TTLV_WRITER(values);

		cloud_case_pass(c, LOGIN_SETTLED_MS);
		cloud_case_drive(c, CONVERSATION_OFFERED);
		c->mute = true;
		cloud_case_verdict(c, PB__VERDICT__VERDICT_ACCEPT, ERR_OK, 0);
		CLOUD_CASE_EXPECT(c, "s2");
		c->mute = false;
		ttlv_put_int(&w, 1, DIALECT_CODE_NOT_LOGGED_IN);
		ttlv_put_int(&w, 2, c->last.package_id);
		ttlv_put_text(&w, (uint16_t)c->profile.sub_pk, CLOUD_CASE_PK);
		ttlv_put_text(&w, (uint16_t)c->profile.sub_dk, CLOUD_CASE_DK);
		cloud_case_down(c, false, DIALECT_EXCEPTION, &w);
		cr_expect(strstr(cloud_case_trace(c), "00c2 s2"), "%s", names[i]);
		cr_expect_eq(cloud_case_state(c), CONVERSATION_CONFIRMED);
	}
}

Test(cloud_profile, a_plan_over_the_way_of_another_profile_reaches_nobody)
{
	AUTO(cloud_case) struct cloud_case *c = open_case(2, false);

	c->profile.via_pk = 17, c->profile.via_dk = 18; /* as if the platform spoke P2 */
	uint8_t values[200];
	struct ttlv_writer w = TTLV_WRITER(values);

	ttlv_put_text(&w, 4, "app");
	ttlv_put_text(&w, 6, "2.0.0");
	ttlv_put_int(&w, 7, 0);
	ttlv_put_text(&w, 51, CLOUD_CASE_PK);
	ttlv_put_text(&w, 52, CLOUD_CASE_DK);
	cloud_case_down(c, false, DIALECT_PLAN, &w);
	CLOUD_CASE_EXPECT(c, "00a4:5");
}
