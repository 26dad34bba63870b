/*
 * dc_api: what the console's requests do, who may make them, and what they say when they fail; with
 * the tables of dc_make and dc_state behind them.
 */
#include <criterion/criterion.h>
#include <cjson/cJSON.h>
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "dc_api.h"
#include "dc_talk.h"
#include "json.h"
#include "vectors.h"

enum { OK = 200, BAD = 400, FORBIDDEN = 403, ABSENT = 404, METHOD = 405, CONFLICT = 409,
	MISDIRECTED = 421 };

/* A platform and its console. */
struct scene {
	struct dc_case *c;
	struct dc_api api;
	const char *queries[16]; /* name, value, ... */
};

static struct scene
scene_open(void)
{
	struct scene s = {.c = dc_case_new()};
	char path[500];

	snprintf(path, sizeof(path), "%s/packages", s.c->dir);
	(void)mkdir(path, 0755); /* `init` may have made it */
	*dc_case_clock() = 1000000000000;
	dc_api_init(&s.api, s.c->dc, s.c->dir);
	return s;
}

static const char *
find_query(void *arg, const char *name)
{
	const struct scene *s = arg;

	for (int i = 0; s->queries[i]; i += 2)
		if (strcmp(s->queries[i], name) == 0)
			return s->queries[i + 1];
	return NULL;
}

static struct dc_api_request
request(struct scene *s, const char *method, const char *path)
{
	return (struct dc_api_request){.method = method,
	    .path = path,
	    .host = "127.0.0.1:8080",
	    .token = s->api.token,
	    .query = find_query,
	    .arg = s};
}

/* The answer to an admitted request; caller frees. */
static cJSON *
answer(struct scene *s, const struct dc_api_request *r, unsigned status)
{
	cr_assert_eq(dc_api_admits(&s->api, r), 0);
	struct dc_api_answer a = dc_api_answer(&s->api, r);
	AUTO(mem) char *text = a.text;
	cr_expect_eq(a.status, status, "%s: expected %u, got %u: %s", r->path, status, a.status,
	    text);
	return cJSON_Parse(text);
}

/* POST `body`; the answer's status must be `status`, its error contain `says` (NULL: no error). */
static int64_t
post(struct scene *s, const char *path, const char *body, unsigned status, const char *says)
{
	struct dc_api_request r = request(s, "POST", path);

	r.body = body;
	AUTO(json) cJSON *doc = answer(s, &r, status);
	const cJSON *error = cJSON_GetObjectItem(doc, "error");
	if (says)
		cr_expect(error && strstr(error->valuestring, says), "%s: expected '%s' in: %s",
		    path, says, error ? error->valuestring : "nothing");
	else
		cr_expect_null(error);
	return (int64_t)json_number(doc, "id");
}

static int64_t
upload(struct scene *s, const char *name, size_t size, unsigned status, const char *says)
{
	char path[500];

	snprintf(path, sizeof(path), "%s/upload", s->c->dir);
	FILE *f = fopen(path, "w");
	cr_assert_not_null(f);
	for (size_t i = 0; i < size; i++)
		fputc((int)(i & 255), f);
	fclose(f);
	const char *queries[] = {"file", "fw.bin", "name", name, "component", "app", "target",
	    "2.0.0", "kind", "module", NULL};
	memcpy(s->queries, queries, sizeof(queries));
	struct dc_api_request r = request(s, "POST", "/api/package");
	r.upload = path;
	AUTO(json) cJSON *doc = answer(s, &r, status);
	const cJSON *error = cJSON_GetObjectItem(doc, "error");
	cr_expect(!says || (error && strstr(error->valuestring, says)), "expected '%s'", says);
	return (int64_t)json_number(doc, "id");
}

static cJSON *
state(struct scene *s)
{
	struct dc_api_request r = request(s, "GET", "/api/state");

	return answer(s, &r, OK);
}

