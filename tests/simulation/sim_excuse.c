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
	{"device",       "STAGED TROUBLE to TESTING: by itself",        "both drivers here, smp and mcuboot, know how to reset; for exec without a reset"},
	{"device",       "TESTING TROUBLE to CONFIRMED: no such thing", "mcuboot has no CONFIRM and says that what runs is kept; for exec without a confirm"},
	{"device",       "CONFIRMED TROUBLE: no such thing",            "mcuboot has no CONFIRM and says that what runs is kept; for exec without a confirm"},
	{"rollout",      "STOPPED DONE",                                "each device has a product of its own here: none of a rollout goes on when it stops"},
	{"rollout",      "STOPPED FAILED",                              "each device has a product of its own here: none of a rollout goes on when it stops"},
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
