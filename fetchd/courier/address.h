/*
 * address: may a courier connect to this resolved address?
 *
 * A cloud that was taken over, or a name server that lies, could point the courier at the gateway
 * itself or at the site's own network (a router's web page, a meter). So what counts is the address
 * a socket is about to connect to, not the name that led there. Without `allow_private` only
 * globally reachable unicast addresses pass; IPv4 inside IPv6 (mapped, NAT64, 6to4) is judged as
 * the IPv4 address it stands for. Ranges: IANA special-purpose address registries.
 */
#ifndef SUBOTA_ADDRESS_H
#define SUBOTA_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* Pure. False also for anything but IPv4 and IPv6. Multicast and the unspecified address never
 * pass.
 */
bool address_allowed(const struct sockaddr *sa, socklen_t len, bool allow_private);

#endif
