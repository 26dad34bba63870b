/*
 * exec_said: what a flasher program says: a version, progress, its last line, its exit status.
 * Pure, bounded, and nothing of it is believed but as text.
 */
#ifndef SUBOTA_EXEC_SAID_H
#define SUBOTA_EXEC_SAID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { EXEC_TEXT = 64, EXEC_LINE = 100, EXEC_STATUSES = 8 };

/* From the option `progress`: "percent TEXT" or "marks CHARACTER COUNT TEXT", TEXT may be missing:
 * percentages, or so many of that character for the whole, once TEXT was said. */
struct exec_progress {
	enum { EXEC_NO_PROGRESS, EXEC_PERCENT, EXEC_MARKS } kind;
	char mark;
	unsigned all;
	char after[EXEC_TEXT];
};
/* ERR_CONFIG. "" is no progress. */
enum err exec_said_parse(const char *text, struct exec_progress *out) MUST_CHECK;

/* A word behind a text. */
struct exec_take {
	const char *before; /* "" = the first word, of the version; NULL = not wanted */
	enum { EXEC_SEEKING, EXEC_TAKING, EXEC_TAKEN } at;
	char word[65];
	size_t len;
};

struct exec_said {
	const struct exec_progress *progress; /* borrowed */
	char seen[EXEC_TEXT];                 /* the last bytes, printable or '.' */
	size_t seen_len;
	bool begun; /* progress->after was said */
	unsigned marks, percent;
	struct exec_take version, unit;
	char line[EXEC_LINE], last[EXEC_LINE]; /* being said; the last that was not empty */
	size_t line_len;
};

/* The version stands behind `before`, a serial number behind `unit` ("" = there is none). */
void exec_said_start(struct exec_said *s, const struct exec_progress *progress, const char *before,
    const char *unit);
void exec_said_byte(struct exec_said *s, uint8_t byte);
/* It says no more. */
void exec_said_end(struct exec_said *s);

/* Exit statuses from the configuration, "1 2 17" or none: at most 7, from 1 to 255. */
bool exec_said_statuses(const char *text, uint8_t out[EXEC_STATUSES]);
bool exec_said_among(const uint8_t list[EXEC_STATUSES], int status);

#endif
