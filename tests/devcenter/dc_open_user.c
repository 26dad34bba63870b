/*
 * dc_open_user: the calls of end users: a device's plan, what a person decides, lists, the switch
 * of auto-confirm, and the two calls for devices that only the app reaches (Bluetooth).
 *
 * Where the public pages name a call without its fields, they are ours: those of
 * reportUpgradeStatus (productKey, deviceKey, planId, comNo, upgradeStatus 0 to 3 as in
 * comVerList).
 */
#include <string.h>

#include "dc_open_call.h"
#include "dc_open_plan.h"
#include "dc_plan.h"
#include "dc_user.h"

static int64_t
device_of(struct dc *dc, const char *pk, const char *dk)
{
	return dc_db_int(dc->db, 0, "SELECT id FROM device WHERE pk = ? AND dk = ?", "tt", pk, dk);
}

/* A sub-device belongs to a gateway; without one nobody may speak for it. */
static bool
is_orphan(struct dc *dc, int64_t device)
{
	return dc_db_int(dc->db, 0,
		   "SELECT count(*) FROM device d JOIN product p ON p.pk = d.pk "
		   "WHERE d.id = ? AND p.kind = 'subdevice' AND d.gateway IS NULL",
		   "i", device) > 0;
}

/* The device of these keys into *device; 0, or the code that refuses. */
static int
find_device(struct dc *dc, const char *pk, const char *dk, int64_t *device)
{
	if (!*pk)
		return DC_OPEN_NO_PK;
	if (!*dk)
		return DC_OPEN_NO_DK;
	*device = device_of(dc, pk, dk);
	if (!*device)
		return DC_OPEN_DEVICE;
	return is_orphan(dc, *device) ? DC_OPEN_SUB : 0;
}

static int
asked_device(struct dc *dc, const struct dc_open_request *r, int64_t *device)
{
	return find_device(dc, dc_open_query(r, "pk"), dc_open_query(r, "dk"), device);
}

static char *
no_device(int code)
{
	return dc_open_fail(code, "pk, dk: expected a device, and a sub-device with a gateway");
}

char *
dc_open_get_plan(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	int64_t device;
	int code = asked_device(dc, r, &device);

	(void)doc;
	if (code)
		return no_device(code);
	return dc_open_say(DC_OPEN_OK, "", dc_open_plan(dc, device, dc_open_plan_of(dc, device)));
}

char *
dc_open_confirm(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	cJSON *data = cJSON_CreateObject();
	cJSON *good = cJSON_AddArrayToObject(data, "successList");
	cJSON *bad = cJSON_AddArrayToObject(data, "failList");
	const cJSON *item;

	(void)r;
	cJSON_ArrayForEach(item, doc)
	{
		char why[DC_RULE_WHY] = "expected a device, got none of that name";
		const char *pk = dc_open_text(item, "productKey");
		const char *dk = dc_open_text(item, "deviceKey");
		const struct dc_user_wish w = {dc_open_number(item, "operType"),
		    dc_open_number(item, "appointStartTime"),
		    dc_open_number(item, "appointEndTime")};
		int64_t plan = dc_open_number(item, "planId"), device = 0;
		int code = find_device(dc, pk, dk, &device);
		bool ok = !code && !dc_user_confirm(dc->db, plan, device, &w, dc_peer_now(dc), why);
		cJSON *row = cJSON_CreateObject();

		cJSON_AddItemToArray(ok ? good : bad, row);
		cJSON_AddStringToObject(row, "productKey", pk);
		cJSON_AddStringToObject(row, "deviceKey", dk);
		cJSON_AddNumberToObject(row, "planId", (double)plan);
		if (!ok)
			cJSON_AddStringToObject(row, "msg", why);
		if (code)
			cJSON_AddNumberToObject(row, "code", code);
	}
	return dc_open_say(DC_OPEN_OK, "", data);
}

char *
dc_open_details(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	cJSON *data = cJSON_CreateArray();
	const cJSON *item;

	(void)r;
	cJSON_ArrayForEach(item, doc)
	{
		int64_t device = device_of(
		    dc, dc_open_text(item, "productKey"), dc_open_text(item, "deviceKey"));

		cJSON_AddItemToArray(
		    data, dc_open_plan(dc, device, dc_open_number(item, "planId")));
	}
	return dc_open_say(DC_OPEN_OK, "", data);
}

/* The auto-confirm switch: set, get, delete are on, query, off. */
char *
dc_open_switch(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	int64_t device;
	int code = asked_device(dc, r, &device);
	const char *verb = strrchr(r->path, '/') + 1;

	(void)doc;
	if (code)
		return no_device(code);
	if (verb[0] != 'g')
		dc_db_do(dc->db, "UPDATE device SET auto_upgrade = ? WHERE id = ?", "ii",
		    (int64_t)(verb[0] == 's'), device);
	return dc_open_say(DC_OPEN_OK, "",
	    cJSON_CreateBool(
		dc_db_int(dc->db, 0, "SELECT auto_upgrade FROM device WHERE id = ?", "i", device)));
}

