/*
 * unit: see unit.h.
 */
#include "unit.h"

#include <stdio.h>

static enum err
take_unit(void *arg, const struct record_row *row)
{
	snprintf(arg, UNIT_TEXT, "%s", record_text(row, 0));
	return ERR_OK;
}

enum err
unit_get(struct record *r, const struct counters_key *k, char out[UNIT_TEXT])
{
	out[0] = 0;
	return record_query(r, take_unit, out,
	    "SELECT unit FROM unit WHERE product_key = ? AND device_key = ? AND component = ?",
	    "ttt", k->product_key, k->device_key, k->component);
}

static enum err
forget_most(struct record *r, const struct counters_key *k, const char *binding)
{
	return record_run(r,
	    "DELETE FROM confirmed WHERE product_key = ? AND device_key = ? AND component = ?"
	    " AND binding <> ? AND binding NOT IN (SELECT binding FROM confirmed WHERE"
	    " product_key = ? AND device_key = ? AND component = ?"
	    " ORDER BY counter DESC, sequence DESC LIMIT ?)",
	    "ttttttti", k->product_key, k->device_key, k->component, binding, k->product_key,
	    k->device_key, k->component, (int64_t)UNIT_KEPT);
}

enum err
unit_set(struct record *r, const struct counters_key *k, const char *unit, const char *binding,
    bool adopts)
{
	enum err e = record_run(r,
	    "INSERT OR REPLACE INTO unit(product_key, device_key, component, unit) VALUES(?,?,?,?)",
	    "tttt", k->product_key, k->device_key, k->component, unit);

	if (e == ERR_OK && adopts)
		e = record_run(r,
		    "UPDATE OR REPLACE confirmed SET binding = ? WHERE product_key = ? AND"
		    " device_key = ? AND component = ? AND binding = ?",
		    "ttttt", binding, k->product_key, k->device_key, k->component, k->binding);
	return e ? e : forget_most(r, k, binding);
}
