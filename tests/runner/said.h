/*
 * said: what a test program said about itself. Criterion 2.4.1 ends with
 *
 *     [====] Synthesis: Tested: 3 | Passing: 2 | Failing: 1 | Crashing: 0
 *
 * and names each failed test in a line `[FAIL] suite::test: (0.00s)`. Pure.
 */
#ifndef SUBOTA_TESTS_SAID_H
#define SUBOTA_TESTS_SAID_H

#include <stdbool.h>
#include <stddef.h>

struct said {
	unsigned tested, passing, failing, crashing;
	char line[160]; /* the closing line itself, without the newline */
};

/* Finds the closing line in a whole log. False: there is none, or it does not add up. */
bool said_closing(const char *log, struct said *out);

enum { SAID_NAME = 160 };

/* Copies "suite/test" of the next failed test at or after *at and moves *at behind it. False: no
 * more, or the name does not fit. */
bool said_failed(const char **at, char name[static SAID_NAME]);

enum { SAID_WHY = 200 };

/* Why a test failed: place and first words of the last complaint before `at`, which said_failed has
 * just moved; Criterion's verdict ("Timed out. (1.00s)") where the test complained of nothing. */
void said_why(const char *log, const char *at, char why[static SAID_WHY]);

#endif
