/*
 * dc_state: see dc_state.h. An object's fields stand in the order of the columns of its query.
 */
#include "dc_state.h"

#include <string.h>

#include "dc_ota.h"
#include "dc_plan.h"
#include "dc_rule.h"

/* clang-format off */
/* name of the field, whether it is a number */
struct field {
	const char *name;
	bool number;
};
static const struct field device_fields[] = {
	{"id", true}, {"pk", false}, {"dk", false}, {"kind", false}, {"gateway", false},
	{"version", false}, {"mcu", false}, {"model", false}, {"battery", true},
	{"voltage", true}, {"rssi", true}, {"seen", true}, {"registered", true}, {NULL, false},
};
static const struct field package_fields[] = {
	{"id", true}, {"name", false}, {"component", false}, {"target", false},
	{"source", false}, {"size", true}, {"md5", false}, {"crc", false}, {"sha256", false},
	{"scheme", false}, {"path", false}, {"requests", true}, {"bytes_served", true},
	{"kind", true}, {"remark", false}, {"created", true}, {"files", true}, {NULL, false},
};
static const struct field plan_fields[] = {
	{"id", true}, {"name", false}, {"product", false}, {"state", false}, {"mode", false},
	{"starts", true}, {"ends", true}, {"push", true}, {"push_from", true}, {"push_to", true},
	{"zone", true}, {"reject_min", true}, {"retries", true}, {"min_signal", true},
	{"min_battery", true}, {"verifies", true}, {"remark", false}, {NULL, false},
};
static const struct field status_fields[] = {
	{"code", true}, {"name", false}, {"component", false}, {"version", false}, {"at", true},
	{"plan", false}, {NULL, false},
};
static const struct field upgrade_fields[] = {
	{"plan", false}, {"component", false}, {"target", false}, {"last_status", true},
	{"failures", true}, {"offered", true}, {"started", true}, {"ended", true}, {NULL, false},
};
static const struct field product_fields[] = {{"pk", false}, {"kind", false}, {NULL, false}};
static const struct field log_fields[] = {
	{"id", true}, {"at", true}, {"text", false}, {"plan", false}, {"component", false},
	{NULL, false}};
/* clang-format on */

/* One row as an object, added to a list. */
static cJSON *
add_row(cJSON *list, const struct field *f, const struct dc_query *q)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToArray(list, o);
	for (int i = 0; f[i].name; i++) {
		if (dc_query_is_null(q, i))
			cJSON_AddNullToObject(o, f[i].name);
		else if (f[i].number)
			cJSON_AddNumberToObject(o, f[i].name, dc_query_real(q, i));
		else
			cJSON_AddStringToObject(o, f[i].name, dc_query_text(q, i));
	}
	return o;
}

static void
add_rows(cJSON *list, const struct field *f, struct dc_query *q)
{
	while (dc_query_next(q))
		add_row(list, f, q);
}

/* --- devices --------------------------------------------------------------------------------- */

static void
add_statuses(struct dc_db *db, cJSON *to, int64_t device)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(db,
	    "SELECT s.code, s.name, s.component, s.version, s.at, p.name FROM status s "
	    "LEFT JOIN plan p ON p.id = s.plan WHERE s.device = ? ORDER BY s.id",
	    "i", device);

	add_rows(cJSON_AddArrayToObject(to, "statuses"), status_fields, q);
}

static void
add_upgrades(struct dc_db *db, cJSON *to, int64_t device)
{
	cJSON *list = cJSON_AddArrayToObject(to, "upgrades");
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(db,
	    "SELECT pl.name, pk.component, pk.target, pr.last, pr.tries, pr.offered, "
	    "pr.started, pr.ended, pr.state FROM progress pr JOIN plan pl ON pl.id = pr.plan "
	    "JOIN plan_component pc ON pc.plan = pr.plan AND pc.seq = pr.seq "
	    "JOIN package pk ON pk.id = pc.package WHERE pr.device = ? ORDER BY pr.plan, pr.seq",
	    "i", device);

	while (dc_query_next(q)) {
		cJSON *o = add_row(list, upgrade_fields, q);

		cJSON_AddStringToObject(o, "state", dc_plan_state_name(dc_query_int(q, 8)));
		cJSON_AddStringToObject(o, "last_text",
		    dc_ota_progress_text(
			dc_query_int(q, 8), dc_query_int(q, 3), !dc_query_is_null(q, 5)));
	}
}

static void
add_devices(struct dc_db *db, cJSON *to, bool statuses)
{
	cJSON *list = cJSON_AddArrayToObject(to, "devices");
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(db,
	    "SELECT d.id, d.pk, d.dk, p.kind, g.pk || '/' || g.dk, d.version, d.mcu, d.model, "
	    "d.battery, d.voltage, d.rssi, d.seen, d.registered, d.online FROM device d "
	    "JOIN product p ON p.pk = d.pk LEFT JOIN device g ON g.id = d.gateway ORDER BY d.id",
	    "");

	while (dc_query_next(q)) {
		cJSON *d = add_row(list, device_fields, q);

		cJSON_AddBoolToObject(d, "online", dc_query_int(q, 13) != 0);
		add_upgrades(db, d, dc_query_int(q, 0));
		if (statuses)
			add_statuses(db, d, dc_query_int(q, 0));
	}
}

/* --- plans ----------------------------------------------------------------------------------- */

