/*
 * app: see app.h.
 */
#include "app.h"

#include <criterion/criterion.h>
#include <string.h>

#include "house_db.h"
#include "json.h"

#define OTA "/v2/ota/"

cJSON *
app_call(
    const struct app *a, const char *method, const char *path, const char *token, const char *body)
{
	char url[600], ca[300], header[400] = "Accept: */*";
	const char *argv[20] = {"curl", "-s", "--max-time", "30", "--cacert", ca, "-H", header};
	size_t n = 8;

	snprintf(url, sizeof(url), "%s%s", a->base, path);
	snprintf(ca, sizeof(ca), "%s/devcenter/ca.pem", a->house->dir);
	if (token)
		snprintf(header, sizeof(header), "Authorization: %s", token);
	if (method) {
		argv[n++] = "-X";
		argv[n++] = method;
	}
	if (body) {
		argv[n++] = "-d";
		argv[n++] = body;
	}
	argv[n++] = url;
	struct tool_result r = tool_run(a->house->dir, argv);
	cJSON *doc = cJSON_Parse(r.out);
	cr_assert_not_null(
	    doc, "%s: expected a document, got status %d: %s", path, r.status, r.out);
	return doc;
}

void
app_sign_in(struct house *h, struct app *out)
{
	struct tool_result r = HOUSE_DC(h, "account", "add", "anna", "--password", "geheim");

	*out = (struct app){.house = h};
	cr_assert_eq(r.status, 0, "%s", r.out);
	snprintf(out->base, sizeof(out->base), "https://127.0.0.1:%u", h->https);
	AUTO(json)
	cJSON *doc = app_call(
	    out, NULL, "/v2/enduser/enduserapi/phonePwdLogin", NULL, "phone=anna&pwd=geheim");
	const cJSON *data = cJSON_GetObjectItem(doc, "data");
	snprintf(out->token, sizeof(out->token), "%s",
	    json_text(cJSON_GetObjectItem(data, "accessToken"), "token"));
	cr_assert(out->token[0], "expected a token");
}

cJSON *
app_get(const struct app *a, const char *call)
{
	char path[500];

	snprintf(path, sizeof(path), OTA "%s", call);
	return app_call(a, NULL, path, a->token, NULL);
}

static cJSON *
post(const struct app *a, const char *call, const char *body)
{
	char path[200];

	snprintf(path, sizeof(path), OTA "%s", call);
	return app_call(a, NULL, path, a->token, body);
}

cJSON *
app_plan(const struct app *a, const char *dk)
{
	char call[200];

	snprintf(
	    call, sizeof(call), "enduserapi/v2/getDeviceUpgradePlan?pk=%s&dk=%s", HOUSE_PK, dk);
	AUTO(json) cJSON *doc = app_get(a, call);
	cr_assert_eq(json_number(doc, "code"), APP_OK);
	cJSON *data = cJSON_DetachItemFromObject(doc, "data");
	if (cJSON_IsObject(data))
		return data;
	cJSON_Delete(data);
	return NULL;
}

static void
name_plan(const struct app *a, const char *dk, char out[160])
{
	snprintf(out, 160, "\"productKey\":\"%s\",\"deviceKey\":\"%s\",\"planId\":%ld", HOUSE_PK,
	    dk, house_db_ask(a->house, "SELECT max(id) FROM plan"));
}

bool
app_confirm(const struct app *a, const char *dk, enum app_wish wish, int64_t starts, int64_t ends)
{
	char body[400], plan[160];

	name_plan(a, dk, plan);
	snprintf(body, sizeof(body),
	    "[{%s,\"operType\":%d,\"appointStartTime\":%lld,\"appointEndTime\":%lld}]", plan, wish,
	    (long long)starts, (long long)ends);
	AUTO(json) cJSON *doc = post(a, "enduserapi/v2/userBatchConfirmUpgrade", body);
	const cJSON *data = cJSON_GetObjectItem(doc, "data");
	int good = cJSON_GetArraySize(cJSON_GetObjectItem(data, "successList"));
	int bad = cJSON_GetArraySize(cJSON_GetObjectItem(data, "failList"));
	cr_assert_eq(good + bad, 1, "expected one answer");
	return good == 1;
}

cJSON *
app_details(const struct app *a, const char *dk)
{
	char body[200], plan[160];

	name_plan(a, dk, plan);
	snprintf(body, sizeof(body), "[{%s}]", plan);
	AUTO(json) cJSON *doc = post(a, "enduserapi/v2/getBatchUpgradeDetails", body);
	return cJSON_DetachItemFromArray(cJSON_GetObjectItem(doc, "data"), 0);
}
