/*
 * why: the sentence that goes with an error, for a person: "expected ..., got ...".
 *
 * A callee that refuses writes one into the caller's buffer and returns the error in the same
 * statement: `return why_say(why, ERR_FRAME, "expected 2 zero blocks, got %u", n);`. Bytes outside
 * 0x20..0x7e become '?', so a refused name can be quoted.
 */
#ifndef SUBOTA_WHY_H
#define SUBOTA_WHY_H

#include "err.h"

enum { WHY_SIZE = 200 };

/* Write the sentence (cut to fit; `why` of WHY_SIZE bytes, or NULL) and return `e`. */
enum err why_say(char *why, enum err e, const char *format, ...)
    __attribute__((format(printf, 3, 4))) MUST_CHECK;

/* One check of several, told whether it holds or not: its name, ERR_OK or why not, and a sentence
 * with both values. */
typedef void why_on_check(void *arg, const char *check, enum err e, const char *text);

#endif
