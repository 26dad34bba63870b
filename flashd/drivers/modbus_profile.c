/*
 * modbus_profile: see modbus_profile.h. Examples for a configuration are in deploy/profiles.
 */
#include "modbus_profile.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
const struct driver_option modbus_profile_options[] = {
	/* key          fallback   min  max     help */
	{"framing",     "rtu",     0,   0,      "rtu or tcp"},
	{"unit",        "1",       0,   255,    "the device's number on its line; 1 to 247 with rtu"},
	{"version",     "none",    0,   0,      "REG COUNT text, words or bytes: where its version stands"},
	{"read",        "holding", 0,   0,      "holding or input: the registers that are read"},
	{"data",        "none",    0,   0,      "window REG WORDS, area REG WORDS or file NUMBER WORDS: where pieces go"},
	{"word_order",  "big",     0,   0,      "big or little: which register of two comes first"},
	{"byte_order",  "big",     0,   0,      "big or little: which byte of the image comes first in a register"},
	{"loader",      "none",    0,   0,      "steps that show that the boot loader is there"},
	{"launch",      "none",    0,   0,      "steps from the application to the boot loader"},
	{"unlock",      "none",    0,   0,      "steps that allow writing"},
	{"erase",       "none",    0,   0,      "steps that make room"},
	{"before",      "none",    0,   0,      "steps before each piece"},
	{"after",       "none",    0,   0,      "steps after each piece"},
	{"verify",      "none",    0,   0,      "steps that show that the image is whole"},
	{"commit",      "none",    0,   0,      "steps that make it the one to run"},
	{"run",         "none",    0,   0,      "steps that start it"},
	{"echo",        "no",      0,   0,      "yes: the adapter hears what it sends (RS-485 with two wires)"},
	{"fill",        "255",     0,   255,    "byte behind an image of odd length"},
	{"reply_ms",    "1000",    10,  60000,  "longest wait for an answer, its way over the line included"},
	{"silence_ms",  "2",       0,   1000,   "quiet between two frames with rtu: 2 from 19200 baud up, 5 at 9600"},
	{"tries",       "3",       1,   100,    "times that a request is made"},
	{"poll_ms",     "100",     1,   60000,  "between two looks at a register that is waited for"},
	{"busy_ms",     "60000",   100, 600000, "longest time for which a device may call itself busy"},
	{"launch_ms",   "10000",   0,   600000, "longest wait for the boot loader after launch"},
	{"run_wait_ms", "1000",    0,   60000,  "leave the device alone so long after its start"},
	{"serial",      "none",    0,   0,      "REG COUNT text, words or bytes: where its serial number stands"},
	{NULL,          NULL,      0,   0,      NULL},
};
/* clang-format on */

enum {
	OPTION_FRAMING,
	OPTION_UNIT,
	OPTION_VERSION,
	OPTION_READ,
	OPTION_DATA,
	OPTION_WORDS,
	OPTION_BYTES,
	OPTION_SCRIPTS,
	OPTION_ECHO = OPTION_SCRIPTS + MODBUS_SCRIPTS,
	OPTION_FILL,
	OPTION_REPLY,
	OPTION_SILENCE,
	OPTION_TRIES,
	OPTION_POLL,
	OPTION_BUSY,
	OPTION_LAUNCH,
	OPTION_RUN_WAIT,
	OPTION_SERIAL,
	OPTIONS,
	UNIT_MAX_RTU = 247,
	REGISTERS = 65536,
};

const char *
modbus_profile_script(enum modbus_script script)
{
	return modbus_profile_options[OPTION_SCRIPTS + script].key;
}

/* --- options ---------------------------------------------------------------------------------- */

static enum err
refuse(int option, const char *want, const char *got, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s: expected %s, got '%.60s'", modbus_profile_options[option].key,
	    want, got);
	return ERR_CONFIG;
}

