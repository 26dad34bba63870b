/*
 * exec: see exec.h. A verb is a list of at most two commands; the image is sent before the first.
 */
#include "exec.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "exec_argv.h"
#include "exec_recipe.h"
#include "exec_said.h"
#include "exec_wire.h"

/* clang-format off */
static const struct driver_option options[] = {
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
	OPTIONS,
	COMMANDS = 2,
	LINE = 520,
	TEXT = 130,
	STATUS_BYTES = 4,
	NOT_STARTED = 127, /* as a shell has it */
};

struct exec {
	char lines[EXEC_VERSION + 1][LINE]; /* of settings up to the version */
	char port[TEXT], part[TEXT], address[TEXT], baud[24];
	struct exec_progress progress;
	bool needs_version; /* without one the device is away */
	uint8_t statuses[3][EXEC_STATUSES]; /* absent, again, refused; 0 ends */
	uint32_t command_ms;

	struct driver_job job;
	bool busy, up;
	struct mono end, due;
	enum exec_setting commands[COMMANDS];
	size_t n_commands, command;
	enum { AT_IMAGE, AT_PROGRAM, AT_WORDS, AT_RUN, AT_WORK } at;
	uint64_t sent;    /* of the image */
	const char *word; /* next of the line */
	struct exec_values values;
	uint8_t out[EXEC_WIRE_FRAME];
	size_t out_len, out_at;
	struct exec_gather in;
	struct exec_said said;
	struct driver_facts facts;
	struct driver_result result;
};

/* --- options ---------------------------------------------------------------------------------- */

static enum err
refuse(int option, const char *want, const char *got, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s: expected %s, got '%.60s'", options[option].key, want, got);
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

		if (!take_text(x->lines[i], LINE, text))
			return refuse(OPTION_SETTINGS + i, "a shorter text", text, why, why_size);
		if (i == EXEC_PROGRAM || i == EXEC_VERSION ||
		    exec_argv_check(text, detail, sizeof(detail)) == ERR_OK)
			continue;
		snprintf(why, why_size, "%s: %s", options[OPTION_SETTINGS + i].key, detail);
		return ERR_CONFIG;
	}
	if (x->lines[EXEC_PROGRAM][0] != '/')
		return refuse(OPTION_SETTINGS + EXEC_PROGRAM, "a path", x->lines[EXEC_PROGRAM], why,
		    why_size);
	if (!x->lines[EXEC_IDENTIFY][0])
		return refuse(OPTION_SETTINGS + EXEC_IDENTIFY, "arguments", "none", why, why_size);
	if (strlen(x->lines[EXEC_VERSION]) >= EXEC_TEXT)
		return refuse(OPTION_SETTINGS + EXEC_VERSION, "less than 64 characters",
		    x->lines[EXEC_VERSION], why, why_size);
	const char *unversioned =
	    exec_recipe_value(r, EXEC_UNVERSIONED, values[OPTION_SETTINGS + EXEC_UNVERSIONED]);
	x->needs_version = strcmp(unversioned, "away") == 0;
	if (!x->needs_version && unversioned[0] && strcmp(unversioned, "bare") != 0)
		return refuse(OPTION_SETTINGS + EXEC_UNVERSIONED, "bare or away", unversioned, why,
		    why_size);
	const char *progress = exec_recipe_value(
	    r, EXEC_PROGRESS, values[OPTION_SETTINGS + EXEC_PROGRESS]);
	if (exec_said_parse(progress, &x->progress) != ERR_OK)
		return refuse(OPTION_SETTINGS + EXEC_PROGRESS,
		    "percent TEXT, or marks CHARACTER COUNT TEXT", progress, why, why_size);
	return ERR_OK;
}

static enum err
init(void *state, const char *const *values, char *why, size_t why_size)
{
	struct exec *x = state;

	_Static_assert(OPTIONS + 1 == sizeof(options) / sizeof(options[0]), "a name for each");
	*x = (struct exec){.up = true};
	enum err e = take_settings(x, values, why, why_size);
	for (int i = 0; !e && i < 3; i++)
		if (!exec_said_statuses(values[OPTION_STATUSES + i], x->statuses[i]))
			e = refuse(OPTION_STATUSES + i, "at most 7 numbers from 1 to 255",
			    values[OPTION_STATUSES + i], why, why_size);
	if (!e && (!take_text(x->port, TEXT, values[OPTION_PORT]) ||
		      !take_text(x->part, TEXT, values[OPTION_PART]) ||
		      !take_text(x->address, TEXT, values[OPTION_ADDRESS]) ||
		      !take_text(x->baud, sizeof(x->baud), values[OPTION_BAUD])))
		e = refuse(OPTION_PART, "shorter texts", values[OPTION_PART], why, why_size);
	if (!e)
		e = driver_number(&options[OPTION_COMMAND_MS], values[OPTION_COMMAND_MS],
		    &x->command_ms, why, why_size);
	return e;
}

/* --- verbs ------------------------------------------------------------------------------------ */

