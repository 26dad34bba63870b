/*
 * tap_cmd: `tap`: the messages between the processes as they pass, refused ones included.
 */
#include <stdio.h>

#include "ask.h"
#include "bus_client.h"
#include "clock.h"
#include "commands.h"
#include "ctl.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	ASK_OPTIONS,
	{"count", "N", false, false, "end after N messages"},
	{NULL, NULL, false, false, NULL},
};

static const struct out_column columns[] = {
	{"time", "TIME"}, {"daemon", "DAEMON"}, {"from", "FROM"}, {"to", "TO"}, {"kind", "KIND"},
	{"bytes", "BYTES"}, {"verdict", "VERDICT"}, {"upgrade", "UPGRADE"}, {"says", "SAYS"},
	{NULL, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl tap [OPTION]... [cloudd|fetchd|flashd]...",
    .about =
	"Show each message that a daemon sends or gets: who saw it, from whom, to whom, its\n"
	"kind, its size, OK or the reason why it was refused, and what it says. Without a name\n"
	"all daemons are tapped. --timeout ends it when nothing passes for so long.",
    .specs = specs,
    .max_args = ASK_DAEMONS,
};

static int
add(struct bus_client_tap *tap, const struct ask *a, enum who daemon)
{
	char path[108], why[WHY_SIZE] = "";

	daemon_tap_path(&a->common, daemon, path);
	enum err e = bus_client_tap_add(tap, path);

	if (!e)
		return CTL_OK;
	ask_explain(e, daemon, path, a->timeout_ms, why);
	fprintf(stderr, "subotactl: %s\n", why);
	return ask_status(e);
}

static int
add_named(struct bus_client_tap *tap, const struct ask *a, const struct opt_set *o)
{
	int worst = CTL_OK, status = CTL_OK;

	for (size_t i = 0; i < o->n_args; i++) {
		enum who w = ask_find(o->args[i]);

		if (w == WHO_NONE) {
			fprintf(stderr, "tap: expected cloudd, fetchd or flashd, got '%s'\n",
			    o->args[i]);
			return CTL_USAGE;
		}
		status = add(tap, a, w);
		worst = status > worst ? status : worst;
	}
	return worst;
}

/* Those that are there; it is enough that one is. */
static int
add_all(struct bus_client_tap *tap, const struct ask *a)
{
	int worst = CTL_OK, heard = 0;

	for (size_t i = 0; i < ASK_DAEMONS; i++) {
		int status = add(tap, a, ask_daemons[i]);

		heard += status == CTL_OK;
		worst = status > worst ? status : worst;
	}
	return heard ? CTL_OK : worst;
}

/* What people read: the time as such, the upgrade if there is one, and the body alone. */
static void
add_readable(cJSON *row)
{
	const cJSON *message = cJSON_GetObjectItem(row, "message"), *m = NULL;
	const cJSON *at = cJSON_GetObjectItem(row, "at"), *upgrade = NULL;
	char time[CLOCK_TEXT];

	if (cJSON_IsNumber(at) && at->valuedouble >= 0 && at->valuedouble < 1e14) {
		clock_text((uint64_t)at->valuedouble, time);
		out_add_text(row, "time", time);
	}
	upgrade = cJSON_GetObjectItem(message, "upgrade");
	if (upgrade && (!cJSON_IsNumber(upgrade) || upgrade->valuedouble > 0))
		cJSON_AddItemToObject(row, "upgrade", cJSON_Duplicate(upgrade, true));
	cJSON_ArrayForEach(m, message)
	{
		if (cJSON_IsObject(m))
			cJSON_AddItemToObject(row, "says", cJSON_Duplicate(m, true));
	}
}

static enum err
show_next(struct bus_client_tap *tap, int timeout_ms, bool json)
{
	AUTO(mem) char *line = NULL;
	enum err e = bus_client_tap_next(tap, timeout_ms, &line);
	AUTO(out_json) cJSON *row = e ? NULL : cJSON_Parse(line);

	if (row && !json)
		add_readable(row);
	if (row)
		out_line(row, columns, json);
	return e;
}

int
tap_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	AUTO(bus_client_tap) struct bus_client_tap *tap = NULL;
	uint64_t count = 0;
	int status = ask_begin(&command, argc, argv, &o, &a);

	if (status >= 0)
		return status;
	if (opt_number(&o, "count", UINT64_MAX, UINT64_MAX, &count))
		return CTL_USAGE;
	enum err e = bus_client_tap_open(&tap);

	status = e ? ctl_complain("tap", e, "") : CTL_OK;
	if (!e)
		status = o.n_args ? add_named(tap, &a, &o) : add_all(tap, &a);
	if (status != CTL_OK)
		return status;
	int timeout = opt_count(&o, "timeout") ? a.timeout_ms : -1;

	for (uint64_t n = 0; !e && n < count; n++) {
		e = show_next(tap, timeout, a.json);
		if (e == ERR_TIMEOUT && timeout < 0) { /* a message that was no line */
			e = ERR_OK;
			n--;
		}
	}
	return e == ERR_CANCELLED ? CTL_OK : e == ERR_TIMEOUT ? CTL_AWAY : e ? CTL_SYSTEM : CTL_OK;
}
