/*
 * dc_open_plan: see dc_open_plan.h.
 */
#include "dc_open_plan.h"

#include <string.h>

#include "dc_plan.h"
#include "dc_state.h"
#include "dc_user.h"

/* clang-format off */
enum { FETCH_BAD = 6, FETCHED = 8, WAITS = 4, FETCHES = 5 };
/* clang-format on */

int64_t
dc_open_plan_of(struct dc *dc, int64_t device)
{
	struct dc_peer p = {.device = device};
	struct dc_offer o[DC_RULE_COMPONENTS];
	int64_t now = dc_peer_now(dc);
	int64_t begun = dc_db_int(dc->db, 0,
	    "SELECT pl.id FROM plan pl WHERE pl.mode = 'manual' AND pl.state = 'activated' "
	    "AND pl.starts <= ? AND pl.ends > ? AND (EXISTS (SELECT 1 FROM confirmation c "
	    " WHERE c.plan = pl.id AND c.device = ?) OR EXISTS (SELECT 1 FROM progress pr "
	    " WHERE pr.plan = pl.id AND pr.device = ? AND pr.offered IS NOT NULL)) "
	    "ORDER BY pl.id DESC LIMIT 1",
	    "iiii", now, now, device, device);
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    dc->db, "SELECT pk, dk FROM device WHERE id = ? AND ? = 0", "ii", device, begun);

	if (!dc_query_next(q))
		return begun;
	snprintf(p.pk, sizeof(p.pk), "%s", dc_query_text(q, 0));
	snprintf(p.dk, sizeof(p.dk), "%s", dc_query_text(q, 1));
	return dc_plan_waiting(dc, &p, o) ? o[0].plan : 0;
}

/* downloadStatus: 0 not begun, 1 runs, 2 done, 3 failed. */
static int
download_status(int64_t last, int64_t state)
{
	if (last == FETCH_BAD)
		return 3;
	if (last >= FETCHED || state == DC_PROGRESS_DONE)
		return 2;
	return last == WAITS || last == FETCHES;
}

static void
add_file(cJSON *list, const struct dc *dc, const struct dc_query *q)
{
	char url[600];
	cJSON *f = cJSON_CreateObject();

	snprintf(url, sizeof(url), "%s/packages/%s", dc->https, dc_query_text(q, 2));
	cJSON_AddItemToArray(list, f);
	cJSON_AddNumberToObject(f, "updIndex", (double)dc_query_int(q, 0));
	cJSON_AddStringToObject(f, "fileName", dc_query_text(q, 1));
	cJSON_AddStringToObject(f, "filePath", dc_query_is_null(q, 7) ? url : dc_query_text(q, 7));
	cJSON_AddNumberToObject(f, "fileSize", (double)dc_query_int(q, 3));
	cJSON_AddStringToObject(f, "fileMd5", dc_query_text(q, 4));
	cJSON_AddStringToObject(f, "fileSha256", dc_query_text(q, 5));
	cJSON_AddStringToObject(f, "fileCrc", dc_query_text(q, 6));
}

/* Adds fileList; returns the size of the largest file, which is the space that is needed. */
static int64_t
add_files(cJSON *to, struct dc *dc, int64_t package)
{
	cJSON *list = cJSON_AddArrayToObject(to, "fileList");
	int64_t most = 0;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT 0 AS idx, name, path, size, md5, sha256, crc, url FROM package WHERE id = ? "
	    "UNION ALL SELECT idx, name, path, size, md5, sha256, crc, NULL FROM package_file "
	    "WHERE package = ? ORDER BY idx",
	    "ii", package, package);

	while (dc_query_next(q)) {
		add_file(list, dc, q);
		most = dc_query_int(q, 3) > most ? dc_query_int(q, 3) : most;
	}
	return most;
}

/* The component in the query's row; returns whether it is done. */
static bool
add_component(cJSON *list, struct dc *dc, int64_t device, const struct dc_query *q)
{
	char version[65];
	cJSON *o = cJSON_CreateObject();
	int64_t state = dc_query_int(q, 5), last = dc_query_int(q, 6);
	int fetched = download_status(last, state);

	dc_plan_version_of(
	    dc, device, dc_query_text(q, 1), dc_query_int(q, 2), version, sizeof(version));
	cJSON_AddItemToArray(list, o);
	cJSON_AddNumberToObject(o, "sort", (double)dc_query_int(q, 0));
	cJSON_AddStringToObject(o, "comNo", dc_query_text(q, 1));
	cJSON_AddNumberToObject(o, "comType", (double)dc_query_int(q, 2));
	cJSON_AddNumberToObject(o, "dataType", dc_query_is_null(q, 12) ? 0 : 1);
	cJSON_AddStringToObject(o, "cver", version);
	cJSON_AddStringToObject(o, "tver", dc_query_text(q, 3));
	cJSON_AddNumberToObject(o, "battery", (double)dc_query_int(q, 13));
	cJSON_AddNumberToObject(o, "signal", (double)dc_query_int(q, 14));
	cJSON_AddStringToObject(o, "versionInfo", dc_query_text(q, 8));
	cJSON_AddTrueToObject(o, "versionMatch"); /* only those that match are listed */
	cJSON_AddNumberToObject(o, "downloadStatus", fetched);
	cJSON_AddNumberToObject(o, "downloadProgress", fetched == 2);
	cJSON_AddNumberToObject(
	    o, "upgradeStatus", (double)(state == DC_PROGRESS_NEEDLESS ? 2 : state));
	cJSON_AddNumberToObject(o, "space", (double)add_files(o, dc, dc_query_int(q, 7)));
	return state == DC_PROGRESS_DONE || state == DC_PROGRESS_NEEDLESS;
}

