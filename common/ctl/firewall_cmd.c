/*
 * firewall_cmd: `firewall`: rules for nftables that hold the processes, by their users, to what
 * they reach over a network (firewall.h). Nothing is changed here: who wants the rules gives them
 * to nft, as subota-firewall.service does.
 */
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "ctl.h"
#include "firewall.h"
#include "opt.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	{"config",  "FILE", false, false, "configuration of the daemons (/etc/subota/subota.conf)"},
	{NULL,      NULL,   false, false, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl firewall [--config FILE] | nft -f -",
    .about =
	"Print rules for nftables: cloudd and the couriers reach the ports of their servers and\n"
	"name servers, flashd the addresses of its network links, gate and sessions nothing.\n"
	"The service subota-firewall loads them when subota starts.",
    .specs = specs,
};

int
firewall_cmd_run(int argc, char **argv)
{
	AUTO(mem) struct cloud_settings *cloud = calloc(1, sizeof(*cloud));
	AUTO(mem) struct settings *fetch = calloc(1, sizeof(*fetch));
	AUTO(mem) struct flash_settings *flash = calloc(1, sizeof(*flash));
	void *const settings[ASK_DAEMONS] = {cloud, fetch, flash};
	const struct firewall_of of = {cloud, fetch, flash};
	char mark[FIREWALL_MARK];
	struct opt_set o;
	enum err e = opt_parse(&command, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	const char *path = opt_text(&o, "config", "/etc/subota/subota.conf");
	e = cloud && fetch && flash ? ERR_OK : ERR_NOMEM;
	for (size_t i = 0; i < ASK_DAEMONS && e == ERR_OK; i++)
		e = readers_load(&readers[i], path, NULL, settings[i]);
	if (e)
		return ctl_complain("firewall", e, path);
	AUTO(mem) char *rules = firewall_rules(&of, mark);
	if (!rules)
		return ctl_complain("firewall", ERR_NOMEM, path);
	printf("# subotactl firewall: what subota's users reach over a network, of %s\n%s", path,
	    rules);
	return CTL_OK;
}
