/*
 * sim_excuse: rows of the state tables that no run can take, and why. A row that is neither here
 * nor taken is a gap in the model.
 */
#include <stddef.h>
#include <string.h>

#include "sim_cover.h"

/* clang-format off */
static const struct { const char *table, *row, *why; } excuses[] = {
	/* table         row                                            why */
	{"conversation", "OFFERED FETCH_FAILED to IDLE",                "the gate gets an order only when ORDERED has been recorded"},
	{"conversation", "OFFERED DONE to IDLE",                        "the same, and flashd nothing to write before the gate's order"},
	{"conversation", "CONFIRMED FETCH_FAILED to IDLE",              "the gate gets an order only when ORDERED has been recorded"},
	{"conversation", "CONFIRMED DONE to IDLE",                      "the same, and flashd nothing to write before the gate's order"},
	{"image",        "FAILED ORDERED to QUEUED",                    "an order passes by what failed (find_image), which is forgotten with the next tick"},
	{"device",       "STAGED SEES_NEW_STORED to FLASHING",          "every row to STAGED orders the reset, and that is recorded with it: for records of old"},
	{"device",       "STAGED SEES_OLD to FLASHING",                 "every row to STAGED orders the reset, and that is recorded with it: for records of old"},
	{"image",        "FETCHED RESTARTED",                           "its record and that of VERIFYING are one: FETCHED is left in the call that enters it"},
	{"image",        "FETCHED ORDERED",                             "a package is FETCHED only while another one is verified, which here is one slice, at one instant"},
	{"device",       "TESTING TROUBLE to CONFIRMED: no such thing", "each driver without CONFIRM says of whatever runs that it is kept: for one to come that does not"},
	{"device",       "CONFIRMED TROUBLE: no such thing",            "each driver without CONFIRM says of whatever runs that it is kept: for one to come that does not"},
	{"device",       "CONFIRMED SEES_BARE to FLASHING",             "no driver is DESTRUCTIVE and has CONFIRM: for a device whose driver is another after a restart"},
	{"device",       "CONFIRMED DEADLINE to FLASHING",              "no driver is DESTRUCTIVE and has CONFIRM: for a device whose driver is another after a restart"},
	{"device",       "FLASHING SEES_NEW_ON_TEST to TESTING: cancelled", "from where it can be cancelled so, only bare devices come back to FLASHING: for records of old"},
};
/* clang-format on */

const char *
sim_excuse(const char *table, const char *row)
{
	for (size_t i = 0; i < sizeof(excuses) / sizeof(excuses[0]); i++)
		if (strcmp(excuses[i].table, table) == 0 && strcmp(excuses[i].row, row) == 0)
			return excuses[i].why;
	return NULL;
}
