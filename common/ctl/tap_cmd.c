/*
 * tap_cmd: `tap`: the messages between the processes as they pass, refused ones included; on the
 * terminal or into a file that Wireshark reads.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "bus_client.h"
#include "capture.h"
#include "clock.h"
#include "commands.h"
#include "ctl.h"
#include "tap_filter.h"
#include "wireshark.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	ASK_OPTIONS,
	{"count", "N", false, false, "end after N messages"},
	TAP_FILTER_OPTIONS,
	{"write", "FILE", false, false, "write FILE (pcapng) instead, with the schema inside"},
	{"wireshark", "DIR", false, false, "write what Wireshark needs into DIR, and end"},
	{NULL, NULL, false, false, NULL},
};

static const struct out_column columns[] = {
	{"time", "TIME"}, {"daemon", "DAEMON"}, {"from", "FROM"}, {"to", "TO"}, {"kind", "KIND"},
	{"bytes", "BYTES"}, {"verdict", "VERDICT"}, {"upgrade", "UPGRADE"}, {"says", "SAYS"},
	{NULL, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl tap [OPTION]... [cloudd|fetchd|flashd]...\n"
	     "       subotactl tap --wireshark DIR",
    .about =
	"Show each message that a daemon sends or gets: who saw it, from whom, to whom, its\n"
	"kind, its size, OK or the reason why it was refused, and what it says. Without a name\n"
	"all daemons are tapped. --timeout ends it when nothing passes for so long. Who reads too\n"
	"slowly loses messages, and is told how many. What the schema marks as secret is not\n"
	"shown, as in addresses the query, the user and the password.",
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

struct listener {
	struct bus_client_tap *tap;
	struct tap_filter filter;
	struct pcapng_writer file; /* `to` NULL: the terminal */
	enum out_form form;
	uint64_t count; /* still wanted */
};

static enum err
show(struct listener *l, cJSON *row)
{
	char why[WHY_SIZE] = "";

	l->count--;
	if (l->file.to) {
		enum err e = capture_add(&l->file, row, why);

		if (e != ERR_OK)
			fprintf(stderr, "subotactl: %s %s\n", err_text(e), why);
		return e == ERR_SYSTEM ? e : ERR_OK;
	}
	if (!l->form)
		add_readable(row);
	out_line(row, columns, l->form);
	return ERR_OK;
}

static enum err
show_next(struct listener *l, int timeout_ms)
{
	AUTO(mem) char *line = NULL;
	enum err e = bus_client_tap_next(l->tap, timeout_ms, &line);
	AUTO(out_json) cJSON *row = e ? NULL : cJSON_Parse(line);

	if (row && tap_filter_wants(&l->filter, row))
		e = show(l, row);
	return e == ERR_TIMEOUT && timeout_ms < 0 ? ERR_OK : e; /* a message that was no line */
}

static int
listen_on(struct listener *l, int timeout_ms)
{
	enum err e = ERR_OK;

	while (e == ERR_OK && l->count > 0)
		e = show_next(l, timeout_ms);
	if (l->filter.missed)
		fprintf(stderr, "subotactl: %llu messages were missed\n",
		    (unsigned long long)l->filter.missed);
	if (l->file.to && fflush(l->file.to) != 0)
		e = ERR_SYSTEM;
	if (e == ERR_SYSTEM && l->file.to)
		fprintf(stderr, "tap: expected to write, got: %s\n", strerror(errno));
	return e == ERR_CANCELLED ? CTL_OK : e == ERR_TIMEOUT ? CTL_AWAY : e ? CTL_SYSTEM : CTL_OK;
}

static int
write_wireshark(const char *dir)
{
	if (wireshark_write(dir) == ERR_OK)
		return CTL_OK;
	fprintf(stderr, "tap: expected to write into the directory %s, got: %s\n", dir,
	    strerror(errno));
	return CTL_SYSTEM;
}

/* Open what is written to; exit status. */
static int
open_file(const char *path, struct pcapng_writer *out, FILE **file)
{
	*file = fopen(path, "we");
	enum err e = *file ? capture_begin(out, *file) : ERR_SYSTEM;

	if (e == ERR_OK)
		return CTL_OK;
	fprintf(stderr, "tap: expected to write %s, got: %s\n", path, strerror(errno));
	return CTL_SYSTEM;
}

static void
on_interrupt(int signal)
{
	(void)signal; /* ends the wait: what was written is flushed, what was missed is said */
}

int
tap_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	struct listener l = {0};
	AUTO(bus_client_tap) struct bus_client_tap *tap = NULL;
	AUTO(file) FILE *file = NULL;
	enum err e = opt_parse(&command, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	if (opt_count(&o, "wireshark")) /* for whoever has a capture, and no gateway */
		return write_wireshark(opt_nth(&o, "wireshark", 0));
	int status = ask_begin(&command, argc, argv, &o, &a);

	if (status >= 0)
		return status;
	if (opt_number(&o, "count", UINT64_MAX, UINT64_MAX, &l.count) ||
	    tap_filter_init(&l.filter, &o))
		return CTL_USAGE;
	e = bus_client_tap_open(&tap);

	status = e ? ctl_complain("tap", e, "") : CTL_OK;
	if (!e)
		status = o.n_args ? add_named(tap, &a, &o) : add_all(tap, &a);
	if (status == CTL_OK && opt_count(&o, "write"))
		status = open_file(opt_nth(&o, "write", 0), &l.file, &file);
	if (status != CTL_OK)
		return status;
	l.tap = tap;
	l.form = a.form;
	sigaction(SIGINT, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
	return listen_on(&l, opt_count(&o, "timeout") ? a.timeout_ms : -1);
}
