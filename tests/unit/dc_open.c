/*
 * dc_open: the OpenAPI and the manual flow behind it: a device gets a manual plan only after a
 * person said so.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_call.h"
#include "json.h"
#include "vectors.h"

#define OTA DC_CALL_OTA

enum { OK = DC_CALL_OK, HOUR = DC_CALL_HOUR };

Test(dc_open, the_signature_of_the_documentation_s_example_is_ours)
{
	AUTO(vectors) cJSON *all = vectors_load();
	const cJSON *at, *v = NULL;
	char sign[65];

	cJSON_ArrayForEach(at, all) if (cJSON_GetObjectItem(at, "access_secret")) v = at;
	cr_assert_not_null(v);
	dc_open_sign(vectors_text(v, "username"), vectors_text(v, "access_secret"), sign);
	cr_expect_str_eq(sign, vectors_text(v, "password"));
}

Test(dc_open, a_request_of_the_device_alone_yields_no_manual_plan)
{
	struct dc_call s = dc_call_open();

	dc_talk_ask(s.l, "1.0.0", NULL);
	dc_talk_pass(s.c, 1000);
	cr_expect_not(dc_call_is_offered(&s));
	cr_expect_eq(dc_call_plan_number(&s, "planId"), 1, "the app sees it");
	cr_expect_eq(dc_call_plan_number(&s, "userConfirmStatus"), 0);
	cr_expect(dc_call_confirm(&s, 1, 0, 0));
	dc_talk_pass(s.c, 100);
	cr_expect(dc_call_is_offered(&s), "0111 follows the confirmation");
	cr_expect_eq(dc_call_plan_number(&s, "userConfirmStatus"), 1);
	dc_call_close(&s);
}

Test(dc_open, auto_confirm_makes_a_manual_plan_follow_the_request)
{
	struct dc_call s = dc_call_open();

	cr_expect_eq(dc_call_code(&s, OTA "setAutoUpgradeSwitch", NULL), OK);
	dc_talk_ask(s.l, "1.0.0", NULL);
	cr_expect(dc_call_is_offered(&s));
	cr_expect_eq(dc_call_code(&s, OTA "deleteDeviceUpgrade", NULL), OK);
	AUTO(json) cJSON *doc = dc_call_ask(&s, OTA "getAutoUpgradeSwitch", NULL);
	cr_expect(cJSON_IsFalse(cJSON_GetObjectItem(doc, "data")));
	dc_talk_ask(s.l, "1.0.0", NULL);
	cr_expect_not(dc_call_is_offered(&s));
	dc_call_close(&s);
}

Test(dc_open, an_appointment_is_kept_to_the_minute)
{
	struct dc_call s = dc_call_open();
	int64_t now = (int64_t)*dc_case_clock();

	cr_expect_not(dc_call_confirm(&s, 2, now + HOUR, now + 2 * HOUR - 1));
	cr_expect(dc_call_confirm(&s, 2, now + HOUR, now + 2 * HOUR));
	dc_talk_pass(s.c, HOUR - 1);
	dc_talk_ask(s.l, "1.0.0", NULL);
	cr_expect_not(dc_call_is_offered(&s), "too early");
	cr_expect_eq(dc_call_plan_number(&s, "appointStartTime"), (double)(now + HOUR));
	dc_talk_pass(s.c, 1);
	cr_expect(dc_call_is_offered(&s));
	dc_talk_pass(s.c, HOUR);
	dc_talk_ask(s.l, "1.0.0", NULL);
	cr_expect_not(dc_call_is_offered(&s), "too late");
	dc_call_close(&s);
}

Test(dc_open, a_cancelled_plan_has_failed_and_stays_so)
{
	struct dc_call s = dc_call_open();

	cr_expect(dc_call_confirm(&s, 3, 0, 0));
	cr_expect_eq(dc_call_plan_number(&s, "deviceStatus"), 3);
	cr_expect_eq(dc_call_plan_number(&s, "userConfirmStatus"), 3);
	cr_expect_not(dc_call_confirm(&s, 1, 0, 0));
	cr_expect_not(dc_call_confirm(&s, 5, 0, 0));
	dc_talk_ask(s.l, "1.0.0", NULL);
	dc_talk_pass(s.c, 1000);
	cr_expect_not(dc_call_is_offered(&s));
	dc_call_close(&s);
}

Test(dc_open, a_failed_upgrade_is_tried_again_at_once_when_a_person_wants_it)
{
	struct dc_call s = dc_call_open();

	cr_expect(dc_call_confirm(&s, 1, 0, 0));
	dc_talk_pass(s.c, 100);
	cr_expect(dc_call_is_offered(&s));
	cr_expect_not(dc_call_confirm(&s, 5, 0, 0), "it has not failed");
	cr_assert_eq(dc_db_run(s.c->db, "UPDATE progress SET state = 3, due = NULL", ""), ERR_OK);
	dc_talk_pass(s.c, 1000);
	cr_expect_not(dc_call_is_offered(&s));
	cr_expect(dc_call_confirm(&s, 5, 0, 0));
	dc_talk_pass(s.c, 100);
	cr_expect(dc_call_is_offered(&s));
	AUTO(json)
	cJSON *doc = dc_call_ask(
	    &s, OTA "v2/getBatchUpgradeDetails", "[{" DC_CALL_DEVICE ",\"planId\":\"1\"}]");
	const cJSON *p = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "data"), 0);
	const cJSON *k = cJSON_GetArrayItem(cJSON_GetObjectItem(p, "comVerList"), 0);
	cr_expect_str_eq(vectors_text(k, "tver"), "2.0.0");
	cr_expect_eq(json_number(k, "space"), 5000);
	dc_call_close(&s);
}

Test(dc_open, a_gateway_s_sub_devices_come_in_pages)
{
	struct dc_call s = dc_call_open();

	DC_CALL_QUERIES(&s, "pk", DC_CASE_PK, "dk", DC_CASE_DK);
	AUTO(json)
	cJSON *doc = dc_call_ask(&s, "/v2/binding/enduserapi/getGatewayDeviceChildList", NULL);
	const cJSON *data = cJSON_GetObjectItem(doc, "data");
	const cJSON *d = cJSON_GetArrayItem(cJSON_GetObjectItem(data, "list"), 0);
	cr_expect_eq(json_number(data, "total"), 1);
	cr_expect_str_eq(vectors_text(d, "deviceKey"), DC_CASE_SUB_DK);
	cr_expect_eq(json_number(d, "planId"), 1);
	DC_CALL_QUERIES(&s, "pk", DC_CASE_PK, "dk", DC_CASE_DK, "page", "2");
	AUTO(json)
	cJSON *next = dc_call_ask(&s, "/v2/binding/enduserapi/getGatewayDeviceChildList", NULL);
	cr_expect_eq(cJSON_GetArraySize(cJSON_GetObjectItem(
			 cJSON_GetObjectItem(next, "data"), "list")),
	    0);
	dc_call_close(&s);
}
