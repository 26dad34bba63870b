/*
 * replay_cmd: `replay`: say to a daemon again what a capture heard its neighbour say, and show what
 * it answers. For a daemon in a scratch directory, alone, without that neighbour: to see a fault
 * again, or what a new version makes of it.
 *
 * The bus greets and numbers by itself, so Hello and Ping are left out. The run directory of the
 * real gateway is refused: what is replayed there would flash devices.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "ask.h"
#include "bus.h"
#include "capture.h"
#include "clock.h"
#include "commands.h"
#include "ctl.h"
#include "dump.h"
#include "log.h"
#include "msg.h"
#include "redact.h"
#include "wire_json.h"

enum { UP_MS = 10000, GAP_MS = 20 };

#define REAL_RUN_DIR "/run/subota"

/* clang-format off */
static const struct opt_spec specs[] = {
	{"to",  "DAEMON", true,  false, "fetchd or flashd"},
	{"gap", "MS",     false, false, "wait so long after each message; else 20"},
	ASK_OPTIONS,
	{NULL, NULL, false, false, NULL},
};

static const struct out_column columns[] = {
	{"from", "FROM"}, {"to", "TO"}, {"kind", "KIND"}, {"message", "SAYS"}, {NULL, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl replay --to DAEMON --config FILE [OPTION]... CAPTURE",
    .about =
	"Say to a daemon what CAPTURE (of tap --write) has its neighbour say, and show both "
	"sides.\n"
	"FILE is the configuration of a scratch directory in which that daemon runs, and the\n"
	"neighbour does not. Ends when nothing has come for --timeout. Exit status 1 when the\n"
	"daemon refused something: then it closes the link.",
    .specs = specs,
    .min_args = 1,
    .max_args = 1,
};

struct replay {
	enum who from, to;
	struct loop *loop;
	struct bus *bus;
	struct bus_link *link;
	enum out_form form;
	bool refused;
	unsigned downs;
	struct mono heard;
};

static void
show(struct replay *r, enum who from, enum who to, const Pb__Envelope *e)
{
	AUTO(msg) Pb__Envelope *shown = NULL;
	AUTO(mem) char *json = NULL;
	AUTO(out_json) cJSON *row = cJSON_CreateObject();

	if (redact_envelope(e, &shown) != ERR_OK || dump_json(&shown->base, &json) != ERR_OK)
		return;
	out_add_text(row, "from", who_name(from));
	out_add_text(row, "to", who_name(to));
	out_add_text(row, "kind", route_kind_name((int)e->body_case));
	cJSON_AddItemToObject(row, "message", cJSON_Parse(json));
	out_line(row, columns, r->form);
}

static void
on_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	struct replay *r = arg;

	(void)from;
	r->heard = clock_now();
	show(r, r->to, r->from, e);
}

static void
on_up(void *arg, struct bus_link *link)
{
	struct replay *r = arg;

	(void)link;
	r->heard = clock_now();
}

static void
on_down(void *arg, struct bus_link *link)
{
	struct replay *r = arg;

	(void)link;
	r->downs++;
}

/* Turn the loop for so long; false: the link went down meanwhile. */
static bool
turn(struct replay *r, int64_t ms)
{
	struct mono end = mono_after(clock_now(), ms);
	unsigned downs = r->downs;

	while (!mono_reached(clock_now(), end) && r->downs == downs)
		loop_once(r->loop, (int)mono_between(clock_now(), end) + 1);
	return r->downs == downs;
}

static bool
wait_for_link(struct replay *r)
{
	struct mono end = mono_after(clock_now(), UP_MS);

	while (!bus_is_up(r->link) && !mono_reached(clock_now(), end))
		loop_once(r->loop, 100);
	return bus_is_up(r->link);
}

static bool
is_wanted(const struct replay *r, const cJSON *row)
{
	const char *kind = cJSON_GetStringValue(cJSON_GetObjectItem(row, "kind"));
	const char *daemon = cJSON_GetStringValue(cJSON_GetObjectItem(row, "daemon"));
	const char *from = cJSON_GetStringValue(cJSON_GetObjectItem(row, "from"));
	const char *to = cJSON_GetStringValue(cJSON_GetObjectItem(row, "to"));

	/* heard at the receiver: what really came there */
	return strcmp(daemon, who_name(r->to)) == 0 && strcmp(from, who_name(r->from)) == 0 &&
	       strcmp(to, who_name(r->to)) == 0 && strcmp(kind, "Hello") != 0 &&
	       strcmp(kind, "Ping") != 0 && cJSON_IsObject(cJSON_GetObjectItem(row, "message"));
}

