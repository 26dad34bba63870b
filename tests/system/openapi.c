/*
 * System tests of the platform's OpenAPI on the running Developer Center, with curl and sha256sum:
 * both kinds of token, the lists of a gateway's sub-devices, and what wrong calls get. The calls of
 * a manual upgrade are in manual.c.
 */
#include <string.h>

#include "app.h"
#include "house_case.h"
#include "json.h"
#include "vectors.h"

#define AUTH "/v2/quecauth/accessKeyAuthrize/"
#define GATEWAY "/v2/devicemgr/r1/openapi/product/gateway/"
#define CHILDREN "/v2/binding/enduserapi/getGatewayDeviceChildList"
#define OF_GATEWAY "pk=" HOUSE_GATEWAY_PK "&dk=" HOUSE_GATEWAY_DK

enum { OTHER_PASSWORD = 401 };

TestSuite(openapi, .timeout = 120);

static double
code_of(
    const struct app *a, const char *method, const char *path, const char *token, const char *body)
{
	AUTO(json) cJSON *doc = app_call(a, method, path, token, body);

	return json_number(doc, "code");
}

/* Percent-encoded, as in a query. */
static void
encode(const char *text, char *out, size_t size)
{
	size_t n = 0;

	for (; *text && n + 4 < size; text++)
		n += (size_t)snprintf(out + n, size - n, strchr("=&/+ ", *text) ? "%%%02X" : "%c",
		    (unsigned char)*text);
}

static cJSON *
log_in(const struct app *a, const char *user, const char *password)
{
	char name[400], path[700];

	encode(user, name, sizeof(name));
	snprintf(path, sizeof(path),
	    AUTH "accessKeyLogin?grant_type=password&username=%s&password=%s", name, password);
	return app_call(a, NULL, path, NULL, NULL);
}

/* The signature as a shell would make it. */
static void
sign(const struct app *a, const char *user, const char *secret, char out[65])
{
	char line[500];

	snprintf(line, sizeof(line), "printf '%%s' '%s%s' | sha256sum", user, secret);
	struct tool_result r = TOOL(a->house->dir, "sh", "-c", line);
	snprintf(out, 65, "%.64s", r.out);
}

static void
add_key(const struct app *a, const char *access, const char *secret)
{
	struct tool_result r = HOUSE_DC(a->house, "key", "add", access, "--secret", secret);

	cr_assert_eq(r.status, 0, "%s", r.out);
}

/* Signed in with an access key; its token. */
static void
get_key_token(const struct app *a, char token[300], char refresh[300])
{
	static const char user[] =
	    "ver=1&auth_mode=accessKey&sign_method=sha256&access_key=AK7&timestamp=1700000000000";
	char password[65];

	add_key(a, "AK7", "geheim7");
	sign(a, user, "geheim7", password);
	AUTO(json) cJSON *doc = log_in(a, user, password);
	const cJSON *data = cJSON_GetObjectItem(doc, "data");
	snprintf(token, 300, "%s", json_text(data, "access_token"));
	snprintf(refresh, 300, "%s", json_text(data, "refresh_token"));
	cr_assert(
	    token[0] && refresh[0], "expected two tokens, got code %g", json_number(doc, "code"));
}

/* rule: api-signature */
Test(openapi, the_documentations_example_of_a_signature_opens_the_door)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});
	AUTO(vectors) cJSON *all = vectors_load();
	const cJSON *at, *v = NULL;
	char access[100] = "", again[65];
	struct app a;

	app_sign_in(h, &a);
	cJSON_ArrayForEach(at, all) if (cJSON_GetObjectItem(at, "access_secret")) v = at;
	cr_assert_not_null(v);
	const char *user = vectors_text(v, "username"), *secret = vectors_text(v, "access_secret");
	cr_assert_eq(sscanf(strstr(user, "access_key="), "access_key=%99[^&]", access), 1);
	sign(&a, user, secret, again);
	cr_expect_str_eq(again, vectors_text(v, "password"));
	add_key(&a, access, secret);
	AUTO(json) cJSON *good = log_in(&a, user, vectors_text(v, "password"));
	cr_expect_eq(json_number(good, "code"), APP_OK);
	again[0] = again[0] == '0' ? '1' : '0';
	AUTO(json) cJSON *bad = log_in(&a, user, again);
	cr_expect_eq(json_number(bad, "code"), OTHER_PASSWORD);
}