/* Whether the component in the query's row fits the version that the device reports. */
static bool
suits(struct dc *dc, int64_t device, const struct dc_query *q)
{
	char version[65];

	dc_plan_version_of(
	    dc, device, dc_query_text(q, 1), dc_query_int(q, 2), version, sizeof(version));
	return dc_plan_version_fits(dc_query_text(q, 12), dc_query_text(q, 9), version);
}

/* Adds comVerList, with what suits the device or has begun; returns how much is done, 0 to 1. */
static double
add_components(cJSON *to, struct dc *dc, int64_t device, int64_t plan)
{
	cJSON *list = cJSON_AddArrayToObject(to, "comVerList");
	int done = 0, all = 0;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT pc.seq, pk.component, pk.kind, pk.target, pk.size, pr.state, pr.last, pk.id, "
	    "pk.remark, pc.versions, pr.offered, pk.crc, pk.source, pl.min_battery, pl.min_signal "
	    "FROM plan pl JOIN plan_component pc ON pc.plan = pl.id "
	    "JOIN package pk ON pk.id = pc.package LEFT JOIN progress pr "
	    "ON pr.plan = pl.id AND pr.seq = pc.seq AND pr.device = ? WHERE pl.id = ? "
	    "ORDER BY pc.seq",
	    "ii", device, plan);

	while (dc_query_next(q)) {
		bool begun = !dc_query_is_null(q, 10) || dc_query_int(q, 5) != DC_PROGRESS_NONE;

		if (!begun && !suits(dc, device, q))
			continue;
		done += add_component(list, dc, device, q);
		all++;
	}
	return all ? (double)done / all : 0;
}

/* Texts of the packages whose components are still to be done. */
static void
add_version_info(cJSON *to, const cJSON *components)
{
	char text[DC_RULE_COMPONENTS * (DC_RULE_REMARK_BYTES + 2)] = "";
	const cJSON *k;
	size_t n = 0;

	cJSON_ArrayForEach(k, components)
	{
		const cJSON *state = cJSON_GetObjectItem(k, "upgradeStatus");
		const cJSON *info = cJSON_GetObjectItem(k, "versionInfo");

		if (state->valueint == DC_PROGRESS_DONE || !*info->valuestring ||
		    n + strlen(info->valuestring) + 2 > sizeof(text))
			continue;
		n += (size_t)snprintf(
		    text + n, sizeof(text) - n, "%s%s", n ? "\n" : "", info->valuestring);
	}
	cJSON_AddStringToObject(to, "versionInfo", text);
}

static void
add_states(cJSON *o, int64_t confirmed, int64_t state)
{
	static const char *const words[] = {
	    "not confirmed", "upgrade now", "by appointment", "cancelled", "result confirmed"};
	bool over = state == DC_PROGRESS_DONE || state == DC_PROGRESS_FAILED;

	cJSON_AddNumberToObject(o, "userConfirmStatus", (double)confirmed);
	cJSON_AddStringToObject(o, "userConfirmStatusDesc", words[confirmed]);
	cJSON_AddNumberToObject(
	    o, "deviceStatus", (double)(state == DC_PROGRESS_NEEDLESS ? 2 : state));
	cJSON_AddStringToObject(o, "deviceStatusDesc", dc_plan_state_name(state));
	cJSON_AddNumberToObject(o, "upgradeFinishTips", over && confirmed != DC_USER_SEEN);
}

static void
add_names(cJSON *o, const struct dc_query *q, int pk)
{
	cJSON_AddStringToObject(o, "productKey", dc_query_text(q, pk));
	cJSON_AddStringToObject(o, "deviceKey", dc_query_text(q, pk + 1));
	cJSON_AddStringToObject(o, "deviceName", dc_query_text(q, pk + 1));
	cJSON_AddStringToObject(o, "productIcon", "");
}

