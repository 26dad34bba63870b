/*
 * upgrades_cmd: `upgrades` and `upgrade N`: what became of the platform's plans, told by the three
 * who carry them out.
 */
#include <stdio.h>

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
	{"upgrade", "UPGRADE"}, {"device", "DEVICE"}, {"component", "COMPONENT"},
	{"target", "TARGET"}, {"cloud", "PLATFORM"}, {"gate", "GATE"}, {"flash", "FLASH"},
	{"status", "STATUS"},
	{"done", "DONE"}, {"size", "SIZE"}, {"error", "ERROR"}, {"detail", "DETAIL"}, {NULL, NULL},
};
/* clang-format on */

static const struct opt_command many = {
    .usage = "subotactl upgrades [OPTION]...",
    .about = "The newest upgrades: what the platform was told, where the package is, how far the\n"
	     "device is, and why one failed.",
    .specs = specs,
};

static const struct opt_command one = {
    .usage = "subotactl upgrade [OPTION]... N",
    .about = "All that the three daemons know of one upgrade, and of its package.",
    .specs = specs,
    .min_args = 1,
    .max_args = 1,
};

static cJSON *
ask_all(const struct ask *a, int *worst)
{
	AUTO(out_json) cJSON *cloudd = ask_or_complain(a, WHO_CLOUDD, "upgrades", "", worst);
	AUTO(out_json) cJSON *fetchd = ask_or_complain(a, WHO_FETCHD, "upgrades", "", worst);
	AUTO(out_json) cJSON *flashd = ask_or_complain(a, WHO_FLASHD, "upgrades", "", worst);

	return merge_upgrades(&(struct merge){cloudd, fetchd, flashd});
}

int
upgrades_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	int status = ask_begin(&many, argc, argv, &o, &a), worst = CTL_OK;

	if (status >= 0)
		return status;
	AUTO(out_json) cJSON *list = ask_all(&a, &worst);

	out_list(list, columns, a.json);
	return worst;
}

int
upgrades_cmd_one(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	uint64_t id = 0;
	int status = ask_begin(&one, argc, argv, &o, &a), worst = CTL_OK;

	if (status >= 0)
		return status;
	if (!opt_read_number(o.args[0], INT64_MAX, &id)) {
		fprintf(stderr, "upgrade: expected a number, got '%s'\n", o.args[0]);
		return CTL_USAGE;
	}
	AUTO(out_json) cJSON *list = ask_all(&a, &worst);
	const cJSON *u = merge_find_upgrade(list, id);

	if (u)
		out_object(u, a.json);
	else
		fprintf(stderr, "upgrade: no daemon that answered knows upgrade %s\n", o.args[0]);
	return worst ? worst : u ? CTL_OK : CTL_FAILED;
}
