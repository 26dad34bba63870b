/*
 * dc_open: see dc_open.h. Which path does what, for which kind of token, is one table; what a
 * device's plan looks like is dc_open_plan.c.
 */
#include "dc_open.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "dc_open_plan.h"
#include "dc_rule.h"
#include "dc_state.h"
#include "dc_user.h"

/* clang-format off */
enum { OK = 200, UNAUTHORIZED = 401, NOT_FOUND = 404, BAD_DEVICE = 5009, BAD_TOKEN = 5032,
	NO_PERMISSION = 5041, NO_PK = 5066, NO_DK = 5067, BAD_REQUEST = 50000,
	NOT_A_GATEWAY = 70020, REFRESH_DAYS = 30, ITEMS_MAX = 10000 };
/* clang-format on */

static char *
envelope(int code, const char *msg, cJSON *data)
{
	AUTO(cjson) cJSON *doc = cJSON_CreateObject();

	cJSON_AddNumberToObject(doc, "code", code);
	cJSON_AddStringToObject(doc, "msg", msg);
	cJSON_AddItemToObject(doc, "data", data ? data : cJSON_CreateNull());
	cJSON_AddNullToObject(doc, "extMsg");
	return cJSON_PrintUnformatted(doc);
}

static char *
error(int code, const char *msg)
{
	return envelope(code, msg, NULL);
}

static const char *
query(const struct dc_open_request *r, const char *name)
{
	const char *value = r->query ? r->query(r->arg, name) : NULL;

	return value ? value : "";
}

/* --- tokens ---------------------------------------------------------------------------------- */

void
dc_open_sign(const char *user, const char *secret, char out[65])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	size_t n = strlen(user), k = strlen(secret);
	AUTO(mem) uint8_t *both = dc_peer_alloc(n + k + 1);

	memcpy(both, user, n);
	memcpy(both + n, secret, k);
	SHA256(both, n + k, digest);
	for (unsigned i = 0; i < sizeof(digest); i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
}

static void
make_token(struct dc *dc, const char *prefix, char out[60])
{
	uint8_t raw[16];
	size_t n = (size_t)snprintf(out, 60, "%s", prefix);

	dc->random(raw, sizeof(raw));
	for (unsigned i = 0; i < sizeof(raw); i++)
		n += (size_t)snprintf(out + n, 60 - n, "%02x", raw[i]);
}

/* A new token of a kind; both texts are 60 bytes. */
static void
grant(struct dc *dc, const char *kind, char *token, char *refresh)
{
	int64_t now = dc_peer_now(dc);
	bool saas = strcmp(kind, "saas") == 0;

	make_token(dc, saas ? "QJWT " : "Bearer ", token);
	make_token(dc, "", refresh);
	dc_db_do(dc->db,
	    "INSERT INTO token (token, refresh, kind, expires, refresh_until) "
	    "VALUES (?, ?, ?, ?, ?)",
	    "tttii", token, refresh, kind, now + DC_OPEN_TOKEN_MS,
	    now + (saas ? 1 : REFRESH_DAYS) * (int64_t)DC_OPEN_REFRESH_MS);
}

static char *
say_saas(struct dc *dc)
{
	char token[60], refresh[60];
	cJSON *data = cJSON_CreateObject();

	grant(dc, "saas", token, refresh);
	cJSON_AddStringToObject(data, "access_token", token);
	cJSON_AddStringToObject(data, "refresh_token", refresh);
	cJSON_AddStringToObject(data, "token_type", "jwt");
	cJSON_AddNumberToObject(data, "expires_in", (int)(DC_OPEN_TOKEN_MS / 1000));
	return envelope(OK, "", data);
}

/* Value of `name` in "a=1&b=2" (not escaped). */
static void
part_of(const char *text, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);

	out[0] = '\0';
	for (const char *at = text; *at; at += *at == '&') {
		size_t len = strcspn(at, "&");

		if (len > n && at[n] == '=' && memcmp(at, name, n) == 0)
			snprintf(out, size, "%.*s", (int)(len - n - 1), at + n + 1);
		at += len;
	}
}

static char *
on_access_login(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	char access[65], want[65];
	const char *user = query(r, "username");

	(void)doc;
	part_of(user, "access_key", access, sizeof(access));
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    dc->db, "SELECT secret FROM access_key WHERE access = ?", "t", access);
	if (!dc_query_next(q))
		return error(UNAUTHORIZED, "access_key: expected one that was added, got another");
	dc_open_sign(user, dc_query_text(q, 0), want);
	if (strcmp(query(r, "password"), want) != 0)
		return error(UNAUTHORIZED, "password: expected the signature of username");
	return say_saas(dc);
}