/* One of `n` words, the first of which is 0. */
static bool
choose(const char *text, size_t len, const char *const *words, int n, int *out)
{
	for (*out = 0; *out < n; ++*out)
		if (strlen(words[*out]) == len && strncmp(text, words[*out], len) == 0)
			return true;
	return false;
}

static bool
next_number(const char **at, uint32_t max, uint16_t *out)
{
	const char *word;
	uint32_t v = 0;
	size_t len = modbus_steps_word(at, &word);

	if (len == 0 || !modbus_steps_number(word, len, max, &v))
		return false;
	*out = (uint16_t)v;
	return true;
}

static bool
is_end(const char *at)
{
	return at[strspn(at, " \t")] == 0;
}

static bool
take_version(const char *text, struct modbus_version *v)
{
	static const char *const formats[] = {"text", "words", "bytes"};
	const char *word;
	int format = 0;

	if (!next_number(&text, UINT16_MAX, &v->reg) ||
	    !next_number(&text, MODBUS_READ_WORDS, &v->words) || v->words == 0 ||
	    v->reg + v->words > REGISTERS)
		return false;
	size_t len = modbus_steps_word(&text, &word);
	if (!choose(word, len, formats, 3, &format))
		return false;
	v->format = (enum modbus_format)format;
	return is_end(text);
}

static bool
take_data(const char *text, struct modbus_data *d)
{
	static const char *const places[] = {"window", "area", "file"};
	static const uint16_t most[] = {MODBUS_WRITE_WORDS, MODBUS_WRITE_WORDS, MODBUS_FILE_WORDS};
	const char *word;
	int place = 0;
	size_t len = modbus_steps_word(&text, &word);

	if (!choose(word, len, places, 3, &place) || !next_number(&text, UINT16_MAX, &d->at) ||
	    !next_number(&text, most[place], &d->words) || d->words == 0)
		return false;
	d->place = (enum modbus_place)place;
	return is_end(text) && (place == MODBUS_FILE ? d->at > 0 : d->at + d->words <= REGISTERS);
}

static enum err
take_choices(struct modbus_profile *p, const char *const *values, char *why, size_t why_size)
{
	static const char *const framings[] = {"rtu", "tcp"}, *const reads[] = {"holding", "input"},
				 *const orders[] = {"big", "little"},
				 *const answers[] = {"no", "yes"};
	const struct {
		int option;
		const char *const *words;
		const char *want;
	} rows[] = {{OPTION_FRAMING, framings, "rtu or tcp"},
	    {OPTION_READ, reads, "holding or input"}, {OPTION_WORDS, orders, "big or little"},
	    {OPTION_BYTES, orders, "big or little"}, {OPTION_ECHO, answers, "yes or no"}};
	int got[5] = {0};

	for (int i = 0; i < 5; i++) {
		const char *text = values[rows[i].option];

		if (!choose(text, strlen(text), rows[i].words, 2, &got[i]))
			return refuse(rows[i].option, rows[i].want, text, why, why_size);
	}
	p->limits.framing = (enum modbus_framing)got[0];
	p->read = got[1] ? MODBUS_READ_INPUT : MODBUS_READ_HOLDING;
	p->little_words = got[2] != 0;
	p->little_bytes = got[3] != 0;
	p->limits.echo = got[4] != 0;
	return ERR_OK;
}

static enum err
take_numbers(struct modbus_profile *p, const char *const *values, char *why, size_t why_size)
{
	uint32_t unit = 0, fill = 0;
	const struct {
		int option;
		uint32_t *out;
	} rows[] = {{OPTION_UNIT, &unit}, {OPTION_FILL, &fill}, {OPTION_REPLY, &p->limits.reply_ms},
	    {OPTION_SILENCE, &p->limits.silence_ms}, {OPTION_TRIES, &p->limits.tries},
	    {OPTION_POLL, &p->limits.poll_ms}, {OPTION_BUSY, &p->limits.busy_ms},
	    {OPTION_LAUNCH, &p->launch_ms}, {OPTION_RUN_WAIT, &p->run_wait_ms}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum err e = driver_number(&modbus_profile_options[rows[i].option],
		    values[rows[i].option], rows[i].out, why, why_size);

		if (e)
			return e;
	}
	if (p->limits.framing == MODBUS_RTU && (unit == 0 || unit > UNIT_MAX_RTU))
		return refuse(OPTION_UNIT, "1 to 247 with rtu", values[OPTION_UNIT], why, why_size);
	p->limits.unit = (uint8_t)unit;
	p->fill = (uint8_t)fill;
	return ERR_OK;
}