static enum err
say(struct replay *r, const cJSON *row)
{
	AUTO(msg) Pb__Envelope *e = NULL;
	AUTO(mem) uint8_t *data = NULL;
	char why[WHY_SIZE];
	size_t len = 0;
	enum err err = wire_json_pack(
	    &pb__envelope__descriptor, cJSON_GetObjectItem(row, "message"), &data, &len, why);

	err = err ? err : msg_unpack(data, len, ROUTE_BUS_MAX, &e);
	if (err)
		return err;
	show(r, r->from, r->to, e);
	err = bus_send(r->link, e);
	return err == ERR_OFFLINE ? ERR_OK : err; /* it has refused the one before */
}

static int
say_all(struct replay *r, const cJSON *list, uint64_t gap_ms, int timeout_ms)
{
	const cJSON *row = NULL;
	unsigned said = 0;

	cJSON_ArrayForEach(row, list)
	{
		if (!is_wanted(r, row))
			continue;
		if (!wait_for_link(r)) {
			fprintf(stderr, "replay: %s does not take the link\n", who_name(r->to));
			return CTL_AWAY;
		}
		enum err e = say(r, row);
		if (e)
			return ctl_complain("replay", e, "a message that cannot be sent");
		said++;
		r->refused |= !turn(r, (int64_t)gap_ms);
	}
	r->heard = clock_now();
	while (mono_between(r->heard, clock_now()) < timeout_ms)
		r->refused |= !turn(r, GAP_MS);
	fprintf(stderr, "replay: %u messages said to %s%s\n", said, who_name(r->to),
	    r->refused ? ", and it refused some: see subotactl tap" : "");
	return r->refused ? CTL_FAILED : CTL_OK;
}

static int
run(struct replay *r, const struct ask *a, const cJSON *list, uint64_t gap_ms)
{
	const struct bus_handler h = {on_message, on_up, on_down, r};
	char path[108];
	enum err e = loop_new(&r->loop);

	daemon_socket_path(&a->common, r->to, r->from, path);
	e = e ? e : bus_new(r->loop, r->from, &r->bus);
	e = e ? e : bus_connect(r->bus, r->to, path, &h, &r->link);
	int status = e ? ctl_complain("replay", e, path) : say_all(r, list, gap_ms, a->timeout_ms);

	bus_free(r->bus);
	loop_free(r->loop);
	return status;
}

int
replay_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	struct ask a;
	uint64_t gap = 0;
	char why[WHY_SIZE] = "";
	AUTO(out_json) cJSON *list = NULL;
	enum err e = opt_parse(&command, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	if (!opt_count(&o, "config")) {
		fprintf(stderr, "replay: expected --config of a scratch directory, got none\n");
		return CTL_USAGE;
	}
	int status = ask_begin(&command, argc, argv, &o, &a);

	if (status >= 0)
		return status;
	struct replay r = {.to = ask_find(opt_nth(&o, "to", 0)), .form = a.form};

	r.from = r.to == WHO_FLASHD ? WHO_FETCHD : WHO_CLOUDD;
	if (opt_number(&o, "gap", GAP_MS, 600000, &gap))
		return CTL_USAGE;
	if (r.to != WHO_FETCHD && r.to != WHO_FLASHD) {
		fprintf(
		    stderr, "--to: expected fetchd or flashd, got '%s'\n", opt_nth(&o, "to", 0));
		return CTL_USAGE;
	}
	if (strcmp(a.common.run_dir, REAL_RUN_DIR) == 0) {
		fprintf(stderr,
		    "replay: expected --config of a scratch directory, got run_dir %s\n",
		    a.common.run_dir);
		return CTL_USAGE;
	}
	e = capture_load(o.args[0], &list, why);

	if (e == ERR_SYSTEM)
		snprintf(why, sizeof(why), "%s: %s", o.args[0], strerror(errno));
	log_init("replay", LOG_ERROR);
	return e ? ctl_complain("replay", e, why) : run(&r, &a, list, gap);
}
