/*
 * config_cmd: `config`: every key of the configuration as a commented sample, from the tables that
 * the daemons read it with; the check of a file as all daemons would read it; and what holds with a
 * file: each value and where it comes from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "ctl.h"
#include "opt.h"
#include "out.h"
#include "readers.h"

/* clang-format off */
static const struct opt_spec specs[] = {
	/* name     value   must   many   help */
	{"check",     "FILE", false, false, "say what is wrong with FILE instead"},
	{"effective", "FILE", false, false, "list what holds with FILE, and where each value is from"},
	{"daemon",    "NAME", false, false, "only cloudd, fetchd or flashd"},
	OUT_OPTION,
	{NULL,        NULL,   false, false, NULL},
};

static const struct out_column columns[] = {
	{"section", "SECTION"}, {"key", "KEY"}, {"value", "VALUE"}, {"origin", "FROM"}, {NULL, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl config [--daemon NAME] [--check FILE | --effective FILE [--json]]",
    .about =
	"Print a configuration file with every key, what it is for and its default. With\n"
	"--check read FILE as the daemons do: exit status 65, and each mistake on stderr. With\n"
	"--effective list every value that holds then: from FILE:LINE, or a default.",
    .specs = specs,
};

/* Where the list of effective values grows. */
struct listing {
	cJSON *list;
	const char *path;
	bool common; /* wanted, too */
};

static void
on_value(void *ctx, const struct conf_section *s, const char *item, const char *name,
    const struct conf_key *key, const char *value, unsigned line)
{
	struct listing *l = ctx;
	char section[200], origin[300] = "default";

	if (strcmp(s->name, "common") == 0 && !l->common)
		return;
	cJSON *row = out_row(l->list);

	snprintf(section, sizeof(section), "%s%s%s", s->name, *item ? " " : "", item);
	if (line)
		snprintf(origin, sizeof(origin), "%s:%u", l->path, line);
	out_add_text(row, "section", section);
	out_add_text(row, "key", name);
	out_add_text(row, "value", key && key->secret ? "(not shown)" : value);
	out_add_text(row, "origin", origin);
}

/* Read `path` as this daemon does; `l` may be NULL. */
static enum err
check(const struct reader *r, const char *path, struct listing *l)
{
	const struct conf_watch watch = {on_value, l};
	AUTO(mem) void *settings = calloc(1, r->size);

	return settings ? readers_load(r, path, l ? &watch : NULL, settings) : ERR_NOMEM;
}

/* [common] is in every daemon's table; once is enough. */
static void
print(const struct reader *r, bool common)
{
	struct conf_section sections[READERS_SECTIONS] = {0};
	struct conf_table t = r->table(sections);

	if (!common) {
		t.sections++;
		t.n_sections--;
		printf("\n");
	}
	conf_print_help(&t);
}

int
config_cmd_run(int argc, char **argv)
{
	struct opt_set o;
	enum err e = opt_parse(&command, argc, argv, &o), worst = ERR_OK;
	bool first = true;

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	const char *only = opt_nth(&o, "daemon", 0), *path = opt_nth(&o, "check", 0);
	const char *shown = opt_nth(&o, "effective", 0);
	AUTO(out_json) cJSON *list = cJSON_CreateArray();
	struct listing l = {.list = list, .path = shown};

	if ((path && shown) || (!shown && out_form(&o))) {
		fprintf(stderr,
		    "config: expected --check or --effective, --json and --kv with the latter\n");
		return CTL_USAGE;
	}

	for (const struct reader *r = readers; r < readers + ASK_DAEMONS; r++) {
		if (only && strcmp(only, r->name) != 0)
			continue;
		l.common = first; /* it is in every daemon's table; once is enough */
		if (path || shown)
			e = check(r, path ? path : shown, shown ? &l : NULL);
		else
			print(r, first);
		worst = e ? e : worst;
		first = false;
	}
	if (first) {
		fprintf(stderr, "config: expected cloudd, fetchd or flashd, got '%s'\n", only);
		return CTL_USAGE;
	}
	if (shown)
		out_list(list, columns, out_form(&o));
	return worst ? ctl_complain("config", worst, path ? path : shown) : CTL_OK;
}