/* A text of the newest plan. */
static void
expect_plan(struct scene *s, const char *field, const char *value)
{
	AUTO(json) cJSON *doc = state(s);
	const cJSON *plans = cJSON_GetObjectItem(doc, "plans");
	const cJSON *p = cJSON_GetArrayItem(plans, cJSON_GetArraySize(plans) - 1);

	cr_expect_str_eq(cJSON_GetObjectItem(p, field)->valuestring, value);
}

static unsigned
files(struct scene *s)
{
	char path[500];
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/packages", s->c->dir);
	AUTO(dir) DIR *d = opendir(path);
	cr_assert_not_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	return n;
}

Test(dc_api, only_a_page_of_this_server_may_change_anything)
{
	struct scene s = scene_open();
	static const struct {
		const char *method, *host, *origin;
		int token; /* 0 none, 1 right, 2 wrong, 3 too short */
		unsigned want;
	} rows[] = {
	    {"GET", "127.0.0.1:80", NULL, 0, 0}, {"GET", "localhost:80", NULL, 0, 0},
	    {"GET", "localhost", NULL, 0, 0}, {"GET", "10.1.2.3:80", NULL, 0, 0},
	    {"GET", "evil.example", NULL, 0, MISDIRECTED}, {"GET", "", NULL, 0, MISDIRECTED},
	    {"GET", "localhost.evil.example", NULL, 0, MISDIRECTED},
	    {"GET", NULL, NULL, 0, MISDIRECTED}, {"POST", "evil.example", NULL, 1, MISDIRECTED},
	    {"POST", "localhost:80", NULL, 1, 0},
	    {"POST", "localhost:80", "http://localhost:80", 1, 0},
	    {"POST", "localhost:80", "http://evil.example", 1, FORBIDDEN},
	    {"POST", "localhost:80", "http://localhost:81", 1, FORBIDDEN},
	    {"POST", "localhost:80", "null", 1, FORBIDDEN},
	    {"POST", "localhost:80", NULL, 0, FORBIDDEN},
	    {"POST", "localhost:80", NULL, 2, FORBIDDEN},
	    {"POST", "localhost:80", NULL, 3, FORBIDDEN},
	    {"DELETE", "localhost:80", NULL, 1, METHOD}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char wrong[DC_API_TOKEN + 1];
		const char *const tokens[] = {NULL, s.api.token, wrong, "0"};
		struct dc_api_request r = request(&s, rows[i].method, "/api/state");

		memcpy(wrong, s.api.token, sizeof(wrong));
		wrong[DC_API_TOKEN - 1] ^= 1;
		r.host = rows[i].host;
		r.origin = rows[i].origin;
		r.token = tokens[rows[i].token];
		cr_expect_eq(dc_api_admits(&s.api, &r), rows[i].want, "row %zu", i);
	}
	dc_case_free(s.c);
}

Test(dc_api, a_package_is_checked_and_stored)
{
	struct scene s = scene_open();

	cr_expect_gt(upload(&s, "fw", 5000, OK, NULL), 0);
	cr_expect_eq(files(&s), 1);
	upload(&s, "fw", 5000, CONFLICT, "exists already");
	upload(&s, "empty", 0, BAD, "at least one byte");
	cr_expect_eq(files(&s), 1, "what was refused leaves no file");
	AUTO(json) cJSON *doc = state(&s);
	const cJSON *k = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "packages"), 0);
	cr_expect_eq(json_number(k, "size"), 5000);
	cr_expect_str_eq(vectors_text(k, "target"), "2.0.0");
	cr_expect_eq(strlen(vectors_text(k, "sha256")), 64);
	dc_case_free(s.c);
}

