/*
 * xmodem: see xmodem.h. A verb is a walk over scripts with at most one transfer in between; which
 * script follows which is decided in on_met() and on_missed().
 */
#include "xmodem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "expect.h"
#include "xmodem_recipe.h"
#include "xmodem_send.h"

/* clang-format off */
static const struct driver_option options[] = {
	/* key          fallback  min  max     help */
	{"protocol",    "crc",    0,   0,      "crc, 1k or ymodem"},
	{"recipe",      "none",   0,   0,      "scripts of a known boot loader"},
	{"address",     "0",      0,   0,      "what {address} stands for in scripts"},
	{"identify",    "recipe", 0,   0,      "script that reads the running version"},
	{"loader",      "recipe", 0,   0,      "script that shows that the boot loader is there"},
	{"launch",      "recipe", 0,   0,      "script from the application to the boot loader"},
	{"enter",       "recipe", 0,   0,      "script that makes the boot loader receive"},
	{"verify",      "recipe", 0,   0,      "script that shows that the image is whole"},
	{"run",         "recipe", 0,   0,      "script that starts the new image"},
	{"start_ms",    "60000",  100, 600000, "longest wait for the receiver to ask"},
	{"reply_ms",    "10000",  50,  600000, "longest wait for an answer to a block"},
	{"eot_ms",      "1500",   50,  60000,  "the same for the end of the transfer"},
	{"retries",     "10",     1,   100,    "times that a block is sent"},
	{"tries",       "3",      1,   100,    "times that a script is tried"},
	{"run_wait_ms", "1000",   0,   60000,  "leave the device alone so long after its start"},
	{NULL,          NULL,     0,   0,      NULL},
};
/* clang-format on */

enum {
	OPTION_PROTOCOL,
	OPTION_RECIPE,
	OPTION_ADDRESS,
	OPTION_SCRIPTS,
	OPTION_NUMBERS = OPTION_SCRIPTS + XMODEM_SCRIPTS,
	OPTIONS = sizeof(options) / sizeof(options[0]) - 1,
	TAIL = 256,
};

struct xmodem {
	struct expect_script scripts[XMODEM_SCRIPTS];
	struct xmodem_limits limits;
	uint32_t tries, run_wait_ms;

	struct driver_job job;
	bool busy, up;
	enum step { TALKING, SENDING, RESTING } step;
	struct mono end, rest;
	enum xmodem_script script;
	unsigned tried;
	bool heard;
	bool doubt; /* the answer to the end of the transfer was lost */
	struct expect talk;
	struct expect_values values;
	struct xmodem_send send;
	uint8_t tail[TAIL]; /* what came behind the last block: it may be verify's */
	size_t tail_len;
	struct driver_facts facts;
	struct driver_result result;
};

/* --- options --------------------------------------------------------------------------------- */

static enum err
take_protocol(struct xmodem *x, const char *value, char *why, size_t why_size)
{
	static const char *const names[] = {"crc", "1k", "ymodem"};

	for (int i = XMODEM_CRC; i <= XMODEM_Y; i++) {
		if (strcmp(names[i], value) != 0)
			continue;
		x->limits.mode = (enum xmodem_mode)i;
		return ERR_OK;
	}
	snprintf(why, why_size, "protocol: expected crc, 1k or ymodem, got %.40s", value);
	return ERR_CONFIG;
}

static enum err
take_script(struct xmodem *x, int i, const struct xmodem_recipe *r, const char *value, char *why,
    size_t why_size)
{
	const char *text = strcmp(value, "recipe") == 0 ? r->scripts[i] : value;
	char detail[120];
	enum err e = expect_parse(text ? text : "", &x->scripts[i], detail, sizeof(detail));

	if (e)
		snprintf(why, why_size, "%s: %s", options[OPTION_SCRIPTS + i].key, detail);
	else if (i == XMODEM_IDENTIFY && !expect_takes_version(&x->scripts[i])) {
		snprintf(why, why_size,
		    "identify: expected a script with an expect of {version}, got '%.60s'",
		    text ? text : "none");
		e = ERR_CONFIG;
	}
	return e;
}

