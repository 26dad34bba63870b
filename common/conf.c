/*
 * conf: see conf.h. Reads line by line from a copy of its own, which is wiped at the end because
 * there may be secrets in it. An unknown section is one error; its keys are none.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "conf_value.h"
#include "log.h"

enum {
	FILE_MAX = 1024 * 1024,
	LINE_MAX_BYTES = 4096,
	ERRORS_MAX = 100, /* lines of log one file can cause */
	KEYS_MAX = 64,    /* of a section, and as many others */
	SECTIONS_MAX = 64
};

static const char *const programs[] = {"common", "cloudd", "fetchd", "flashd", "subotactl"};

struct parse {
	const struct conf_table *t;
	const struct conf_watch *watch;
	const char *name;
	char *settings;
	unsigned line, errors;
	const struct conf_section *section; /* NULL: none yet, or one that is skipped */
	char *item;                         /* struct that the section's keys go to */
	unsigned section_line;
	bool skip;
	uint64_t seen_keys, seen_sections; /* bit i: keys[i], sections[i] */
	const char *others[KEYS_MAX];
	size_t n_others;
};

__attribute__((format(printf, 3, 4))) static void
fault(struct parse *p, unsigned line, const char *format, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	p->errors++;
	if (p->errors <= ERRORS_MAX)
		log_error(NULL, "%s:%u: %s", p->name, line, text);
	if (p->errors == ERRORS_MAX)
		log_error(NULL, "%s: too many errors, the rest is not shown", p->name);
}

/* --- text ------------------------------------------------------------------------------------- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Without blanks at both ends; in place. */
static char *
trim(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && is_blank(text[n - 1]))
		text[--n] = 0;
	while (is_blank(*text))
		text++;
	return text;
}

/* A comment is a # at the beginning or after a blank. */
static void
cut_comment(char *text)
{
	for (char *c = text; *c; c++) {
		if (*c != '#' || (c > text && !is_blank(c[-1])))
			continue;
		*c = 0;
		return;
	}
}

static bool
is_printable(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if ((*c < ' ' && *c != '\t') || *c == 0x7f)
			return false;
	return true;
}

/* --- sections --------------------------------------------------------------------------------- */

static size_t
first_word(const char *name)
{
	return strcspn(name, " \t.");
}

/* Whether `name` begins with the very word `word`. */
static bool
begins_with(const char *name, const char *word, size_t len)
{
	return first_word(name) == len && strncmp(name, word, len) == 0;
}

static bool
is_foreign(const struct parse *p, const char *name)
{
	for (size_t i = 0; i < p->t->n_sections; i++) {
		const char *ours = p->t->sections[i].name;

		if (begins_with(name, ours, first_word(ours)))
			return false;
	}
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (begins_with(name, programs[i], strlen(programs[i])))
			return true;
	return false;
}

/* Tell whoever watches. */
static void
tell(const struct parse *p, const struct conf_section *s, const char *item, const char *name,
    const struct conf_key *key, const char *value, unsigned line)
{
	const struct conf_watch *w = p->watch;

	if (w)
		w->on_value(w->ctx, s, s->named ? item + s->name_offset : "", name, key, value,
		    line);
}

/* Defaults for what the section did not say, and what it should have said. */
static void
finish_keys(struct parse *p, const struct conf_section *s, void *item, uint64_t seen, unsigned line)
{
	char expected[CONF_VALUE_WORDS];

	for (size_t i = 0; i < s->n_keys; i++) {
		const struct conf_key *k = &s->keys[i];

		if (seen & UINT64_C(1) << i)
			continue;
		conf_value_expected(k, expected);
		if (!k->fallback)
			fault(p, line, "[%s] %s: expected %s, got nothing", s->name, k->name,
			    expected);
		else if (conf_value_set(k, item, k->fallback) == ERR_OK)
			tell(p, s, item, k->name, k, k->fallback, 0);
		else
			fault(p, line, "[%s] %s: expected %s, got the default \"%s\"", s->name,
			    k->name, expected, k->fallback);
	}
}

static void
end_section(struct parse *p)
{
	if (p->section)
		finish_keys(p, p->section, p->item, p->seen_keys, p->section_line);
	p->section = NULL;
	p->item = NULL;
	p->seen_keys = 0;
	p->n_others = 0;
}

static char *
item_at(const struct parse *p, const struct conf_section *s, size_t i)
{
	return p->settings + s->offset + i * s->item_size;
}

