/*
 * walled: see walled.h.
 */
#include "walled.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

bool
walled_enter(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0)
		return false;
	AUTO(fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
}

bool
walled_works(void)
{
	return TOOL(".", "nft", "list", "ruleset").status == 0;
}

enum err
walled_load(struct house *h)
{
	char script[500];

	snprintf(script, sizeof(script),
	    "set -e; %s/subotactl firewall --config subota.conf >rules; nft -f rules", h->programs);
	struct tool_result r = TOOL(h->dir, "sh", "-c", script);
	return r.status == 0 ? ERR_OK : house_fail(h, ERR_SYSTEM, "firewall: %s", r.out);
}
