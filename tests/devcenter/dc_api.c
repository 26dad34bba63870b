/*
 * dc_api: see dc_api.h. Which path does what is one table.
 */
#include "dc_api.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "dc_fault_store.h"
#include "dc_make.h"
#include "dc_order.h"
#include "dc_platform.h"
#include "dc_state.h"
#include "dc_user.h"

/* clang-format off */
enum { OK = 200, BAD = 400, FORBIDDEN = 403, ABSENT = 404, METHOD = 405, CONFLICT = 409,
	MISDIRECTED = 421, BROKEN = 500, NAMES_MAX = DC_RULE_AT_ONCE, TEXTS_MAX = 8, TEXT_MAX = 600 };
/* clang-format on */

static struct dc_api_answer
answer(unsigned status, cJSON *doc)
{
	struct dc_api_answer a = {status, cJSON_PrintUnformatted(doc)};

	cJSON_Delete(doc);
	return a;
}

static struct dc_api_answer
error(unsigned status, const char *sentence)
{
	cJSON *doc = cJSON_CreateObject();

	cJSON_AddStringToObject(doc, "error", sentence);
	return answer(status, doc);
}

static struct dc_api_answer
outcome(enum err err, const char *why, int64_t id)
{
	cJSON *doc;

	switch (err) {
	case ERR_OK:
		doc = cJSON_CreateObject();
		cJSON_AddNumberToObject(doc, "id", (double)id);
		return answer(OK, doc);
	case ERR_NOT_FOUND:
		return error(ABSENT, why);
	case ERR_EXISTS:
	case ERR_PHASE:
	case ERR_OFFLINE:
		return error(CONFLICT, why);
	case ERR_SYSTEM:
	case ERR_FULL:
		return error(BROKEN, why);
	default:
		return error(BAD, why);
	}
}

/* --- reading --------------------------------------------------------------------------------- */

static const char *
query(const struct dc_api_request *r, const char *name)
{
	const char *value = r->query ? r->query(r->arg, name) : NULL;

	return value ? value : "";
}

static const char *
query_or_null(const struct dc_api_request *r, const char *name)
{
	const char *value = query(r, name);

	return *value ? value : NULL;
}

static const char *
text(const cJSON *doc, const char *name, const char *otherwise)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(doc, name);

	return cJSON_IsString(item) && *item->valuestring ? item->valuestring : otherwise;
}

/* A whole number of at most 2^53; anything else is -2^53, which no rule allows. */
static int64_t
number(const cJSON *doc, const char *name, int64_t otherwise)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(doc, name);
	const double most = 9007199254740992.0;

	if (!item || cJSON_IsNull(item))
		return otherwise;
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= -most && item->valuedouble <= most))
		return -(int64_t)most;
	return (int64_t)item->valuedouble;
}

/* The texts of an array, borrowed; returns how many there are, at most `max` of them in `out`. */
static unsigned
names(const cJSON *doc, const char *name, const char **out, unsigned max)
{
	const cJSON *item;
	unsigned n = 0;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(doc, name))
	{
		if (!cJSON_IsString(item))
			continue;
		if (n < max)
			out[n] = item->valuestring;
		n++;
	}
	return n;
}

/* --- the requests ---------------------------------------------------------------------------- */

static struct dc_api_answer
on_state(struct dc_api *a, const struct dc_api_request *r, const cJSON *doc)
{
	cJSON *all = dc_state_all(a->dc->db, dc_peer_now(a->dc), false);

	(void)r;
	(void)doc;
	cJSON_AddStringToObject(all, "token", a->token);
	cJSON_AddNumberToObject(
	    all, "faults", (double)dc_db_int(a->dc->db, 0, "SELECT count(*) FROM fault", ""));
	cJSON_AddNumberToObject(all, "ahead_ms", (double)a->dc->ahead_ms);
	return answer(OK, all);
}

static struct dc_api_answer
on_log(struct dc_api *a, const struct dc_api_request *r, const cJSON *doc)
{
	(void)doc;
	return answer(OK, dc_state_log(a->dc->db, strtoll(query(r, "device"), NULL, 10),
			      strtoll(query(r, "after"), NULL, 10), query(r, "component")));
}

static struct dc_api_answer
on_one_plan(struct dc_api *a, const struct dc_api_request *r, const cJSON *doc)
{
	int64_t plan = strtoll(query(r, "id"), NULL, 10);

	(void)doc;
	if (!dc_db_int(a->dc->db, 0, "SELECT count(*) FROM plan WHERE id = ?", "i", plan))
		return error(ABSENT, "id: expected a plan, got none of that number");
	return answer(OK, strcmp(r->path, "/api/plan/devices") == 0
			      ? dc_state_plan_devices(a->dc->db, plan, dc_peer_now(a->dc))
			      : dc_state_plan(a->dc->db, plan));
}