char *
dc_open_children(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	int64_t gateway, page, size;
	int code = asked_device(dc, r, &gateway);

	(void)doc;
	if (code)
		return no_device(code);
	if (!dc_open_is_gateway(dc, gateway))
		return dc_open_fail(
		    DC_OPEN_NO_GATEWAY_PRODUCT, "expected a device of a gateway product");
	if (!dc_open_page(r, "page", &page, &size))
		return dc_open_fail(
		    DC_OPEN_PARAMETER, "page, pageSize: expected 1 to 10000, 1 to 100");
	return dc_open_say(DC_OPEN_OK, "", dc_open_children_of(dc, gateway, page, size));
}

/* --- lists of a whole account ---------------------------------------------------------------- */

/* Goes through all devices that have a plan for their person; adds those of the page to `list`
 * (NULL: none); returns how many there are. */
static int64_t
each_with_plan(struct dc *dc, cJSON *list, int64_t page, int64_t size)
{
	int64_t n = 0;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT id FROM device WHERE pk IN (SELECT pk FROM plan WHERE mode = 'manual' "
	    "AND state = 'activated' AND starts <= ? AND ends > ?) ORDER BY id",
	    "ii", dc_peer_now(dc), dc_peer_now(dc));

	while (dc_query_next(q)) {
		int64_t device = dc_query_int(q, 0), plan = dc_open_plan_of(dc, device);

		if (!plan || is_orphan(dc, device))
			continue;
		if (list && n >= (page - 1) * size && n < page * size)
			cJSON_AddItemToArray(list, dc_open_plan_row(dc, device, plan));
		n++;
	}
	return n;
}

char *
dc_open_plan_devices(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	cJSON *data, *list;
	int64_t page, size;

	(void)doc;
	if (!dc_open_page(r, "page", &page, &size))
		return dc_open_fail(
		    DC_OPEN_PARAMETER, "page, pageSize: expected 1 to 10000, 1 to 100");
	data = cJSON_CreateObject();
	list = cJSON_AddArrayToObject(data, "list");
	cJSON_AddNumberToObject(data, "total", (double)each_with_plan(dc, list, page, size));
	cJSON_AddNumberToObject(data, "page", (double)page);
	cJSON_AddNumberToObject(data, "pageSize", (double)size);
	return dc_open_say(DC_OPEN_OK, "", data);
}

char *
dc_open_have_upgrade(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	cJSON *data = cJSON_CreateObject();

	(void)r;
	(void)doc;
	cJSON_AddNumberToObject(
	    data, "haveDeviceUpgradeSum", (double)each_with_plan(dc, NULL, 1, 1));
	return dc_open_say(DC_OPEN_OK, "", data);
}

/* --- devices that only the app reaches ------------------------------------------------------- */

/* Keys from the query or from a JSON object. */
static int
told_device(struct dc *dc, const struct dc_open_request *r, const cJSON *doc, struct dc_peer *p)
{
	const char *pk = dc_open_query(r, "pk"), *dk = dc_open_query(r, "dk");

	pk = *pk ? pk : dc_open_text(doc, "productKey");
	dk = *dk ? dk : dc_open_text(doc, "deviceKey");
	snprintf(p->pk, sizeof(p->pk), "%s", pk);
	snprintf(p->dk, sizeof(p->dk), "%s", dk);
	return find_device(dc, pk, dk, &p->device);
}

char *
dc_open_fetch_plan(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	struct dc_offer o[DC_RULE_COMPONENTS];
	struct dc_peer p = {0};
	int code = told_device(dc, r, doc, &p);

	if (code)
		return no_device(code);
	int64_t plan = dc_open_plan_of(dc, p.device);
	if (!plan && dc_plan_next(dc, &p, o))
		plan = o[0].plan;
	return dc_open_say(DC_OPEN_OK, "", dc_open_plan(dc, p.device, plan));
}

char *
dc_open_report(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	int64_t plan = dc_open_number(doc, "planId"), state = dc_open_number(doc, "upgradeStatus");
	struct dc_offer o[DC_RULE_COMPONENTS];
	struct dc_peer p = {0};
	int code = told_device(dc, r, doc, &p);

	if (code)
		return no_device(code);
	unsigned n = dc_plan_next(dc, &p, o);
	if (n == 0)
		n = dc_plan_waiting(dc, &p, o);
	if (n == 0 || o[0].plan != plan ||
	    strcmp(o[0].component, dc_open_text(doc, "comNo")) != 0 || state < 1 || state > 3)
		return dc_open_fail(DC_OPEN_PARAMETER,
		    "expected planId and comNo of the plan's next component, upgradeStatus 1 to 3");
	dc_plan_offered(dc, &p, &o[0]);
	dc_plan_end(dc, &p, &o[0], (enum dc_progress)state);
	return dc_open_say(DC_OPEN_OK, "", NULL);
}