static size_t *
count_of(const struct parse *p, const struct conf_section *s)
{
	return (size_t *)(void *)(p->settings + s->count_offset);
}

static bool
is_taken(const struct parse *p, const struct conf_section *s, const char *name)
{
	for (size_t i = 0; i < *count_of(p, s); i++)
		if (strcmp(item_at(p, s, i) + s->name_offset, name) == 0)
			return true;
	return false;
}

/* A new item of a named section; NULL after an error. */
static char *
add_item(struct parse *p, const struct conf_section *s, const char *name)
{
	size_t len = strlen(name), *n = count_of(p, s);
	char *item;

	if (len == 0 || len >= s->name_size) {
		fault(p, p->line, "[%s NAME]: expected a name of 1 to %zu bytes, got \"%.100s\"",
		    s->name, s->name_size - 1, name);
		return NULL;
	}
	if (is_taken(p, s, name)) {
		fault(p, p->line, "[%s %s]: expected each name once, got it again", s->name, name);
		return NULL;
	}
	if (*n == s->max_items) {
		fault(p, p->line, "[%s %s]: expected at most %zu of them, got one more", s->name,
		    name, s->max_items);
		return NULL;
	}
	item = item_at(p, s, (*n)++);
	memset(item, 0, s->item_size);
	memcpy(item + s->name_offset, name, len + 1);
	return item;
}

static char *
only_item(struct parse *p, const struct conf_section *s, size_t index, const char *name)
{
	uint64_t bit = UINT64_C(1) << index;

	if (*name)
		fault(p, p->line, "[%s]: expected no name, got \"%.100s\"", s->name, name);
	else if (p->seen_sections & bit)
		fault(p, p->line, "[%s]: expected this section once, got it again", s->name);
	if (*name || (p->seen_sections & bit))
		return NULL;
	p->seen_sections |= bit;
	return p->settings + s->offset;
}

static void
begin_section(struct parse *p, char *head)
{
	size_t word = strcspn(head, " \t");
	char *name = trim(head + word);

	end_section(p);
	p->skip = true;
	p->section_line = p->line;
	if (is_foreign(p, head))
		return;
	for (size_t i = 0; i < p->t->n_sections; i++) {
		const struct conf_section *s = &p->t->sections[i];

		if (strlen(s->name) != word || strncmp(s->name, head, word) != 0)
			continue;
		p->item = s->named ? add_item(p, s, name) : only_item(p, s, i, name);
		p->section = p->item ? s : NULL;
		p->skip = !p->item;
		return;
	}
	fault(p, p->line, "expected a section that is known, got [%.100s]", head);
}

/* --- keys ------------------------------------------------------------------------------------- */

static void
set_key(struct parse *p, size_t index, const char *value)
{
	const struct conf_key *k = &p->section->keys[index];
	uint64_t bit = UINT64_C(1) << index;
	char expected[CONF_VALUE_WORDS];

	if (p->seen_keys & bit) {
		fault(p, p->line, "%s: expected it once, got it again", k->name);
		return;
	}
	p->seen_keys |= bit;
	if (conf_value_set(k, p->item, value) == ERR_OK) {
		tell(p, p->section, p->item, k->name, k, value, p->line);
		return;
	}
	conf_value_expected(k, expected);
	if (k->secret)
		fault(p, p->line, "%s: expected %s, got %zu bytes (not shown)", k->name, expected,
		    strlen(value));
	else
		fault(p, p->line, "%s: expected %s, got \"%.200s\"", k->name, expected, value);
}

static void
set_other(struct parse *p, const char *key, const char *value)
{
	char why[200] = "";

	for (size_t i = 0; i < p->n_others; i++) {
		if (strcmp(p->others[i], key) != 0)
			continue;
		fault(p, p->line, "%s: expected it once, got it again", key);
		return;
	}
	if (p->n_others == KEYS_MAX) {
		fault(p, p->line, "%.100s: expected at most %d such keys, got more", key, KEYS_MAX);
		return;
	}
	p->others[p->n_others++] = key;
	if (p->section->on_other(p->item, key, value, why, sizeof(why)) == ERR_OK)
		tell(p, p->section, p->item, key, NULL, value, p->line);
	else
		fault(p, p->line, "%.100s: %s, got \"%.200s\"", key,
		    *why ? why : "expected another value", value);
}