/* How many of the plan's devices are in each state; in *begun those that left the first one. */
static struct dc_rule_counts
count_devices(struct dc_db *db, int64_t plan, bool over, int64_t *begun)
{
	struct dc_rule_counts all = {{0}};
	int64_t parts = dc_db_int(
	    db, 0, "SELECT count(*) FROM plan_component WHERE plan = ?", "i", plan);
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(db,
	    "SELECT sum(pr.state = 0), sum(pr.state = 1), sum(pr.state = 2), sum(pr.state = 3), "
	    "sum(pr.state = 4) FROM plan pl JOIN device d ON d.pk = pl.pk "
	    "LEFT JOIN progress pr ON pr.plan = pl.id AND pr.device = d.id WHERE pl.id = ? "
	    "AND NOT EXISTS (SELECT 1 FROM plan_device b WHERE b.plan = pl.id AND b.dk = d.dk "
	    " AND b.list = 'black') "
	    "AND (NOT EXISTS (SELECT 1 FROM plan_device w WHERE w.plan = pl.id "
	    " AND w.list = 'white') OR EXISTS (SELECT 1 FROM plan_device w "
	    " WHERE w.plan = pl.id AND w.dk = d.dk AND w.list = 'white')) GROUP BY d.id",
	    "i", plan);

	*begun = 0;
	while (dc_query_next(q)) {
		struct dc_rule_counts one;

		for (int i = 0; i < 5; i++)
			one.n[i] = dc_query_int(q, i);
		int64_t state = dc_rule_device_state(&one, parts);
		*begun += state != DC_PROGRESS_NONE;
		if (over && state == DC_PROGRESS_NONE)
			state = DC_PROGRESS_FAILED;
		all.n[state]++;
	}
	return all;
}

static void
add_components(struct dc_db *db, cJSON *to, int64_t plan)
{
	cJSON *list = cJSON_AddArrayToObject(to, "packages");
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(db,
	    "SELECT pk.name FROM plan_component pc JOIN package pk ON pk.id = pc.package "
	    "WHERE pc.plan = ? ORDER BY pc.seq",
	    "i", plan);

	while (dc_query_next(q))
		cJSON_AddItemToArray(list, cJSON_CreateString(dc_query_text(q, 0)));
}

static void
add_standing(struct dc_db *db, cJSON *o, const struct dc_query *q, int64_t now)
{
	static const char *const names[] = {
	    "not_upgraded", "upgrading", "upgraded", "failed", "no_update_required"};
	int64_t begun, plan = dc_query_int(q, 0), ends = dc_query_int(q, 6);
	const char *state = dc_query_text(q, 3);
	bool over = strcmp(state, "inactivated") != 0 &&
		    (ends <= now || strcmp(state, "terminated") == 0);
	struct dc_rule_counts k = count_devices(db, plan, over, &begun);
	cJSON *counts = cJSON_AddObjectToObject(o, "counts");
	int rate = dc_rule_rate(&k);

	for (int i = 0; i < 5; i++)
		cJSON_AddNumberToObject(counts, names[i], (double)k.n[i]);
	if (rate < 0)
		cJSON_AddNullToObject(o, "success_rate");
	else
		cJSON_AddNumberToObject(o, "success_rate", rate);
	cJSON_AddStringToObject(o, "life",
	    dc_rule_life_name(dc_rule_life_of(state, ends, now, begun)));
}

static void
add_plans(struct dc_db *db, cJSON *to, int64_t now)
{
	cJSON *list = cJSON_AddArrayToObject(to, "plans");
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(db,
	    "SELECT id, name, pk, state, mode, starts, ends, push, push_from, push_to, zone, "
	    "reject_min, retries, min_signal, min_battery, verifies, remark FROM plan ORDER BY id",
	    "");

	while (dc_query_next(q)) {
		cJSON *o = add_row(list, plan_fields, q);

		add_components(db, o, dc_query_int(q, 0));
		add_standing(db, o, q, now);
	}
}

/* --- everything ------------------------------------------------------------------------------ */

cJSON *
dc_state_all(struct dc_db *db, int64_t now, bool statuses)
{
	cJSON *all = cJSON_CreateObject();
	AUTO(dc_query)
	struct dc_query *products = dc_db_query(db, "SELECT pk, kind FROM product ORDER BY pk", "");
	AUTO(dc_query)
	struct dc_query *packages = dc_db_query(db,
	    "SELECT id, name, component, target, source, size + coalesce((SELECT sum(size) "
	    "FROM package_file f WHERE f.package = package.id), 0), md5, crc, sha256, scheme, "
	    "path, requests, bytes, kind, remark, created, 1 + (SELECT count(*) "
	    "FROM package_file f WHERE f.package = package.id) FROM package ORDER BY id",
	    "");

	cJSON_AddNumberToObject(all, "now", (double)now);
	add_rows(cJSON_AddArrayToObject(all, "products"), product_fields, products);
	add_devices(db, all, statuses);
	add_rows(cJSON_AddArrayToObject(all, "packages"), package_fields, packages);
	add_plans(db, all, now);
	return all;
}

cJSON *
dc_state_log(struct dc_db *db, int64_t device, int64_t after, const char *component)
{
	cJSON *list = cJSON_CreateArray();
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(db,
	    "SELECT l.id, l.at, l.text, p.name, l.component FROM (SELECT * FROM log "
	    "WHERE device = ? AND id > ? AND (? = '' OR component = ?) ORDER BY id DESC LIMIT 500) "
	    "l LEFT JOIN plan p ON p.id = l.plan ORDER BY l.id",
	    "iitt", device, after, component, component);

	add_rows(list, log_fields, q);
	return list;
}
