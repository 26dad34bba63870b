/*
 * firewall: rules for nftables that hold the processes, by their users, to what the configuration
 * says they reach over a network: a third wall beside Landlock, which knows TCP ports from ABI 4 on
 * only and UDP not at all, and the network namespaces of gate, flashd and sessions.
 *
 * A rule by user holds for a socket whose maker was that user: flashd makes those of its links as
 * its user even while it is root (link.c), and a session only has what flashd gave it.
 */
#ifndef SUBOTA_CTL_FIREWALL_H
#define SUBOTA_CTL_FIREWALL_H

#include "readers.h"

#define FIREWALL_TABLE "subota"

/* What the rules are made of; all three. */
struct firewall_of {
	const struct cloud_settings *cloud;
	const struct settings *fetch;
	const struct flash_settings *flash;
};

enum { FIREWALL_MARK = 24 };

/* The rules, for `nft -f -`: one transaction, which takes the place of what was there. The caller's
 * (free); NULL when memory is short. `mark` is the name of a chain that says which rules they are:
 * another configuration gives another. */
char *firewall_rules(const struct firewall_of *of, char mark[FIREWALL_MARK]) MUST_CHECK;

/* What the kernel says of the table, of the network that the caller is in. */
enum firewall_state {
	FIREWALL_HIDDEN, /* the caller may not know: CAP_NET_ADMIN is needed */
	FIREWALL_ABSENT, /* this kernel has no nf_tables */
	FIREWALL_OFF,    /* no such table */
	FIREWALL_OTHER,  /* the table, but of another configuration */
	FIREWALL_ACTIVE,
};
/* `mark` NULL: whichever rules they are. Changes nothing. */
enum firewall_state firewall_look(const char *mark);
/* In words; static storage. */
const char *firewall_text(enum firewall_state s);

#endif