static void
on_key(struct parse *p, const char *key, const char *value)
{
	const struct conf_section *s = p->section;

	for (size_t i = 0; i < s->n_keys; i++) {
		if (strcmp(s->keys[i].name, key) != 0)
			continue;
		set_key(p, i, value);
		return;
	}
	if (s->on_other)
		set_other(p, key, value);
	else
		fault(p, p->line, "expected a key of [%s], got \"%.100s\"", s->name, key);
}

static void
on_line(struct parse *p, char *line)
{
	cut_comment(line);
	char *text = trim(line);
	size_t len = strlen(text);
	char *equals = strchr(text, '=');

	if (len == 0)
		return;
	if (!is_printable(text)) {
		fault(p, p->line, "expected printable text, got a control character");
		return;
	}
	if (text[0] == '[' && text[len - 1] == ']') {
		text[len - 1] = 0;
		begin_section(p, trim(text + 1));
		return;
	}
	if (!equals || equals == text || text[0] == '[') {
		/* not shown: it may be half of a secret */
		fault(p, p->line, "expected [section] or key = value, got neither");
		return;
	}
	*equals = 0;
	if (p->section)
		on_key(p, trim(text), trim(equals + 1));
	else if (!p->skip)
		fault(p, p->line, "%.100s: expected a [section] before the first key, got none",
		    trim(text));
}

/* --- files ------------------------------------------------------------------------------------ */

static void
parse_lines(struct parse *p, char *text)
{
	for (char *line = text, *next = NULL; line; line = next) {
		size_t len = strcspn(line, "\n");

		next = line[len] ? line + len + 1 : NULL;
		line[len] = 0;
		p->line++;
		if (len > LINE_MAX_BYTES)
			fault(p, p->line, "expected a line of at most %d bytes, got %zu",
			    LINE_MAX_BYTES, len);
		else
			on_line(p, line);
	}
	end_section(p);
}

static void
start(struct parse *p)
{
	assert(p->t->n_sections <= SECTIONS_MAX);
	for (size_t i = 0; i < p->t->n_sections; i++) {
		assert(p->t->sections[i].n_keys <= KEYS_MAX);
		if (p->t->sections[i].named)
			*count_of(p, &p->t->sections[i]) = 0;
	}
}

static void
finish(struct parse *p)
{
	for (size_t i = 0; i < p->t->n_sections; i++) {
		const struct conf_section *s = &p->t->sections[i];

		if (!s->named && !(p->seen_sections & UINT64_C(1) << i))
			finish_keys(p, s, p->settings + s->offset, 0, p->line);
	}
}

static enum err
parse_text(struct parse *p, const char *text, size_t len)
{
	const char *nul = len ? memchr(text, 0, len) : NULL;

	if (len > FILE_MAX || nul) {
		log_error(NULL, "%s: expected text of at most %d bytes, got %s", p->name, FILE_MAX,
		    nul ? "a NUL byte" : "more");
		return ERR_CONFIG;
	}
	AUTO(mem) char *copy = malloc(len + 1);
	if (!copy)
		return ERR_NOMEM;
	if (len)
		memcpy(copy, text, len);
	copy[len] = 0;
	start(p);
	parse_lines(p, copy);
	finish(p);
	explicit_bzero(copy, len);
	return p->errors ? ERR_CONFIG : ERR_OK;
}

enum err
conf_parse(
    const struct conf_table *t, const char *name, const char *text, size_t len, void *settings)
{
	struct parse p = {.t = t, .name = name, .settings = settings};

	return parse_text(&p, text, len);
}

enum err
conf_load_watched(
    const struct conf_table *t, const char *path, void *settings, const struct conf_watch *watch)
{
	struct parse p = {.t = t, .watch = watch, .name = path, .settings = settings};
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	AUTO(mem) char *text = malloc(FILE_MAX + 1);
	size_t len = 0;
	ssize_t n = fd < 0 ? -1 : 1;

	if (!text)
		return ERR_NOMEM;
	while (n > 0 && len <= FILE_MAX) {
		n = read(fd, text + len, FILE_MAX + 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (n < 0) {
		log_error(NULL, "%s: expected a configuration, got: %s", path, strerror(errno));
		return ERR_CONFIG;
	}
	enum err e = parse_text(&p, text, len);
	explicit_bzero(text, len);
	return e;
}

enum err
conf_load(const struct conf_table *t, const char *path, void *settings)
{
	return conf_load_watched(t, path, settings, NULL);
}