static char *
on_refresh(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	(void)doc;
	int64_t found = dc_db_int(dc->db, 0,
	    "SELECT count(*) FROM token WHERE refresh = ? AND kind = 'saas' AND refresh_until > ?",
	    "ti", query(r, "refresh_token"), dc_peer_now(dc));
	if (!found)
		return error(BAD_TOKEN, "refresh_token: expected one that is valid");
	dc_db_do(dc->db, "DELETE FROM token WHERE refresh = ?", "t", query(r, "refresh_token"));
	return say_saas(dc);
}

static char *
on_user_login(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	char token[60], refresh[60];

	(void)doc;
	if (!dc_db_int(dc->db, 0, "SELECT count(*) FROM account WHERE user = ? AND password = ?",
		"tt", query(r, "phone"), query(r, "pwd")))
		return error(UNAUTHORIZED, "phone, pwd: expected an account");
	grant(dc, "user", token, refresh);
	cJSON *data = cJSON_CreateObject();
	cJSON *access = cJSON_AddObjectToObject(data, "accessToken");
	cJSON *again = cJSON_AddObjectToObject(data, "refreshToken");
	cJSON_AddStringToObject(access, "token", token);
	cJSON_AddStringToObject(again, "token", refresh);
	return envelope(OK, "", data);
}

/* --- plans ----------------------------------------------------------------------------------- */

static int64_t
device_of(struct dc *dc, const char *pk, const char *dk)
{
	return dc_db_int(
	    dc->db, 0, "SELECT id FROM device WHERE pk = ? AND dk = ?", "tt", pk, dk);
}

/* The device of the query's pk and dk into *device; 0, or the code that refuses. */
static int
asked_device(struct dc *dc, const struct dc_open_request *r, int64_t *device)
{
	if (!*query(r, "pk"))
		return NO_PK;
	if (!*query(r, "dk"))
		return NO_DK;
	*device = device_of(dc, query(r, "pk"), query(r, "dk"));
	return *device ? 0 : BAD_DEVICE;
}

static char *
on_plan(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	int64_t device;
	int code = asked_device(dc, r, &device);

	(void)doc;
	if (code)
		return error(code, "pk, dk: expected a device");
	return envelope(OK, "", dc_open_plan(dc, device, dc_open_plan_of(dc, device)));
}

static const char *
text(const cJSON *o, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsString(item) ? item->valuestring : "";
}

/* A number, also as text; anything else is 0. */
static int64_t
number(const cJSON *o, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, name);

	if (cJSON_IsString(item))
		return strtoll(item->valuestring, NULL, 10);
	if (!cJSON_IsNumber(item) || !(item->valuedouble > -9e15 && item->valuedouble < 9e15))
		return 0;
	return (int64_t)item->valuedouble;
}

static char *
on_confirm(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	cJSON *data = cJSON_CreateObject();
	cJSON *good = cJSON_AddArrayToObject(data, "successList");
	cJSON *bad = cJSON_AddArrayToObject(data, "failList");
	const cJSON *item;

	(void)r;
	cJSON_ArrayForEach(item, doc)
	{
		char why[DC_RULE_WHY] = "expected a device, got none of that name";
		const struct dc_user_wish w = {number(item, "operType"),
		    number(item, "appointStartTime"), number(item, "appointEndTime")};
		int64_t device = device_of(dc, text(item, "productKey"), text(item, "deviceKey"));
		bool ok = device && !dc_user_confirm(dc->db, number(item, "planId"), device, &w,
					dc_peer_now(dc), why);
		cJSON *row = cJSON_CreateObject();

		cJSON_AddItemToArray(ok ? good : bad, row);
		cJSON_AddStringToObject(row, "productKey", text(item, "productKey"));
		cJSON_AddStringToObject(row, "deviceKey", text(item, "deviceKey"));
		cJSON_AddNumberToObject(row, "planId", (double)number(item, "planId"));
		if (!ok)
			cJSON_AddStringToObject(row, "msg", why);
	}
	return envelope(OK, "", data);
}

