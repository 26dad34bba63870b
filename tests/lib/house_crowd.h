/*
 * house_crowd: many devices of several products in one house, all virtual ones in one process. They
 * have keys of their own (CROWD_PK 1 to CROWD_PRODUCTS, C1, C2, ... in turn) and models of their
 * own (CROWD_MODEL with the product's number), so that each product has its own image.
 *
 *     struct house_options o = {.crowd = 200};  house_case_open(&o)
 *     house_crowd_wait(h, ONLINE, HOUSE_OLD)
 *
 * What the platform knows of them is read from its database: of so many devices its command line
 * would print too much, too often.
 */
#ifndef SUBOTA_TESTS_HOUSE_CROWD_H
#define SUBOTA_TESTS_HOUSE_CROWD_H

#include <stdio.h>

#include "house.h"

#define CROWD_PK "crowd"
#define CROWD_MODEL "crowd"

enum { CROWD_PRODUCTS = 3, CROWD_STATUSES = 400 };

/* Part of house_open. */
enum err house_crowd_join(struct house *h) MUST_CHECK;
void house_crowd_write(const struct house *h, FILE *secrets, FILE *conf);

/* How many of the crowd are online with this version, as the platform sees it. */
unsigned house_crowd_online(struct house *h, const char *version);
/* How many have this progress (1 running, 2 done, 3 failed) in a plan of theirs. */
unsigned house_crowd_progress(struct house *h, int progress);
/* How many run this version, confirmed, by their own word. */
unsigned house_crowd_running(struct house *h, const char *version);
/* The statuses of one, from 1, in order: "1 2 4 8 9 11". */
void house_crowd_statuses(struct house *h, unsigned device, char out[CROWD_STATUSES]);

#endif