static void
finish(struct exec *x, enum err e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(x->result.detail, sizeof(x->result.detail), format, ap);
	va_end(ap);
	x->result.error = e;
	x->busy = false;
}

static const char *
name_of(const struct exec *x)
{
	return exec_recipe_setting(x->commands[x->command]);
}

static void
begin_command(struct exec *x, struct mono now)
{
	enum exec_setting s = x->commands[x->command];

	x->at = AT_PROGRAM;
	x->word = x->lines[s];
	x->due = mono_after(now, x->command_ms);
	exec_said_start(&x->said, &x->progress, x->lines[EXEC_VERSION]);
}

static void
add_command(struct exec *x, enum exec_setting s)
{
	if (x->lines[s][0])
		x->commands[x->n_commands++] = s;
}

static void
start(void *state, const struct driver_job *job, struct mono now)
{
	struct exec *x = state;

	x->job = *job;
	x->busy = true;
	x->end = mono_after(now, job->timeout_ms);
	x->n_commands = x->command = 0;
	x->sent = 0;
	x->out_len = x->out_at = 0;
	x->in.len = 0;
	x->result = (struct driver_result){0};
	x->facts = (struct driver_facts){.total_bytes = job->image ? job->image->size : 0};
	x->values = (struct exec_values){
	    x->port, x->baud, x->address, x->part, x->job.target_version, x->facts.total_bytes};
	if (job->verb == DRIVER_IDENTIFY)
		add_command(x, EXEC_IDENTIFY);
	else if (job->verb == DRIVER_REBOOT)
		add_command(x, EXEC_RESET);
	else
		add_command(x, EXEC_FLASH);
	if (job->verb == DRIVER_WRITE && (!job->image || job->image->size == 0))
		finish(x, ERR_INVALID, "expected an image, got none");
	else if (x->n_commands == 0)
		finish(x, ERR_UNSUPPORTED, "expected arguments `%s`, got none",
		    job->verb == DRIVER_REBOOT ? "reset" : "flash");
	if (!x->busy)
		return;
	if (job->verb == DRIVER_WRITE)
		add_command(x, EXEC_VERIFY);
	begin_command(x, now);
	if (job->verb == DRIVER_WRITE)
		x->at = AT_IMAGE;
}

/* --- what is sent ----------------------------------------------------------------------------- */

static void
frame(struct exec *x, enum exec_kind kind, const void *data, size_t len)
{
	x->out_len = exec_wire_format(kind, data, len, x->out);
	x->out_at = 0;
}

static void
send_image(struct exec *x)
{
	uint8_t data[EXEC_WIRE_DATA];
	uint64_t left = x->job.image->size - x->sent;
	size_t len = left < sizeof(data) ? (size_t)left : sizeof(data);
	enum err e = x->job.image->read(x->job.image->arg, x->sent, data, len);

	if (e) {
		finish(x, e, "image: expected %zu bytes at %llu, got none", len,
		    (unsigned long long)x->sent);
		return;
	}
	frame(x, EXEC_IMAGE, data, len);
	x->sent += len;
	if (x->sent == x->job.image->size)
		x->at = AT_PROGRAM;
}

static void
send_word(struct exec *x)
{
	char word[EXEC_WORD_MAX];

	if (x->at == AT_PROGRAM) {
		frame(x, EXEC_WORD, x->lines[EXEC_PROGRAM], strlen(x->lines[EXEC_PROGRAM]));
		x->at = AT_WORDS;
	} else if (exec_argv_next(&x->word, &x->values, word)) {
		frame(x, EXEC_WORD, word, strlen(word));
	} else if (x->word[strspn(x->word, " \t")]) {
		finish(x, ERR_CONFIG, "%s: expected words of less than %d characters, got '%.40s'",
		    name_of(x), EXEC_WORD_MAX, x->word);
	} else {
		frame(x, EXEC_RUN, NULL, 0);
		x->at = AT_WORK;
	}
}

static size_t
output(void *state, uint8_t *out, size_t size, struct mono now)
{
	struct exec *x = state;
	size_t n = 0;

	(void)now;
	while (x->up && x->busy && n < size) {
		if (x->out_at < x->out_len)
			out[n++] = x->out[x->out_at++];
		else if (x->at == AT_IMAGE)
			send_image(x);
		else if (x->at != AT_WORK)
			send_word(x);
		else
			break;
	}
	return x->busy ? n : 0;
}

/* --- what is said ----------------------------------------------------------------------------- */

/* What an exit status other than 0 means. */
static enum err
error_of(const struct exec *x, int status)
{
	static const enum err of_list[] = {ERR_DEVICE_AWAY, ERR_BUSY, ERR_DEVICE_REJECTED};
	static const enum err of_command[] = {[EXEC_IDENTIFY] = ERR_DEVICE_AWAY,
	    [EXEC_FLASH] = ERR_DEVICE_PROTO,
	    [EXEC_VERIFY] = ERR_VERIFY,
	    [EXEC_RESET] = ERR_DEVICE_PROTO};

	for (size_t i = 0; i < 3; i++)
		if (exec_said_among(x->statuses[i], status))
			return of_list[i];
	return of_command[x->commands[x->command]];
}

