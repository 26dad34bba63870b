/*
 * act: an order to a running daemon, on its act socket; what it says to that, for people.
 */
#ifndef SUBOTA_CTL_ACT_H
#define SUBOTA_CTL_ACT_H

#include "ask.h"

/* The exit status; a refusal or complaint is on stderr. With --json the answer is on stdout. */
int act_order(const struct ask *a, enum who daemon, const char *what, const char *argument);

/* The same; the answer is the caller's, NULL unless the status is CTL_OK, and nothing is printed of
 * it. */
int act_order_for(
    const struct ask *a, enum who daemon, const char *what, const char *argument, cJSON **answer);

/* The same for who may not know of it: false, and nothing is said, when it does not do it. */
bool act_try(const struct ask *a, enum who daemon, const char *what, const char *argument);

#endif
