/*
 * config_cmd: `config`: every key of the configuration as a commented sample, from the tables that
 * the daemons read it with; and the check of a file as all daemons would read it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud_settings.h"
#include "commands.h"
#include "ctl.h"
#include "flash_settings.h"
#include "log.h"
#include "opt.h"
#include "settings.h"

enum { SECTIONS_MAX = 4 };

/* clang-format off */
static const struct opt_spec specs[] = {
	/* name     value   must   many   help */
	{"check",  "FILE", false, false, "say what is wrong with FILE instead"},
	{"daemon", "NAME", false, false, "only cloudd, fetchd or flashd"},
	{NULL,     NULL,   false, false, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl config [--daemon NAME] [--check FILE]",
    .about = "Print a configuration file with every key, what it is for and its default. With\n"
	     "--check read FILE as the daemons do: exit status 65, and each mistake on stderr.",
    .specs = specs,
};

static struct conf_table
fetch_table(struct conf_section *sections)
{
	return settings_table(sections);
}

static enum err
check_cloud(const void *s)
{
	return cloud_settings_check(s);
}

static enum err
check_flash(const void *s)
{
	return flash_settings_check(s);
}

/* clang-format off */
static const struct reader {
	const char *name;
	size_t size; /* of its settings */
	struct conf_table (*table)(struct conf_section *sections);
	enum err (*check)(const void *settings);
} readers[] = {
	{"cloudd", sizeof(struct cloud_settings), cloud_settings_table, check_cloud},
	{"fetchd", sizeof(struct settings),       fetch_table,          NULL},
	{"flashd", sizeof(struct flash_settings), flash_settings_table, check_flash},
};
#define READERS (sizeof(readers) / sizeof(readers[0]))
/* clang-format on */

static enum err
check(const struct reader *r, const char *path)
{
	struct conf_section sections[SECTIONS_MAX] = {0};
	struct conf_table t = r->table(sections);
	AUTO(mem) void *settings = calloc(1, r->size);

	if (!settings)
		return ERR_NOMEM;
	log_init(r->name, LOG_WARN); /* each complaint names the daemon that has it */
	enum err e = conf_load(&t, path, settings);

	return e || !r->check ? e : r->check(settings);
}

/* [common] is in every daemon's table; once is enough. */
static void
print(const struct reader *r, bool common)
{
	struct conf_section sections[SECTIONS_MAX] = {0};
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

	for (const struct reader *r = readers; r < readers + READERS; r++) {
		if (only && strcmp(only, r->name) != 0)
			continue;
		e = path ? check(r, path) : ERR_OK;
		worst = e ? e : worst;
		if (!path)
			print(r, first);
		first = false;
	}
	if (first) {
		fprintf(stderr, "config: expected cloudd, fetchd or flashd, got '%s'\n", only);
		return CTL_USAGE;
	}
	return worst ? ctl_complain("config", worst, path) : CTL_OK;
}
