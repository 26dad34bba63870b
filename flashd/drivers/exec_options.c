/*
 * exec_options: the options of the driver exec (exec.h), and what is wrong with them.
 */
#include <stdio.h>
#include <string.h>

#include "exec_state.h"

/* clang-format off */
const struct driver_option exec_options[] = {
	/* key         fallback   min   max       help */
	{"recipe",     "none",    0,    0,        "how a known program is called"},
	{"program",    "recipe",  0,    0,        "path of the program"},
	{"identify",   "recipe",  0,    0,        "its arguments to find the device and its version"},
	{"flash",      "recipe",  0,    0,        "its arguments to write the image"},
	{"verify",     "recipe",  0,    0,        "its arguments to compare the image"},
	{"reset",      "recipe",  0,    0,        "its arguments to start the image"},
	{"version",    "recipe",  0,    0,        "the text before the version in what identify says"},
	{"progress",   "recipe",  0,    0,        "percent TEXT, or marks CHARACTER COUNT TEXT"},
	{"runs",       "recipe",  0,    0,        "further programs that it starts"},
	{"reads",      "recipe",  0,    0,        "files and directories that it reads"},
	{"devices",    "recipe",  0,    0,        "device nodes that it uses beside the port"},
	{"unversioned", "recipe", 0,    0,        "what no version means: bare or away"},
	{"part",       "none",    0,    0,        "what {part} stands for"},
	{"address",    "0",       0,    0,        "what {address} stands for"},
	{"absent",     "69",      0,    0,        "exit statuses that mean: the device is away"},
	{"again",      "75",      0,    0,        "exit statuses that mean: later"},
	{"refused",    "65",      0,    0,        "exit statuses that mean: not this image"},
	{"command_ms", "600000",  100,  86400000, "longest run of the program"},
	{"port",       "none",    0,    0,        "what {port} stands for; flashd fills it in"},
	{"baud",       "0",       0,    0,        "what {baud} stands for; flashd fills it in"},
	{"serial",     "none",    0,    0,        "the text before a serial number in what identify says"},
	{"device",     "none",    0,    0,        "what {device} stands for; flashd fills it in"},
	{"check",      "none",    0,    0,        "arguments of a health check; flashd fills it in"},
	{NULL,         NULL,      0,    0,        NULL},
};
/* clang-format on */

enum {
	OPTION_RECIPE,
	OPTION_SETTINGS,
	OPTION_PART = OPTION_SETTINGS + EXEC_SETTINGS,
	OPTION_ADDRESS,
	OPTION_STATUSES,
	OPTION_COMMAND_MS = OPTION_STATUSES + 3,
	OPTION_PORT,
	OPTION_BAUD,
	OPTION_SERIAL,
	OPTION_DEVICE,
	OPTION_CHECK,
	OPTIONS,
};

static enum err
refuse(int option, const char *want, const char *got, char *why, size_t why_size)
{
	snprintf(
	    why, why_size, "%s: expected %s, got '%.60s'", exec_options[option].key, want, got);
	return ERR_CONFIG;
}

static bool
take_text(char *out, size_t size, const char *text)
{
	return (size_t)snprintf(out, size, "%s", text) < size;
}

