/*
 * devices_cmd: `devices`: the devices of this gateway, as flashd sees them and as cloudd has them
 * at the platform.
 */
#include "ask.h"
#include "commands.h"
#include "ctl.h"
#include "merge.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	ASK_OPTIONS,
	{NULL, NULL, false, false, NULL},
};

static const struct out_column columns[] = {
	{"device", "DEVICE"}, {"component", "COMPONENT"}, {"state", "STATE"},
	{"version", "VERSION"}, {"login", "LOGIN"}, {"upgrade", "UPGRADE"}, {"status", "STATUS"},
	{"port", "PORT"},
	{"driver", "DRIVER"}, {"error", "ERROR"}, {"detail", "DETAIL"}, {NULL, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl devices [OPTION]...",
    .about = "Every configured device: whether it answers, what it runs, whether the platform has\n"
	     "let it in, and the upgrade it is in.",
    .specs = specs,
};

int
devices_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	int status = ask_begin(&command, argc, argv, &o, &a), worst = CTL_OK;

	if (status >= 0)
		return status;
	AUTO(out_json) cJSON *cloudd = ask_or_complain(&a, WHO_CLOUDD, "devices", "", &worst);
	AUTO(out_json) cJSON *flashd = ask_or_complain(&a, WHO_FLASHD, "devices", "", &worst);
	AUTO(out_json)
	cJSON *list = merge_devices(&(struct merge){.cloudd = cloudd, .flashd = flashd});

	out_list(list, columns, a.form);
	return worst;
}