Test(dc_api, a_plan_is_made_lives_and_ends)
{
	struct scene s = scene_open();
	char body[100];

	upload(&s, "fw", 5000, OK, NULL);
	int64_t id = post(&s, "/api/plan",
	    "{\"name\":\"p\",\"product\":\"" DC_CASE_SUB_PK "\",\"packages\":[\"fw\"]}", OK, NULL);
	snprintf(body, sizeof(body), "{\"id\":%lld}", (long long)id);
	expect_plan(&s, "life", "Inactivated");
	post(&s, "/api/plan/suspend", body, CONFLICT, "got one that is inactivated");
	post(&s, "/api/plan/activate", body, OK, NULL);
	expect_plan(&s, "life", "To be upgraded");
	post(&s, "/api/plan/delete", body, CONFLICT, "expected a plan that is inactivated");
	post(&s, "/api/plan/suspend", body, OK, NULL);
	expect_plan(&s, "life", "Suspended");
	post(&s, "/api/plan/terminate", body, OK, NULL);
	expect_plan(&s, "life", "Terminated");
	AUTO(json) cJSON *doc = state(&s);
	const cJSON *p = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "plans"), 0);
	cr_expect_eq(json_number(cJSON_GetObjectItem(p, "counts"), "failed"), 1,
	    "who had not begun counts as failed");
	cr_expect_eq(json_number(p, "success_rate"), 0);
	dc_case_free(s.c);
}

Test(dc_api, a_plan_that_was_never_activated_can_be_deleted)
{
	struct scene s = scene_open();
	char body[100];

	upload(&s, "fw", 5000, OK, NULL);
	int64_t id = post(&s, "/api/plan",
	    "{\"name\":\"p\",\"product\":\"" DC_CASE_SUB_PK "\",\"packages\":[\"fw\"],"
	    "\"white\":[\"A\",\"B\"],\"black\":[\"B\"]}",
	    OK, NULL);
	cr_expect_eq(dc_db_int(s.c->db, 0,
			 "SELECT count(*) FROM plan_device WHERE list = 'white' AND dk = 'B'", ""),
	    0, "black wins");
	snprintf(body, sizeof(body), "{\"id\":%lld}", (long long)id);
	post(&s, "/api/plan/delete", body, OK, NULL);
	post(&s, "/api/plan/delete", body, ABSENT, "expected a plan");
	cr_expect_eq(dc_db_int(s.c->db, 9, "SELECT count(*) FROM plan_device", ""), 0);
	dc_case_free(s.c);
}

Test(dc_api, wrong_plans_are_explained_and_leave_nothing)
{
	struct scene s = scene_open();
	static const struct {
		const char *body;
		unsigned status;
		const char *says;
	} rows[] = {
	    {"", BAD, "JSON object"}, {"[1]", BAD, "JSON object"}, {"{}", BAD, "name"},
	    {"{\"name\":\"p\"}", BAD, "components"},
	    {"{\"name\":\"p\",\"packages\":[\"fw\"],\"product\":\"x\"}", ABSENT, "product"},
	    {"{\"name\":\"p\",\"packages\":[\"no\"],\"product\":\"" DC_CASE_SUB_PK "\"}", ABSENT,
		"no such package"},
	    {"{\"name\":\"p\",\"packages\":[\"fw\"],\"retries\":6}", BAD, "0 to 5, got 6"},
	    {"{\"name\":\"p\",\"packages\":[\"fw\"],\"retries\":\"6\"}", BAD, "retries"},
	    {"{\"name\":\"p\",\"packages\":[\"fw\"],\"retries\":1e300}", BAD, "retries"},
	    {"{\"name\":\"p\",\"packages\":[\"fw\"],\"reject_min\":9}", BAD, "10 to 1440"},
	    {"{\"name\":\"p\",\"packages\":[\"fw\"],\"ends\":5}", BAD, "ends"}};

	upload(&s, "fw", 10, OK, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		post(&s, "/api/plan", rows[i].body, rows[i].status, rows[i].says);
	cr_expect_eq(dc_db_int(s.c->db, 9, "SELECT count(*) FROM plan", ""), 0);
	cr_expect_eq(dc_db_int(s.c->db, 9, "SELECT count(*) FROM plan_component", ""), 0);
	post(&s, "/api/plan/frobnicate", "{}", ABSENT, "no such");
	struct dc_api_request r = request(&s, "GET", "/api/plan");
	cJSON_Delete(answer(&s, &r, METHOD));
	dc_case_free(s.c);
}

Test(dc_api, a_verification_is_for_one_device_that_is_online_and_ends_after_an_hour)
{
	struct scene s = scene_open();
	char body[100];
	int64_t device = dc_db_int(
	    s.c->db, 0, "SELECT id FROM device WHERE dk = ?", "t", DC_CASE_SUB_DK);
	int64_t package = upload(&s, "fw", 10, OK, NULL);

	snprintf(body, sizeof(body), "{\"package\":%lld,\"device\":%lld}", (long long)package,
	    (long long)device);
	post(&s, "/api/verify", body, CONFLICT, "online");
	struct dc_line *l = dc_case_connect(s.c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	dc_line_login(l, 0);
	dc_line_sub_login(l, false);
	while (dc_line_frame(l, v))
		;
	post(&s, "/api/verify", body, OK, NULL);
	cr_expect_eq(dc_line_frame(l, v), 0x0111, "it is offered at once");
	expect_plan(&s, "life", "To be upgraded");
	*dc_case_clock() += 60 * 60000;
	expect_plan(&s, "life", "Ended");
	dc_line_free(l);
	dc_case_free(s.c);
}

Test(dc_api, time_put_ahead_ends_a_plan)
{
	struct scene s = scene_open();

	upload(&s, "fw", 10, OK, NULL);
	post(&s, "/api/plan",
	    "{\"name\":\"p\",\"product\":\"" DC_CASE_SUB_PK "\",\"packages\":[\"fw\"]}", OK, NULL);
	post(&s, "/api/plan/activate", "{\"id\":1}", OK, NULL);
	s.c->dc->ahead_ms = 366 * (int64_t)86400000;
	expect_plan(&s, "life", "Ended");
	dc_case_free(s.c);
}

Test(dc_api, hostile_texts_come_back_as_they_went_in)
{
	struct scene s = scene_open();

	upload(&s, "</script><b>\"'&", 10, OK, NULL);
	AUTO(json) cJSON *doc = state(&s);
	const cJSON *k = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "packages"), 0);
	cr_expect_str_eq(vectors_text(k, "name"), "</script><b>\"'&");
	post(&s, "/api/plan", "{\"name\":\"" "<img onerror=x>\\\"\\u0007" "\",\"product\":\"x\","
			      "\"packages\":[\"fw\"]}",
	    ABSENT, "there is no such product");
	dc_case_free(s.c);
}

