/*
 * passed: the latest time that is known to have passed, from what was signed and verified
 * (trust.h), in a daemon's record. It never goes back, holds at once, and is written as soon as the
 * record can be.
 */
#ifndef SUBOTA_PASSED_H
#define SUBOTA_PASSED_H

#include "record.h"

struct passed {
	const char *table; /* of the record, with columns name and value; not copied */
	uint64_t ms;       /* wall clock; 0 = none */
	uint64_t durable;  /* as far as it is written */
};

/* Errors of record_get_int, except that there may be none. */
enum err passed_load(struct passed *p, struct record *r, const char *table) MUST_CHECK;
void passed_set(struct passed *p, struct record *r, uint64_t ms);

#endif