static struct dc_api_answer
on_faults(struct dc_api *a, const struct dc_api_request *r, const cJSON *doc)
{
	(void)r;
	(void)doc;
	return answer(OK, dc_state_faults(a->dc->db));
}

static struct dc_api_answer
on_package(struct dc_api *a, const struct dc_api_request *r, const cJSON *doc)
{
	struct dc_make_stored got = {0};
	char why[DC_RULE_WHY] = "";
	const char *file = query(r, "file"), *name = query(r, "name");
	const struct dc_make_package p = {.file = r->upload,
	    .rule = {.base = file,
		.mcu = strcmp(query(r, "kind"), "mcu") == 0,
		.files = 1,
		.name = *name ? name : file,
		.component = query(r, "component"),
		.target = query(r, "target"),
		.source = query_or_null(r, "source"),
		.remark = query_or_null(r, "remark"),
		.scheme = "https"}};

	(void)doc;
	if (!r->upload)
		return error(BAD, "file: expected the bytes of a package, got none");
	enum err err = dc_make_package(a->dc->db, a->dir, &p, dc_peer_now(a->dc), &got, why);
	return outcome(err, why, got.id);
}

static struct dc_api_answer
on_file(struct dc_api *a, const struct dc_api_request *r, const cJSON *doc)
{
	char why[DC_RULE_WHY] = "";
	int64_t idx = 0;

	(void)doc;
	if (!r->upload)
		return error(BAD, "file: expected the bytes of a file, got none");
	enum err err = dc_make_file(a->dc->db, a->dir, strtoll(query(r, "package"), NULL, 10),
	    r->upload, query(r, "file"), &idx, why);
	return outcome(err, why, idx);
}

static struct dc_api_answer
on_verify(struct dc_api *a, const struct dc_api_request *r, const cJSON *doc)
{
	char why[DC_RULE_WHY] = "";
	int64_t plan = 0;
	enum err err = dc_make_verify(a->dc->db, number(doc, "package", 0),
	    number(doc, "device", 0), dc_peer_now(a->dc), &plan, why);

	(void)r;
	if (!err)
		dc_platform_offer(a->dc);
	return outcome(err, why, plan);
}

static void
read_rule(const cJSON *doc, struct dc_rule_plan *n)
{
	const struct {
		const char *name;
		int64_t *out;
	} rows[] = {{"starts", &n->starts}, {"ends", &n->ends}, {"push_from", &n->push_from},
	    {"push_to", &n->push_to}, {"zone", &n->zone_min}, {"reject_min", &n->reject_min},
	    {"retries", &n->retries}, {"min_signal", &n->min_signal},
	    {"min_battery", &n->min_battery}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		*rows[i].out = number(doc, rows[i].name, *rows[i].out);
	n->name = text(doc, "name", "");
	n->versions = text(doc, "versions", NULL);
	n->remark = text(doc, "remark", NULL);
	n->push = !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(doc, "push"));
}

/* "versions": one text for all components, or a list with one for each. */
static void
read_versions(const cJSON *doc, struct dc_make_plan *p)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc, "versions"), *item;
	unsigned n = 0;

	if (!cJSON_IsArray(list))
		return;
	cJSON_ArrayForEach(item, list)
	{
		if (n < DC_RULE_COMPONENTS && cJSON_IsString(item) && *item->valuestring)
			p->versions[n] = item->valuestring;
		n++;
	}
}

/* "texts": {LANG: TEXT}, or "text" alone, which is English. */
static unsigned
read_texts(const cJSON *doc, char said[TEXTS_MAX][TEXT_MAX], const char **texts)
{
	const cJSON *item;
	unsigned n = 0;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(doc, "texts"))
	{
		if (n < TEXTS_MAX && cJSON_IsString(item) && *item->valuestring)
			snprintf(said[n++], TEXT_MAX, "%s=%s", item->string, item->valuestring);
	}
	if (n == 0 && text(doc, "text", NULL))
		snprintf(said[n++], TEXT_MAX, "en=%s", text(doc, "text", ""));
	for (unsigned i = 0; i < n; i++)
		texts[i] = said[i];
	return n;
}

