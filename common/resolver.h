/*
 * resolver: whether this process can still read what names are resolved with.
 *
 * Landlock's rules hold for files, not for names: when /etc/resolv.conf is replaced by another file
 * of that name (dhclient, NetworkManager and resolvconf do so), a process that locked itself in
 * before may not read the new one, and the C library then asks a name server on this machine. Where
 * it is a link, the directory it leads to may be read (LANDLOCK_REPLACED), and nothing is lost.
 * Where it is a plain file in /etc, only a new start helps: its directory has more in it than a
 * process that faces the network should see. So such a process ends, the supervisor starts it
 * again, and it goes on from its records.
 */
#ifndef SUBOTA_RESOLVER_H
#define SUBOTA_RESOLVER_H

#include <stdbool.h>

#define RESOLVER_FILE "/etc/resolv.conf"

struct resolver {
	const char *path; /* borrowed */
	bool denied;      /* from the beginning: nothing has been lost since */
};

/* After the process has locked itself in. */
void resolver_init(struct resolver *r, const char *path);
/* The file is there, but out of reach since then. */
bool resolver_is_lost(const struct resolver *r);

#endif
