/*
 * conf_value: one value of a configuration: from its text into its place, and in words what is
 * expected. Used by conf.c (the parser) and conf_help.c (the sample).
 */
#ifndef SUBOTA_CONF_VALUE_H
#define SUBOTA_CONF_VALUE_H

#include "conf.h"

enum { CONF_VALUE_WORDS = 160 };

/* Put `text` where key `k` belongs inside the struct at `base`. ERR_CONFIG: it is no such value or
 * out of range; the place is unchanged then. Pure but for the look into the user database. */
enum err conf_value_set(const struct conf_key *k, void *base, const char *text) MUST_CHECK;

/* "a number from 1 to 65535", "one of p1, p2, custom", ... */
void conf_value_expected(const struct conf_key *k, char out[CONF_VALUE_WORDS]);

#endif
