/*
 * tally: see tally.h.
 */
#include "tally.h"

#include <stdio.h>
#include <string.h>

static unsigned
find(const struct tally *t, const char *name)
{
	unsigned i = 0;

	while (i < t->kinds && strncmp(t->kind[i].name, name, TALLY_NAME - 1) != 0)
		i++;
	return i;
}

void
tally_add(struct tally *t, const char *name, unsigned n)
{
	unsigned i = find(t, name);

	if (i == TALLY_KINDS)
		i--;
	if (i == t->kinds) {
		snprintf(t->kind[i].name, TALLY_NAME, "%s", name);
		t->kinds++;
	}
	t->kind[i].n += n;
}

void
tally_add_kinds(struct tally *t, const struct tally *other)
{
	for (unsigned i = 0; i < other->kinds; i++)
		tally_add(t, other->kind[i].name, 1);
}

unsigned
tally_of(const struct tally *t, const char *name)
{
	unsigned i = find(t, name);

	return i < t->kinds ? t->kind[i].n : 0;
}

cJSON *
tally_json(const struct tally *t)
{
	cJSON *o = cJSON_CreateObject();

	for (unsigned i = 0; i < t->kinds; i++)
		cJSON_AddNumberToObject(o, t->kind[i].name, t->kind[i].n);
	return o;
}

void
tally_read(struct tally *t, const cJSON *o)
{
	const cJSON *k;

	cJSON_ArrayForEach(k, o) tally_add(t, k->string, (unsigned)k->valuedouble);
}
