/*
 * store_cmd: `store`: the packages at the gate, those being fetched included.
 */
#include <stdio.h>

#include "ask.h"
#include "commands.h"
#include "ctl.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	ASK_OPTIONS,
	{NULL, NULL, false, false, NULL},
};

static const struct out_column columns[] = {
	{"image", "IMAGE"}, {"state", "STATE"}, {"done", "DONE"}, {"size", "SIZE"},
	{"bytes_per_second", "BYTES/S"}, {"upgrades", "UPGRADES"}, {"tries", "TRIES"},
	{"error", "ERROR"}, {"url", "URL"}, {"detail", "DETAIL"}, {NULL, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl store [OPTION]...",
    .about = "Every package in the store: how much of it is there, for how many upgrades it is\n"
	     "needed, and how full the store is.",
    .specs = specs,
};

int
store_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	char used[40], quota[40];
	int status = ask_begin(&command, argc, argv, &o, &a), worst = CTL_OK;

	if (status >= 0)
		return status;
	AUTO(out_json) cJSON *answer = ask_or_complain(&a, WHO_FETCHD, "store", "", &worst);

	if (!answer)
		return worst;
	if (a.form)
		return out_value(answer, a.form);
	out_list(ask_list(answer, "images"), columns, false);
	out_text(cJSON_GetObjectItem(answer, "used"), used, sizeof(used));
	out_text(cJSON_GetObjectItem(answer, "quota"), quota, sizeof(quota));
	printf("%s of %s bytes used\n", used, quota);
	return CTL_OK;
}
