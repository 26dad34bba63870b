/*
 * fsm_cmd: `fsm`: the state machines of the daemons, which are tables: what is printed here is what
 * is carried out there.
 */
#include <string.h>

#include "commands.h"
#include "conversation.h"
#include "ctl.h"
#include "device.h"
#include "fsm.h"
#include "image.h"
#include "login.h"
#include "opt.h"
#include "out.h"
#include "rollout.h"
#include "upgrade.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	{"dot", NULL, false, false, "a graph in Graphviz's language instead (with NAME)"},
	OUT_OPTION,
	{NULL, NULL, false, false, NULL},
};

static const struct machine {
	const char *name;
	const char *owner;
	const struct fsm_table *table;
	const char *about;
} machines[] = {
	{"login",        "cloudd", &login_table,        "one device's login at the platform"},
	{"conversation", "cloudd", &conversation_table, "the platform's plan for one device"},
	{"upgrade",      "fetchd", &upgrade_table,      "one upgrade at the gate"},
	{"image",        "fetchd", &image_table,        "one package, for any number of upgrades"},
	{"device",       "flashd", &device_table,       "one upgrade at the device"},
	{"rollout",      "flashd", &rollout_table,      "all upgrades of a product to one version"},
};
#define MACHINES (sizeof(machines) / sizeof(machines[0]))

static const struct out_column machine_columns[] = {
	{"name", "NAME"}, {"daemon", "DAEMON"}, {"states", "STATES"}, {"events", "EVENTS"},
	{"rows", "ROWS"}, {"about", "ABOUT"}, {NULL, NULL},
};

static const struct out_column row_columns[] = {
	{"state", "STATE"}, {"event", "EVENT"}, {"guarded", "IF"}, {"next", "NEXT"},
	{"note", "WHAT IS DONE"}, {NULL, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl fsm [--json | --dot] [NAME]",
    .about =
	"The state machines of the daemons, or the rows of one. The first row whose state and\n"
	"event fit, and whose condition (IF) holds, is taken; an event without a row changes\n"
	"nothing. As a picture: subotactl fsm device --dot | dot -Tsvg > device.svg",
    .specs = specs,
    .max_args = 1,
};

static int
list_machines(enum out_form form)
{
	AUTO(out_json) cJSON *list = cJSON_CreateArray();

	for (const struct machine *m = machines; m < machines + MACHINES; m++) {
		cJSON *row = out_row(list);

		out_add_text(row, "name", m->name);
		out_add_text(row, "daemon", m->owner);
		out_add_number(row, "states", (uint64_t)m->table->n_states);
		out_add_number(row, "events", (uint64_t)m->table->n_events);
		out_add_number(row, "rows", (uint64_t)m->table->n_rows);
		out_add_text(row, "about", m->about);
	}
	return out_list(list, machine_columns, form);
}

static int
list_rows(const struct fsm_table *t, enum out_form form)
{
	AUTO(out_json) cJSON *list = cJSON_CreateArray();

	for (const struct fsm_row *r = t->rows; r < t->rows + t->n_rows; r++) {
		cJSON *row = out_row(list);

		out_add_text(row, "state", r->state == FSM_ANY ? "any" : t->states[r->state]);
		out_add_text(row, "event", t->events[r->event]);
		cJSON_AddBoolToObject(row, "guarded", r->guard != NULL);
		out_add_text(row, "next", r->next == FSM_SAME ? "same" : t->states[r->next]);
		out_add_text(row, "note", r->note ? r->note : "");
	}
	return out_list(list, row_columns, form);
}

/* One edge a row; a condition is a dashed edge. Names come from the tables: nothing to escape. */
static int
draw_rows(const struct fsm_table *t)
{
	printf("digraph %s {\n\trankdir=LR;\n\tnode [shape=box];\n", t->name);
	for (const struct fsm_row *r = t->rows; r < t->rows + t->n_rows; r++) {
		const char *from = r->state == FSM_ANY ? "any" : t->states[r->state];
		const char *to = r->next == FSM_SAME ? from : t->states[r->next];

		printf("\t\"%s\" -> \"%s\" [label=\"%s\"%s];\n", from, to, t->events[r->event],
		    r->guard ? ", style=dashed" : "");
	}
	printf("}\n");
	return CTL_OK;
}

int
fsm_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	enum err e = opt_parse(&command, argc, argv, &o);
	enum out_form form = e ? OUT_TEXT : out_form(&o);
	bool dot = !e && opt_count(&o, "dot") > 0;

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	if (dot && (form || o.n_args == 0)) {
		fprintf(stderr, "fsm: expected --dot with a NAME and without --json or --kv\n");
		return CTL_USAGE;
	}
	if (o.n_args == 0)
		return list_machines(form);
	for (const struct machine *m = machines; m < machines + MACHINES; m++)
		if (strcmp(m->name, o.args[0]) == 0)
			return dot ? draw_rows(m->table) : list_rows(m->table, form);
	fprintf(stderr, "fsm: expected the name of a machine, got '%s'; subotactl fsm lists them\n",
	    o.args[0]);
	return CTL_USAGE;
}
