/*
 * status_cmd: `status`: what each daemon says of itself, and whether it says anything.
 */
#include "ask.h"
#include "commands.h"
#include "ctl.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	ASK_OPTIONS,
	{NULL, NULL, false, false, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl status [OPTION]... [cloudd|fetchd|flashd]",
    .about =
	"Which daemons are up, their links and their counters. Exit status 0 when all that were\n"
	"asked answer, 69 when one does not, 77 when it is not yours to ask.",
    .specs = specs,
    .max_args = 1,
};

static void
add_daemon(const struct ask *a, enum who who, cJSON *all, int *worst)
{
	cJSON *o = cJSON_AddObjectToObject(all, who_name(who)), *member = NULL;
	AUTO(out_json) cJSON *answer = ask_or_complain(a, who, "status", "", worst);

	cJSON_AddBoolToObject(o, "up", answer != NULL);
	while (answer && (member = answer->child)) {
		cJSON_DetachItemViaPointer(answer, member);
		cJSON_AddItemToObject(o, member->string, member);
	}
}

int
status_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	int status = ask_begin(&command, argc, argv, &o, &a), worst = CTL_OK;
	AUTO(out_json) cJSON *all = cJSON_CreateObject();

	if (status >= 0)
		return status;
	enum who only = o.n_args ? ask_find(o.args[0]) : WHO_NONE;

	if (o.n_args && only == WHO_NONE) {
		fprintf(stderr, "status: expected cloudd, fetchd or flashd, got '%s'\n", o.args[0]);
		return CTL_USAGE;
	}
	for (size_t i = 0; i < ASK_DAEMONS; i++)
		if (only == WHO_NONE || only == ask_daemons[i])
			add_daemon(&a, ask_daemons[i], all, &worst);
	out_object(all, a.form);
	return worst;
}
