/*
 * flash_exec: see flash_exec.h.
 */
#include "flash_exec.h"

#include <stdio.h>
#include <string.h>

#include "exec_recipe.h"
#include "log.h"

enum { PATH = 300 };

bool
flash_exec_is(const struct flash_settings_device *d)
{
	return strcmp(d->driver, "exec") == 0;
}

bool
flash_exec_any(const struct flash_settings *s)
{
	for (size_t i = 0; i < s->n_devices; i++)
		if (flash_exec_is(&s->devices[i]))
			return true;
	return false;
}

/* --- options ---------------------------------------------------------------------------------- */

static const char *
among(const struct flash_settings_option *o, size_t n, const char *key)
{
	for (size_t i = n; i > 0; i--)
		if (strcmp(o[i - 1].key, key) == 0)
			return o[i - 1].value;
	return NULL;
}

static const char *
option(const struct flash_settings *s, const struct flash_settings_device *d, const char *key)
{
	const struct flash_settings_profile *p = flash_settings_profile(s, d);
	const char *own = among(d->options, d->n_options, key);

	return own || !p ? own : among(p->options, p->n_options, key);
}

static const char *
setting(
    const struct flash_settings *s, const struct flash_settings_device *d, enum exec_setting what)
{
	const char *recipe = option(s, d, "recipe");
	const char *own = option(s, d, exec_recipe_setting(what));

	return exec_recipe_value(exec_recipe_find(recipe ? recipe : "none"), what, own);
}

/* --- places ----------------------------------------------------------------------------------- */

/* The next path of a list; false: no more. */
static bool
next_path(const char **at, char out[PATH])
{
	*at += strspn(*at, " ");
	size_t n = strcspn(*at, " ");

	snprintf(out, PATH, "%.*s", (int)(n < PATH ? n : PATH - 1), *at);
	*at += n;
	return n > 0;
}

void
flash_exec_add_list(struct places *out, const char *name, const char *list)
{
	char path[PATH];

	while (next_path(&list, path))
		places_add(out, name, "%s", path);
}

void
flash_exec_places(
    const struct flash_settings *s, const struct flash_settings_device *d, struct places *out)
{
	if (!flash_exec_is(d))
		return;
	flash_exec_add_list(out, "$flasher", setting(s, d, EXEC_PROGRAM));
	flash_exec_add_list(out, "$flasher", setting(s, d, EXEC_RUNS));
	flash_exec_add_list(out, "$flasher_reads", setting(s, d, EXEC_READS));
	flash_exec_add_list(out, "$flasher_devices", setting(s, d, EXEC_DEVICES));
	if (d->port[0] == '/')
		places_add(out, "$flasher_devices", "%s", d->port);
}

bool
flash_exec_are_paths(const struct flash_settings_device *d, const char *key, const char *list)
{
	bool fine = true;
	char path[PATH];

	while (next_path(&list, path)) {
		if (path[0] == '/')
			continue;
		log_error(NULL, "device %s: %s: expected a path, got '%s'", d->name, key, path);
		fine = false;
	}
	return fine;
}

enum err
flash_exec_check(const struct flash_settings *s, const struct flash_settings_device *d)
{
	static const enum exec_setting lists[] = {
	    EXEC_PROGRAM, EXEC_RUNS, EXEC_READS, EXEC_DEVICES};
	const char *recipe = option(s, d, "recipe");
	enum err e = ERR_OK;

	if (!flash_exec_is(d))
		return ERR_OK;
	if (recipe && !exec_recipe_find(recipe)) {
		log_error(
		    NULL, "device %s: recipe: expected one of this build, got %s", d->name, recipe);
		return ERR_CONFIG;
	}
	const char *version = option(s, d, "version");
	if (version && !version[0])
		log_warn(NULL,
		    "device %s: version: expected the text before the version, got none: the first"
		    " word that identify says is taken for it",
		    d->name);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const char *list = setting(s, d, lists[i]);

		if (lists[i] == EXEC_PROGRAM && !list[0])
			list = "none";
		if (!flash_exec_are_paths(d, exec_recipe_setting(lists[i]), list))
			e = ERR_CONFIG;
	}
	return e;
}