static void
on_failure(struct exec *x, int status)
{
	const char *program = x->lines[EXEC_PROGRAM];

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		finish(x, ERR_DENIED, "%s: %s made a system call that its jail does not have",
		    name_of(x), program);
	else if (WIFSIGNALED(status))
		finish(x, ERR_SESSION, "%s: expected %s to end by itself, got signal %d",
		    name_of(x), program, WTERMSIG(status));
	else if (WEXITSTATUS(status) == NOT_STARTED)
		finish(x, ERR_NOT_FOUND, "%s: expected %s to start, it cannot: %s", name_of(x),
		    program, x->said.last);
	else
		finish(x, error_of(x, WEXITSTATUS(status)),
		    "%s: expected exit status 0, got %d: %s", name_of(x), WEXITSTATUS(status),
		    x->said.last);
}

static void
on_exit_status(struct exec *x, int status, struct mono now)
{
	exec_said_end(&x->said);
	if (status != 0) {
		on_failure(x, status);
		return;
	}
	if (x->job.verb == DRIVER_IDENTIFY && x->needs_version && !x->said.version[0]) {
		finish(x, ERR_DEVICE_AWAY, "identify: expected '%s' and a version, got none",
		    x->lines[EXEC_VERSION]);
		return;
	}
	if (x->job.verb == DRIVER_IDENTIFY) {
		snprintf(x->facts.version, sizeof(x->facts.version), "%s", x->said.version);
		x->facts.active_confirmed = x->facts.version[0] != 0; /* nothing to confirm */
	}
	if (x->commands[x->command] == EXEC_FLASH)
		x->facts.done_bytes = x->facts.total_bytes;
	if (++x->command < x->n_commands)
		begin_command(x, now);
	else
		finish(x, ERR_OK, "%s", "");
}

static void
on_output(struct exec *x, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		exec_said_byte(&x->said, data[i]);
	if (x->commands[x->command] == EXEC_FLASH)
		x->facts.done_bytes = x->facts.total_bytes / 100 * x->said.percent;
}

static void
on_frame(struct exec *x, size_t len, struct mono now)
{
	const uint8_t *data = x->in.data + EXEC_WIRE_HEAD;
	uint8_t kind = x->in.data[0];

	if (kind == EXEC_OUTPUT && x->at == AT_WORK)
		on_output(x, data, len);
	else if (kind == EXEC_EXIT && x->at == AT_WORK && len == STATUS_BYTES)
		on_exit_status(x,
		    (int)((unsigned)data[0] << 24 | (unsigned)data[1] << 16 | data[2] << 8 |
			  data[3]),
		    now);
	else
		finish(x, ERR_LINK, "expected output or an end of the program, got something else");
}

static void
on_bytes(void *state, const uint8_t *data, size_t len, struct mono now)
{
	struct exec *x = state;

	for (size_t i = 0; i < len && x->busy; i++) {
		size_t n = 0;
		enum exec_got got = exec_wire_gather(&x->in, data[i], &n);

		if (got == EXEC_FRAME)
			on_frame(x, n, now);
		else if (got == EXEC_NONSENSE)
			finish(x, ERR_LINK, "expected a frame of subota-exec, got something else");
	}
}

static void
on_time(void *state, struct mono now)
{
	struct exec *x = state;

	if (!x->busy || !mono_reached(now, x->end.ms < x->due.ms ? x->end : x->due))
		return;
	exec_said_end(&x->said);
	finish(x, ERR_TIMEOUT, "%s: expected %s to end in time, it did not: %s", name_of(x),
	    x->lines[EXEC_PROGRAM], x->said.last);
}

static struct mono
deadline(const void *state)
{
	const struct exec *x = state;

	if (!x->busy)
		return MONO_NEVER;
	return x->end.ms < x->due.ms ? x->end : x->due;
}

static bool
done(const void *state, struct driver_result *result)
{
	const struct exec *x = state;

	if (!x->busy && result)
		*result = x->result;
	return !x->busy;
}

static const struct driver_facts *
facts(const void *state)
{
	return &((const struct exec *)state)->facts;
}

static void
on_link(void *state, bool up, struct mono now)
{
	struct exec *x = state;

	(void)now;
	if (x->busy && !up)
		finish(x, ERR_SESSION, "expected subota-exec to stay, it ended");
	x->up = up;
}

const struct driver exec_driver = {
    .name = "exec",
    .caps = DRIVER_VERSION | DRIVER_DESTRUCTIVE,
    .verbs = 1u << DRIVER_IDENTIFY | 1u << DRIVER_WRITE | 1u << DRIVER_REBOOT,
    .state_size = sizeof(struct exec),
    .options = options,
    .init = init,
    .start = start,
    .on_bytes = on_bytes,
    .on_time = on_time,
    .output = output,
    .deadline = deadline,
    .done = done,
    .facts = facts,
    .on_link = on_link,
};
