/*
 * dc_open_codes: tokens of the OpenAPI, its lists, and every documented code with a call that
 * provokes it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_call.h"
#include "json.h"
#include "vectors.h"

#define OTA DC_CALL_OTA
#define PLAN OTA "v2/getDeviceUpgradePlan"
#define BIND "/v2/binding/enduserapi/"
#define GATEWAY "/v2/devicemgr/r1/openapi/product/gateway/"
#define USER_REFRESH "/v2/enduser/enduserapi/refreshToken"

enum { OK = DC_CALL_OK, HOUR = DC_CALL_HOUR };

static void
expect_code(struct dc_call *s, int want, const char *path, const char *body)
{
	int got = dc_call_code(s, path, body);

	cr_expect_eq(got, want, "%s: expected %d, got %d", path, want, got);
}

/* --- tokens ----------------------------------------------------------------------------------- */

Test(dc_open_codes, an_access_key_gets_a_token_that_is_exchanged_after_half_an_hour)
{
	struct dc_call s = dc_call_open();
	char first[80];

	dc_call_as_key(&s);
	snprintf(first, sizeof(first), "%s", s.token);
	DC_CALL_QUERIES(&s, "refresh_token", first, "grant_type", "refresh_token");
	dc_talk_pass(s.c, HOUR / 2 - 1);
	AUTO(json) cJSON *same = dc_call_ask(&s, DC_CALL_KEY_REFRESH, NULL);
	cr_expect_str_eq(vectors_text(cJSON_GetObjectItem(same, "data"), "access_token"), first);
	dc_talk_pass(s.c, 1);
	AUTO(json) cJSON *next = dc_call_ask(&s, DC_CALL_KEY_REFRESH, NULL);
	const cJSON *data = cJSON_GetObjectItem(next, "data");
	cr_expect_str_neq(vectors_text(data, "access_token"), first);
	cr_expect_eq(json_number(data, "expires_in"), 7200);
	expect_code(&s, 91004, DC_CALL_KEY_REFRESH, NULL);
	DC_CALL_QUERIES(&s, "productKey", DC_CASE_PK, "deviceKey", DC_CASE_DK);
	expect_code(&s, 91004, GATEWAY "subList", NULL);
	snprintf(s.token, sizeof(s.token), "%s", vectors_text(data, "access_token"));
	expect_code(&s, OK, GATEWAY "subList", NULL);
	dc_call_close(&s);
}

Test(dc_open_codes, a_person_logs_in_by_phone_or_mail_and_refreshes_for_thirty_days)
{
	struct dc_call s = dc_call_open();
	char refresh[80];

	DC_CALL_QUERIES(&s, "email", "observer", "pwd", "falsch");
	expect_code(&s, 401, "/v2/enduser/enduserapi/emailPwdLogin", NULL);
	DC_CALL_QUERIES(&s, "email", "observer", "pwd", "observer");
	AUTO(json) cJSON *doc = dc_call_ask(&s, "/v2/enduser/enduserapi/emailPwdLogin", NULL);
	const cJSON *data = cJSON_GetObjectItem(doc, "data");
	const cJSON *access = cJSON_GetObjectItem(data, "accessToken");
	const cJSON *again = cJSON_GetObjectItem(data, "refreshToken");
	cr_expect_eq((int64_t)json_number(access, "expirationTime"), 1000007200);
	cr_expect_eq((int64_t)json_number(again, "expirationTime"), 1000000000 + 30 * 86400);
	snprintf(refresh, sizeof(refresh), "%s", vectors_text(again, "token"));
	DC_CALL_QUERIES(&s, "refreshToken", refresh);
	dc_talk_pass(s.c, 30 * 24 * (uint64_t)HOUR - 1);
	AUTO(json) cJSON *fresh = dc_call_ask(&s, USER_REFRESH, NULL);
	cr_assert_eq(json_number(fresh, "code"), OK);
	expect_code(&s, 5032, USER_REFRESH, NULL);
	snprintf(s.token, sizeof(s.token), "%s",
	    vectors_text(
		cJSON_GetObjectItem(cJSON_GetObjectItem(fresh, "data"), "accessToken"), "token"));
	DC_CALL_QUERIES(&s, "pk", DC_CASE_SUB_PK, "dk", DC_CASE_SUB_DK);
	expect_code(&s, OK, PLAN, NULL);
	dc_call_close(&s);
}

