/*
 * ctl: see ctl.h.
 */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "ctl.h"

/* clang-format off */
static const struct ctl_command commands[] = {
	/* name      run               help */
	{"bundle",   bundle_cmd_run,   "make, sign, show and check signed firmware packages"},
	{"decode",   decode_cmd_run,   "tell what a frame, message or package says, as JSON"},
	{"status",   status_cmd_run,   "which daemons are up, their links and counters"},
	{"top",      top_cmd_run,      "all of it on one screen, live"},
	{"devices",  devices_cmd_run,  "the devices of this gateway and what they run"},
	{"upgrades", upgrades_cmd_run, "the newest upgrades and how far they are"},
	{"upgrade",  upgrades_cmd_one, "all that is known of one upgrade"},
	{"install",  install_cmd_run,  "a package onto devices, without the platform"},
	{"watch",    watch_cmd_run,    "packages that appear in a directory onto their devices"},
	{"plan",     plan_cmd_run,     "what would come of a package on a device, and why"},
	{"rollout",  rollout_cmd_run,  "how far new versions are; pause and resume"},
	{"store",    store_cmd_run,    "the packages at the gate"},
	{"events",   events_cmd_run,   "what happened"},
	{"audit",    audit_cmd_run,    "the signed log of what was reported"},
	{"confirm",  act_cmd_run,      "say yes to a plan that policy asks about"},
	{"reject",   act_cmd_run,      "say no to it"},
	{"cancel",   act_cmd_run,      "stop an upgrade while that is safe"},
	{"check",    act_cmd_run,      "ask the platform for an upgrade of a device now"},
	{"forget",   act_cmd_run,      "de-register a device that has left this gateway for good"},
	{"tap",      tap_cmd_run,      "the messages between the processes as they pass"},
	{"diff",     diff_cmd_run,     "what two captures of the tap say differently"},
	{"replay",   replay_cmd_run,   "say to a daemon again what a capture has"},
	{"metrics",  metrics_cmd_run,  "figures of the daemons, for Prometheus"},
	{"doctor",   doctor_cmd_run,   "what is wrong with this gateway, and what to do about it"},
	{"setup",    setup_cmd_run,    "a first configuration, by asking"},
	{"config",   config_cmd_run,   "every key of the configuration; check a file"},
	{"routes",   routes_cmd_run,   "who may say what to whom"},
	{"sandbox",  sandbox_cmd_run,  "what each process promises, and what the kernel says of it"},
	{"firewall", firewall_cmd_run, "rules for nftables that hold cloudd and couriers to their ports"},
	{"fsm",      fsm_cmd_run,      "the state machines of the daemons"},
	{"errors",   errors_cmd_run,   "every error by number and name"},
	{NULL,       NULL,             NULL},
};
/* clang-format on */

static void
list(const char *prefix, const struct ctl_command *table, FILE *to)
{
	fprintf(to, "usage: %s COMMAND [OPTION]...\n\n", prefix);
	for (const struct ctl_command *c = table; c->name; c++)
		fprintf(to, "  %-10s %s\n", c->name, c->help);
	fprintf(to, "\n%s COMMAND --help tells more.\n", prefix);
}

int
ctl_dispatch(const char *prefix, const struct ctl_command *table, int argc, char **argv)
{
	if (argc < 2) {
		list(prefix, table, stderr);
		return CTL_USAGE;
	}
	for (const struct ctl_command *c = table; c->name; c++)
		if (strcmp(c->name, argv[1]) == 0)
			return c->run(argc - 1, argv + 1);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		list(prefix, table, stdout);
		return CTL_OK;
	}
	fprintf(stderr, "%s: no command '%s'; try %s --help\n", prefix, argv[1], prefix);
	return CTL_USAGE;
}

int
ctl_run(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("subotactl %s\n", SUBOTA_VERSION);
		return CTL_OK;
	}
	return ctl_dispatch("subotactl", commands, argc, argv);
}

int
ctl_complain(const char *prefix, enum err e, const char *why)
{
	fprintf(stderr, "%s: %s (%s)%s%s\n", prefix, err_text(e), err_name(e),
	    why && *why ? ": " : "", why ? why : "");
	return e == ERR_SYSTEM || e == ERR_NOMEM || e == ERR_FULL ? CTL_SYSTEM : CTL_DATA;
}
