/*
 * said: see said.h.
 */
#include <stdio.h>
#include <string.h>

#include "said.h"

bool
said_closing(const char *log, struct said *out)
{
	const char *last = NULL;

	for (const char *at = log; (at = strstr(at, "Synthesis: Tested:")) != NULL; at++)
		last = at;
	*out = (struct said){0};
	if (!last)
		return false;
	while (last > log && last[-1] != '\n')
		last--;
	snprintf(out->line, sizeof(out->line), "%.*s", (int)strcspn(last, "\n"), last);
	if (sscanf(strstr(last, "Tested:"), "Tested: %u | Passing: %u | Failing: %u | Crashing: %u",
		&out->tested, &out->passing, &out->failing, &out->crashing) != 4)
		return false;
	/* A test that crashed counts as failing, too, in this version. */
	return out->passing <= out->tested && out->failing <= out->tested;
}

bool
said_failed(const char **at, char name[static SAID_NAME])
{
	const char *line = strstr(*at, "[FAIL] ");

	if (!line)
		return false;
	line += strlen("[FAIL] ");
	*at = line;
	const char *colons = strstr(line, "::");
	size_t end = colons ? (size_t)(colons - line) + 2 + strcspn(colons + 2, ": \n") : 0;

	if (!colons || end > SAID_NAME - 1)
		return false;
	snprintf(name, SAID_NAME, "%.*s/%.*s", (int)(colons - line), line,
	    (int)(end - (size_t)(colons - line) - 2), colons + 2);
	return true;
}
