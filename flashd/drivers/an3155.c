/*
 * an3155: see an3155.h. Options, bytes and time; what follows what is an3155_verb.c's affair.
 */
#include "an3155.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "an3155_state.h"

#define ENTER "set boot on set reset on pause 20 set reset off pause 100"
#define LEAVE "set boot off set reset on pause 20 set reset off"

/* clang-format off */
static const struct driver_option options[] = {
	/* key          fallback    min  max      help */
	{"identify",    "none",     0,   0,       "script that reads the version of the running application"},
	{"launch",      "none",     0,   0,       "script from the application to the boot loader"},
	{"enter",       ENTER,      0,   0,       "script that enters the boot loader by pins"},
	{"leave",       LEAVE,      0,   0,       "script that starts the application by pins"},
	{"address",     "08000000", 0,   0,       "where the image goes, in hex"},
	{"version_at",  "0",        0,   0,       "where flash holds the version, in hex; 0: nowhere"},
	{"version_as",  "text",     0,   0,       "what is there: text, or numbers (three bytes)"},
	{"verify",      "read",     0,   0,       "compare and verify: read, or crc where the ROM can"},
	{"frame",       "8e1",      0,   0,       "to the boot loader: 8e1, or line (as configured)"},
	{"vectors",     "yes",      0,   0,       "refuse an image without a vector table: yes or no"},
	{"page_size",   "0",        0,   1048576, "of the flash, in bytes; 0: by the chip's id"},
	{"flash_size",  "2097152",  1,   4194304, "with page_size: bytes of flash"},
	{"reply_ms",    "1000",     20,  60000,   "longest wait for an answer"},
	{"sync_ms",     "250",      10,  10000,   "the same while getting in step"},
	{"write_ms",    "1000",     0,   60000,   "what a block may take to be programmed, beyond that"},
	{"retries",     "5",        1,   100,     "times that a command is tried again"},
	{"rounds",      "3",        1,   20,      "times that a page is written until it holds"},
	{"tries",       "3",        1,   100,     "times that a script is tried"},
	{"run_wait_ms", "1000",     0,   60000,   "leave the device alone so long after its start"},
	{"unit_at",     "0",        0,   0,       "with version_at: where the chip's unique id lies, in hex; 0: nowhere"},
	{NULL,          NULL,       0,   0,       NULL},
};
/* clang-format on */

enum {
	O_SCRIPTS,
	O_ADDRESS = O_SCRIPTS + AN3155_SCRIPTS,
	O_VERSION_AT,
	O_WORDS,
	O_NUMBERS = O_WORDS + 4,
	OPTIONS = sizeof(options) / sizeof(options[0]) - 1,
	O_UNIT_AT = OPTIONS - 1,
	N_NUMBERS = O_UNIT_AT - O_NUMBERS,
	QUARTER = 256,
};

const char *
an3155_script_name(enum an3155_script s)
{
	return options[O_SCRIPTS + s].key;
}

/* --- options --------------------------------------------------------------------------------- */

static enum err
take_scripts(struct an3155 *x, const char *const *values, char *why, size_t why_size)
{
	char detail[120];

	for (int i = 0; i < AN3155_SCRIPTS; i++) {
		const char *text = values[O_SCRIPTS + i];
		enum err e = expect_parse(
		    strcmp(text, "none") == 0 ? "" : text, &x->scripts[i], detail, sizeof(detail));

		if (e) {
			snprintf(why, why_size, "%s: %s", options[O_SCRIPTS + i].key, detail);
			return e;
		}
	}
	if (x->scripts[AN3155_IDENTIFY].n == 0 ||
	    expect_takes_version(&x->scripts[AN3155_IDENTIFY]))
		return ERR_OK;
	snprintf(
	    why, why_size, "identify: expected a script with an expect of {version}, got none");
	return ERR_CONFIG;
}

static enum err
take_address(int option, const char *value, uint32_t *out, char *why, size_t why_size)
{
	size_t n = strlen(value);

	*out = (uint32_t)strtoul(value, NULL, 16);
	if (n > 0 && n <= 10 && strspn(value, "0123456789abcdefABCDEFx") == n && *out % 4 == 0 &&
	    ((*out >= AN3155_FLASH && *out < AN3155_FLASH_END) ||
		(option == O_VERSION_AT && *out == 0)))
		return ERR_OK;
	snprintf(why, why_size, "%s: expected an address in flash in hex, got %.40s",
	    options[option].key, value);
	return ERR_CONFIG;
}

/* One of two words; `second` says which. */
static enum err
take_word(int option, const char *value, const char *const words[2], bool *second, char *why,
    size_t why_size)
{
	*second = strcmp(value, words[1]) == 0;
	if (*second || strcmp(value, words[0]) == 0)
		return ERR_OK;
	snprintf(why, why_size, "%s: expected %s or %s, got %.40s", options[option].key, words[0],
	    words[1], value);
	return ERR_CONFIG;
}

