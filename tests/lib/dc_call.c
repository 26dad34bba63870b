/*
 * dc_call: see dc_call.h.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_call.h"
#include "json.h"
#include "vectors.h"

static const char *
find_query(void *arg, const char *name)
{
	const struct dc_call *s = arg;

	for (int i = 0; s->queries[i]; i += 2)
		if (strcmp(s->queries[i], name) == 0)
			return s->queries[i + 1];
	return NULL;
}

cJSON *
dc_call_ask(struct dc_call *s, const char *path, const char *body)
{
	const struct dc_open_request r = {.path = path,
	    .authorization = s->token[0] ? s->token : NULL,
	    .body = body,
	    .address = s->address,
	    .query = find_query,
	    .arg = s};
	AUTO(mem) char *text = dc_open_answer(s->c->dc, &r);

	return cJSON_Parse(text);
}

int
dc_call_code(struct dc_call *s, const char *path, const char *body)
{
	AUTO(json) cJSON *doc = dc_call_ask(s, path, body);

	return (int)json_number(doc, "code");
}

void
dc_call_set(struct dc_call *s, const char *const *queries)
{
	for (int i = 0; i < 12; i++)
		s->queries[i] = NULL;
	for (int i = 0; queries[i]; i++)
		s->queries[i] = queries[i];
}

void
dc_call_as_user(struct dc_call *s)
{
	DC_CALL_QUERIES(s, "phone", "observer", "pwd", "observer");
	AUTO(json) cJSON *doc = dc_call_ask(s, "/v2/enduser/enduserapi/phonePwdLogin", NULL);
	cr_assert_eq(json_number(doc, "code"), DC_CALL_OK);
	const cJSON *data = cJSON_GetObjectItem(doc, "data");
	snprintf(s->token, sizeof(s->token), "%s",
	    vectors_text(cJSON_GetObjectItem(data, "accessToken"), "token"));
	cr_expect_eq(strncmp(s->token, "Bearer ", 7), 0);
	DC_CALL_QUERIES(s, "pk", DC_CASE_SUB_PK, "dk", DC_CASE_SUB_DK);
}

void
dc_call_as_key(struct dc_call *s)
{
	static const char *const user = "ver=1&auth_mode=accessKey&sign_method=sha256&"
					"access_key=AK&timestamp=1000";
	char sign[65];

	dc_db_do(s->c->db, "INSERT OR REPLACE INTO access_key (access, secret) VALUES ('AK', ?)",
	    "t", "geheim");
	dc_open_sign(user, "geheim", sign);
	DC_CALL_QUERIES(s, "username", user, "password", sign);
	AUTO(json) cJSON *doc = dc_call_ask(s, DC_CALL_KEY_LOGIN, NULL);
	snprintf(s->token, sizeof(s->token), "%s",
	    vectors_text(cJSON_GetObjectItem(doc, "data"), "access_token"));
	cr_expect_eq(strncmp(s->token, "QJWT ", 5), 0);
	DC_CALL_QUERIES(s, "productKey", DC_CASE_SUB_PK, "deviceKey", DC_CASE_SUB_DK);
}

bool
dc_call_is_offered(struct dc_call *s)
{
	return strstr(dc_talk_heard(s->l), "0111") != NULL;
}

struct dc_call
dc_call_open(void)
{
	struct dc_call s = {.c = dc_case_new()};

	*dc_case_clock() = 1000000000000;
	dc_case_plan(s.c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(s.c->db, "UPDATE plan SET mode = 'manual', starts = ?, ends = ?", "ii",
	    (int64_t)*dc_case_clock(), (int64_t)*dc_case_clock() + 10 * (int64_t)DC_CALL_HOUR);
	s.l = dc_talk_begin(s.c);
	dc_call_as_user(&s);
	return s;
}

void
dc_call_close(struct dc_call *s)
{
	dc_line_free(s->l);
	dc_case_free(s->c);
}

bool
dc_call_confirm(struct dc_call *s, int oper, int64_t from, int64_t to)
{
	char body[400];

	snprintf(body, sizeof(body),
	    "[{" DC_CALL_DEVICE ",\"planId\":1,\"operType\":%d,\"appointStartTime\":%lld,"
	    "\"appointEndTime\":%lld}]",
	    oper, (long long)from, (long long)to);
	AUTO(json) cJSON *doc = dc_call_ask(s, DC_CALL_OTA "v2/userBatchConfirmUpgrade", body);
	const cJSON *data = cJSON_GetObjectItem(doc, "data");
	int good = cJSON_GetArraySize(cJSON_GetObjectItem(data, "successList"));
	cr_expect_eq(good + cJSON_GetArraySize(cJSON_GetObjectItem(data, "failList")), 1);
	return good == 1;
}

double
dc_call_plan_number(struct dc_call *s, const char *field)
{
	AUTO(json) cJSON *doc = dc_call_ask(s, DC_CALL_OTA "v2/getDeviceUpgradePlan", NULL);
	const cJSON *item = cJSON_GetObjectItem(cJSON_GetObjectItem(doc, "data"), field);

	cr_expect_eq(json_number(doc, "code"), DC_CALL_OK);
	return cJSON_IsNumber(item) ? item->valuedouble : -1;
}
