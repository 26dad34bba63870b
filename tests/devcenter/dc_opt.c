/*
 * dc_opt: see dc_opt.h.
 */
#include "dc_opt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct dc_opt_row *
find(const struct dc_opt_row *rows, const char *name, size_t len)
{
	for (; rows->name; rows++)
		if (strlen(rows->name) == len && memcmp(rows->name, name, len) == 0)
			return rows;
	return NULL;
}

/* argv[*i] is an option. */
static enum err
take_option(struct dc_opt *o, int argc, char **argv, int *i)
{
	const char *name = argv[*i] + 2;
	size_t len = strcspn(name, "=");
	const struct dc_opt_row *row = find(o->rows, name, len);
	const char *value = name[len] == '=' ? name + len + 1 : NULL;

	if (!row) {
		fprintf(stderr, "unknown option --%s\n", name);
		return ERR_INVALID;
	}
	if (!row->argument && value) {
		fprintf(stderr, "--%s takes no value\n", row->name);
		return ERR_INVALID;
	}
	if (row->argument && !value)
		value = *i + 1 < argc ? argv[++*i] : NULL;
	if (row->argument && !value) {
		fprintf(stderr, "--%s needs a value: %s\n", row->name, row->argument);
		return ERR_INVALID;
	}
	if (o->n == DC_OPT_MAX) {
		fprintf(stderr, "too many options\n");
		return ERR_LIMIT;
	}
	o->given[o->n].name = row->name;
	o->given[o->n++].value = value ? value : "";
	return ERR_OK;
}

enum err
dc_opt_parse(struct dc_opt *o, const struct dc_opt_row *rows, int argc, char **argv)
{
	*o = (struct dc_opt){.rows = rows};
	for (int i = 0; i < argc; i++) {
		enum err err = ERR_OK;

		if (strncmp(argv[i], "--", 2) == 0)
			err = take_option(o, argc, argv, &i);
		else if (o->n_words == DC_OPT_WORDS)
			err = ERR_LIMIT;
		else
			o->word[o->n_words++] = argv[i];
		if (err)
			return err;
	}
	return ERR_OK;
}

const char *
dc_opt_nth(const struct dc_opt *o, const char *name, unsigned nth)
{
	for (unsigned i = 0; i < o->n; i++)
		if (strcmp(o->given[i].name, name) == 0 && nth-- == 0)
			return o->given[i].value;
	return NULL;
}

const char *
dc_opt_get(const struct dc_opt *o, const char *name, const char *otherwise)
{
	const char *value = NULL;

	for (unsigned i = 0; (value = dc_opt_nth(o, name, i)) != NULL; i++)
		otherwise = value;
	return otherwise;
}

enum err
dc_opt_int(const struct dc_opt *o, const char *name, int64_t otherwise, int64_t min, int64_t max,
    int64_t *out)
{
	const char *text = dc_opt_get(o, name, NULL);
	char *end = NULL;

	*out = otherwise;
	if (!text)
		return ERR_OK;
	errno = 0;
	*out = strtoll(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && *out >= min && *out <= max)
		return ERR_OK;
	fprintf(stderr, "--%s: expected a number from %lld to %lld, got %s\n", name, (long long)min,
	    (long long)max, text);
	return ERR_INVALID;
}

void
dc_opt_print(const struct dc_opt_row *rows, FILE *f)
{
	char left[64];

	for (; rows->name; rows++) {
		snprintf(left, sizeof(left), "--%s%s%s", rows->name, rows->argument ? " " : "",
		    rows->argument ? rows->argument : "");
		fprintf(f, "  %-26s %s\n", left, rows->help);
	}
}
