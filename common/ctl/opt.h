/*
 * opt: command line options from a table, which is also the help text. Long options only, `--name
 * VALUE` or `--name=VALUE`, in any order; the values are borrowed from argv.
 */
#ifndef SUBOTA_OPT_H
#define SUBOTA_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { OPT_ITEMS_MAX = 256, OPT_ARGS_MAX = 16 };

struct opt_spec {
	const char *name;
	const char *arg; /* name of its value; NULL = a flag */
	bool required;
	bool repeat;
	const char *help;
};

struct opt_command {
	const char *usage;            /* "subotactl bundle sign [OPTION]... FILE" */
	const char *about;            /* a few sentences */
	const struct opt_spec *specs; /* ends with name NULL */
	size_t min_args, max_args;
};

struct opt_set {
	const struct opt_command *command;
	struct {
		const struct opt_spec *spec;
		const char *value;
	} items[OPT_ITEMS_MAX];
	size_t n_items;
	const char *args[OPT_ARGS_MAX];
	size_t n_args;
};

/* ERR_OK; ERR_CANCELLED after --help was printed; ERR_INVALID after a complaint on stderr. */
enum err opt_parse(
    const struct opt_command *c, int argc, char **argv, struct opt_set *out) MUST_CHECK;

size_t opt_count(const struct opt_set *s, const char *name);
/* The i-th value, NULL if there are fewer. */
const char *opt_nth(const struct opt_set *s, const char *name, size_t i);
/* The first value, or the fallback. */
const char *opt_text(const struct opt_set *s, const char *name, const char *fallback);

/* A decimal number; ERR_INVALID after a complaint. */
enum err opt_number(const struct opt_set *s, const char *name, uint64_t fallback, uint64_t max,
    uint64_t *out) MUST_CHECK;
/* Digits only, at most `max`. */
bool opt_read_number(const char *text, uint64_t max, uint64_t *out);

/* ms since 1970 from `2026-11-24`, `2026-11-24T09:00:00Z` or `+90d` (after `from_ms`). */
enum err opt_time(const struct opt_set *s, const char *name, uint64_t fallback_ms, uint64_t from_ms,
    uint64_t *out) MUST_CHECK;
bool opt_read_time(const char *text, uint64_t from_ms, uint64_t *out);

/* Now, or SOURCE_DATE_EPOCH of the environment, so that a build can be repeated. */
uint64_t opt_now_ms(void);

#endif