static enum err
take_settings(struct exec *x, const char *const *values, char *why, size_t why_size)
{
	const struct exec_recipe *r = exec_recipe_find(values[OPTION_RECIPE]);

	if (!r)
		return refuse(OPTION_RECIPE,
		    "none, avrdude, stm32flash, dfu-util, esptool or openocd",
		    values[OPTION_RECIPE], why, why_size);
	for (int i = 0; i <= EXEC_VERSION; i++) {
		const char *text = exec_recipe_value(r, i, values[OPTION_SETTINGS + i]);
		char detail[130];

		if (!take_text(x->lines[i], EXEC_LINE_MAX, text))
			return refuse(OPTION_SETTINGS + i, "a shorter text", text, why, why_size);
		if (i == EXEC_PROGRAM || i == EXEC_VERSION ||
		    exec_argv_check(text, detail, sizeof(detail)) == ERR_OK)
			continue;
		snprintf(why, why_size, "%s: %s", exec_options[OPTION_SETTINGS + i].key, detail);
		return ERR_CONFIG;
	}
	if (x->lines[EXEC_PROGRAM][0] != '/')
		return refuse(OPTION_SETTINGS + EXEC_PROGRAM, "a path", x->lines[EXEC_PROGRAM], why,
		    why_size);
	if (!x->lines[EXEC_IDENTIFY][0] && !x->checks)
		return refuse(OPTION_SETTINGS + EXEC_IDENTIFY, "arguments", "none", why, why_size);
	if (strlen(x->lines[EXEC_VERSION]) >= EXEC_TEXT)
		return refuse(OPTION_SETTINGS + EXEC_VERSION, "less than 64 characters",
		    x->lines[EXEC_VERSION], why, why_size);
	const char *unversioned = exec_recipe_value(
	    r, EXEC_UNVERSIONED, values[OPTION_SETTINGS + EXEC_UNVERSIONED]);
	x->needs_version = strcmp(unversioned, "away") == 0;
	if (!x->needs_version && unversioned[0] && strcmp(unversioned, "bare") != 0)
		return refuse(
		    OPTION_SETTINGS + EXEC_UNVERSIONED, "bare or away", unversioned, why, why_size);
	const char *progress = exec_recipe_value(
	    r, EXEC_PROGRESS, values[OPTION_SETTINGS + EXEC_PROGRESS]);
	if (exec_said_parse(progress, &x->progress) != ERR_OK)
		return refuse(OPTION_SETTINGS + EXEC_PROGRESS,
		    "percent TEXT, or marks CHARACTER COUNT TEXT", progress, why, why_size);
	return ERR_OK;
}

static enum err
take_check(struct exec *x, const char *line, char *why, size_t why_size)
{
	char detail[130];

	if (!take_text(x->check, EXEC_LINE_MAX, line))
		return refuse(OPTION_CHECK, "a shorter text", line, why, why_size);
	if (exec_argv_check(line, detail, sizeof(detail)) == ERR_OK)
		return ERR_OK;
	snprintf(why, why_size, "check: %s", detail);
	return ERR_CONFIG;
}

enum err
exec_options_init(void *state, const char *const *values, char *why, size_t why_size)
{
	struct exec *x = state;

	_Static_assert(
	    OPTIONS + 1 == sizeof(exec_options) / sizeof(exec_options[0]), "a name for each");
	*x = (struct exec){.up = true, .checks = strcmp(values[OPTION_CHECK], "none") != 0};
	enum err e = take_settings(x, values, why, why_size);
	if (!e && x->checks)
		e = take_check(x, values[OPTION_CHECK], why, why_size);
	for (int i = 0; !e && i < 3; i++)
		if (!exec_said_statuses(values[OPTION_STATUSES + i], x->statuses[i]))
			e = refuse(OPTION_STATUSES + i, "at most 7 numbers from 1 to 255",
			    values[OPTION_STATUSES + i], why, why_size);
	if (!e && (!take_text(x->port, EXEC_VALUE, values[OPTION_PORT]) ||
		      !take_text(x->part, EXEC_VALUE, values[OPTION_PART]) ||
		      !take_text(x->address, EXEC_VALUE, values[OPTION_ADDRESS]) ||
		      !take_text(x->device, EXEC_VALUE, values[OPTION_DEVICE]) ||
		      !take_text(x->baud, sizeof(x->baud), values[OPTION_BAUD])))
		e = refuse(OPTION_PART, "shorter texts", values[OPTION_PART], why, why_size);
	if (!e)
		e = driver_number(&exec_options[OPTION_COMMAND_MS], values[OPTION_COMMAND_MS],
		    &x->command_ms, why, why_size);
	const char *serial = values[OPTION_SERIAL];
	if (!e && !take_text(x->serial, EXEC_TEXT, strcmp(serial, "none") == 0 ? "" : serial))
		e = refuse(OPTION_SERIAL, "less than 64 characters", serial, why, why_size);
	return e;
}