static enum err
take_scripts(struct xmodem *x, const char *const *values, char *why, size_t why_size)
{
	const struct xmodem_recipe *r = xmodem_recipe_find(values[OPTION_RECIPE]);
	enum err e = ERR_OK;

	if (!r) {
		snprintf(why, why_size,
		    "recipe: expected none, gecko, u-boot or u-boot-loadx, got %.40s",
		    values[OPTION_RECIPE]);
		return ERR_CONFIG;
	}
	for (int i = 0; !e && i < XMODEM_SCRIPTS; i++)
		e = take_script(x, i, r, values[OPTION_SCRIPTS + i], why, why_size);
	return e;
}

static enum err
take_address(struct xmodem *x, const char *value, char *why, size_t why_size)
{
	size_t n = strlen(value);

	if (n > 0 && n < sizeof(x->values.address) &&
	    strspn(value, "0123456789abcdefABCDEFx") == n) {
		memcpy(x->values.address, value, n + 1);
		return ERR_OK;
	}
	snprintf(why, why_size, "address: expected 1 to 19 hex digits, got %.40s", value);
	return ERR_CONFIG;
}

static enum err
init(void *state, const char *const *values, char *why, size_t why_size)
{
	struct xmodem *x = state;
	uint32_t number[OPTIONS] = {0};

	*x = (struct xmodem){.up = true};
	enum err e = take_protocol(x, values[OPTION_PROTOCOL], why, why_size);
	if (!e)
		e = take_address(x, values[OPTION_ADDRESS], why, why_size);
	if (!e)
		e = take_scripts(x, values, why, why_size);
	for (int i = OPTION_NUMBERS; !e && i < OPTIONS; i++)
		e = driver_number(&options[i], values[i], &number[i], why, why_size);
	x->limits.start_ms = number[OPTION_NUMBERS];
	x->limits.reply_ms = number[OPTION_NUMBERS + 1];
	x->limits.eot_ms = number[OPTION_NUMBERS + 2];
	x->limits.retries = number[OPTION_NUMBERS + 3];
	x->tries = number[OPTION_NUMBERS + 4];
	x->run_wait_ms = number[OPTION_NUMBERS + 5];
	return e;
}

/* --- the walk -------------------------------------------------------------------------------- */

static void
finish(struct xmodem *x, enum err e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(x->result.detail, sizeof(x->result.detail), format, ap);
	va_end(ap);
	x->result.error = e;
	x->busy = false;
}

static void
say(struct xmodem *x, enum xmodem_script script, struct mono now)
{
	x->step = TALKING;
	x->script = script;
	x->tried = 1;
	expect_start(&x->talk, &x->scripts[script], &x->values, now);
}

static void
begin_transfer(struct xmodem *x, struct mono now)
{
	x->step = SENDING;
	x->tail_len = 0;
	xmodem_send_start(&x->send, &x->limits, x->job.image, now);
}

static void
on_identified(struct xmodem *x, const char *version)
{
	snprintf(x->facts.version, sizeof(x->facts.version), "%s", version);
	x->facts.active_confirmed = version[0] != 0; /* there is nothing to confirm */
	finish(x, ERR_OK, "%s", "");
}

static void
on_met(struct xmodem *x, struct mono now)
{
	switch (x->script) {
	case XMODEM_IDENTIFY:
		snprintf(x->facts.unit, sizeof(x->facts.unit), "%s", x->talk.unit);
		on_identified(x, x->talk.version);
		break;
	case XMODEM_LOADER:
		if (x->job.verb == DRIVER_IDENTIFY)
			on_identified(x, "");
		else
			say(x, XMODEM_ENTER, now);
		break;
	case XMODEM_LAUNCH:
		say(x, XMODEM_ENTER, now);
		break;
	case XMODEM_ENTER:
		begin_transfer(x, now);
		break;
	case XMODEM_VERIFY:
		finish(x, ERR_OK, "%s", "");
		break;
	default:
		x->step = RESTING;
		x->rest = mono_after(now, x->run_wait_ms);
	}
}

