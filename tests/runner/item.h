/*
 * item: one thing the runner runs, and its verdict.
 *
 *     suite:PROGRAM            a Criterion program; its tests count one by one
 *     fuzz:PROGRAM:CORPUS      a libFuzzer target on its seeds; counts as one test
 *     check:NAME:COMMAND       words split at spaces; counts as one test, exit status 0 passes
 *
 * The output goes to DIR/NAME.log; people see it only when something failed.
 */
#ifndef SUBOTA_TESTS_ITEM_H
#define SUBOTA_TESTS_ITEM_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

enum item_kind { ITEM_SUITE, ITEM_FUZZ, ITEM_CHECK };
enum { ITEM_WORDS = 32 };

struct item {
	enum item_kind kind;
	char text[512]; /* the argument, cut into words */
	char *words[ITEM_WORDS];
	char name[64];
	char log[400];
	char scratch[400]; /* a directory for a fuzz target's new inputs */
	pid_t pid;         /* 0: does not run */
	long started_ms, took_ms;
	unsigned passed, failed;
	bool done;
	unsigned alone_passed; /* a bit for each of its first failed tests: passed when run again */
};

struct item_rules {
	const char *log_dir;
	const char *scratch_dir;
	unsigned fuzz_seconds; /* 0: the short share, a number of runs from a fixed seed */
	unsigned limit_s;      /* for a whole suite, check or short share */
};

/* False, with the reason on stderr: not an item. */
bool item_parse(const char *arg, const struct item_rules *rules, struct item *it);

/* Starts it. What cannot be started is done and failed. */
void item_start(struct item *it, const struct item_rules *rules);

/* It ended with this status of waitpid; `orphans` processes had to be killed behind it. Prints the
 * closing line or, after a failure, the output. Sets passed and failed. */
void item_end(struct item *it, int status, unsigned orphans);

/* One line on stdout for each thing in it that failed: which test, where, why. */
void item_say_failed(const struct item *it);

/* The words to start it with; for the tests of this file. */
void item_command(const struct item *it, const struct item_rules *rules, char *argv[ITEM_WORDS + 8],
    char text[8][400]);

#endif