Test(dc_open_codes, a_refresh_token_of_a_person_ends_after_thirty_days)
{
	struct dc_call s = dc_call_open();
	char refresh[80];

	DC_CALL_QUERIES(&s, "phone", "observer", "pwd", "observer");
	AUTO(json) cJSON *doc = dc_call_ask(&s, "/v2/enduser/enduserapi/phonePwdLogin", NULL);
	snprintf(refresh, sizeof(refresh), "%s",
	    vectors_text(
		cJSON_GetObjectItem(cJSON_GetObjectItem(doc, "data"), "refreshToken"), "token"));
	dc_talk_pass(s.c, 30 * 24 * (uint64_t)HOUR);
	DC_CALL_QUERIES(&s, "refreshToken", refresh);
	expect_code(&s, 5032, USER_REFRESH, NULL);
	dc_call_close(&s);
}

/* --- codes ------------------------------------------------------------------------------------ */

Test(dc_open_codes, a_person_s_wrong_calls_get_the_documented_codes)
{
	struct dc_call s = dc_call_open();
	char token[80];

	expect_code(&s, 404, "/v2/nothing", NULL);
	expect_code(&s, 404, "/v2/other/enduserapi/v2/getDeviceUpgradePlan", NULL);
	expect_code(&s, 50005, OTA "v2/userBatchConfirmUpgrade", "{}");
	expect_code(&s, 50005, OTA "v2/userBatchConfirmUpgrade", NULL);
	expect_code(&s, 70020, BIND "getGatewayDeviceChildList", NULL);
	DC_CALL_QUERIES(&s, "dk", "x");
	expect_code(&s, 5066, PLAN, NULL);
	DC_CALL_QUERIES(&s, "pk", "x");
	expect_code(&s, 5067, PLAN, NULL);
	DC_CALL_QUERIES(&s, "pk", "x", "dk", "y");
	expect_code(&s, 5009, PLAN, NULL);
	DC_CALL_QUERIES(&s, "pk", DC_CASE_SUB_PK, "dk", DC_CASE_SUB_DK);
	snprintf(token, sizeof(token), "%s", s.token);
	snprintf(s.token, sizeof(s.token), "Bearer nonsense");
	expect_code(&s, 5032, PLAN, NULL);
	s.token[0] = '\0';
	expect_code(&s, 5032, PLAN, NULL);
	dc_call_as_key(&s);
	expect_code(&s, 5041, PLAN, NULL);
	snprintf(s.token, sizeof(s.token), "%s", token);
	dc_talk_pass(s.c, 2 * HOUR - 1);
	DC_CALL_QUERIES(&s, "pk", DC_CASE_SUB_PK, "dk", DC_CASE_SUB_DK);
	expect_code(&s, OK, PLAN, NULL);
	dc_talk_pass(s.c, 1);
	expect_code(&s, 5106, PLAN, NULL);
	dc_call_close(&s);
}

Test(dc_open_codes, nobody_speaks_for_a_sub_device_without_a_gateway)
{
	struct dc_call s = dc_call_open();

	dc_db_do(s.c->db, "UPDATE device SET gateway = NULL WHERE id = 2", "");
	expect_code(&s, 5332, PLAN, NULL);
	cr_expect_not(dc_call_confirm(&s, 1, 0, 0));
	AUTO(json) cJSON *doc = dc_call_ask(&s, OTA "v2/getUserIsHaveDeviceUpgrade", NULL);
	cr_expect_eq(json_number(cJSON_GetObjectItem(doc, "data"), "haveDeviceUpgradeSum"), 0);
	dc_call_close(&s);
}