static struct dc_api_answer
on_plan(struct dc_api *a, const struct dc_api_request *r, const cJSON *doc)
{
	AUTO(mem) const char **white = calloc(2 * NAMES_MAX, sizeof(*white));
	int64_t id = number(doc, "id", 0), now = dc_peer_now(a->dc);
	char why[DC_RULE_WHY] = "", said[TEXTS_MAX][TEXT_MAX];
	const char *texts[TEXTS_MAX];
	bool edits = strcmp(r->path, "/api/plan/edit") == 0;

	if (!white)
		return error(BROKEN, err_text(ERR_NOMEM));
	struct dc_make_plan p = {.rule = dc_rule_plan_defaults(now),
	    .pk = text(doc, "product", edits ? NULL : ""),
	    .manual = strcmp(text(doc, "mode", "silent"), "manual") == 0,
	    .texts = texts,
	    .n_texts = read_texts(doc, said, texts),
	    .white = white,
	    .black = white + NAMES_MAX,
	    .n_white = names(doc, "white", white, NAMES_MAX),
	    .n_black = names(doc, "black", white + NAMES_MAX, NAMES_MAX)};
	read_rule(doc, &p.rule);
	p.rule.components = names(doc, "packages", p.packages, DC_RULE_COMPONENTS);
	read_versions(doc, &p);
	if (p.n_white > NAMES_MAX || p.n_black > NAMES_MAX)
		return error(BAD, "white, black: expected at most 10000 devices");
	enum err err = edits ? dc_make_edit(a->dc->db, id, &p, why)
			     : dc_make_plan(a->dc->db, &p, now, &id, why);
	return outcome(err, why, id);
}

/* What a person says about one device: another try of a silent plan, or as the app would. */
static struct dc_api_answer
on_device(struct dc_api *a, const struct dc_api_request *r, const cJSON *doc)
{
	char why[DC_RULE_WHY] = "", sentence[DC_RULE_WHY + 20];
	int64_t id = number(doc, "id", 0), device = number(doc, "device", 0);
	int64_t now = dc_peer_now(a->dc);
	const struct dc_user_wish w = {
	    number(doc, "oper", 0), number(doc, "starts", 0), number(doc, "ends", 0)};
	enum err err = strcmp(r->path, "/api/plan/retry") == 0
			   ? dc_user_retry(a->dc->db, id, device, now, why)
			   : dc_user_confirm(a->dc->db, id, device, &w, now, why);

	if (!err)
		dc_platform_offer(a->dc);
	snprintf(sentence, sizeof(sentence), "device: %s", why);
	return outcome(err, sentence, id);
}

static struct dc_api_answer
on_fault(struct dc_api *a, const struct dc_api_request *r, const cJSON *doc)
{
	const char *name = text(doc, "name", "");
	int64_t times = number(doc, "times", 0), percent = number(doc, "percent", 100);
	enum dc_chaos_what what;
	unsigned kind;

	(void)r;
	if (dc_fault_find(name) == DC_FAULT_COUNT && !dc_chaos_parse(name, &what, &kind))
		return error(
		    BAD, "name: expected a fault, or one of a kind of message (lose@0113)");
	if (times < 0 || percent < 1 || percent > 100 || (percent < 100 && !strchr(name, '@')))
		return error(BAD, "times: expected 0 or more; percent: 1 to 100, of a kind");
	enum err err = dc_fault_store(a->dc->db, name, number(doc, "value", 1), times, percent);
	if (!err)
		dc_order_load(a->dc);
	return outcome(err, err_text(err), 0);
}

