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

#include "exec_state.h"

enum { STATUS_BYTES = 4, NOT_STARTED = 127 /* as a shell has it */ };

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
	int s = x->commands[x->command];

	return s == EXEC_CHECK ? "check" : exec_recipe_setting((enum exec_setting)s);
}

static void
begin_command(struct exec *x, struct mono now)
{
	int s = x->commands[x->command];

	x->at = AT_PROGRAM;
	x->word = s == EXEC_CHECK ? x->check : x->lines[s];
	x->due = mono_after(now, x->command_ms);
	exec_said_start(&x->said, &x->progress, x->lines[EXEC_VERSION], x->serial);
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
	x->values = (struct exec_values){x->port, x->baud, x->address, x->part,
	    x->job.target_version, x->device, x->facts.total_bytes};
	if (job->verb == DRIVER_IDENTIFY)
		add_command(x, EXEC_IDENTIFY);
	else if (job->verb == DRIVER_REBOOT)
		add_command(x, EXEC_RESET);
	else if (job->verb == DRIVER_CHECK && x->checks)
		x->commands[x->n_commands++] = EXEC_CHECK; /* may have no arguments */
	else if (job->verb == DRIVER_WRITE)
		add_command(x, EXEC_FLASH);
	if (job->verb == DRIVER_WRITE && (!job->image || job->image->size == 0))
		finish(x, ERR_INVALID, "expected an image, got none");
	else if (x->n_commands == 0)
		finish(x, ERR_UNSUPPORTED, "expected arguments `%s`, got none",
		    job->verb == DRIVER_REBOOT  ? "reset"
		    : job->verb == DRIVER_CHECK ? "check"
						: "flash");
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

/* A health check has one good end; whatever else becomes of it, the image was not shown to work. */
static void
on_bad_health(struct exec *x, const char *what, int number, const char *more)
{
	finish(x, ERR_UNHEALTHY,
	    "health check of %.40s: expected exit status 0, got %s%d%s (%.60s): %s", x->device,
	    what, number, more, x->lines[EXEC_PROGRAM], x->said.last);
}

/* Of a health check. */
static void
on_bad_end(struct exec *x, int status)
{
	if (WIFSIGNALED(status))
		on_bad_health(x, "signal ", WTERMSIG(status),
		    WTERMSIG(status) == SIGSYS ? ", a system call that its jail does not have"
					       : "");
	else
		on_bad_health(x, "", WEXITSTATUS(status),
		    WEXITSTATUS(status) == NOT_STARTED ? ", it cannot start" : "");
}

static void
on_failure(struct exec *x, int status)
{
	const char *program = x->lines[EXEC_PROGRAM];

	if (x->job.verb == DRIVER_CHECK)
		on_bad_end(x, status);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
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
	if (x->job.verb == DRIVER_IDENTIFY && x->needs_version && !x->said.version.word[0]) {
		finish(x, ERR_DEVICE_AWAY, "identify: expected '%s' and a version, got none",
		    x->lines[EXEC_VERSION]);
		return;
	}
	if (x->job.verb == DRIVER_IDENTIFY) {
		snprintf(x->facts.version, sizeof(x->facts.version), "%s", x->said.version.word);
		snprintf(x->facts.unit, sizeof(x->facts.unit), "%s", x->said.unit.word);
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
	if (x->job.verb == DRIVER_CHECK)
		on_bad_health(x, "none within ", (int)x->command_ms, " ms");
	else
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
    .verbs = 1u << DRIVER_IDENTIFY | 1u << DRIVER_WRITE | 1u << DRIVER_REBOOT | 1u << DRIVER_CHECK,
    .state_size = sizeof(struct exec),
    .options = exec_options,
    .init = exec_options_init,
    .start = start,
    .on_bytes = on_bytes,
    .on_time = on_time,
    .output = output,
    .deadline = deadline,
    .done = done,
    .facts = facts,
    .on_link = on_link,
};
