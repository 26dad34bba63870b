/*
 * routes_cmd: `routes`: the route table, who may say what to whom.
 */
#include "commands.h"
#include "ctl.h"
#include "opt.h"
#include "out.h"
#include "route.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	OUT_OPTION,
	{NULL, NULL, false, false, NULL},
};

static const struct out_column columns[] = {
	{"kind", "KIND"}, {"from", "FROM"}, {"to", "TO"}, {"phase", "PHASE"},
	{"max_bytes", "BYTES"}, {"droppable", "DROPPABLE"}, {NULL, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl routes [--json]",
    .about = "Every message that may pass between two processes, from whom to whom, when, and how\n"
	     "large. What has no row is refused and counted.",
    .specs = specs,
};

static const char *
phase_text(unsigned phases)
{
	if (phases == (ROUTE_GREETING | ROUTE_READY))
		return "any";
	return phases == ROUTE_GREETING ? "greeting" : "ready";
}

int
routes_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	size_t n = 0;
	const struct route_row *rows = route_rows(&n);
	AUTO(out_json) cJSON *list = cJSON_CreateArray();
	enum err e = opt_parse(&command, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	for (size_t i = 0; i < n; i++) {
		cJSON *row = out_row(list);

		out_add_text(row, "kind", route_kind_name(rows[i].kind));
		out_add_text(row, "from", who_name(rows[i].from));
		out_add_text(row, "to", who_name(rows[i].to));
		out_add_text(row, "phase", phase_text(rows[i].phases));
		out_add_number(row, "max_bytes", rows[i].max_bytes);
		cJSON_AddBoolToObject(row, "droppable", rows[i].droppable);
	}
	return out_list(list, columns, out_form(&o));
}