Test(dc_api, the_log_is_read_on_from_where_it_was)
{
	struct scene s = scene_open();

	dc_peer_note(s.c->dc, 1, "one");
	dc_peer_note(s.c->dc, 1, "two");
	s.queries[0] = "device";
	s.queries[1] = "1";
	struct dc_api_request r = request(&s, "GET", "/api/log");
	AUTO(json) cJSON *all = answer(&s, &r, OK);
	int n = cJSON_GetArraySize(all);
	cr_assert_geq(n, 2);
	cr_expect_str_eq(vectors_text(cJSON_GetArrayItem(all, n - 1), "text"), "two");
	char after[24];
	snprintf(after, sizeof(after), "%.0f",
	    json_number(cJSON_GetArrayItem(all, n - 2), "id"));
	s.queries[2] = "after";
	s.queries[3] = after;
	AUTO(json) cJSON *rest = answer(&s, &r, OK);
	cr_expect_eq(cJSON_GetArraySize(rest), 1);
	dc_case_free(s.c);
}

Test(dc_api, a_plan_is_made_over_until_it_is_activated)
{
	struct scene s = scene_open();
	char body[400];

	upload(&s, "fw", 10, OK, NULL);
	int64_t id = post(&s, "/api/plan",
	    "{\"name\":\"p\",\"product\":\"" DC_CASE_SUB_PK
	    "\",\"packages\":[\"fw\"],\"white\":[\"A\"]}",
	    OK, NULL);
	snprintf(body, sizeof(body),
	    "{\"id\":%lld,\"name\":\"q\",\"packages\":[\"fw\"],\"versions\":[\"1;2\"],"
	    "\"texts\":{\"zh\":\"x\"},\"mode\":\"manual\",\"black\":[\"B\"]}",
	    (long long)id);
	post(&s, "/api/plan/edit", body, OK, NULL);
	cr_expect_eq(dc_db_int(s.c->db, 0,
			 "SELECT count(*) FROM plan p JOIN plan_device d ON d.plan = p.id "
			 "JOIN plan_text t ON t.plan = p.id JOIN plan_component c ON c.plan = p.id "
			 "WHERE p.name = 'q' AND d.dk = 'B' AND d.list = 'black' "
			 "AND t.lang = 'zh' AND c.versions = '1;2' AND p.mode = 'manual'",
			 ""),
	    1);
	snprintf(body, sizeof(body), "{\"id\":%lld}", (long long)id);
	post(&s, "/api/plan/activate", body, OK, NULL);
	snprintf(body, sizeof(body), "{\"id\":%lld,\"name\":\"r\",\"packages\":[\"fw\"]}",
	    (long long)id);
	post(&s, "/api/plan/edit", body, CONFLICT, "only those can be edited");
	post(&s, "/api/plan/edit", "{\"id\":99,\"name\":\"r\",\"packages\":[\"fw\"]}", ABSENT,
	    "expected a plan");
	dc_case_free(s.c);
}

