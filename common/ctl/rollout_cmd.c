/*
 * rollout_cmd: `rollout show`, `rollout pause`, `rollout resume`: how far a new version is on all
 * devices of a product, and whether more of them begin.
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

static const struct out_column columns[] = {
	{"rollout", "ROLLOUT"}, {"product_key", "PRODUCT"}, {"component", "COMPONENT"},
	{"version", "VERSION"}, {"state", "STATE"}, {"queued", "QUEUED"}, {"active", "ACTIVE"},
	{"done", "DONE"}, {"failed", "FAILED"}, {NULL, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl rollout [OPTION]... [show | pause all|N | resume all|N]",
    .about = "All upgrades of a product's component to one version are one rollout. show: how far\n"
	     "each is. pause: no more of its upgrades begin (all: none whatever); what has begun\n"
	     "goes on. resume: more begin; failures are counted anew.",
    .specs = specs,
    .max_args = 2,
};

static int
show(const struct ask *a)
{
	int worst = CTL_OK;
	AUTO(out_json) cJSON *answer = ask_or_complain(a, WHO_FLASHD, "rollouts", "", &worst);

	if (!answer)
		return worst;
	if (a->form)
		return out_value(answer, a->form);
	out_list(ask_list(answer, "rollouts"), columns, false);
	if (cJSON_IsTrue(cJSON_GetObjectItem(answer, "paused")))
		printf("all are paused; subotactl rollout resume all\n");
	return worst;
}

int
rollout_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	int status = ask_begin(&command, argc, argv, &o, &a);

	if (status >= 0)
		return status;
	const char *what = o.n_args ? o.args[0] : "show";
	bool order = strcmp(what, "pause") == 0 || strcmp(what, "resume") == 0;

	if (!order && strcmp(what, "show") == 0 && o.n_args < 2)
		return show(&a);
	if (order && o.n_args == 2)
		return act_order(&a, WHO_FLASHD, what, o.args[1]);
	fprintf(stderr, "usage: %s\n", command.usage);
	return CTL_USAGE;
}
