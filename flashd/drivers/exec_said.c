/*
 * exec_said: see exec_said.h.
 */
#include "exec_said.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum err
exec_said_parse(const char *text, struct exec_progress *out)
{
	unsigned long all = 0;
	char *end = NULL;

	*out = (struct exec_progress){0};
	if (!text[0])
		return ERR_OK;
	if (strncmp(text, "percent", 7) == 0 && (text[7] == 0 || text[7] == ' ')) {
		out->kind = EXEC_PERCENT;
		text += 7;
	} else if (strncmp(text, "marks ", 6) == 0 && text[6] > 0x20 && text[7] == ' ') {
		all = strtoul(text + 8, &end, 10);
		if (end == text + 8 || all == 0 || all > 10000)
			return ERR_CONFIG;
		*out = (struct exec_progress){
		    .kind = EXEC_MARKS, .mark = text[6], .all = (unsigned)all};
		text = end;
	} else {
		return ERR_CONFIG;
	}
	text += strspn(text, " ");
	if (strlen(text) >= EXEC_TEXT)
		return ERR_CONFIG;
	memcpy(out->after, text, strlen(text) + 1);
	return ERR_OK;
}

void
exec_said_start(
    struct exec_said *s, const struct exec_progress *progress, const char *before, const char *unit)
{
	*s = (struct exec_said){
	    .progress = progress, .version.before = before, .unit.before = unit[0] ? unit : NULL};
	s->begun = !progress->after[0];
}

static bool
ends_with(const struct exec_said *s, const char *text)
{
	size_t n = strlen(text);

	return n > 0 && s->seen_len >= n && memcmp(s->seen + s->seen_len - n, text, n) == 0;
}

static void
remember(struct exec_said *s, char c)
{
	if (s->seen_len == EXEC_TEXT)
		memmove(s->seen, s->seen + 1, --s->seen_len);
	s->seen[s->seen_len++] = c;
}

/* "12.5 %" at the end of what was seen. */
static void
take_percent(struct exec_said *s)
{
	size_t at = s->seen_len - 1, end;
	unsigned v = 0;

	while (at > 0 && s->seen[at - 1] == ' ')
		at--;
	for (end = at; at > 0 && strchr("0123456789.", s->seen[at - 1]); at--)
		;
	if (at == end || s->seen[at] == '.')
		return;
	for (; at < end && s->seen[at] != '.' && v <= 100; at++)
		v = v * 10 + (unsigned)(s->seen[at] - '0');
	if (v <= 100 && v > s->percent)
		s->percent = v;
}

static void
take_progress(struct exec_said *s, char c)
{
	const struct exec_progress *p = s->progress;

	if (!s->begun) {
		s->begun = ends_with(s, p->after);
		return;
	}
	if (p->kind == EXEC_PERCENT && c == '%')
		take_percent(s);
	if (p->kind != EXEC_MARKS || c != p->mark || s->marks >= p->all)
		return;
	s->marks++;
	s->percent = s->marks * 100 / p->all;
}

static bool
is_version(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c != 0 && strchr("_.+-", c) != NULL);
}

static void
take_word(struct exec_said *s, struct exec_take *t, char c)
{
	if (!t->before)
		return;
	if (t->at == EXEC_TAKING && is_version(c)) {
		if (t->len < sizeof(t->word) - 1)
			t->word[t->len++] = c;
		return;
	}
	if (t->at == EXEC_TAKING)
		t->at = t->len > 0 ? EXEC_TAKEN : EXEC_SEEKING;
	if (t->at != EXEC_SEEKING)
		return;
	if (t->before[0] ? ends_with(s, t->before) : is_version(c))
		t->at = EXEC_TAKING;
	if (t->at == EXEC_TAKING && !t->before[0])
		t->word[t->len++] = c;
}

static void
take_words(struct exec_said *s, char c)
{
	take_word(s, &s->version, c);
	take_word(s, &s->unit, c);
}

static void
end_line(struct exec_said *s)
{
	if (s->line_len > 0)
		memcpy(s->last, s->line, sizeof(s->last));
	s->line_len = 0;
	s->line[0] = 0;
}

void
exec_said_byte(struct exec_said *s, uint8_t byte)
{
	char c = byte >= 0x20 && byte < 0x7f ? (char)byte : '\x01';

	remember(s, c);
	take_progress(s, c);
	take_words(s, c);
	if (byte == '\n' || byte == '\r')
		end_line(s);
	else if (s->line_len < EXEC_LINE - 1) {
		s->line[s->line_len++] = c == '\x01' ? '.' : c;
		s->line[s->line_len] = 0;
	}
}

void
exec_said_end(struct exec_said *s)
{
	take_words(s, '\x01');
	end_line(s);
}

bool
exec_said_statuses(const char *text, uint8_t out[EXEC_STATUSES])
{
	size_t n = 0;

	memset(out, 0, EXEC_STATUSES);
	if (strcmp(text, "none") == 0)
		return true;
	while (*text && n < EXEC_STATUSES - 1) {
		char *end = NULL;
		unsigned long v = strtoul(text, &end, 10);

		if (end == text || v == 0 || v > 255 || (*end && *end != ' '))
			return false;
		out[n++] = (uint8_t)v;
		text = end + strspn(end, " ");
	}
	return *text == 0;
}

bool
exec_said_among(const uint8_t list[EXEC_STATUSES], int status)
{
	return status != 0 && memchr(list, status, EXEC_STATUSES) != NULL;
}
