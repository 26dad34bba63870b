/*
 * utf8: what is a character and what is not. Surrogates, overlong forms, values beyond U+10FFFF and
 * NUL are none, so a text that passes means the same to every reader.
 */
#ifndef SUBOTA_UTF8_H
#define SUBOTA_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at `p`, of which `left` (>= 1) may be read; 0 if it is none. */
size_t utf8_character(const uint8_t *p, size_t left);

/* All of it is characters; an empty text is. */
bool utf8_is_text(const uint8_t *p, size_t len);

/* Copy a text into `out` of `size` bytes (>= 1), cut between two characters where it does not fit;
 * what is no character ends it. */
void utf8_copy(char *out, size_t size, const char *text);

#endif
