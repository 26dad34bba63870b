/*
 * firewall_cmd: `firewall`: rules for nftables that hold cloudd and couriers, by their users, to
 * the ports of their servers. Landlock does that from ABI 4 on, for TCP; on an older kernel (Debian
 * 12's has ABI 2) only a firewall can, and on every kernel it also covers UDP. Nothing is changed
 * here: who wants the rules gives them to nft.
 */
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "ctl.h"
#include "move.h"
#include "opt.h"
#include "readers.h"

enum { HTTP = 80, HTTPS = 443, PORT_MAX = 65535 };

/* clang-format off */
static const struct opt_spec specs[] = {
	{"config",       "FILE", false, false, "configuration of the daemons (/etc/subota/subota.conf)"},
	{"package-port", "PORT", false, true,  "where package servers listen (443, and 80 with allow_http)"},
	{NULL,           NULL,   false, false, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl firewall [--config FILE] [--package-port PORT]... | nft -f -",
    .about = "Print rules for nftables: cloudd and the couriers reach the ports of their servers "
	     "and name\nservers, and nothing else. For kernels whose Landlock does not limit "
	     "ports.",
    .specs = specs,
};

static void
print_chain(const char *name, const char *ports)
{
	printf("\tchain %s {\n\t\ttcp dport { 53, %s } accept\n\t\tudp dport 53 accept\n"
	       "\t\tmeta l4proto tcp reject with tcp reset\n\t\treject\n\t}\n",
	    name, ports);
}

/* The server and the places that a move may lead to. */
static void
cloud_ports(const struct cloud_settings *s, char *out, size_t size)
{
	char host[DIALECT_HOST_MAX + 1];
	uint16_t port = 0;
	int at = snprintf(out, size, "%u", (unsigned)s->identity.port);

	for (const char *p = s->identity.move_to[0] ? s->identity.move_to : NULL; p;)
		if (move_next(&p, host, &port) == ERR_OK && (size_t)at < size)
			at += snprintf(out + at, size - (size_t)at, ", %u", (unsigned)port);
}

static enum err
package_ports(const struct opt_set *o, const struct settings *s, char *out, size_t size)
{
	size_t n = opt_count(o, "package-port");
	int at = snprintf(out, size, "%u", (unsigned)HTTPS);

	if (s->allow_http)
		snprintf(out + at, size - (size_t)at, ", %u", (unsigned)HTTP);
	at = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t port = 0;
		const char *text = opt_nth(o, "package-port", i);

		if (!opt_read_number(text, PORT_MAX, &port) || port == 0) {
			fprintf(stderr, "firewall: expected a port from 1 to %d, got '%s'\n",
			    PORT_MAX, text);
			return ERR_INVALID;
		}
		if ((size_t)at < size)
			at += snprintf(out + at, size - (size_t)at, "%s%u", at ? ", " : "",
			    (unsigned)port);
	}
	return ERR_OK;
}

int
firewall_cmd_run(int argc, char **argv)
{
	AUTO(mem) struct cloud_settings *cloud = calloc(1, sizeof(*cloud));
	AUTO(mem) struct settings *fetch = calloc(1, sizeof(*fetch));
	char ports[1024], packages[OPT_ITEMS_MAX * 8];
	struct opt_set o;
	enum err e = opt_parse(&command, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	const char *path = opt_text(&o, "config", "/etc/subota/subota.conf");
	e = cloud && fetch ? readers_load(&readers[0], path, NULL, cloud) : ERR_NOMEM;
	if (!e)
		e = readers_load(&readers[1], path, NULL, fetch);
	if (e)
		return ctl_complain("firewall", e, path);
	if (package_ports(&o, fetch, packages, sizeof(packages)))
		return CTL_USAGE;
	cloud_ports(cloud, ports, sizeof(ports));
	printf("# subotactl firewall: TCP and UDP of subota's users, of %s\n", path);
	printf("table inet subota\ndelete table inet subota\ntable inet subota {\n");
	print_chain("cloudd", ports);
	print_chain("couriers", packages);
	printf("\tchain output {\n\t\ttype filter hook output priority 0; policy accept;\n"
	       "\t\tmeta skuid %u jump cloudd\n\t\tmeta skuid %u jump couriers\n\t}\n}\n",
	    (unsigned)cloud->common.cloud_uid, (unsigned)cloud->common.courier_uid);
	return CTL_OK;
}
