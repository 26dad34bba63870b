/*
 * dc_open: see dc_open.h. Which path does what, for which kind of token, is one table; the calls
 * are in dc_open_*.c, what a device's plan looks like in dc_open_plan.c.
 */
#include "dc_open_call.h"

#include <stdlib.h>
#include <string.h>

char *
dc_open_say(int code, const char *msg, cJSON *data)
{
	AUTO(cjson) cJSON *doc = cJSON_CreateObject();

	cJSON_AddNumberToObject(doc, "code", code);
	cJSON_AddStringToObject(doc, "msg", msg);
	cJSON_AddItemToObject(doc, "data", data ? data : cJSON_CreateNull());
	cJSON_AddNullToObject(doc, "extMsg");
	return cJSON_PrintUnformatted(doc);
}

const char *
dc_open_query(const struct dc_open_request *r, const char *name)
{
	const char *value = r->query ? r->query(r->arg, name) : NULL;

	return value ? value : "";
}

const char *
dc_open_text(const cJSON *o, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsString(item) ? item->valuestring : "";
}

int64_t
dc_open_number(const cJSON *o, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, name);

	if (cJSON_IsString(item))
		return strtoll(item->valuestring, NULL, 10);
	if (!cJSON_IsNumber(item) || !(item->valuedouble > -9e15 && item->valuedouble < 9e15))
		return 0;
	return (int64_t)item->valuedouble;
}

/* A whole number from 1 to max; `otherwise` when it is not given. */
static bool
read_positive(const char *text, int64_t otherwise, int64_t max, int64_t *out)
{
	char *end = NULL;

	*out = otherwise;
	if (!*text)
		return true;
	*out = strtoll(text, &end, 10);
	return *end == '\0' && *out >= 1 && *out <= max;
}

bool
dc_open_page(const struct dc_open_request *r, const char *page_name, int64_t *page, int64_t *size)
{
	return read_positive(dc_open_query(r, page_name), 1, DC_OPEN_ITEMS, page) &&
	       read_positive(dc_open_query(r, "pageSize"), 10, 100, size);
}

/* clang-format off */
#define GATEWAY "/v2/devicemgr/r1/openapi/product/gateway/"
/* path ("*": after the prefix of the OTA calls), kind of token ("": none), body (a JSON array), what
 * answers */
static const struct row {
	const char *path, *kind;
	bool list;
	dc_open_call *run;
} rows[] = {
	{"/v2/quecauth/accessKeyAuthrize/accessKeyLogin",      "",     false, dc_open_key_login},
	{"/v2/quecauth/accessKeyAuthrize/refreshToken",        "",     false, dc_open_key_refresh},
	{"/v2/enduser/enduserapi/phonePwdLogin",               "",     false, dc_open_phone_login},
	{"/v2/enduser/enduserapi/emailPwdLogin",               "",     false, dc_open_email_login},
	{"/v2/enduser/enduserapi/refreshToken",                "",     false, dc_open_user_refresh},
	{"*/enduserapi/v2/getDeviceUpgradePlan",               "user", false, dc_open_get_plan},
	{"*/enduserapi/v2/userBatchConfirmUpgrade",            "user", true,  dc_open_confirm},
	{"*/enduserapi/v2/getBatchUpgradeDetails",             "user", true,  dc_open_details},
	{"*/enduserapi/v2/getUpgradePlanDeviceList",           "user", false, dc_open_plan_devices},
	{"*/enduserapi/v2/getUserIsHaveDeviceUpgrade",         "user", false, dc_open_have_upgrade},
	{"*/enduserapi/setAutoUpgradeSwitch",                  "user", false, dc_open_switch},
	{"*/enduserapi/getAutoUpgradeSwitch",                  "user", false, dc_open_switch},
	{"*/enduserapi/deleteDeviceUpgrade",                   "user", false, dc_open_switch},
	{"/v2/binding/enduserapi/getFetchPlan",                "user", false, dc_open_fetch_plan},
	{"/v2/binding/enduserapi/reportUpgradeStatus",         "user", false, dc_open_report},
	{"/v2/binding/enduserapi/getGatewayDeviceChildList",   "user", false, dc_open_children},
	{GATEWAY "subList",                                    "saas", false, dc_open_sub_list},
	{GATEWAY "getGatewayProductByChildDevice",             "saas", false, dc_open_gateway_of},
	{GATEWAY "unbind",                                     "saas", false, dc_open_unbind},
};
/* clang-format on */

static bool
is_path(const struct dc *dc, const char *row, const char *path)
{
	const char *prefix = dc->ota_prefix ? dc->ota_prefix : "/v2/ota";
	size_t n = strlen(prefix);

	if (row[0] != '*')
		return strcmp(row, path) == 0;
	return strncmp(path, prefix, n) == 0 && strcmp(path + n, row + 1) == 0;
}

static char *
run(struct dc *dc, const struct row *row, const struct dc_open_request *r)
{
	AUTO(cjson) cJSON *doc = r->body ? cJSON_Parse(r->body) : NULL;
	int64_t forced;

	if (dc_fault_strikes(&dc->faults, DC_FAULT_OPEN_CODE, &forced))
		return dc_open_fail((int)forced, "refused, as ordered");
	int code = dc_open_check(dc, r, row->kind);
	if (code)
		return dc_open_fail(code, "Authorization: expected a valid token of this kind");
	if (row->list && (!cJSON_IsArray(doc) || cJSON_GetArraySize(doc) > DC_OPEN_ITEMS))
		return dc_open_fail(DC_OPEN_PARAMETER, "expected a JSON array of at most 10000");
	return row->run(dc, r, doc);
}

char *
dc_open_answer(struct dc *dc, const struct dc_open_request *r)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!is_path(dc, rows[i].path, r->path))
			continue;
		dc_db_begin(dc->db);
		char *got = run(dc, &rows[i], r);
		dc_db_commit(dc->db);
		return got;
	}
	return dc_open_fail(DC_OPEN_NOT_FOUND, "there is no such call");
}