Test(dc_api, a_person_confirms_and_repeats_for_one_device)
{
	struct scene s = scene_open();

	dc_case_plan(s.c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(s.c->db, "UPDATE plan SET mode = 'manual', retries = 0", "");
	struct dc_line *l = dc_talk_begin(s.c);
	dc_talk_heard(l);
	post(&s, "/api/plan/confirm", "{\"id\":1,\"device\":2,\"oper\":7}", BAD, "operType 1 to 5");
	post(&s, "/api/plan/confirm", "{\"id\":1,\"device\":2,\"oper\":5}", CONFLICT, "failed");
	post(&s, "/api/plan/confirm", "{\"id\":1,\"device\":2,\"oper\":1}", OK, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "0111");
	dc_talk_all(l, "app", (int[]){2, 12, 0});
	post(&s, "/api/plan/retry", "{\"id\":1,\"device\":2}", CONFLICT, "silent plan");
	dc_db_do(s.c->db, "UPDATE plan SET mode = 'silent'", "");
	dc_talk_heard(l);
	post(&s, "/api/plan/retry", "{\"id\":1,\"device\":2}", OK, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "0111", "at once");
	dc_line_free(l);
	dc_case_free(s.c);
}

Test(dc_api, files_are_added_to_a_package_one_by_one)
{
	struct scene s = scene_open();
	int64_t id = upload(&s, "fw", 10, OK, NULL);
	char text[24], path[500];

	snprintf(text, sizeof(text), "%lld", (long long)id);
	snprintf(path, sizeof(path), "%s/upload", s.c->dir);
	const char *queries[] = {"package", text, "file", "two.bin", NULL};
	memcpy(s.queries, queries, sizeof(queries));
	struct dc_api_request r = request(&s, "POST", "/api/package/file");
	cJSON_Delete(answer(&s, &r, BAD));
	r.upload = path;
	for (int i = 1; i <= 5; i++) {
		AUTO(json) cJSON *doc = answer(&s, &r, i < 5 ? OK : BAD);

		cr_expect_eq((int)json_number(doc, "id"), i < 5 ? i : 0);
	}
	AUTO(json) cJSON *doc = state(&s);
	const cJSON *k = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "packages"), 0);
	cr_expect_eq((int)json_number(k, "files"), 5);
	cr_expect_eq((int)json_number(k, "size"), 50);
	dc_case_free(s.c);
}

/* GET with queries; caller frees. */
static cJSON *
get(struct scene *s, const char *path, unsigned status, const char *name, const char *value)
{
	const char *queries[] = {name, value, NULL};
	struct dc_api_request r = request(s, "GET", path);

	memcpy(s->queries, queries, sizeof(queries));
	return answer(s, &r, status);
}

