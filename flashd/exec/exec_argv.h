/*
 * exec_argv: a command line of the configuration as words, never through a shell. Pure.
 *
 * Words are divided by blanks; ' and " keep what is between them together. In a word {port},
 * {baud}, {address}, {part}, {target}, {device} and {size} stand for what they are called, {image}
 * for the path under which the program finds the image. Nothing else is special, and what a
 * placeholder brings in is never divided.
 */
#ifndef SUBOTA_EXEC_ARGV_H
#define SUBOTA_EXEC_ARGV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { EXEC_WORD_MAX = 512, EXEC_WORDS_MAX = 48, EXEC_IMAGE_FD = 3 };

struct exec_values {
	const char *port, *baud, *address, *part, *target, *device;
	uint64_t size;
};

/* The next word of *at, filled in; *at moves behind it. False when there is none, or it does not
 * fit. */
bool exec_argv_next(const char **at, const struct exec_values *v, char out[EXEC_WORD_MAX]);

/* Whether a line can be taken: quotes that end, known placeholders, not too many words. ERR_CONFIG
 * with `why`. */
enum err exec_argv_check(const char *line, char *why, size_t why_size) MUST_CHECK;

#endif
