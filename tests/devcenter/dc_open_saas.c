/*
 * dc_open_saas: the calls of those who have an access key: gateways and their sub-devices.
 */
#include <stdlib.h>
#include <string.h>

#include "dc_open_call.h"
#include "dc_open_plan.h"
#include "dc_sys.h"

/* deviceId, or productKey and deviceKey (pk and dk are taken, too); 0, or the code that refuses. */
static int
asked_device(struct dc *dc, const struct dc_open_request *r, int64_t *device)
{
	const char *id = dc_open_query(r, "deviceId");
	const char *pk = dc_open_query(r, "productKey"), *dk = dc_open_query(r, "deviceKey");

	pk = *pk ? pk : dc_open_query(r, "pk");
	dk = *dk ? dk : dc_open_query(r, "dk");
	if (!*id && (!*pk || !*dk))
		return DC_OPEN_EMPTY;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT id, pk FROM device WHERE id = ? OR (pk = ? AND dk = ?) ORDER BY id = ? DESC",
	    "itti", strtoll(id, NULL, 10), pk, dk, strtoll(id, NULL, 10));
	if (!dc_query_next(q))
		return DC_OPEN_PARAMETER;
	*device = dc_query_int(q, 0);
	return dc_open_may_see(dc, r, dc_query_text(q, 1)) ? 0 : DC_OPEN_LIMITED;
}

static char *
no_device(int code)
{
	return dc_open_fail(
	    code, code == DC_OPEN_EMPTY ? "expected deviceId, or productKey and deviceKey, got none"
		  : code == DC_OPEN_LIMITED ? "expected a device of a product that the key may see"
					    : "expected a device, got none of that name");
}

char *
dc_open_sub_list(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	int64_t gateway, page, size;
	int code = asked_device(dc, r, &gateway);

	(void)doc;
	if (code)
		return no_device(code);
	if (!dc_open_is_gateway(dc, gateway))
		return dc_open_fail(
		    DC_OPEN_NO_GATEWAY_PRODUCT, "expected a device of a gateway product");
	if (!dc_open_page(r, "pageNum", &page, &size))
		return dc_open_fail(
		    DC_OPEN_PARAMETER, "pageNum, pageSize: expected 1 to 10000, 1 to 100");
	return dc_open_say(DC_OPEN_OK, "", dc_open_children_of(dc, gateway, page, size));
}

/* A sub-device's row and its gateway's; 0, or the code that refuses. */
static int
asked_sub(struct dc *dc, const struct dc_open_request *r, int64_t *sub, int64_t *gateway)
{
	int code = asked_device(dc, r, sub);

	if (code)
		return code;
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(dc->db,
	    "SELECT p.kind, d.gateway FROM device d JOIN product p ON p.pk = d.pk "
	    "WHERE d.id = ?",
	    "i", *sub);
	if (!dc_query_next(q) || strcmp(dc_query_text(q, 0), "subdevice") != 0)
		return DC_OPEN_NO_SUB_PRODUCT;
	*gateway = dc_query_int(q, 1);
	return *gateway ? 0 : DC_OPEN_NO_GATEWAY;
}

static char *
no_sub(int code)
{
	if (code == DC_OPEN_NO_SUB_PRODUCT)
		return dc_open_fail(code, "expected a device of a sub-device product");
	if (code == DC_OPEN_NO_GATEWAY)
		return dc_open_fail(code, "there is no associated gateway");
	return no_device(code);
}

char *
dc_open_gateway_of(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	int64_t sub, gateway;
	int code = asked_sub(dc, r, &sub, &gateway);

	(void)doc;
	if (code)
		return no_sub(code);
	if (!dc_db_int(dc->db, 0, "SELECT online FROM device WHERE id = ?", "i", sub))
		return dc_open_fail(
		    DC_OPEN_NOT_CONNECTED, "the sub-device is not connected to its gateway");
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    dc->db, "SELECT pk, dk FROM device WHERE id = ?", "i", gateway);
	cJSON *data = cJSON_CreateObject();
	if (dc_query_next(q)) {
		cJSON_AddStringToObject(data, "productKey", dc_query_text(q, 0));
		cJSON_AddStringToObject(data, "productName", dc_query_text(q, 0));
		cJSON_AddStringToObject(data, "deviceKey", dc_query_text(q, 1));
		cJSON_AddStringToObject(data, "deviceName", dc_query_text(q, 1));
	}
	return dc_open_say(DC_OPEN_OK, "", data);
}

char *
dc_open_unbind(struct dc *dc, const struct dc_open_request *r, const cJSON *doc)
{
	int64_t sub, gateway;
	int code = asked_sub(dc, r, &sub, &gateway);

	(void)doc;
	if (code)
		return no_sub(code);
	struct dc_peer *p = dc_peer_of(dc, sub);
	dc_db_do(dc->db, "UPDATE device SET gateway = NULL WHERE id = ?", "i", sub);
	dc_peer_note(dc, sub, "association with its gateway ended");
	if (p && p->is_sub)
		dc_sys_kick(dc, p, DC_CODE_NOT_ASSOCIATED);
	return dc_open_say(DC_OPEN_OK, "", NULL);
}
