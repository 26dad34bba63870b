/*
 * act_cmd: `confirm`, `reject`, `cancel`, `check`, `forget`: the orders, on the act sockets. All
 * else that subotactl does with running daemons only looks.
 */
#include <stdio.h>
#include <string.h>

#include "act.h"
#include "commands.h"
#include "ctl.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	ASK_OPTIONS,
	{NULL, NULL, false, false, NULL},
};

static const struct order {
	const char *what;
	enum who daemon;
	struct opt_command command;
	const char *before, *after; /* the argument, when it is done */
} orders[] = {
	/* order    daemon */
	{"confirm", WHO_FLASHD, {
		.usage = "subotactl confirm [OPTION]... UPGRADE",
		.about = "Say yes to a plan that policy asks about. All other conditions are looked at once more;\n"
		    "exit status 1 when one of them is not met now.",
		.specs = specs, .min_args = 1, .max_args = 1}, "upgrade", "goes on"},
	{"reject",  WHO_FLASHD, {
		.usage = "subotactl reject [OPTION]... UPGRADE",
		.about = "Say no to a plan that policy asks about.",
		.specs = specs, .min_args = 1, .max_args = 1}, "upgrade", "is refused"},
	{"cancel",  WHO_FLASHD, {
		.usage = "subotactl cancel [OPTION]... UPGRADE",
		.about = "Stop an upgrade while that is safe for the device, or an installation that is still being\n"
		    "copied; exit status 1 when it is not.",
		.specs = specs, .min_args = 1, .max_args = 1}, "upgrade", "is cancelled"},
	{"check",   WHO_CLOUDD, {
		.usage = "subotactl check [OPTION]... PRODUCT/DEVICE",
		.about = "Ask the platform now whether it has an upgrade for the device.",
		.specs = specs, .min_args = 1, .max_args = 1}, "the platform is asked about", "now"},
	{"forget",  WHO_CLOUDD, {
		.usage = "subotactl forget [OPTION]... PRODUCT/DEVICE",
		.about = "Log the device out and de-register it with the platform, as soon as that is there.\n"
		    "Take it out of flashd's configuration first: with its next report it would register anew.",
		.specs = specs, .min_args = 1, .max_args = 1}, "the platform is told that", "has left"},
};
/* clang-format on */

int
act_cmd_run(int argc, char **argv)
{
	const struct order *o = orders;
	struct opt_set set;
	struct ask a;

	while (strcmp(o->what, argv[0]) != 0)
		o++; /* ctl.c has a row for each of them and no other */
	int status = ask_begin(&o->command, argc, argv, &set, &a);

	/* an installation may still be the gate's, of which flashd knows nothing */
	bool tried = status < 0 && strcmp(o->what, "cancel") == 0 &&
		     act_try(&a, WHO_FETCHD, o->what, set.args[0]);

	if (tried)
		status = CTL_OK;
	if (tried && !a.form)
		printf("%s %s %s\n", o->before, set.args[0], o->after);
	if (status < 0 && (status = act_order(&a, o->daemon, o->what, set.args[0])) == CTL_OK &&
	    !a.form)
		printf("%s %s %s\n", o->before, set.args[0], o->after);
	return status;
}
