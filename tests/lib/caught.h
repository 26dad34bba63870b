/*
 * caught: what this process writes to a descriptor while a test runs; for log lines (2) and for
 * what is printed (1).
 *
 *     AUTO(caught) struct caught *c = caught_begin(STDERR_FILENO);
 *     log_error(NULL, "no");
 *     cr_expect(strstr(caught_text(c), "no"));
 */
#ifndef SUBOTA_TESTS_CAUGHT_H
#define SUBOTA_TESTS_CAUGHT_H

#include "auto.h"

struct caught;

/* From now on, until caught_end, what is written to `fd` goes to a nameless file. */
struct caught *caught_begin(int fd);
/* All of it so far; valid until the next call. stdio is flushed. */
const char *caught_text(struct caught *c);
/* Give the descriptor back; accepts NULL. */
void caught_end(struct caught *c);
AUTO_DEFINE(caught, struct caught *, caught_end)

#endif
