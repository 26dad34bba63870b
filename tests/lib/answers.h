/*
 * answers: a process that listens as cloudd, fetchd and flashd on control sockets in a scratch
 * directory and answers questions from a list; and lets the tap of fetchd hear its link to cloudd.
 * For tests of the tools that ask.
 */
#ifndef SUBOTA_TESTS_ANSWERS_H
#define SUBOTA_TESTS_ANSWERS_H

#include <sys/types.h>

#include "route.h"

struct answers_row {
	enum who daemon;
	const char *what;
	const char *json; /* with ' in the place of " */
};

struct answers {
	char *dir; /* holds "conf" for --config, run/ and state/ */
	pid_t pid;
};

/* The daemons that rows name are there; whoever has no row is not running. A question without a row
 * is ERR_NOT_FOUND. Returns when all listen. The rows are used until answers_close. */
void answers_open(struct answers *a, const struct answers_row *rows, size_t n);
void answers_close(struct answers *a);

#endif
