/*
 * house_db: the platform's database in a house, for what its command line does not tell or do; and
 * what a daemon has recorded.
 */
#ifndef SUBOTA_TESTS_HOUSE_DB_H
#define SUBOTA_TESTS_HOUSE_DB_H

#include "house.h"

/* The first column of the first row as a number; -1 when there is none. */
long house_db_ask(struct house *h, const char *sql);
/* The same as a list, joined by blanks, as far as there is room. */
void house_db_list(struct house *h, const char *sql, char *out, size_t size);
/* The same of another database of the house, by its path in the house's directory. */
long house_db_ask_of(struct house *h, const char *path, const char *sql);
/* Change something; false with house_why(). */
bool house_db_run(struct house *h, const char *sql);

#endif
