/*
 * expect: see expect.h. Texts are kept as 16-bit codes, so that a placeholder cannot be mistaken
 * for a byte of any value.
 */
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOLE = 256, WAIT_MS = 2000, MS_MAX = 600000, SHOWN = 40 };
enum { HOLE_VERSION, HOLE_TARGET, HOLE_SIZE, HOLE_CRC32, HOLE_ADDRESS, HOLE_UNIT, HOLES };

static const char *const holes[HOLES] = {"version", "target", "size", "crc32", "address", "unit"};
static const char *const kinds[] = {"send", "expect", "pause", "set"};
static const char version_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-.+";

/* --- reading a script ------------------------------------------------------------------------ */

struct source {
	const char *at;
	char *why;
	size_t why_size;
};

static enum err
complain(const struct source *s, const char *wanted)
{
	snprintf(s->why, s->why_size, "script: expected %s, got '%.30s'", wanted, s->at);
	return ERR_CONFIG;
}

static void
skip_blanks(struct source *s)
{
	s->at += strspn(s->at, " \t");
}

static int
hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The character after a backslash; -1 = no such escape. */
static int
take_escape(struct source *s)
{
	static const char names[] = "rnt\\'\"", bytes[] = "\r\n\t\\'\"";
	const char *at = *s->at ? strchr(names, *s->at) : NULL;

	if (at) {
		s->at++;
		return (unsigned char)bytes[at - names];
	}
	if (*s->at != 'x' || hex(s->at[1]) < 0 || hex(s->at[2]) < 0)
		return -1;
	s->at += 3;
	return hex(s->at[-2]) << 4 | hex(s->at[-1]);
}

/* Behind a brace; -1 = no such name. */
static int
take_hole(struct source *s)
{
	for (int i = 0; i < HOLES; i++) {
		size_t n = strlen(holes[i]);

		if (strncmp(s->at, holes[i], n) != 0 || s->at[n] != '}')
			continue;
		s->at += n + 1;
		return HOLE + i;
	}
	return -1;
}

static int
take_code(struct source *s)
{
	char c = *s->at++;

	if (c == '\\')
		return take_escape(s);
	return c == '{' ? take_hole(s) : (unsigned char)c;
}

/* What a code may become at most. */
static size_t
room_of(int code)
{
	static const size_t rooms[HOLES] = {0, 64, 16, 8, 19, 0};

	return code < HOLE ? 1 : rooms[code - HOLE];
}

/* Is it a name for what the device says? */
static bool
takes(int code)
{
	return code == HOLE + HOLE_VERSION || code == HOLE + HOLE_UNIT;
}

static enum err
take_text(struct source *s, struct expect_script *out, struct expect_step *step)
{
	char quote = *s->at;
	size_t room = 0;
	bool taken = step->kind == EXPECT_SEND; /* or one has been there */

	if (quote != '\'' && quote != '"')
		return complain(s, "a text in quotes");
	s->at++;
	step->at = (uint16_t)out->text_len;
	while (*s->at && *s->at != quote) {
		const char *from = s->at;
		int code = take_code(s);

		s->at = code < 0 || (takes(code) && taken) ? from : s->at;
		if (s->at == from)
			return complain(
			    s, "a known escape or name, {version} or {unit} once in an expect");
		taken |= takes(code);
		room += room_of(code);
		if (out->text_len == EXPECT_TEXT || room > EXPECT_BYTES)
			return complain(s, "a shorter text");
		out->text[out->text_len++] = (uint16_t)code;
	}
	step->len = (uint16_t)(out->text_len - step->at);
	if (*s->at != quote || step->len == 0)
		return complain(s, "a text that is not empty and a closing quote");
	s->at++;
	return ERR_OK;
}

static enum err
take_ms(struct source *s, uint32_t fallback, uint32_t *out)
{
	uint32_t v = 0;
	size_t n = strspn(s->at, "0123456789");

	*out = fallback;
	if (n == 0 && fallback)
		return ERR_OK;
	for (size_t i = 0; i < n && v <= MS_MAX; i++)
		v = v * 10 + (uint32_t)(s->at[i] - '0');
	if (n == 0 || v == 0 || v > MS_MAX)
		return complain(s, "1 to 600000 ms");
	s->at += n;
	*out = v;
	return ERR_OK;
}

static bool
take_word(struct source *s, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(s->at, word, n) != 0 || (s->at[n] && s->at[n] != ' ' && s->at[n] != '\t'))
		return false;
	s->at += n;
	skip_blanks(s);
	return true;
}