Test(dc_open_codes, wrong_calls_with_an_access_key_get_the_documented_codes)
{
	struct dc_call s = dc_call_open();

	expect_code(&s, 91005, GATEWAY "subList", NULL);
	s.token[0] = '\0';
	expect_code(&s, 91001, GATEWAY "subList", NULL);
	snprintf(s.token, sizeof(s.token), "QJWT nonsense");
	expect_code(&s, 91004, GATEWAY "subList", NULL);
	dc_call_as_key(&s);
	expect_code(&s, 70020, GATEWAY "subList", NULL);
	expect_code(&s, OK, GATEWAY "getGatewayProductByChildDevice", NULL);
	DC_CALL_QUERIES(&s, "productKey", DC_CASE_SUB_PK);
	expect_code(&s, 50007, GATEWAY "subList", NULL);
	DC_CALL_QUERIES(&s, "productKey", "x", "deviceKey", "y");
	expect_code(&s, 50005, GATEWAY "subList", NULL);
	DC_CALL_QUERIES(&s, "productKey", DC_CASE_PK, "deviceKey", DC_CASE_DK);
	expect_code(&s, 70029, GATEWAY "getGatewayProductByChildDevice", NULL);
	expect_code(&s, 70029, GATEWAY "unbind", NULL);
	DC_CALL_QUERIES(&s, "deviceId", "1", "pageNum", "0");
	expect_code(&s, 50005, GATEWAY "subList", NULL);
	DC_CALL_QUERIES(&s, "deviceId", "1", "pageSize", "101");
	expect_code(&s, 50005, GATEWAY "subList", NULL);
	DC_CALL_QUERIES(&s, "deviceId", "1");
	expect_code(&s, OK, GATEWAY "subList", NULL);
	dc_call_close(&s);
}

Test(dc_open_codes, an_access_key_keeps_to_its_addresses_products_and_permission)
{
	struct dc_call s = dc_call_open();
	static const struct {
		const char *sql;
		int code;
	} rows[] = {{"UPDATE access_key SET ips = '10.0.0.1,10.0.0.2'", OK},
	    {"UPDATE access_key SET ips = '10.0.0.1,10.0.0.20'", 91006},
	    {"UPDATE access_key SET ips = NULL, products = 'a," DC_CASE_PK "'", OK},
	    {"UPDATE access_key SET products = 'a,b'", 70089},
	    {"UPDATE access_key SET products = NULL, api = 0", 91007},
	    {"UPDATE access_key SET api = 1, enabled = 0", 91004}};

	dc_call_as_key(&s);
	s.address = "10.0.0.2";
	DC_CALL_QUERIES(&s, "deviceId", "1");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		dc_db_do(s.c->db, rows[i].sql, "");
		expect_code(&s, rows[i].code, GATEWAY "subList", NULL);
	}
	DC_CALL_QUERIES(&s, "refresh_token", s.token, "grant_type", "refresh_token");
	expect_code(&s, 91007, DC_CALL_KEY_REFRESH, NULL);
	expect_code(&s, 91004, DC_CALL_KEY_REFRESH, NULL);
	dc_call_close(&s);
}

Test(dc_open_codes, any_code_comes_when_it_was_ordered)
{
	struct dc_call s = dc_call_open();
	static const int codes[] = {50000, 70000, 403};

	for (size_t i = 0; i < 3; i++) {
		dc_fault_set(&s.c->dc->faults, DC_FAULT_OPEN_CODE, codes[i], 1, (int64_t)i + 1);
		expect_code(&s, codes[i], PLAN, NULL);
		expect_code(&s, OK, PLAN, NULL);
	}
	dc_call_close(&s);
}

Test(dc_open_codes, the_prefix_of_the_ota_calls_can_be_another)
{
	struct dc_call s = dc_call_open();

	s.c->dc->ota_prefix = "/v2/quecota";
	expect_code(&s, 404, PLAN, NULL);
	expect_code(&s, OK, "/v2/quecota/enduserapi/v2/getDeviceUpgradePlan", NULL);
	expect_code(&s, OK, "/v2/quecota/enduserapi/getAutoUpgradeSwitch", NULL);
	expect_code(&s, 404, "/v2/quecotaX/enduserapi/getAutoUpgradeSwitch", NULL);
	dc_call_close(&s);
}

/* --- gateways --------------------------------------------------------------------------------- */