static char *
on_details(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	cJSON *data = cJSON_CreateArray();
	const cJSON *item;

	(void)r;
	cJSON_ArrayForEach(item, doc)
	{
		int64_t device = device_of(dc, text(item, "productKey"), text(item, "deviceKey"));

		cJSON_AddItemToArray(data, dc_open_plan(dc, device, number(item, "planId")));
	}
	return envelope(OK, "", data);
}

/* The auto-confirm switch: set, get, delete are on, query, off. */
static char *
on_switch(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	int64_t device;
	int code = asked_device(dc, r, &device);
	const char *verb = strrchr(r->path, '/') + 1;

	(void)doc;
	if (code)
		return error(code, "pk, dk: expected a device");
	if (verb[0] != 'g')
		dc_db_do(dc->db, "UPDATE device SET auto_upgrade = ? WHERE id = ?", "ii",
		    (int64_t)(verb[0] == 's'), device);
	return envelope(OK, "",
	    cJSON_CreateBool(dc_db_int(
		dc->db, 0, "SELECT auto_upgrade FROM device WHERE id = ?", "i", device)));
}

static char *
on_children(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	int64_t gateway, page = strtoll(query(r, "page"), NULL, 10);
	int64_t size = strtoll(query(r, "pageSize"), NULL, 10);
	int code = asked_device(dc, r, &gateway);

	(void)doc;
	if (code)
		return error(code, "pk, dk: expected a device");
	if (!dc_db_int(dc->db, 0,
		"SELECT count(*) FROM device d JOIN product p ON p.pk = d.pk "
		"WHERE d.id = ? AND p.kind = 'gateway'",
		"i", gateway))
		return error(NOT_A_GATEWAY, "expected a device of a gateway product");
	size = size >= 1 && size <= 100 ? size : 10;
	page = page >= 1 && page <= ITEMS_MAX ? page : 1;
	return envelope(OK, "", dc_open_children(dc, gateway, page, size));
}

/* clang-format off */
#define OTA "/v2/ota/enduserapi/"
/* path, kind of token ("" for none), whether the body is a JSON array, what answers */
static const struct row {
	const char *path, *kind;
	bool list;
	char *(*run)(struct dc *, const struct dc_open_request *, const cJSON *);
} rows[] = {
	{"/v2/quecauth/accessKeyAuthrize/accessKeyLogin",      "",     false, on_access_login},
	{"/v2/quecauth/accessKeyAuthrize/refreshToken",        "",     false, on_refresh},
	{"/v2/enduser/enduserapi/phonePwdLogin",               "",     false, on_user_login},
	{OTA "v2/getDeviceUpgradePlan",                        "user", false, on_plan},
	{OTA "v2/userBatchConfirmUpgrade",                     "user", true,  on_confirm},
	{OTA "v2/getBatchUpgradeDetails",                      "user", true,  on_details},
	{OTA "setAutoUpgradeSwitch",                           "user", false, on_switch},
	{OTA "getAutoUpgradeSwitch",                           "user", false, on_switch},
	{OTA "deleteDeviceUpgrade",                            "user", false, on_switch},
	{"/v2/binding/enduserapi/getGatewayDeviceChildList",   "user", false, on_children},
	{"/v2/devicemgr/r1/openapi/product/gateway/subList",   "saas", false, on_children},
};
/* clang-format on */

/* 0, or the code that refuses a request for a row. */
static int
check_token(struct dc *dc, const char *token, const char *kind)
{
	if (!*kind)
		return 0;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT kind FROM token WHERE token = ? AND expires > ?", "ti", token ? token : "",
	    dc_peer_now(dc));
	if (!dc_query_next(q))
		return BAD_TOKEN;
	return strcmp(dc_query_text(q, 0), kind) == 0 ? 0 : NO_PERMISSION;
}

char *
dc_open_answer(struct dc *dc, const struct dc_open_request *r)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].path, r->path) != 0)
			continue;
		AUTO(cjson) cJSON *doc = r->body ? cJSON_Parse(r->body) : NULL;
		int code = check_token(dc, r->authorization, rows[i].kind);
		if (code)
			return error(code, "Authorization: expected a valid token of this kind");
		if (rows[i].list &&
		    (!cJSON_IsArray(doc) || cJSON_GetArraySize(doc) > ITEMS_MAX))
			return error(BAD_REQUEST, "expected a JSON array of at most 10000");
		dc_db_begin(dc->db);
		char *got = rows[i].run(dc, r, doc);
		dc_db_commit(dc->db);
		return got;
	}
	return error(NOT_FOUND, "there is no such call");
}