/* Behave again: one fault, or all; or another seed. */
static struct dc_api_answer
on_fault_other(struct dc_api *a, const struct dc_api_request *r, const cJSON *doc)
{
	const char *name = text(doc, "name", NULL);
	enum err err;

	if (strcmp(r->path, "/api/fault/clear") == 0)
		err = dc_db_run(
		    a->dc->db, "DELETE FROM fault WHERE ? IS NULL OR name = ?", "tt", name, name);
	else
		err = dc_db_run(a->dc->db,
		    "INSERT INTO setting (name, value) VALUES ('seed', ?) "
		    "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		    "i", number(doc, "seed", 1));
	if (!err)
		dc_order_load(a->dc);
	return outcome(err, err_text(err), 0);
}

static struct dc_api_answer
on_change(struct dc_api *a, const struct dc_api_request *r, const cJSON *doc)
{
	char why[DC_RULE_WHY] = "";
	enum dc_make_verb verb;
	int64_t id = number(doc, "id", 0);

	if (!dc_make_verb(strrchr(r->path, '/') + 1, &verb))
		return error(ABSENT, "there is no such request");
	enum err err = dc_make_change(a->dc->db, id, verb, dc_peer_now(a->dc), why);
	if (!err)
		dc_platform_offer(a->dc);
	return outcome(err, why, id);
}

/* clang-format off */
/* method, path, whether the body is JSON, what answers */
static const struct row {
	const char *method, *path;
	bool json;
	struct dc_api_answer (*run)(struct dc_api *, const struct dc_api_request *, const cJSON *);
} rows[] = {
	{"GET",  "/api/state",          false, on_state},
	{"GET",  "/api/log",            false, on_log},
	{"GET",  "/api/plan/one",       false, on_one_plan},
	{"GET",  "/api/plan/devices",   false, on_one_plan},
	{"GET",  "/api/faults",         false, on_faults},
	{"POST", "/api/fault",          true,  on_fault},
	{"POST", "/api/fault/clear",    true,  on_fault_other},
	{"POST", "/api/fault/seed",     true,  on_fault_other},
	{"POST", "/api/package",        false, on_package},
	{"POST", "/api/package/file",   false, on_file},
	{"POST", "/api/verify",         true,  on_verify},
	{"POST", "/api/plan",           true,  on_plan},
	{"POST", "/api/plan/edit",      true,  on_plan},
	{"POST", "/api/plan/retry",     true,  on_device},
	{"POST", "/api/plan/confirm",   true,  on_device},
	{"POST", "/api/plan/activate",  true,  on_change},
	{"POST", "/api/plan/suspend",   true,  on_change},
	{"POST", "/api/plan/terminate", true,  on_change},
	{"POST", "/api/plan/delete",    true,  on_change},
};
/* clang-format on */

/* --- who may ask ----------------------------------------------------------------------------- */

/* An address or "localhost", with or without a port. */
static bool
is_our_host(const char *host)
{
	struct in_addr in;
	char name[64];
	size_t n = host ? strcspn(host, ":") : 0;

	if (n == 0 || n >= sizeof(name))
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	return strcmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &in) == 1;
}

/* Without telling by the time how much of it was right. */
static bool
is_token(const struct dc_api *a, const char *got)
{
	unsigned differs = 0;

	if (!got || strlen(got) != DC_API_TOKEN)
		return false;
	for (unsigned i = 0; i < DC_API_TOKEN; i++)
		differs |= (unsigned)(a->token[i] ^ got[i]);
	return differs == 0;
}

void
dc_api_init(struct dc_api *a, struct dc *dc, const char *dir)
{
	uint8_t raw[DC_API_TOKEN / 2];

	*a = (struct dc_api){.dc = dc, .dir = dir};
	dc->random(raw, sizeof(raw));
	for (unsigned i = 0; i < sizeof(raw); i++)
		snprintf(a->token + 2 * (size_t)i, 3, "%02x", raw[i]);
}

unsigned
dc_api_admits(const struct dc_api *a, const struct dc_api_request *r)
{
	bool reads = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;

	if (!is_our_host(r->host))
		return MISDIRECTED;
	if (reads)
		return 0;
	if (strcmp(r->method, "POST") != 0)
		return METHOD;
	if (r->origin && (strncmp(r->origin, "http://", 7) != 0 ||
			     strcmp(r->origin + 7, r->host) != 0))
		return FORBIDDEN;
	return is_token(a, r->token) ? 0 : FORBIDDEN;
}

struct dc_api_answer
dc_api_refusal(unsigned status)
{
	switch (status) {
	case MISDIRECTED:
		return error(status, "Host: expected localhost or an address");
	case METHOD:
		return error(status, "expected GET or POST");
	case FORBIDDEN:
		return error(status, "expected the token of this very server; load the page again");
	case ABSENT:
		return error(status, "there is no such page");
	default:
		return error(status, "the body is too large or not readable");
	}
}

struct dc_api_answer
dc_api_answer(struct dc_api *a, const struct dc_api_request *r)
{
	AUTO(cjson) cJSON *doc = r->body ? cJSON_Parse(r->body) : NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].path, r->path) != 0)
			continue;
		if (strcmp(rows[i].method, r->method) != 0)
			return dc_api_refusal(METHOD);
		if (rows[i].json && !cJSON_IsObject(doc))
			return error(BAD, "expected a JSON object");
		dc_db_begin(a->dc->db);
		struct dc_api_answer got = rows[i].run(a, r, doc);
		dc_db_commit(a->dc->db);
		return got;
	}
	return dc_api_refusal(ABSENT);
}
