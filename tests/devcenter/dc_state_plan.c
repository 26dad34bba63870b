/*
 * dc_state_plan: one plan as JSON, for dc_state.h: all that its form needs, and where each of its
 * devices stands with what a person may say about it.
 */
#include <string.h>

#include "dc_ota.h"
#include "dc_plan.h"
#include "dc_state.h"
#include "dc_user.h"

enum { DEVICES = 200 };

/* One column of a query as an array of texts. */
static void
add_texts(cJSON *to, const char *name, struct dc_query *q)
{
	cJSON *list = cJSON_AddArrayToObject(to, name);

	while (dc_query_next(q))
		cJSON_AddItemToArray(list, cJSON_CreateString(dc_query_text(q, 0)));
}

static void
add_lists(struct dc_db *db, cJSON *o, int64_t plan)
{
	static const char list[] =
	    "SELECT dk FROM plan_device WHERE plan = ? AND list = ? ORDER BY dk";
	AUTO(dc_query) struct dc_query *white = dc_db_query(db, list, "it", plan, "white");
	AUTO(dc_query) struct dc_query *black = dc_db_query(db, list, "it", plan, "black");
	AUTO(dc_query)
	struct dc_query *packages = dc_db_query(db,
	    "SELECT k.name FROM plan_component pc JOIN package k ON k.id = pc.package "
	    "WHERE pc.plan = ? ORDER BY pc.seq",
	    "i", plan);
	AUTO(dc_query)
	struct dc_query *versions = dc_db_query(db,
	    "SELECT coalesce(versions, '') FROM plan_component WHERE plan = ? ORDER BY seq", "i",
	    plan);

	add_texts(o, "white", white);
	add_texts(o, "black", black);
	add_texts(o, "packages", packages);
	add_texts(o, "versions", versions);
}

cJSON *
dc_state_plan(struct dc_db *db, int64_t plan)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *texts = cJSON_AddObjectToObject(o, "texts");
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    db, "SELECT lang, text FROM plan_text WHERE plan = ?", "i", plan);

	while (dc_query_next(q))
		cJSON_AddStringToObject(texts, dc_query_text(q, 0), dc_query_text(q, 1));
	add_lists(db, o, plan);
	return o;
}

/* --- devices ---------------------------------------------------------------------------------- */

static void
add_components(struct dc_db *db, cJSON *to, int64_t plan, int64_t device)
{
	cJSON *list = cJSON_AddArrayToObject(to, "components");
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(db,
	    "SELECT k.component, k.target, pr.state, pr.last, pr.offered FROM plan_component pc "
	    "JOIN package k ON k.id = pc.package LEFT JOIN progress pr ON pr.plan = pc.plan "
	    "AND pr.seq = pc.seq AND pr.device = ? WHERE pc.plan = ? ORDER BY pc.seq",
	    "ii", device, plan);

	while (dc_query_next(q)) {
		cJSON *o = cJSON_CreateObject();

		cJSON_AddItemToArray(list, o);
		cJSON_AddStringToObject(o, "component", dc_query_text(q, 0));
		cJSON_AddStringToObject(o, "target", dc_query_text(q, 1));
		cJSON_AddStringToObject(o, "state", dc_plan_state_name(dc_query_int(q, 2)));
		cJSON_AddStringToObject(o, "text",
		    dc_ota_progress_text(
			dc_query_int(q, 2), dc_query_int(q, 3), !dc_query_is_null(q, 4)));
	}
}

/* The words that a person may say now. */
static void
add_wishes(struct dc_db *db, cJSON *to, int64_t plan, int64_t device, int64_t now)
{
	static const struct {
		int64_t oper;
		const char *word;
	} rows[] = {{DC_USER_DO_NOW, "now"}, {DC_USER_DO_APPOINT, "appoint"},
	    {DC_USER_DO_CANCEL, "cancel"}, {DC_USER_DO_SEEN, "seen"}, {DC_USER_DO_RETRY, "again"}};
	cJSON *list = cJSON_AddArrayToObject(to, "can");
	char why[DC_RULE_WHY];
	enum dc_user_status status;
	struct dc_user_case c;

	if (!dc_user_may_retry(db, plan, device, now, why))
		cJSON_AddItemToArray(list, cJSON_CreateString("retry"));
	if (dc_user_load(db, plan, device, now, &c))
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct dc_user_wish w = {rows[i].oper, c.ends - DC_USER_APPOINT_MS, c.ends};

		if (!dc_user_decide(&c, &w, &status, why))
			cJSON_AddItemToArray(list, cJSON_CreateString(rows[i].word));
	}
}

static void
add_device(struct dc_db *db, cJSON *list, const struct dc_query *q, int64_t plan, int64_t now)
{
	static const char *const said[] = {"", "confirmed", "appointed", "cancelled", "seen"};
	int64_t device = dc_query_int(q, 0), status = dc_query_int(q, 5);
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToArray(list, o);
	cJSON_AddNumberToObject(o, "id", (double)device);
	cJSON_AddStringToObject(o, "pk", dc_query_text(q, 1));
	cJSON_AddStringToObject(o, "dk", dc_query_text(q, 2));
	cJSON_AddBoolToObject(o, "online", dc_query_int(q, 3) != 0);
	cJSON_AddStringToObject(o, "version", dc_query_text(q, 4));
	cJSON_AddStringToObject(
	    o, "state", dc_plan_state_name(dc_user_device_state(db, plan, device, now)));
	cJSON_AddStringToObject(o, "said", said[status >= 0 && status <= 4 ? status : 0]);
	add_components(db, o, plan, device);
	add_wishes(db, o, plan, device, now);
}

cJSON *
dc_state_plan_devices(struct dc_db *db, int64_t plan, int64_t now)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(o, "devices");
	int64_t total = 0;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(db,
	    "SELECT d.id, d.pk, d.dk, d.online, d.version, c.status FROM plan pl "
	    "JOIN device d ON d.pk = pl.pk LEFT JOIN confirmation c ON c.plan = pl.id "
	    "AND c.device = d.id WHERE pl.id = ? "
	    "AND NOT EXISTS (SELECT 1 FROM plan_device b WHERE b.plan = pl.id AND b.dk = d.dk "
	    " AND b.list = 'black') AND (NOT EXISTS (SELECT 1 FROM plan_device w "
	    " WHERE w.plan = pl.id AND w.list = 'white') OR EXISTS (SELECT 1 FROM plan_device w "
	    " WHERE w.plan = pl.id AND w.dk = d.dk AND w.list = 'white')) ORDER BY d.id",
	    "i", plan);

	while (dc_query_next(q))
		if (total++ < DEVICES)
			add_device(db, list, q, plan, now);
	cJSON_AddNumberToObject(o, "total", (double)total);
	return o;
}