static void
fail_script(struct xmodem *x)
{
	char detail[160];
	enum err e = x->heard ? ERR_DEVICE_PROTO : ERR_DEVICE_AWAY;

	expect_complain(&x->talk, detail, sizeof(detail));
	if (x->script == XMODEM_VERIFY)
		e = x->doubt ? ERR_AMBIGUOUS : ERR_VERIFY;
	finish(x, e, "%s: %s", options[OPTION_SCRIPTS + x->script].key, detail);
}

static void
on_missed(struct xmodem *x, struct mono now)
{
	bool write = x->job.verb == DRIVER_WRITE;

	if (x->script == XMODEM_LOADER && write)
		say(x, XMODEM_LAUNCH, now); /* the application runs, or it is deaf */
	else if (x->tried < x->tries) {
		x->tried++;
		expect_start(&x->talk, &x->scripts[x->script], &x->values, now);
	} else if (x->script == XMODEM_IDENTIFY && x->scripts[XMODEM_LOADER].n > 0)
		say(x, XMODEM_LOADER, now);
	else
		fail_script(x);
}

static void
on_sent(struct xmodem *x, struct mono now)
{
	const struct xmodem_send *s = &x->send;

	x->doubt = s->error == ERR_AMBIGUOUS;
	x->values.crc32 = s->crc32;
	if ((s->error && !x->doubt) || x->scripts[XMODEM_VERIFY].n == 0) {
		finish(x, s->error, "%s", s->detail);
		return;
	}
	say(x, XMODEM_VERIFY, now);
	expect_bytes(&x->talk, x->tail, x->tail_len, now);
}

/* Take notice of what the machine in charge has come to. */
static void
go_on(struct xmodem *x, struct mono now)
{
	for (int i = 0; i < XMODEM_SCRIPTS * 2 && x->busy; i++) {
		x->heard |= x->step == TALKING && x->talk.heard;
		if (x->step == TALKING && x->talk.state == EXPECT_MET)
			on_met(x, now);
		else if (x->step == TALKING && x->talk.state == EXPECT_MISSED)
			on_missed(x, now);
		else if (x->step == SENDING && x->send.state == XMODEM_OVER)
			on_sent(x, now);
		else
			break;
	}
	if (x->step != SENDING && x->job.verb != DRIVER_WRITE)
		return;
	x->facts.done_bytes = x->send.acked;
	x->facts.rewinds = x->send.resent;
}

static bool
may_start(struct xmodem *x)
{
	const struct driver_job *j = &x->job;

	if (j->datagram)
		finish(x, ERR_CONFIG, "expected a serial line or tcp:, got a link of datagrams");
	else if (j->verb == DRIVER_REBOOT && x->scripts[XMODEM_RUN].n == 0)
		finish(x, ERR_UNSUPPORTED, "expected a script `run`, got none");
	else if (j->verb == DRIVER_WRITE && (!j->image || j->image->size == 0))
		finish(x, ERR_INVALID, "expected an image, got none");
	else if (j->verb == DRIVER_WRITE && j->image->size > UINT32_MAX)
		finish(x, ERR_IMAGE, "expected at most 4 GiB, got %llu bytes",
		    (unsigned long long)j->image->size);
	return x->busy;
}

