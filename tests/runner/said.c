/*
 * said: see said.h.
 */
#include <stdio.h>
#include <string.h>

#include "said.h"

#define COMPLAINT "[----] "

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

/* The beginning of the line before the one that begins at `line`; NULL: it is the first. */
static const char *
line_before(const char *log, const char *line)
{
	if (line <= log)
		return NULL;
	for (line--; line > log && line[-1] != '\n';)
		line--;
	return line;
}

static bool
is_complaint(const char *line)
{
	return strncmp(line, COMPLAINT, strlen(COMPLAINT)) == 0;
}

/* Criterion puts the place in a line of its own and what was said about it, indented, below. */
void
said_why(const char *log, const char *at, char why[static SAID_WHY])
{
	const char *words = NULL, *line = at;

	const char *verdict = strstr(at, ": ");

	snprintf(why, SAID_WHY, "%.*s", verdict ? (int)strcspn(verdict + 2, "\n") : 0,
	    verdict ? verdict + 2 : "");
	while (line > log && line[-1] != '\n')
		line--;
	while ((line = line_before(log, line)) != NULL && is_complaint(line)) {
		const char *text = line + strlen(COMPLAINT);
		size_t indent = strspn(text, " "), len = strcspn(text, "\n");

		if (indent > 0 && len > indent)
			words = text + indent;
		if (indent > 0)
			continue;
		int place = (int)len;

		if (words && sscanf(text, "%*[^:]:%*d:%n", &place) == 0)
			snprintf(why, SAID_WHY, "%.*s %.*s", place, text,
			    (int)strcspn(words, "\n"), words);
		else
			snprintf(why, SAID_WHY, "%.*s", (int)len, text);
		return;
	}
}
