/*
 * sim_excuse: rows of the state tables that no run can take, and why. A row that is neither here
 * nor taken is a gap in the model.
 */
#include <stddef.h>
#include <string.h>

#include "sim_cover.h"

/* clang-format off */
static const struct { const char *table, *row, *why; } excuses[] = {
	/* table    row                             why */
	{"image",   "FETCHED RESTARTED",            "its record and that of VERIFYING are one: FETCHED is left in the call that enters it"},
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
