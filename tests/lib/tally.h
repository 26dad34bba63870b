/*
 * tally: how often each of a few kinds was seen, by its name, in the order of first sight.
 */
#ifndef SUBOTA_TESTS_TALLY_H
#define SUBOTA_TESTS_TALLY_H

#include <cjson/cJSON.h>

enum { TALLY_KINDS = 64, TALLY_NAME = 64 };

struct tally {
	unsigned kinds;
	struct {
		char name[TALLY_NAME]; /* cut to fit */
		unsigned n;
	} kind[TALLY_KINDS]; /* what comes when all are taken counts for the last */
};

void tally_add(struct tally *t, const char *name, unsigned n);
/* Once for each name that `other` has, whatever its count. */
void tally_add_kinds(struct tally *t, const struct tally *other);
unsigned tally_of(const struct tally *t, const char *name);
/* {"name": n, ...}; the caller frees. And back, added to what is there. */
cJSON *tally_json(const struct tally *t);
void tally_read(struct tally *t, const cJSON *o);

#endif
