/*
 * window: see window.h.
 */
#include <stdio.h>
#include <string.h>

#include "window.h"

static const char days[7][4] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static enum err
expected(char *why, const char *text)
{
	return why_say(why, ERR_CONFIG,
	    "expected windows as mon-fri 22:00-05:00, sat 00:00-24:00, got '%.60s'", text);
}

/* One of sun..sat; -1 = none. */
static int
take_day(const char **at)
{
	for (int d = 0; d < 7; d++)
		if (strncmp(*at, days[d], 3) == 0) {
			*at += 3;
			return d;
		}
	return -1;
}

static void
skip_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

/* "mon" or "fri-mon"; nothing = every day. 0 = malformed. */
static unsigned
take_days(const char **at)
{
	int first = take_day(at), last = first;
	unsigned set = 0;

	if (first < 0)
		return 0x7f;
	if (**at == '-') {
		(*at)++;
		last = take_day(at);
	}
	if (last < 0 || (**at != ' ' && **at != '\t'))
		return 0;
	for (int d = first; d != last; d = (d + 1) % 7)
		set |= 1u << d;
	return set | 1u << last;
}

/* HH:MM; -1 = malformed. */
static int
take_time(const char **at)
{
	const char *s = *at;
	int n[2];

	for (int i = 0; i < 2; i++) {
		if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
			return -1;
		n[i] = (s[0] - '0') * 10 + s[1] - '0';
		s += 2;
		if (i == 0 && *s++ != ':')
			return -1;
	}
	*at = s;
	return n[1] < 60 && n[0] * 60 + n[1] <= WINDOW_DAY ? n[0] * 60 + n[1] : -1;
}

enum err
window_parse(const char *text, struct window *out, char *why)
{
	const char *at = text;

	*out = (struct window){0};
	skip_blanks(&at);
	while (*at) {
		unsigned set = out->n < WINDOW_MAX ? take_days(&at) : 0;

		skip_blanks(&at);
		int from = take_time(&at);
		if (!set || from < 0 || from == WINDOW_DAY || *at++ != '-')
			return expected(why, text);
		int to = take_time(&at);
		skip_blanks(&at);
		if (to < 0 || (*at && *at != ',') || (*at == ',' && !at[1]))
			return expected(why, text);
		at += *at == ',';
		skip_blanks(&at);
		out->items[out->n].days = set;
		out->items[out->n].from = (unsigned)from;
		out->items[out->n++].to = (unsigned)to;
	}
	return ERR_OK;
}

unsigned
window_wait(const struct window *w, unsigned minute)
{
	unsigned least = WINDOW_WEEK;

	for (size_t i = 0; i < 7 * w->n; i++) {
		unsigned day = (unsigned)(i % 7), from = w->items[i / 7].from;
		unsigned to = w->items[i / 7].to;
		unsigned length = to > from ? to - from : to + WINDOW_DAY - from;
		unsigned since = (minute + WINDOW_WEEK - day * WINDOW_DAY - from) % WINDOW_WEEK;

		if (!(w->items[i / 7].days & 1u << day))
			continue;
		if (since < length)
			return 0;
		if (WINDOW_WEEK - since < least)
			least = WINDOW_WEEK - since;
	}
	return least;
}