Test(dc_open_codes, a_sub_device_s_gateway_is_told_while_it_is_connected)
{
	struct dc_call s = dc_call_open();

	dc_call_as_key(&s);
	AUTO(json) cJSON *doc = dc_call_ask(&s, GATEWAY "getGatewayProductByChildDevice", NULL);
	const cJSON *data = cJSON_GetObjectItem(doc, "data");
	cr_expect_str_eq(vectors_text(data, "productKey"), DC_CASE_PK);
	cr_expect_str_eq(vectors_text(data, "deviceKey"), DC_CASE_DK);
	dc_db_do(s.c->db, "UPDATE device SET online = 0 WHERE id = 2", "");
	expect_code(&s, 70026, GATEWAY "getGatewayProductByChildDevice", NULL);
	dc_call_close(&s);
}

Test(dc_open_codes, an_unbound_sub_device_is_put_offline_and_has_no_gateway)
{
	struct dc_call s = dc_call_open();

	dc_talk_heard(s.l);
	dc_call_as_key(&s);
	expect_code(&s, OK, GATEWAY "unbind", NULL);
	cr_expect_str_eq(dc_talk_heard(s.l), "00c8");
	expect_code(&s, 70028, GATEWAY "getGatewayProductByChildDevice", NULL);
	expect_code(&s, 70028, GATEWAY "unbind", NULL);
	dc_line_sub_login(s.l, false);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	int64_t got = 0;
	cr_expect_eq(dc_line_frame(s.l, v), 0x00C3);
	cr_expect(dc_ttlv_int(v, 1, &got) && got == 10440, "got %lld", (long long)got);
	dc_call_close(&s);
}

/* --- lists and fields ------------------------------------------------------------------------- */

Test(dc_open_codes, the_list_of_devices_with_a_plan_comes_in_pages_and_is_counted)
{
	struct dc_call s = dc_call_open();

	dc_db_do(s.c->db,
	    "WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 20) "
	    "INSERT INTO device (id, pk, dk, gateway) SELECT i, ?, 'MORE' || i, 1 FROM n",
	    "t", DC_CASE_SUB_PK);
	dc_db_do(s.c->db, "INSERT INTO plan_text VALUES (1, 'en', 'Better')", "");
	AUTO(json) cJSON *sum = dc_call_ask(&s, OTA "v2/getUserIsHaveDeviceUpgrade", NULL);
	cr_expect_eq(json_number(cJSON_GetObjectItem(sum, "data"), "haveDeviceUpgradeSum"), 12);
	DC_CALL_QUERIES(&s, "fid", "", "page", "2", "pageSize", "5");
	AUTO(json) cJSON *doc = dc_call_ask(&s, OTA "v2/getUpgradePlanDeviceList", NULL);
	const cJSON *data = cJSON_GetObjectItem(doc, "data");
	const cJSON *list = cJSON_GetObjectItem(data, "list");
	cr_expect_eq(json_number(data, "total"), 12);
	cr_expect_eq(cJSON_GetArraySize(list), 5);
	const cJSON *row = cJSON_GetArrayItem(list, 0);
	cr_expect_str_eq(vectors_text(row, "deviceKey"), "MORE14");
	cr_expect_str_eq(vectors_text(row, "version"), "plan 2.0.0");
	cr_expect_str_eq(vectors_text(row, "desc"), "Better");
	cr_expect_eq(json_number(row, "planId"), 1);
	DC_CALL_QUERIES(&s, "page", "x");
	expect_code(&s, 50005, OTA "v2/getUpgradePlanDeviceList", NULL);
	dc_call_close(&s);
}

