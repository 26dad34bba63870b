/*
 * walled: a network of the caller's own, and in it the firewall by user of a house, loaded from
 * what `subotactl firewall` says. Rules in the machine's network would hold the users of other
 * houses.
 */
#ifndef SUBOTA_TESTS_WALLED_H
#define SUBOTA_TESTS_WALLED_H

#include "house.h"

/* From now on this process, and what it starts, has a network with nothing but a loopback. False:
 * it may not (root only). */
bool walled_enter(void) MUST_CHECK;
/* Are there nft, and a kernel that takes its rules? Needs root. */
bool walled_works(void);
/* Rules for the configuration of `h`, in the caller's network; ERR_SYSTEM with house_why. */
enum err walled_load(struct house *h) MUST_CHECK;

#endif