/* rule: api-token api-token-user api-refresh api-children */
Test(openapi, two_kinds_of_token_open_two_kinds_of_doors_and_can_be_renewed)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){.devices = 3});
	char token[300], refresh[300], path[700], name[400];
	struct app a;

	app_sign_in(h, &a);
	get_key_token(&a, token, refresh);
	AUTO(json)
	cJSON *user = app_call(
	    &a, NULL, CHILDREN "?" OF_GATEWAY "&page=2&pageSize=2", a.token, NULL);
	const cJSON *data = cJSON_GetObjectItem(user, "data");
	cr_expect_eq(json_number(data, "total"), 3);
	cr_expect_eq(
	    cJSON_GetArraySize(cJSON_GetObjectItem(data, "list")), 1, "of the second page");
	AUTO(json) cJSON *saas = app_call(&a, NULL, GATEWAY "subList?" OF_GATEWAY, token, NULL);
	cr_expect_eq(json_number(cJSON_GetObjectItem(saas, "data"), "total"), 3);
	cr_expect_eq(code_of(&a, NULL, GATEWAY "subList?" OF_GATEWAY, a.token, NULL), 91005);
	cr_expect_eq(code_of(&a, NULL, CHILDREN "?" OF_GATEWAY, token, NULL), 5041);
	encode(refresh, name, sizeof(name));
	snprintf(path, sizeof(path), AUTH "refreshToken?grant_type=refresh_token&refresh_token=%s",
	    name);
	AUTO(json) cJSON *renewed = app_call(&a, NULL, path, NULL, NULL);
	cr_expect_eq(json_number(renewed, "code"), APP_OK);
	cr_expect(json_text(cJSON_GetObjectItem(renewed, "data"), "access_token")[0]);
}

/* rule: api-errors */
Test(openapi, wrong_calls_get_the_documented_codes)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});
	char saas[300], refresh[300];
	struct app a;

	app_sign_in(h, &a);
	get_key_token(&a, saas, refresh);
	const struct {
		const char *path, *token;
		int code;
	} rows[] = {
	    {"/v2/nothing", NULL, 404},
	    {CHILDREN "?" OF_GATEWAY, NULL, 5032},
	    {CHILDREN "?" OF_GATEWAY, "Bearer nonsense", 5032},
	    {"/v2/ota/enduserapi/v2/getDeviceUpgradePlan?dk=METER1", a.token, 5066},
	    {"/v2/ota/enduserapi/v2/getDeviceUpgradePlan?pk=" HOUSE_PK, a.token, 5067},
	    {"/v2/ota/enduserapi/v2/getDeviceUpgradePlan?pk=" HOUSE_PK "&dk=NOBODY", a.token, 5009},
	    {GATEWAY "subList?" OF_GATEWAY, NULL, 91001},
	    {GATEWAY "subList?" OF_GATEWAY, "QJWT nonsense", 91004},
	    {GATEWAY "subList?pk=" HOUSE_PK "&dk=METER1", saas, 70020},
	    {GATEWAY "subList", saas, 50007},
	    {GATEWAY "getGatewayProductByChildDevice?" OF_GATEWAY, saas, 70029},
	    {AUTH "refreshToken?grant_type=refresh_token&refresh_token=x", NULL, 91004},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(code_of(&a, NULL, rows[i].path, rows[i].token, NULL), rows[i].code,
		    "%s: expected %d", rows[i].path, rows[i].code);
}