Test(dc_open_codes, a_plan_has_all_the_fields_that_the_app_reads)
{
	struct dc_call s = dc_call_open();

	dc_db_do(s.c->db, "INSERT INTO plan_text VALUES (1, 'en', 'Better')", "");
	dc_db_do(s.c->db, "UPDATE package SET remark = 'What is new'", "");
	dc_db_do(s.c->db, "INSERT INTO package_file VALUES (1, 1, 'b', 'b', 9000, '', '', '')", "");
	dc_db_do(s.c->db,
	    "INSERT INTO package (name, component, kind, target, source, path, scheme, size, md5, "
	    "crc, sha256, created) VALUES ('n', 'net', 0, '3', '0.5', 'n', 'https', 7, '', '', '', "
	    "0)",
	    "");
	dc_db_do(s.c->db, "INSERT INTO plan_component VALUES (1, 1, 2, NULL)", "");
	dc_talk_report(s.l, "1.0.0");
	AUTO(json) cJSON *doc = dc_call_ask(&s, PLAN, NULL);
	const cJSON *p = cJSON_GetObjectItem(doc, "data");
	cr_expect_str_eq(vectors_text(p, "upgradeVersionInfo"), "Better");
	cr_expect_str_eq(vectors_text(p, "versionInfo"), "What is new");
	cr_expect_eq(json_number(p, "upgradeFinishTips"), 0);
	const cJSON *list = cJSON_GetObjectItem(p, "comVerList");
	cr_expect_eq(cJSON_GetArraySize(list), 1, "only what suits the device");
	const cJSON *k = cJSON_GetArrayItem(list, 0);
	cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(k, "versionMatch")));
	cr_expect_str_eq(vectors_text(k, "cver"), "1.0.0");
	cr_expect_eq(json_number(k, "space"), 9000, "the largest file");
	const cJSON *files = cJSON_GetObjectItem(k, "fileList");
	cr_expect_eq(cJSON_GetArraySize(files), 2);
	cr_expect_eq(json_number(cJSON_GetArrayItem(files, 1), "updIndex"), 1);
	dc_call_close(&s);
}

Test(dc_open_codes, a_result_waits_to_be_confirmed)
{
	struct dc_call s = dc_call_open();

	cr_expect(dc_call_confirm(&s, 1, 0, 0));
	cr_expect_not(dc_call_confirm(&s, 4, 0, 0), "there is none yet");
	dc_talk_pass(s.c, 100);
	dc_talk_all(s.l, "app", (int[]){1, 2, 9, 0});
	cr_expect_eq(dc_call_plan_number(&s, "upgradeFinishTips"), 0);
	dc_talk_say(s.l, "app", 11, "2.0.0");
	cr_expect_eq(dc_call_plan_number(&s, "deviceStatus"), 2);
	cr_expect_eq(dc_call_plan_number(&s, "upgradeFinishTips"), 1);
	cr_expect_eq(dc_call_plan_number(&s, "upgradeProgress"), 1);
	cr_expect(dc_call_confirm(&s, 4, 0, 0));
	cr_expect_eq(dc_call_plan_number(&s, "upgradeFinishTips"), 0);
	cr_expect_eq(dc_call_plan_number(&s, "userConfirmStatus"), 4);
	dc_call_close(&s);
}

Test(dc_open_codes, the_app_fetches_a_plan_for_a_bluetooth_device_and_reports_for_it)
{
	struct dc_call s = dc_call_open();

	dc_db_do(s.c->db, "UPDATE plan SET mode = 'silent'", "");
	AUTO(json) cJSON *doc = dc_call_ask(&s, BIND "getFetchPlan", "{" DC_CALL_DEVICE "}");
	cr_expect_eq(json_number(cJSON_GetObjectItem(doc, "data"), "planId"), 1);
	expect_code(&s, 50005, BIND "reportUpgradeStatus",
	    "{" DC_CALL_DEVICE ",\"planId\":1,\"comNo\":\"net\",\"upgradeStatus\":1}");
	expect_code(&s, 50005, BIND "reportUpgradeStatus",
	    "{" DC_CALL_DEVICE ",\"planId\":1,\"comNo\":\"app\",\"upgradeStatus\":4}");
	for (int state = 1; state <= 2; state++) {
		char body[200];

		snprintf(body, sizeof(body),
		    "{" DC_CALL_DEVICE ",\"planId\":1,\"comNo\":\"app\",\"upgradeStatus\":%d}",
		    state);
		expect_code(&s, OK, BIND "reportUpgradeStatus", body);
		cr_expect_eq(dc_case_state(s.c, DC_CASE_SUB_DK), state);
	}
	DC_CALL_QUERIES(&s, "pk", "x", "dk", "y");
	expect_code(&s, 5009, BIND "getFetchPlan", NULL);
	dc_call_close(&s);
}