cJSON *
dc_open_plan(struct dc *dc, int64_t device, int64_t plan)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT pl.id, pl.name, pl.starts, pl.ends, c.status, c.starts, c.ends, "
	    "(SELECT text FROM plan_text t WHERE t.plan = pl.id ORDER BY lang = 'en' DESC LIMIT "
	    "1), d.pk, d.dk FROM plan pl JOIN device d ON d.pk = pl.pk AND d.id = ? "
	    "LEFT JOIN confirmation c ON c.plan = pl.id AND c.device = d.id WHERE pl.id = ?",
	    "ii", device, plan);

	if (!dc_query_next(q))
		return cJSON_CreateNull();
	int64_t state = dc_user_device_state(dc->db, plan, device, dc_peer_now(dc));
	cJSON *o = cJSON_CreateObject();
	add_names(o, q, 8);
	cJSON_AddNumberToObject(o, "planId", (double)plan);
	cJSON_AddStringToObject(o, "planName", dc_query_text(q, 1));
	cJSON_AddNumberToObject(o, "planStartTime", (double)dc_query_int(q, 2));
	cJSON_AddNumberToObject(o, "planEndTime", (double)dc_query_int(q, 3));
	add_states(o, dc_query_int(q, 4), state);
	cJSON_AddStringToObject(o, "upgradeVersionInfo", dc_query_text(q, 7));
	cJSON_AddNumberToObject(o, "appointStartTime", (double)dc_query_int(q, 5));
	cJSON_AddNumberToObject(o, "appointEndTime", (double)dc_query_int(q, 6));
	cJSON_AddNumberToObject(o, "upgradeProgress", add_components(o, dc, device, plan));
	add_version_info(o, cJSON_GetObjectItem(o, "comVerList"));
	return o;
}

cJSON *
dc_open_plan_row(struct dc *dc, int64_t device, int64_t plan)
{
	AUTO(cjson) cJSON *whole = dc_open_plan(dc, device, plan);
	static const char *const kept[] = {"productKey", "deviceKey", "deviceName", "productIcon",
	    "planId", "deviceStatus", "deviceStatusDesc", "userConfirmStatus", "upgradeProgress"};
	cJSON *o = cJSON_CreateObject();

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		cJSON_AddItemToObject(o, kept[i], cJSON_DetachItemFromObject(whole, kept[i]));
	cJSON_AddItemToObject(o, "version", cJSON_DetachItemFromObject(whole, "planName"));
	cJSON_AddItemToObject(o, "desc", cJSON_DetachItemFromObject(whole, "upgradeVersionInfo"));
	return o;
}

bool
dc_open_is_gateway(struct dc *dc, int64_t device)
{
	return dc_db_int(dc->db, 0,
		   "SELECT count(*) FROM device d JOIN product p ON p.pk = d.pk "
		   "WHERE d.id = ? AND p.kind = 'gateway'",
		   "i", device) > 0;
}

cJSON *
dc_open_children_of(struct dc *dc, int64_t gateway, int64_t page, int64_t size)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(o, "list");
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT id, pk, dk, version, online FROM device WHERE gateway = ? ORDER BY id "
	    "LIMIT ? OFFSET ?",
	    "iii", gateway, size, (page - 1) * size);

	while (dc_query_next(q)) {
		int64_t device = dc_query_int(q, 0), plan = dc_open_plan_of(dc, device);
		cJSON *d = cJSON_CreateObject();

		cJSON_AddItemToArray(list, d);
		cJSON_AddStringToObject(d, "productKey", dc_query_text(q, 1));
		cJSON_AddStringToObject(d, "deviceKey", dc_query_text(q, 2));
		cJSON_AddStringToObject(d, "moduleVersion", dc_query_text(q, 3));
		cJSON_AddNumberToObject(d, "onlineStatus", (double)dc_query_int(q, 4));
		cJSON_AddBoolToObject(d, "isCurrent", dc_query_int(q, 4) != 0);
		cJSON_AddNumberToObject(d, "planId", (double)plan);
		cJSON_AddNumberToObject(d, "upgradeStatus",
		    (double)dc_user_device_state(dc->db, plan, device, dc_peer_now(dc)));
		cJSON_AddNumberToObject(d, "userConfirmStatus",
		    (double)dc_db_int(dc->db, 0,
			"SELECT status FROM confirmation WHERE plan = ? AND device = ?", "ii", plan,
			device));
	}
	cJSON_AddNumberToObject(o, "page", (double)page);
	cJSON_AddNumberToObject(o, "pageSize", (double)size);
	cJSON_AddNumberToObject(o, "total",
	    (double)dc_db_int(
		dc->db, 0, "SELECT count(*) FROM device WHERE gateway = ?", "i", gateway));
	return o;
}