Test(dc_api, a_form_gets_the_whole_plan_and_its_devices_what_may_be_said_of_them)
{
	struct scene s = scene_open();

	dc_case_plan(s.c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(s.c->db, "UPDATE plan SET mode = 'manual', ends = 2000000000000", "");
	dc_db_do(s.c->db, "INSERT INTO plan_text VALUES (1, 'zh', 'x')", "");
	dc_db_do(s.c->db, "INSERT INTO plan_device VALUES (1, 'NOBODY', 'black')", "");
	dc_db_do(s.c->db, "UPDATE plan_component SET versions = '1;2'", "");
	AUTO(json) cJSON *plan = get(&s, "/api/plan/one", OK, "id", "1");
	AUTO(mem) char *text = cJSON_PrintUnformatted(plan);
	cr_expect_str_eq(text, "{\"texts\":{\"zh\":\"x\"},\"white\":[],\"black\":[\"NOBODY\"],"
			       "\"packages\":[\"fw2.0.0\"],\"versions\":[\"1;2\"]}");
	AUTO(json) cJSON *list = get(&s, "/api/plan/devices", OK, "id", "1");
	const cJSON *d = cJSON_GetArrayItem(cJSON_GetObjectItem(list, "devices"), 0);
	AUTO(mem) char *can = cJSON_PrintUnformatted(cJSON_GetObjectItem(d, "can"));
	cr_expect_eq(json_number(list, "total"), 1);
	cr_expect_str_eq(can, "[\"now\",\"appoint\",\"cancel\"]");
	dc_db_do(s.c->db, "UPDATE plan SET mode = 'silent'", "");
	dc_db_do(s.c->db,
	    "INSERT INTO progress (plan, seq, device, state, offered, was) "
	    "VALUES (1, 0, 2, 3, 1, '')",
	    "");
	AUTO(json) cJSON *failed = get(&s, "/api/plan/devices", OK, "id", "1");
	d = cJSON_GetArrayItem(cJSON_GetObjectItem(failed, "devices"), 0);
	AUTO(mem) char *again = cJSON_PrintUnformatted(cJSON_GetObjectItem(d, "can"));
	cr_expect_str_eq(again, "[\"retry\"]");
	cJSON_Delete(get(&s, "/api/plan/one", ABSENT, "id", "2"));
	dc_case_free(s.c);
}

Test(dc_api, misbehaviour_is_set_and_cleared_from_the_console_at_once)
{
	struct scene s = scene_open();

	post(&s, "/api/fault", "{\"name\":\"nonsense\"}", BAD, "lose@0113");
	post(&s, "/api/fault", "{\"name\":\"lose@0113\",\"percent\":0}", BAD, "1 to 100");
	post(&s, "/api/fault", "{\"name\":\"delay\",\"percent\":50}", BAD, "of a kind");
	post(&s, "/api/fault", "{\"name\":\"lose@0111\",\"value\":1,\"times\":1}", OK, NULL);
	post(&s, "/api/fault", "{\"name\":\"no_0113\",\"value\":1}", OK, NULL);
	cr_expect_eq(dc_fault_value(&s.c->dc->faults, DC_FAULT_NO_0113), 1);
	post(&s, "/api/fault/seed", "{\"seed\":9}", OK, NULL);
	cr_expect_eq(s.c->dc->chaos.seed, 9);
	dc_case_plan(s.c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	struct dc_line *l = dc_talk_begin(s.c);
	cr_expect_str_eq(dc_talk_heard(l), "00c3", "0111 is lost");
	AUTO(json) cJSON *all = get(&s, "/api/faults", OK, NULL, NULL);
	cr_expect_eq(cJSON_GetArraySize(cJSON_GetObjectItem(all, "set")), 2);
	cr_expect_eq(
	    cJSON_GetArraySize(cJSON_GetObjectItem(all, "known")), DC_CHAOS_COUNT + DC_FAULT_COUNT);
	post(&s, "/api/fault/clear", "{\"name\":\"no_0113\"}", OK, NULL);
	cr_expect_eq(dc_fault_value(&s.c->dc->faults, DC_FAULT_NO_0113), 0);
	post(&s, "/api/fault/clear", "{}", OK, NULL);
	AUTO(json) cJSON *none = state(&s);
	cr_expect_eq(json_number(none, "faults"), 0);
	dc_line_free(l);
	dc_case_free(s.c);
}