static enum err
take_pin(struct source *s, struct expect_step *step)
{
	bool boot = take_word(s, "boot");

	if (!boot && !take_word(s, "reset"))
		return complain(s, "boot or reset");
	step->pins = boot ? DRIVER_BOOT : DRIVER_RESET;
	step->ms = take_word(s, "on");
	if (!step->ms && !take_word(s, "off"))
		return complain(s, "on or off");
	return ERR_OK;
}

static enum err
take_step(struct source *s, struct expect_script *out)
{
	struct expect_step *step = &out->steps[out->n];
	size_t n = strcspn(s->at, " \t'\"");
	int kind = 0;
	enum err e = ERR_OK;

	while (
	    kind <= EXPECT_SET && (strlen(kinds[kind]) != n || strncmp(s->at, kinds[kind], n) != 0))
		kind++;
	if (kind > EXPECT_SET)
		return complain(s, "send, expect, pause or set");
	if (out->n == EXPECT_STEPS)
		return complain(s, "at most 16 steps");
	s->at += n;
	skip_blanks(s);
	*step = (struct expect_step){.kind = (enum expect_kind)kind};
	if (kind == EXPECT_SET)
		e = take_pin(s, step);
	else if (kind != EXPECT_PAUSE)
		e = take_text(s, out, step);
	skip_blanks(s);
	if (!e && (kind == EXPECT_WAIT || kind == EXPECT_PAUSE))
		e = take_ms(s, kind == EXPECT_WAIT ? WAIT_MS : 0, &step->ms);
	out->n++;
	return e;
}

enum err
expect_parse(const char *source, struct expect_script *out, char *why, size_t why_size)
{
	struct source s = {source, why, why_size};

	*out = (struct expect_script){0};
	for (skip_blanks(&s); *s.at; skip_blanks(&s)) {
		enum err e = take_step(&s, out);

		if (e)
			return e;
	}
	return ERR_OK;
}

bool
expect_takes_version(const struct expect_script *script)
{
	for (size_t i = 0; i < script->text_len; i++)
		if (script->text[i] == HOLE + HOLE_VERSION)
			return true;
	return false;
}

/* --- running it ------------------------------------------------------------------------------ */

static void
add(struct expect *e, const char *text)
{
	for (; *text && e->text_len < EXPECT_BYTES; text++)
		e->text[e->text_len++] = (uint8_t)*text;
}

static void
fill_hole(struct expect *e, int hole)
{
	const struct expect_values *v = e->values;
	char number[20];

	switch (hole) {
	case HOLE_VERSION:
	case HOLE_UNIT:
		e->mark = e->text_len;
		e->mark_unit = hole == HOLE_UNIT;
		return;
	case HOLE_TARGET:
		add(e, v->target);
		return;
	case HOLE_ADDRESS:
		add(e, v->address);
		return;
	case HOLE_SIZE:
		snprintf(number, sizeof(number), "%llx", (unsigned long long)v->size);
		break;
	default:
		snprintf(number, sizeof(number), "%08x", (unsigned)v->crc32);
	}
	add(e, number);
}

/* Pins need no time of their own: a pause behind them gives it to the device. */
static void
set_pins(struct expect *e)
{
	for (; e->step < e->script->n && e->script->steps[e->step].kind == EXPECT_SET; e->step++) {
		const struct expect_step *step = &e->script->steps[e->step];

		e->pins = (uint8_t)(step->ms ? e->pins | step->pins : e->pins & ~step->pins);
	}
}

/* Make the current step ready, or end the run. */
static void
enter_step(struct expect *e, struct mono now)
{
	const struct expect_script *s = e->script;

	set_pins(e);
	const struct expect_step *step = &s->steps[e->step];
	e->text_len = e->text_at = 0;
	e->mark = SIZE_MAX;
	e->due = MONO_NEVER;
	if (e->step == s->n) {
		e->state = EXPECT_MET;
		return;
	}
	for (size_t i = step->at; i < (size_t)step->at + step->len; i++) {
		if (s->text[i] >= HOLE)
			fill_hole(e, s->text[i] - HOLE);
		else if (e->text_len < EXPECT_BYTES)
			e->text[e->text_len++] = (uint8_t)s->text[i];
	}
	if (step->kind == EXPECT_SEND)
		e->seen_len = 0; /* an answer comes after the question */
	else
		e->due = mono_after(now, step->ms);
}

