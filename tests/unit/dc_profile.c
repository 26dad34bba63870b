/*
 * dc_profile: whose topics and which ids, as the platform's side has them.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_case.h"

/* A platform with this profile, the gateway in, and the sub-device, too, unless it has other ids.
 */
static struct dc_line *
open_line(struct dc_case *c, const char *profile)
{
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	struct dc_line *l = dc_case_connect(c);

	c->dc->profile = dc_profile_find(profile);
	cr_assert_not_null(c->dc->profile);
	dc_line_login(l, 0);
	if (strcmp(profile, "custom") != 0) {
		dc_line_sub_login(l, false);
		cr_assert_eq(dc_line_frame(l, v), 0x00C3);
	}
	return l;
}

/* A version report on this endpoint; `named`: that says whose it is. */
static void
report(struct dc_line *l, const char *endpoint, const char *version, bool named)
{
	struct dc_ttlv_out o = {0};

	dc_ttlv_put_text(&o, 2, version);
	if (named) {
		dc_ttlv_put_text(&o, 17, DC_CASE_SUB_PK);
		dc_ttlv_put_text(&o, 18, DC_CASE_SUB_DK);
	}
	dc_line_command(l, endpoint, "sys", 0x0044, &o);
}

static bool
runs(struct dc_case *c, const char *dk, const char *version)
{
	return dc_db_int(c->db, 0, "SELECT count(*) FROM device WHERE dk = ? AND version = ?", "tt",
	    dk, version);
}

/* The code of the exception that comes next. */
static int64_t
refusal(struct dc_line *l, struct dc_ttlv *v)
{
	int64_t code = 0;

	cr_assert_eq(dc_line_frame(l, v), 0x00A3);
	cr_assert(dc_ttlv_int(v, 1, &code));
	return code;
}

Test(dc_profile, there_are_three_and_no_other)
{
	cr_expect_not_null(dc_profile_find("p1"));
	cr_expect_not_null(dc_profile_find("p2"));
	cr_expect_not_null(dc_profile_find("custom"));
	cr_expect_null(dc_profile_find("p3"));
}

Test(dc_profile, in_p2_the_gateway_carries_what_a_sub_device_says)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = open_line(c, "p2");
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));

	report(l, DC_CASE_EP, "1.0.0", true);
	cr_expect(runs(c, DC_CASE_SUB_DK, "1.0.0"));
	report(l, DC_CASE_EP, "9.0.0", false);
	cr_expect(runs(c, DC_CASE_DK, "9.0.0"), "its own");
	cr_expect(runs(c, DC_CASE_SUB_DK, "1.0.0"));
	report(l, DC_CASE_SUB_EP, "2.0.0", false);
	cr_expect_eq(refusal(l, v), 4, "not on the sub-device's topic");
	cr_expect(runs(c, DC_CASE_SUB_DK, "1.0.0"));
}

Test(dc_profile, in_p2_a_plan_comes_on_the_gateways_topic_and_names_the_device)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = open_line(c, "p2");
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	struct dc_mqtt_publish m;
	char text[40];

	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	report(l, DC_CASE_EP, "1.0.0", true);
	size_t at = l->at;
	cr_assert(dc_line_message(l, &m));
	cr_expect_str_eq(m.topic, "q/1/d/" DC_CASE_EP "/ota");
	l->at = at;
	cr_assert_eq(dc_line_frame(l, v), 0x0111);
	cr_expect(dc_ttlv_text(v, 17, text, sizeof(text)) && strcmp(text, DC_CASE_SUB_PK) == 0);
	cr_expect(dc_ttlv_text(v, 18, text, sizeof(text)) && strcmp(text, DC_CASE_SUB_DK) == 0);
}

Test(dc_profile, who_is_not_logged_in_is_named_with_the_package_that_was_refused)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	static const char *const names[] = {"p1", "p2"};
	int64_t package = 0;
	char text[40];

	for (size_t i = 0; i < 2; i++) {
		AUTO(dc_line) struct dc_line *l = dc_case_connect(c);

		c->dc->profile = dc_profile_find(names[i]);
		dc_line_login(l, 0);
		report(l, i ? DC_CASE_EP : DC_CASE_SUB_EP, "1.0.0", i == 1);
		cr_expect_eq(refusal(l, v), 10442, "%s", names[i]);
		cr_expect(dc_ttlv_text(v, 4, text, sizeof(text)));
		cr_expect_str_eq(text, DC_CASE_SUB_DK);
		cr_expect(dc_ttlv_int(v, 2, &package) && package > 0, "%s", names[i]);
	}
	cr_expect_not(runs(c, DC_CASE_SUB_DK, "1.0.0"));
}

Test(dc_profile, in_the_custom_one_ids_are_others_and_topics_must_be_subscribed_to)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = open_line(c, "custom");
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	struct dc_ttlv_out o = {0}, none = {0};
	struct dc_mqtt_publish m;
	char sign[DC_SIGN_LEN + 1];
	int64_t code = 0;

	dc_line_sub_login(l, false);
	cr_expect_eq(refusal(l, v), 5, "by the ids of p1");
	dc_secret_sign(DC_CASE_SUB_DS, DC_CASE_SUB_PS, "FEDCBA9876543210", sign);
	dc_ttlv_put_text(&o, 103, DC_CASE_SUB_PK);
	dc_ttlv_put_text(&o, 104, DC_CASE_SUB_DK);
	dc_ttlv_put_text(&o, 105, "FEDCBA9876543210");
	dc_ttlv_put_text(&o, 106, sign);
	dc_line_command(l, DC_CASE_EP, "sys", 0x00C2, &o);
	cr_assert_eq(dc_line_frame(l, v), 0x00C3);
	cr_expect(dc_ttlv_int(v, 108, &code) && code == 10200);
	struct dc_peer *sub = c->dc->sessions->subs;
	cr_assert_not_null(sub);
	dc_peer_send(c->dc, sub, "ota", 0x0111, 0, &none);
	cr_expect_not(dc_line_message(l, &m), "not subscribed");
	dc_line_subscribe(l, "q/1/d/" DC_CASE_SUB_EP "/+", 1);
	dc_peer_send(c->dc, sub, "ota", 0x0111, 0, &none);
	cr_expect(dc_line_message(l, &m));
	cr_expect_str_eq(m.topic, "q/1/d/" DC_CASE_SUB_EP "/ota");
}
