/*
 * dc_state_fault: misbehaviour as JSON, for dc_state.h: what there is, and what is set.
 */
#include "dc_chaos.h"
#include "dc_fault.h"
#include "dc_state.h"

static void
add_known(cJSON *list, const char *name, const char *text, bool of_a_kind)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToArray(list, o);
	cJSON_AddStringToObject(o, "name", name);
	cJSON_AddStringToObject(o, "text", text);
	cJSON_AddBoolToObject(o, "of_a_kind", of_a_kind);
}

cJSON *
dc_state_faults(struct dc_db *db)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *known = cJSON_AddArrayToObject(o, "known"), *set = cJSON_AddArrayToObject(o, "set");
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    db, "SELECT name, value, times, percent FROM fault ORDER BY name", "");

	for (unsigned w = 0; w < DC_CHAOS_COUNT; w++)
		add_known(known, dc_chaos_name((enum dc_chaos_what)w),
		    dc_chaos_text((enum dc_chaos_what)w), true);
	for (unsigned f = 0; f < DC_FAULT_COUNT; f++)
		add_known(
		    known, dc_fault_name((enum dc_fault)f), dc_fault_text((enum dc_fault)f), false);
	while (dc_query_next(q)) {
		cJSON *row = cJSON_CreateObject();

		cJSON_AddItemToArray(set, row);
		cJSON_AddStringToObject(row, "name", dc_query_text(q, 0));
		cJSON_AddNumberToObject(row, "value", (double)dc_query_int(q, 1));
		cJSON_AddNumberToObject(row, "times", (double)dc_query_int(q, 2));
		cJSON_AddNumberToObject(row, "percent", (double)dc_query_int(q, 3));
	}
	cJSON_AddNumberToObject(o, "seed",
	    (double)dc_db_int(db, 1, "SELECT value FROM setting WHERE name = 'seed'", ""));
	return o;
}
