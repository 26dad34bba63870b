/*
 * report: what a long run of power cuts has come to, in a JSON file from which it can be gone on
 * with, and as a table for people.
 */
#ifndef SUBOTA_POWERCUT_REPORT_H
#define SUBOTA_POWERCUT_REPORT_H

#include "err.h"
#include "outage.h"

struct report {
	uint64_t seed;
	unsigned sittings; /* this one included */
	double seconds;    /* of all sittings */
	struct outage o;
};

/* All cuts were made and nothing broke. */
bool report_is_complete(const struct report *r);
/* An earlier sitting of the same seed and number of cuts is added to a fresh report. False: there
 * is none, or it broke, so the run begins anew. */
bool report_go_on(struct report *r, const char *path);
/* Replace the file, whole or not at all. */
enum err report_write(const struct report *r, const char *path) MUST_CHECK;
/* Markdown; the table of a run in the documents. */
enum err report_table(const struct report *r, const char *path) MUST_CHECK;
/* A few lines. */
void report_print(const struct report *r);

#endif
