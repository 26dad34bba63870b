/*
 * dc_open: the OpenAPI and the manual flow behind it: a device gets a manual plan only after a
 * person said so.
 */
#include <criterion/criterion.h>
#include <cjson/cJSON.h>
#include <string.h>

#include "dc_case.h"
#include "dc_open.h"
#include "json.h"
#include "vectors.h"

enum { OK = 200, HOUR = 3600000 };

#define OTA "/v2/ota/enduserapi/"
#define DEVICE "\"productKey\":\"" DC_CASE_SUB_PK "\",\"deviceKey\":\"" DC_CASE_SUB_DK "\""

struct scene {
	struct dc_case *c;
	struct dc_line *l;
	char token[80];
	const char *queries[8]; /* name, value, ... */
};

static const char *
find_query(void *arg, const char *name)
{
	const struct scene *s = arg;

	for (int i = 0; s->queries[i]; i += 2)
		if (strcmp(s->queries[i], name) == 0)
			return s->queries[i + 1];
	return NULL;
}

/* The envelope; caller frees. */
static cJSON *
ask(struct scene *s, const char *path, const char *body)
{
	const struct dc_open_request r = {
	    .path = path, .authorization = s->token, .body = body, .query = find_query, .arg = s};
	AUTO(mem) char *text = dc_open_answer(s->c->dc, &r);

	return cJSON_Parse(text);
}

static int
code(struct scene *s, const char *path, const char *body)
{
	AUTO(json) cJSON *doc = ask(s, path, body);

	return (int)json_number(doc, "code");
}

static void
set_queries(struct scene *s, const char *const *queries)
{
	for (int i = 0; i < 8; i++)
		s->queries[i] = NULL;
	for (int i = 0; queries[i]; i++)
		s->queries[i] = queries[i];
}

#define QUERIES(s, ...) set_queries(s, (const char *const[]){__VA_ARGS__, NULL})

static void
log_in_as_user(struct scene *s)
{
	QUERIES(s, "phone", "observer", "pwd", "observer");
	AUTO(json) cJSON *doc = ask(s, "/v2/enduser/enduserapi/phonePwdLogin", NULL);
	cr_assert_eq(json_number(doc, "code"), OK);
	const cJSON *data = cJSON_GetObjectItem(doc, "data");
	snprintf(s->token, sizeof(s->token), "%s",
	    vectors_text(cJSON_GetObjectItem(data, "accessToken"), "token"));
	cr_expect_eq(strncmp(s->token, "Bearer ", 7), 0);
	QUERIES(s, "pk", DC_CASE_SUB_PK, "dk", DC_CASE_SUB_DK);
}

/* Whether the platform sent a plan notice since the last look. */
static bool
is_offered(struct scene *s)
{
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	bool offered = false;
	unsigned cmd;

	while ((cmd = dc_line_frame(s->l, v)) != 0)
		offered = offered || cmd == 0x0111;
	return offered;
}

static void
pass(struct scene *s, uint64_t ms)
{
	*dc_case_clock() += ms;
	dc_platform_tick(s->c->dc, (struct mono){0});
}

