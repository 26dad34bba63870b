/*
 * events_cmd: `events`: what happened, from the event records of all daemons.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "commands.h"
#include "ctl.h"
#include "history.h"

enum { LOOK_MS = 250 };

/* clang-format off */
static const struct opt_spec specs[] = {
	{"since",   "TIME", false, false, "a date, or 90s, 15m, 2h, 7d ago"},
	{"upgrade", "N",    false, false, "only what concerns this upgrade"},
	{"follow",  NULL,   false, false, "go on with what happens next"},
	ASK_OPTIONS,
	{NULL,      NULL,   false, false, NULL},
};

static const struct out_column columns[] = {
	{"at", "AT"}, {"daemon", "DAEMON"}, {"event", "EVENT"}, {"upgrade", "UPGRADE"},
	{"product_key", "PRODUCT"}, {"device_key", "DEVICE"}, {"error", "ERROR"},
	{"expected", "EXPECTED"}, {"got", "GOT"}, {"text", "TEXT"}, {NULL, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl events [OPTION]... [cloudd|fetchd|flashd]...",
    .about =
	"What happened, the oldest first; with --json one object a line. Daemons tell whoever may\n"
	"look at them (operator_group); the record of one that is down only root can read.",
    .specs = specs,
    .max_args = ASK_DAEMONS,
};

/* -1: go on; else the exit status. */
static int
choose(struct history *h, const struct opt_set *o)
{
	const char *since = opt_nth(o, "since", 0);

	if (since && !history_since(since, clock_wall_ms(), h->since)) {
		fprintf(stderr,
		    "--since: expected 2026-11-24, 2026-11-24T09:00:00Z or 15m, got '%s'\n", since);
		return CTL_USAGE;
	}
	return opt_number(o, "upgrade", 0, INT64_MAX, &h->upgrade) ? CTL_USAGE : -1;
}

static int
add(struct history *h, const struct ask *a, const char *name)
{
	char why[WHY_SIZE] = "";
	enum who daemon = ask_find(name);

	if (daemon == WHO_NONE) {
		fprintf(stderr, "events: expected cloudd, fetchd or flashd, got '%s'\n", name);
		return CTL_USAGE;
	}
	enum err e = history_add(h, a->common.state_dir, daemon, why);

	if (e)
		fprintf(stderr, "subotactl: %s\n", why);
	return ask_status(e);
}

static void
show(struct history *h, enum out_form form)
{
	AUTO(out_json) cJSON *list = history_read(h);
	const cJSON *event = NULL;

	cJSON_ArrayForEach(event, list)
	{
		out_line(event, columns, form);
	}
}

int
events_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	struct history h = {0};
	int status = ask_begin(&command, argc, argv, &o, &a), worst = CTL_OK;

	if (status < 0)
		status = choose(&h, &o);
	if (status >= 0)
		return status;
	h.ask = &a;
	for (size_t i = 0; i < (o.n_args ? o.n_args : ASK_DAEMONS); i++) {
		status = add(&h, &a, o.n_args ? o.args[i] : who_name(ask_daemons[i]));
		worst = status > worst ? status : worst;
	}
	if (worst == CTL_USAGE || h.n == 0)
		return worst;
	do
		show(&h, a.form);
	while (opt_count(&o, "follow") && poll(NULL, 0, LOOK_MS) == 0);
	if (h.damaged)
		fprintf(stderr, "subotactl: %llu lines could not be read\n",
		    (unsigned long long)h.damaged);
	return worst;
}