static enum err
take_scripts(struct modbus_profile *p, const char *const *values, char *why, size_t why_size)
{
	char detail[140];

	for (int i = 0; i < MODBUS_SCRIPTS; i++) {
		const char *text = values[OPTION_SCRIPTS + i];
		enum err e = modbus_steps_parse(
		    strcmp(text, "none") == 0 ? "" : text, &p->scripts[i], detail, sizeof(detail));

		if (e) {
			snprintf(why, why_size, "%s: %s",
			    modbus_profile_options[OPTION_SCRIPTS + i].key, detail);
			return e;
		}
	}
	return ERR_OK;
}

enum err
modbus_profile_parse(
    const char *const *values, struct modbus_profile *out, char *why, size_t why_size)
{
	_Static_assert(OPTIONS + 1 == 27, "a name for each option of the table");
	*out = (struct modbus_profile){0};
	if (!take_version(values[OPTION_VERSION], &out->version))
		return refuse(OPTION_VERSION,
		    "a register, how many (125 at most), text, words or bytes",
		    values[OPTION_VERSION], why, why_size);
	if (strcmp(values[OPTION_SERIAL], "none") != 0 &&
	    !take_version(values[OPTION_SERIAL], &out->serial))
		return refuse(OPTION_SERIAL,
		    "none, or a register, how many (125 at most), text, words or bytes",
		    values[OPTION_SERIAL], why, why_size);
	if (!take_data(values[OPTION_DATA], &out->data))
		return refuse(OPTION_DATA,
		    "window or area with a register, or file with a number from 1, and at most 123 "
		    "(file: 122) registers",
		    values[OPTION_DATA], why, why_size);
	enum err e = take_choices(out, values, why, why_size);
	if (!e)
		e = take_numbers(out, values, why, why_size);
	return e ? e : take_scripts(out, values, why, why_size);
}

/* --- what it means ---------------------------------------------------------------------------- */

bool
modbus_profile_repeats(const struct modbus_profile *p)
{
	return p->data.place != MODBUS_WINDOW || modbus_steps_places(&p->scripts[MODBUS_BEFORE]);
}

uint64_t
modbus_profile_room(const struct modbus_profile *p)
{
	switch (p->data.place) {
	case MODBUS_AREA:
		return 2ull * (unsigned)(REGISTERS - p->data.at);
	case MODBUS_FILE:
		return 2ull * MODBUS_RECORDS * (unsigned)(REGISTERS - p->data.at);
	default:
		return UINT32_MAX;
	}
}

void
modbus_profile_version(const struct modbus_version *v, const uint8_t *data, char out[65])
{
	bool words = v->format == MODBUS_WORDS;
	size_t bytes = 2u * v->words, n = 0;

	if (v->format == MODBUS_TEXT) {
		for (; n < bytes && n < 64 && data[n] > 0x20 && data[n] < 0x7f; n++)
			out[n] = (char)data[n];
		out[n] = 0;
		return;
	}
	out[0] = 0;
	for (size_t i = 0; i < bytes && n < 64; i += words ? 2 : 1)
		n += (size_t)snprintf(out + n, 65 - n, "%s%u", i ? "." : "",
		    words ? (unsigned)(data[i] << 8 | data[i + 1]) : (unsigned)data[i]);
}