/* A manual plan 1 from now for ten hours, the sub-device online. */
static struct scene
scene_open(void)
{
	struct scene s = {.c = dc_case_new()};

	*dc_case_clock() = 1000000000000;
	dc_case_plan(s.c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	cr_assert_eq(dc_db_run(s.c->db, "UPDATE plan SET mode = 'manual', starts = ?, ends = ?",
			 "ii", (int64_t)*dc_case_clock(),
			 (int64_t)*dc_case_clock() + 10 * (int64_t)HOUR),
	    ERR_OK);
	s.l = dc_case_connect(s.c);
	dc_line_login(s.l, 0);
	dc_line_sub_login(s.l, false);
	log_in_as_user(&s);
	return s;
}

static void
scene_close(struct scene *s)
{
	dc_line_free(s->l);
	dc_case_free(s->c);
}

static void
request_plan(struct scene *s)
{
	struct dc_ttlv_out o = {0};

	dc_ttlv_put_text(&o, 25, "1.0.0");
	dc_line_command(s->l, DC_CASE_SUB_EP, "ota", 0x0115, &o);
}

/* userBatchConfirmUpgrade for the one device; whether it is in the list of successes. */
static bool
confirm(struct scene *s, int oper, int64_t from, int64_t to)
{
	char body[400];

	snprintf(body, sizeof(body),
	    "[{" DEVICE ",\"planId\":1,\"operType\":%d,\"appointStartTime\":%lld,"
	    "\"appointEndTime\":%lld}]",
	    oper, (long long)from, (long long)to);
	AUTO(json) cJSON *doc = ask(s, OTA "v2/userBatchConfirmUpgrade", body);
	const cJSON *data = cJSON_GetObjectItem(doc, "data");
	int good = cJSON_GetArraySize(cJSON_GetObjectItem(data, "successList"));
	cr_expect_eq(good + cJSON_GetArraySize(cJSON_GetObjectItem(data, "failList")), 1);
	return good == 1;
}

/* A number of the device's plan, -1 when there is none. */
static double
plan_number(struct scene *s, const char *field)
{
	AUTO(json) cJSON *doc = ask(s, OTA "v2/getDeviceUpgradePlan", NULL);
	const cJSON *item = cJSON_GetObjectItem(cJSON_GetObjectItem(doc, "data"), field);

	cr_expect_eq(json_number(doc, "code"), OK);
	return cJSON_IsNumber(item) ? item->valuedouble : -1;
}

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

Test(dc_open, an_access_key_gets_a_token_and_refreshes_it_once)
{
	struct scene s = scene_open();
	static const char *const user = "ver=1&auth_mode=accessKey&sign_method=sha256&"
					"access_key=AK&timestamp=1000";
	static const char *const login = "/v2/quecauth/accessKeyAuthrize/accessKeyLogin";
	char sign[65], refresh[80];

	cr_assert_eq(dc_db_run(s.c->db, "INSERT INTO access_key VALUES ('AK', 'geheim')", ""), 0);
	dc_open_sign(user, "falsch", sign);
	QUERIES(&s, "username", user, "password", sign);
	cr_expect_eq(code(&s, login, NULL), 401);
	dc_open_sign(user, "geheim", sign);
	AUTO(json) cJSON *doc = ask(&s, login, NULL);
	const cJSON *data = cJSON_GetObjectItem(doc, "data");
	cr_expect_eq(strncmp(vectors_text(data, "access_token"), "QJWT ", 5), 0);
	snprintf(refresh, sizeof(refresh), "%s", vectors_text(data, "refresh_token"));
	QUERIES(&s, "refresh_token", refresh, "grant_type", "refresh_token");
	AUTO(json) cJSON *again = ask(&s, "/v2/quecauth/accessKeyAuthrize/refreshToken", NULL);
	cr_expect_eq(json_number(again, "code"), OK);
	cr_expect_eq(code(&s, "/v2/quecauth/accessKeyAuthrize/refreshToken", NULL), 5032);
	QUERIES(&s, "pk", DC_CASE_PK, "dk", DC_CASE_DK);
	snprintf(s.token, sizeof(s.token), "%s", vectors_text(data, "access_token"));
	cr_expect_eq(code(&s, OTA "v2/getDeviceUpgradePlan", NULL), 5032, "it was exchanged");
	snprintf(s.token, sizeof(s.token), "%s",
	    vectors_text(cJSON_GetObjectItem(again, "data"), "access_token"));
	cr_expect_eq(code(&s, OTA "v2/getDeviceUpgradePlan", NULL), 5041, "not for this kind");
	cr_expect_eq(code(&s, "/v2/devicemgr/r1/openapi/product/gateway/subList", NULL), OK);
	scene_close(&s);
}

Test(dc_open, wrong_calls_get_the_documented_codes)
{
	struct scene s = scene_open();

	cr_expect_eq(code(&s, "/v2/nothing", NULL), 404);
	cr_expect_eq(code(&s, OTA "v2/userBatchConfirmUpgrade", "{}"), 50000);
	cr_expect_eq(code(&s, OTA "v2/userBatchConfirmUpgrade", NULL), 50000);
	cr_expect_eq(code(&s, "/v2/binding/enduserapi/getGatewayDeviceChildList", NULL), 70020);
	QUERIES(&s, "dk", "x");
	cr_expect_eq(code(&s, OTA "v2/getDeviceUpgradePlan", NULL), 5066);
	QUERIES(&s, "pk", "x");
	cr_expect_eq(code(&s, OTA "v2/getDeviceUpgradePlan", NULL), 5067);
	QUERIES(&s, "pk", "x", "dk", "y");
	cr_expect_eq(code(&s, OTA "v2/getDeviceUpgradePlan", NULL), 5009);
	pass(&s, 2 * HOUR);
	cr_expect_eq(code(&s, OTA "v2/getDeviceUpgradePlan", NULL), 5032, "a token lives 2 h");
	scene_close(&s);
}

Test(dc_open, a_request_of_the_device_alone_yields_no_manual_plan)
{
	struct scene s = scene_open();

	request_plan(&s);
	pass(&s, 1000);
	cr_expect_not(is_offered(&s));
	cr_expect_eq(plan_number(&s, "planId"), 1, "the app sees it");
	cr_expect_eq(plan_number(&s, "userConfirmStatus"), 0);
	cr_expect(confirm(&s, 1, 0, 0));
	pass(&s, 100);
	cr_expect(is_offered(&s), "0111 follows the confirmation");
	cr_expect_eq(plan_number(&s, "userConfirmStatus"), 1);
	scene_close(&s);
}

Test(dc_open, auto_confirm_makes_a_manual_plan_follow_the_request)
{
	struct scene s = scene_open();

	cr_expect_eq(code(&s, OTA "setAutoUpgradeSwitch", NULL), OK);
	request_plan(&s);
	cr_expect(is_offered(&s));
	cr_expect_eq(code(&s, OTA "deleteDeviceUpgrade", NULL), OK);
	AUTO(json) cJSON *doc = ask(&s, OTA "getAutoUpgradeSwitch", NULL);
	cr_expect(cJSON_IsFalse(cJSON_GetObjectItem(doc, "data")));
	request_plan(&s);
	cr_expect_not(is_offered(&s));
	scene_close(&s);
}

Test(dc_open, an_appointment_is_kept_to_the_minute)
{
	struct scene s = scene_open();
	int64_t now = (int64_t)*dc_case_clock();

	cr_expect_not(confirm(&s, 2, now + HOUR, now + 2 * HOUR - 1));
	cr_expect(confirm(&s, 2, now + HOUR, now + 2 * HOUR));
	pass(&s, HOUR - 1);
	request_plan(&s);
	cr_expect_not(is_offered(&s), "too early");
	cr_expect_eq(plan_number(&s, "appointStartTime"), (double)(now + HOUR));
	pass(&s, 1);
	cr_expect(is_offered(&s));
	pass(&s, HOUR);
	request_plan(&s);
	cr_expect_not(is_offered(&s), "too late");
	scene_close(&s);
}

Test(dc_open, a_cancelled_plan_has_failed_and_stays_so)
{
	struct scene s = scene_open();

	cr_expect(confirm(&s, 3, 0, 0));
	cr_expect_eq(plan_number(&s, "deviceStatus"), 3);
	cr_expect_eq(plan_number(&s, "userConfirmStatus"), 3);
	cr_expect_not(confirm(&s, 1, 0, 0));
	cr_expect_not(confirm(&s, 5, 0, 0));
	request_plan(&s);
	pass(&s, 1000);
	cr_expect_not(is_offered(&s));
	scene_close(&s);
}

Test(dc_open, a_failed_upgrade_is_tried_again_at_once_when_a_person_wants_it)
{
	struct scene s = scene_open();

	cr_expect(confirm(&s, 1, 0, 0));
	pass(&s, 100);
	cr_expect(is_offered(&s));
	cr_expect_not(confirm(&s, 5, 0, 0), "it has not failed");
	cr_assert_eq(dc_db_run(s.c->db, "UPDATE progress SET state = 3, due = NULL", ""), ERR_OK);
	pass(&s, 1000);
	cr_expect_not(is_offered(&s));
	cr_expect(confirm(&s, 5, 0, 0));
	pass(&s, 100);
	cr_expect(is_offered(&s));
	AUTO(json)
	cJSON *doc = ask(&s, OTA "v2/getBatchUpgradeDetails", "[{" DEVICE ",\"planId\":\"1\"}]");
	const cJSON *p = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "data"), 0);
	const cJSON *k = cJSON_GetArrayItem(cJSON_GetObjectItem(p, "comVerList"), 0);
	cr_expect_str_eq(vectors_text(k, "tver"), "2.0.0");
	cr_expect_eq(json_number(k, "space"), 5000);
	scene_close(&s);
}

Test(dc_open, a_gateway_s_sub_devices_come_in_pages)
{
	struct scene s = scene_open();

	QUERIES(&s, "pk", DC_CASE_PK, "dk", DC_CASE_DK);
	AUTO(json)
	cJSON *doc = ask(&s, "/v2/binding/enduserapi/getGatewayDeviceChildList", NULL);
	const cJSON *data = cJSON_GetObjectItem(doc, "data");
	const cJSON *d = cJSON_GetArrayItem(cJSON_GetObjectItem(data, "list"), 0);
	cr_expect_eq(json_number(data, "total"), 1);
	cr_expect_str_eq(vectors_text(d, "deviceKey"), DC_CASE_SUB_DK);
	cr_expect_eq(json_number(d, "planId"), 1);
	QUERIES(&s, "pk", DC_CASE_PK, "dk", DC_CASE_DK, "page", "2");
	AUTO(json)
	cJSON *next = ask(&s, "/v2/binding/enduserapi/getGatewayDeviceChildList", NULL);
	cr_expect_eq(cJSON_GetArraySize(cJSON_GetObjectItem(
			 cJSON_GetObjectItem(next, "data"), "list")),
	    0);
	scene_close(&s);
}
