/*
 * dc_opt: the words of a command line, by a table per command.
 *
 * "--name VALUE" or "--name=VALUE"; a row without an argument is a flag; every option may be
 * repeated. Everything else is positional. `--help` belongs to the caller.
 */
#ifndef DC_OPT_H
#define DC_OPT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"

enum { DC_OPT_MAX = 64, DC_OPT_WORDS = 4 };

struct dc_opt_row {
	const char *name;
	const char *argument; /* NULL: a flag */
	const char *help;
};

struct dc_opt {
	const struct dc_opt_row *rows; /* ends with a row without a name */
	unsigned n, n_words;
	struct {
		const char *name, *value;
	} given[DC_OPT_MAX];
	const char *word[DC_OPT_WORDS];
};

/* Parse; says on stderr what is wrong. Strings are borrowed. */
enum err dc_opt_parse(
    struct dc_opt *o, const struct dc_opt_row *rows, int argc, char **argv) MUST_CHECK;

/* The nth value of an option, NULL when there are not so many. A flag's value is "". */
const char *dc_opt_nth(const struct dc_opt *o, const char *name, unsigned nth);
/* The last value, or `otherwise`. */
const char *dc_opt_get(const struct dc_opt *o, const char *name, const char *otherwise);
/* A whole number between min and max; ERR_INVALID (said on stderr) for anything else. */
enum err dc_opt_int(const struct dc_opt *o, const char *name, int64_t otherwise, int64_t min,
    int64_t max, int64_t *out) MUST_CHECK;

void dc_opt_print(const struct dc_opt_row *rows, FILE *f);

#endif