static void
next_step(struct expect *e, struct mono now)
{
	e->step++;
	enter_step(e, now);
}

static enum expect_kind
kind_of(const struct expect *e)
{
	return e->script->steps[e->step].kind;
}

void
expect_start(struct expect *e, const struct expect_script *script,
    const struct expect_values *values, struct mono now)
{
	*e = (struct expect){.script = script, .values = values, .pins = e->pins};
	enter_step(e, now);
}

static size_t
version_run(const struct expect *e, size_t at)
{
	size_t n = at;

	while (n < e->seen_len && e->seen[n] && strchr(version_letters, e->seen[n]))
		n++;
	return n - at;
}

/* Does the text stand at seen[at]? Its end, or 0; what {version} took is cut out. */
static size_t
match_at(const struct expect *e, size_t at, size_t *version, size_t *version_len)
{
	for (size_t i = 0; i <= e->text_len; i++) {
		if (i == e->mark) {
			size_t n = version_run(e, at);

			if (n == 0 || at + n == e->seen_len)
				return 0; /* none, or there may come more of it */
			*version = at;
			*version_len = n;
			at += n;
		}
		if (i == e->text_len)
			break;
		if (at == e->seen_len || e->seen[at] != e->text[i])
			return 0;
		at++;
	}
	return at;
}

/* Where the text's end is, 0 = not there yet. */
static size_t
find(struct expect *e)
{
	for (size_t from = 0; from < e->seen_len; from++) {
		size_t v = 0, n = 0, end = match_at(e, from, &v, &n);

		if (end && n > 0)
			snprintf(e->mark_unit ? e->unit : e->version, EXPECT_VERSION, "%.*s",
			    (int)(n < EXPECT_VERSION ? n : EXPECT_VERSION - 1),
			    (const char *)e->seen + v);
		if (end)
			return end;
	}
	return 0;
}

static void
look(struct expect *e, struct mono now)
{
	size_t end = 0;

	while (e->state == EXPECT_RUNNING && kind_of(e) == EXPECT_WAIT && (end = find(e)) > 0) {
		memmove(e->seen, e->seen + end, e->seen_len - end);
		e->seen_len -= end;
		next_step(e, now);
	}
}

size_t
expect_bytes(struct expect *e, const uint8_t *data, size_t len, struct mono now)
{
	size_t i = 0;

	for (; i < len && e->state == EXPECT_RUNNING; i++) {
		e->heard = true;
		if (e->seen_len == EXPECT_SEEN) {
			memmove(e->seen, e->seen + EXPECT_SEEN / 2, EXPECT_SEEN / 2);
			e->seen_len = EXPECT_SEEN / 2;
		}
		e->seen[e->seen_len++] = data[i];
		look(e, now);
	}
	return i;
}

size_t
expect_output(struct expect *e, uint8_t *out, size_t size, struct mono now)
{
	size_t done = 0;

	while (done < size && e->state == EXPECT_RUNNING && kind_of(e) == EXPECT_SEND) {
		size_t n = e->text_len - e->text_at;

		if (n > size - done)
			n = size - done;
		memcpy(out + done, e->text + e->text_at, n);
		e->text_at += n;
		done += n;
		if (e->text_at == e->text_len)
			next_step(e, now);
	}
	return done;
}

void
expect_time(struct expect *e, struct mono now)
{
	if (e->state != EXPECT_RUNNING || !mono_reached(now, e->due))
		return;
	if (kind_of(e) == EXPECT_WAIT) {
		e->state = EXPECT_MISSED;
		return;
	}
	next_step(e, now);
	look(e, now);
}

struct mono
expect_deadline(const struct expect *e)
{
	return e->state == EXPECT_RUNNING ? e->due : MONO_NEVER;
}

/* The last bytes of a text, for people. */
static void
show(char *out, size_t size, const uint8_t *text, size_t len)
{
	size_t n = 0;

	for (size_t i = len > SHOWN ? len - SHOWN : 0; i < len && n + 1 < size; i++)
		out[n++] = (char)(text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '.');
	out[n] = 0;
}

void
expect_complain(const struct expect *e, char *out, size_t size)
{
	char wanted[SHOWN + 1], got[SHOWN + 1];

	show(wanted, sizeof(wanted), e->text, e->text_len);
	show(got, sizeof(got), e->seen, e->seen_len);
	snprintf(out, size, "expected '%s' within %u ms, got '%s'", wanted,
	    (unsigned)(e->step < e->script->n ? e->script->steps[e->step].ms : 0), got);
}