static enum err
take_words(struct an3155 *x, const char *const *values, char *why, size_t why_size)
{
	static const char *const words[][2] = {
	    {"text", "numbers"}, {"read", "crc"}, {"line", "8e1"}, {"no", "yes"}};
	bool *const to[] = {&x->numbers, &x->crc, &x->even, &x->vectors};
	enum err e = ERR_OK;

	for (int i = 0; !e && i < 4; i++)
		e = take_word(O_WORDS + i, values[O_WORDS + i], words[i], to[i], why, why_size);
	return e;
}

/* A chip that is not in the table: even pages. */
static enum err
take_chip(struct an3155 *x, uint32_t page, uint32_t flash, char *why, size_t why_size)
{
	if (page == 0)
		return ERR_OK;
	if (page % QUARTER != 0 || flash % page != 0) {
		snprintf(why, why_size,
		    "page_size: expected a multiple of 256 that divides flash_size, got %u and %u",
		    (unsigned)page, (unsigned)flash);
		return ERR_CONFIG;
	}
	x->any = (struct an3155_chip){.name = "chip of the configuration",
	    .size = flash,
	    .erase_ms = page / QUARTER * 50,
	    .erased = 0xff};
	x->any.runs[0].quarters = (uint16_t)(page / QUARTER);
	return ERR_OK;
}

/* In system memory, whose place is the chip's. */
static enum err
take_unit(struct an3155 *x, const char *value, char *why, size_t why_size)
{
	size_t n = strlen(value);

	x->unit_at = (uint32_t)strtoul(value, NULL, 16);
	if (n > 0 && n <= 10 && strspn(value, "0123456789abcdefABCDEFx") == n &&
	    x->unit_at % 4 == 0 && (!x->unit_at || x->version_at))
		return ERR_OK;
	snprintf(why, why_size,
	    "unit_at: expected an address in hex, and version_at beside it, got %.40s", value);
	return ERR_CONFIG;
}

static enum err
init(void *state, const char *const *values, char *why, size_t why_size)
{
	struct an3155 *x = state;
	uint32_t number[N_NUMBERS] = {0};

	*x = (struct an3155){.up = true};
	enum err e = take_scripts(x, values, why, why_size);
	if (!e)
		e = take_address(O_ADDRESS, values[O_ADDRESS], &x->address, why, why_size);
	if (!e)
		e = take_address(O_VERSION_AT, values[O_VERSION_AT], &x->version_at, why, why_size);
	if (!e)
		e = take_unit(x, values[O_UNIT_AT], why, why_size);
	if (!e)
		e = take_words(x, values, why, why_size);
	for (int i = 0; !e && i < N_NUMBERS; i++)
		e = driver_number(
		    &options[O_NUMBERS + i], values[O_NUMBERS + i], &number[i], why, why_size);
	if (!e)
		e = take_chip(x, number[0], number[1], why, why_size);
	if (!e && x->scripts[AN3155_IDENTIFY].n == 0 && !x->version_at) {
		snprintf(why, why_size, "expected identify or version_at, got neither");
		e = ERR_CONFIG;
	}
	x->reply_ms = number[2];
	x->sync_ms = number[3];
	x->write_ms = number[4];
	x->retries = number[5];
	x->rounds = number[6];
	x->tries = number[7];
	x->run_wait_ms = number[8];
	return e;
}

/* --- a verb ---------------------------------------------------------------------------------- */

void
an3155_finish(struct an3155 *x, enum err e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(x->result.detail, sizeof(x->result.detail), format, ap);
	va_end(ap);
	x->result.error = e;
	x->decided = true;
	x->busy = false;
}

/* Take notice of what the machine in charge has come to. */
static void
go_on(struct an3155 *x, struct mono now)
{
	for (int i = 0; i < 8 && x->busy; i++) {
		bool talking = x->step == AN3155_TALKING;

		x->heard |= talking && x->talk.heard;
		if (talking && x->talk.state != EXPECT_RUNNING)
			an3155_verb_script(x, x->talk.state == EXPECT_MET, now);
		else if (x->step == AN3155_SYNCING && x->rom.state != AN3155_RUNNING)
			an3155_verb_synced(x, x->rom.state == AN3155_OK, now);
		else if (x->step == AN3155_ASKING && x->rom.state != AN3155_RUNNING)
			an3155_verb_command(x, now);
		else
			return;
	}
}

