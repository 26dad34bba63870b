/*
 * brood: see brood.h.
 */
#include <stdio.h>
#include <string.h>

#include "brood.h"

/* clang-format off */
static const struct brood_program of_fetchd[] = {
	/* program        name              place        fds   told   last words */
	{NURSERY_COURIER, "subota-courier", "$courier",  2, 2, false, 5000}, /* makes durable what it has */
	{0},
};

static const struct brood_program of_flashd[] = {
	/* a session holds the line, which its successor needs: killed at once */
	{NURSERY_SESSION, "subota-session", "$session",  2, 4, false, 0},
	{NURSERY_CREW,    "subota-session", "$session",  1, 1, false, 0}, /* with a hatch: for several links */
	{NURSERY_EXEC,    "subota-exec",    "$exec",     1, 1, true,  3000}, /* ends the program that it runs */
	{0},
};

static const struct brood rows[] = {
	/* parent  promise           or                     with     max  names */
	{"fetchd", "fetchd-nursery", "fetchd-nursery",     "",        16, true,  of_fetchd},
	/* a session for each of 256 lines, and who writes the device beside it */
	{"flashd", "flashd-nursery", "flashd-nursery+exec", "$exec",  512, false, of_flashd},
};
/* clang-format on */

const struct brood *
brood_find(const char *parent)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].parent, parent) == 0)
			return &rows[i];
	return NULL;
}

const struct brood_program *
brood_program(const struct brood *b, unsigned program, size_t n_fds)
{
	for (const struct brood_program *p = b->programs; p->program; p++)
		if (p->program == program)
			return n_fds >= p->min_fds && n_fds <= p->max_fds ? p : NULL;
	return NULL;
}

const char *
brood_promise(const struct brood *b, const struct places *places)
{
	return places_find(places, b->more, 0) ? b->promise_of_more : b->promise;
}

static bool
is_among(const struct places *places, const char *word)
{
	const char *equals = strchr(word, '=');
	const char *path = NULL;
	char name[40];

	if (!equals)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(equals - word), word);
	for (size_t i = 0; (path = places_find(places, name, i)); i++)
		if (strcmp(path, equals + 1) == 0)
			return true;
	return false;
}

bool
brood_owns(const struct places *places, const char *words, size_t len)
{
	if (len > 0 && words[len - 1] != '\0')
		return false;
	for (size_t at = 0; at < len; at += strlen(words + at) + 1)
		if (!is_among(places, words + at))
			return false;
	return true;
}
