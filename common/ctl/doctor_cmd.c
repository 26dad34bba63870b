/*
 * doctor_cmd: `doctor`: everything that can be wrong with a gateway, on one screen, the worst first
 * seen in a column of its own, and what to do about each.
 */
#include <stdlib.h>

#include "commands.h"
#include "ctl.h"
#include "doctor.h"
#include "log.h"

#define USUAL_CONFIG "/etc/subota/subota.conf"

/* clang-format off */
static const struct opt_spec specs[] = {
	ASK_OPTIONS,
	{NULL, NULL, false, false, NULL},
};

static const struct out_column columns[] = {
	{"verdict", "VERDICT"}, {"check", "CHECK"}, {"found", "FOUND"}, {"advice", "WHAT TO DO"},
	{NULL, NULL},
};

static void (*const checks[])(struct doctor *d) = {
	doctor_kernel, doctor_firewall, doctor_clock, doctor_directories, doctor_disk, doctor_secrets, doctor_trust,
	doctor_lines, doctor_platform, doctor_daemons,
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl doctor [OPTION]...",
    .about =
	"Look at configuration, kernel, clock, directories, disk, secrets, trust anchors, lines,\n"
	"the platform's server and the daemons, and say what to do. Exit status 1 when something\n"
	"is bad; a warning is none. As root it sees everything, else what is yours to see.",
    .specs = specs,
};

/* Settings of one daemon, the caller's; NULL when the file is not good enough for it. */
static void *
load(struct doctor *d, size_t i, const char *path)
{
	const struct reader *r = &readers[i];
	AUTO(mem) void *settings = calloc(1, r->size);
	enum err e = settings ? readers_load(r, path, NULL, settings) : ERR_NOMEM;
	char check[40];

	snprintf(check, sizeof(check), "configuration of %s", r->name);
	if (e == ERR_OK) {
		doctor_say(d, DOCTOR_OK, check, "", "%s", path);
		return HAND_OVER(settings);
	}
	doctor_say(d, DOCTOR_BAD, check,
	    "mend the lines named above; subotactl config --check FILE", "%s: %s", path,
	    err_text(e));
	return NULL;
}

int
doctor_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	int status = ask_begin(&command, argc, argv, &o, &a);

	if (status >= 0)
		return status;
	const char *path = opt_text(&o, "config", USUAL_CONFIG);
	AUTO(out_json) cJSON *found = cJSON_CreateArray();
	struct doctor d = {.ask = &a, .found = found};
	AUTO(mem) void *cloud = load(&d, 0, path), *fetch = load(&d, 1, path);
	AUTO(mem) void *flash = load(&d, 2, path);

	log_init("doctor", LOG_ERROR);
	d.cloud = cloud;
	d.fetch = fetch;
	d.flash = flash;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](&d);
	out_list(found, columns, a.form);
	return d.bad ? CTL_FAILED : CTL_OK;
}