static void
start(void *state, const struct driver_job *job, struct mono now)
{
	struct an3155 *x = state;

	x->job = *job;
	x->busy = true;
	x->heard = x->attached = x->whole = x->left = x->writing = x->decided = false;
	x->faults = 0;
	x->end = mono_after(now, job->timeout_ms);
	x->result = (struct driver_result){0};
	x->facts = (struct driver_facts){.total_bytes = job->image ? job->image->size : 0};
	x->values = (struct expect_values){0};
	x->talk.pins = 0;
	x->rom = (struct an3155_talk){.reply_ms = x->reply_ms, .sync_ms = x->sync_ms};
	an3155_verb_start(x, now);
	go_on(x, now);
}

static void
on_bytes(void *state, const uint8_t *data, size_t len, struct mono now)
{
	struct an3155 *x = state;

	for (size_t at = 0, n = 1; at < len && n > 0 && x->busy; at += n) {
		if (x->step == AN3155_RESTING)
			return;
		if (x->step == AN3155_QUIET) {
			x->rest = mono_after(now, x->sync_ms);
			if (x->quiet_end.ms < x->rest.ms)
				x->rest = x->quiet_end;
			return;
		}
		if (x->step == AN3155_TALKING)
			n = expect_bytes(&x->talk, data + at, len - at, now);
		else
			n = an3155_talk_bytes(&x->rom, data + at, len - at, now);
		go_on(x, now);
	}
}

static size_t
output(void *state, uint8_t *out, size_t size, struct mono now)
{
	struct an3155 *x = state;
	size_t n = 0;

	if (!x->up || !x->busy)
		return 0;
	if (x->step == AN3155_TALKING)
		n = expect_output(&x->talk, out, size, now);
	else if (x->step == AN3155_SYNCING || x->step == AN3155_ASKING)
		n = an3155_talk_output(&x->rom, out, size, now);
	go_on(x, now);
	return n;
}

static void
on_time(void *state, struct mono now)
{
	struct an3155 *x = state;

	if (!x->busy)
		return;
	if (mono_reached(now, x->end)) {
		an3155_finish(x, x->heard || x->attached ? ERR_TIMEOUT : ERR_DEVICE_AWAY,
		    "expected an end within %u ms, got as far as %llu of %llu bytes",
		    (unsigned)x->job.timeout_ms, (unsigned long long)x->facts.done_bytes,
		    (unsigned long long)x->facts.total_bytes);
		return;
	}
	if (x->step == AN3155_TALKING)
		expect_time(&x->talk, now);
	else if (x->step == AN3155_SYNCING || x->step == AN3155_ASKING)
		an3155_talk_time(&x->rom, now);
	else if (!mono_reached(now, x->rest))
		return;
	else if (x->step == AN3155_RESTING)
		an3155_verb_rested(x, now);
	else {
		x->step = AN3155_SYNCING;
		x->whole = true;
		an3155_talk_sync(&x->rom, true, now);
	}
	go_on(x, now);
}

static struct mono
deadline(const void *state)
{
	const struct an3155 *x = state;
	struct mono due = x->rest;

	if (!x->busy)
		return MONO_NEVER;
	if (x->step == AN3155_TALKING)
		due = expect_deadline(&x->talk);
	else if (x->step == AN3155_SYNCING || x->step == AN3155_ASKING)
		due = an3155_talk_deadline(&x->rom);
	return due.ms < x->end.ms ? due : x->end;
}

static bool
done(const void *state, struct driver_result *result)
{
	const struct an3155 *x = state;

	if (!x->busy && result)
		*result = x->result;
	return !x->busy;
}

static const struct driver_facts *
facts(const void *state)
{
	return &((const struct an3155 *)state)->facts;
}

/* What was under way is lost; a script or a command is no place to go on from. */
static void
on_link(void *state, bool up, struct mono now)
{
	struct an3155 *x = state;
	bool back = up && !x->up;

	(void)now;
	x->up = up;
	if (back && x->busy)
		an3155_finish(x, ERR_LINK,
		    "expected the line to stay for %llu bytes, lost it at %llu",
		    (unsigned long long)x->facts.total_bytes,
		    (unsigned long long)x->facts.done_bytes);
}

static struct driver_line
line(const void *state)
{
	const struct an3155 *x = state;
	bool rom = x->step == AN3155_SYNCING || x->step == AN3155_ASKING || x->step == AN3155_QUIET;

	return (struct driver_line){.pins = x->talk.pins, .even = x->busy && x->even && rom};
}

const struct driver an3155_driver = {
    .name = "an3155",
    .caps = DRIVER_VERSION | DRIVER_DESTRUCTIVE,
    .verbs = 1u << DRIVER_IDENTIFY | 1u << DRIVER_WRITE | 1u << DRIVER_REBOOT,
    .state_size = sizeof(struct an3155),
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
