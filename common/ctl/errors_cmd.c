/*
 * errors_cmd: `errors`: the one list of what can go wrong, as it appears in logs, events and
 * answers.
 */
#include "commands.h"
#include "ctl.h"
#include "opt.h"
#include "out.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	OUT_OPTION,
	{NULL, NULL, false, false, NULL},
};

static const struct out_column columns[] = {
	{"number", "NUMBER"}, {"name", "NAME"}, {"text", "TEXT"}, {NULL, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl errors [--json]",
    .about = "Every error by its number, its name and what it means. Numbers never change.",
    .specs = specs,
};

int
errors_cmd_run(int argc, char **argv)
{
#define X(name, number, text) number,
	static const unsigned numbers[] = {ERR_LIST(X)};
#undef X
	struct opt_set o;
	AUTO(out_json) cJSON *list = cJSON_CreateArray();
	enum err e = opt_parse(&command, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		cJSON *row = out_row(list);

		out_add_number(row, "number", numbers[i]);
		out_add_text(row, "name", err_name(numbers[i]));
		out_add_text(row, "text", err_text(numbers[i]));
	}
	return out_list(list, columns, out_form(&o));
}