/* As text for scripts; what a manifest allows in a version says nothing to a prompt. */
static void
set_values(struct xmodem *x)
{
	x->values.size = x->job.image ? x->job.image->size : 0;
	x->values.crc32 = 0;
	snprintf(x->values.target, sizeof(x->values.target), "%s", x->job.target_version);
	for (char *c = x->values.target; *c; c++)
		if (!strchr("-_.+", *c) && !(*c >= '0' && *c <= '9') &&
		    !((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z'))
			*c = '_';
}

static void
start(void *state, const struct driver_job *job, struct mono now)
{
	struct xmodem *x = state;

	x->job = *job;
	x->busy = true;
	x->heard = x->doubt = false;
	x->talk.pins = 0;
	x->end = mono_after(now, job->timeout_ms);
	x->result = (struct driver_result){0};
	x->facts = (struct driver_facts){.total_bytes = job->image ? job->image->size : 0};
	x->send = (struct xmodem_send){.state = XMODEM_OVER};
	set_values(x);
	if (!may_start(x))
		return;
	if (job->verb == DRIVER_IDENTIFY)
		say(x, XMODEM_IDENTIFY, now);
	else if (job->verb == DRIVER_REBOOT)
		say(x, XMODEM_RUN, now);
	else
		say(x, XMODEM_LOADER, now);
	go_on(x, now);
}

/* --- bytes and time -------------------------------------------------------------------------- */

static void
keep_tail(struct xmodem *x, const uint8_t *data, size_t len)
{
	if (x->send.state < XMODEM_EOT)
		return;
	if (len > TAIL - x->tail_len)
		len = TAIL - x->tail_len;
	memcpy(x->tail + x->tail_len, data, len);
	x->tail_len += len;
}

static void
on_bytes(void *state, const uint8_t *data, size_t len, struct mono now)
{
	struct xmodem *x = state;

	for (size_t at = 0, n = 1; at < len && n > 0 && x->busy; at += n) {
		if (x->step == RESTING)
			return;
		if (x->step == TALKING) {
			n = expect_bytes(&x->talk, data + at, len - at, now);
		} else {
			n = xmodem_send_bytes(&x->send, data + at, len - at, now);
			keep_tail(x, data + at, n);
		}
		go_on(x, now);
	}
}

static size_t
output(void *state, uint8_t *out, size_t size, struct mono now)
{
	struct xmodem *x = state;
	size_t n = 0, more = 1;

	while (x->up && x->busy && n < size && more > 0) {
		more = 0;
		if (x->step == TALKING)
			more = expect_output(&x->talk, out + n, size - n, now);
		else if (x->step == SENDING)
			more = xmodem_send_output(&x->send, out + n, size - n, now);
		n += more;
		go_on(x, now);
	}
	return n;
}

static void
on_time(void *state, struct mono now)
{
	struct xmodem *x = state;

	if (!x->busy)
		return;
	if (mono_reached(now, x->end)) {
		finish(x, x->heard ? ERR_TIMEOUT : ERR_DEVICE_AWAY,
		    "expected an end within %u ms, got as far as %llu of %llu bytes",
		    (unsigned)x->job.timeout_ms, (unsigned long long)x->facts.done_bytes,
		    (unsigned long long)x->facts.total_bytes);
		return;
	}
	if (x->step == TALKING)
		expect_time(&x->talk, now);
	else if (x->step == SENDING)
		xmodem_send_time(&x->send, now);
	else if (mono_reached(now, x->rest))
		finish(x, ERR_OK, "%s", "");
	go_on(x, now);
}

static struct mono
deadline(const void *state)
{
	const struct xmodem *x = state;
	struct mono due = x->rest;

	if (!x->busy)
		return MONO_NEVER;
	if (x->step == TALKING)
		due = expect_deadline(&x->talk);
	else if (x->step == SENDING)
		due = xmodem_send_deadline(&x->send);
	return due.ms < x->end.ms ? due : x->end;
}

static bool
done(const void *state, struct driver_result *result)
{
	const struct xmodem *x = state;

	if (!x->busy && result)
		*result = x->result;
	return !x->busy;
}

static const struct driver_facts *
facts(const void *state)
{
	return &((const struct xmodem *)state)->facts;
}

static void
on_link(void *state, bool up, struct mono now)
{
	struct xmodem *x = state;
	bool back = up && !x->up;

	x->up = up;
	if (!back || !x->busy)
		return;
	if (x->step == TALKING) {
		x->tried = 0;
		x->talk.state = EXPECT_MISSED; /* said again from its beginning */
		go_on(x, now);
	} else if (x->step == SENDING) {
		finish(x, ERR_LINK, "expected the line to stay for %llu bytes, lost it at %llu",
		    (unsigned long long)x->facts.total_bytes,
		    (unsigned long long)x->facts.done_bytes);
	}
}

static struct driver_line
line(const void *state)
{
	return (struct driver_line){.pins = ((const struct xmodem *)state)->talk.pins};
}

const struct driver xmodem_driver = {
    .name = "xmodem",
    .caps = DRIVER_VERSION | DRIVER_DESTRUCTIVE,
    .verbs = 1u << DRIVER_IDENTIFY | 1u << DRIVER_WRITE | 1u << DRIVER_REBOOT,
    .state_size = sizeof(struct xmodem),
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
    .line = line,
};
