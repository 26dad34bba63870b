/*
 * flash_health: see flash_health.h.
 */
#include "flash_health.h"

#include <stdio.h>
#include <string.h>

#include "exec_argv.h"
#include "flash_exec.h"
#include "log.h"

bool
flash_health_is(const struct flash_settings_device *d)
{
	return d->health_command[0] != 0;
}

bool
flash_health_any(const struct flash_settings *s)
{
	for (size_t i = 0; i < s->n_devices; i++)
		if (flash_health_is(&s->devices[i]))
			return true;
	return false;
}

bool
flash_health_uses_port(const struct flash_settings_device *d)
{
	return strstr(d->health_command, "{port}") != NULL;
}

/* The program; its arguments lie behind it. */
static size_t
program_length(const struct flash_settings_device *d)
{
	return strcspn(d->health_command, " \t");
}

void
flash_health_places(const struct flash_settings_device *d, struct places *out)
{
	if (!flash_health_is(d))
		return;
	places_add(out, "$flasher", "%.*s", (int)program_length(d), d->health_command);
	flash_exec_add_list(out, "$flasher", d->health_runs);
	flash_exec_add_list(out, "$flasher_reads", d->health_reads);
	if (flash_health_uses_port(d) && d->port[0] == '/')
		places_add(out, "$flasher_devices", "%s", d->port);
}

void
flash_health_places_for(const struct flash_settings *s, const struct flash_settings_device *d,
    int verb, struct places *out)
{
	if (verb == PB__VERB__VERB_CHECK)
		flash_health_places(d, out);
	else
		flash_exec_places(s, d, out);
}

enum err
flash_health_check(const struct flash_settings_device *d)
{
	char why[WHY_SIZE];
	bool fine = !d->health_command[0] || d->health_command[0] == '/';

	if (!fine)
		log_error(NULL,
		    "device %s: health_command: expected the path of a program and its arguments,"
		    " got '%s'",
		    d->name, d->health_command);
	if (exec_argv_check(d->health_command, why, sizeof(why)) != ERR_OK) {
		log_error(NULL, "device %s: health_command: %s", d->name, why);
		fine = false;
	}
	fine &= flash_exec_are_paths(d, "health_runs", d->health_runs);
	fine &= flash_exec_are_paths(d, "health_reads", d->health_reads);
	return fine ? ERR_OK : ERR_CONFIG;
}

static void
add(struct flash_order *k, size_t i, const char *key, const char *value, size_t len)
{
	struct flash_settings_option *o = &k->where[i];

	*o = (struct flash_settings_option){0};
	snprintf(o->key, sizeof(o->key), "%s", key);
	snprintf(o->value, sizeof(o->value), "%.*s", (int)len, value);
	flash_order_add_options(k, o, 1);
}

void
flash_health_order(
    struct flash_order *k, const struct flash_settings_device *d, uint32_t timeout_ms)
{
	size_t program = program_length(d);
	const char *arguments = d->health_command + program;
	char ms[24];

	flash_order_init_bare(k, d, PB__VERB__VERB_CHECK, timeout_ms);
	snprintf(ms, sizeof(ms), "%llu", (unsigned long long)d->health_ms);
	add(k, 0, "program", d->health_command, program);
	add(k, 1, "check", arguments, strlen(arguments));
	add(k, 2, "command_ms", ms, strlen(ms));
	add(k, 3, "device", d->name, strlen(d->name));
	if (flash_health_uses_port(d))
		add(k, 4, "port", d->port, strlen(d->port));
	k->o.driver = (char *)(uintptr_t) "exec";
}
