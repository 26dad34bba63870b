/*
 * move: see move.h. An IPv6 literal in the list stands in brackets when a port follows.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "move.h"

const struct move_place *
move_place(const struct move *m)
{
	return m->trying ? &m->trial : &m->now;
}

static bool
is_same(const struct move_place *a, const struct move_place *b)
{
	return strcmp(a->host, b->host) == 0 && a->port == b->port &&
	       strcmp(a->product_key, b->product_key) == 0;
}

bool
move_begin(struct move *m, const struct move_place *to)
{
	if (is_same(move_place(m), to))
		return false;
	m->failures = 0;
	m->trying = !is_same(&m->now, to);
	m->trial = m->trying ? *to : (struct move_place){0};
	return true;
}

bool
move_accept(struct move *m)
{
	if (!m->trying)
		return false;
	m->now = m->trial;
	m->trial = (struct move_place){0};
	m->trying = false;
	m->failures = 0;
	return true;
}

bool
move_fail(struct move *m)
{
	if (!m->trying || ++m->failures < MOVE_FAILURES_MAX)
		return false;
	m->trial = (struct move_place){0};
	m->trying = false;
	m->failures = 0;
	return true;
}

static bool
is_host(const char *host)
{
	for (const char *c = host; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(".-_:", *c))
			return false;
	return host[0] != '\0';
}

/* `text` is one entry without blanks around it. */
static enum err
read_entry(char *text, char host[DIALECT_HOST_MAX + 1], uint16_t *port)
{
	char *colon = strrchr(text, ':'), *end = text;
	unsigned long n = MOVE_PORT;

	if (text[0] == '[') {
		end = strchr(++text, ']');
		if (!end || (end[1] != ':' && end[1] != '\0'))
			return ERR_MALFORMED;
		colon = end[1] ? end + 1 : NULL;
		*end = '\0';
	} else if (colon && strchr(text, ':') != colon) {
		colon = NULL; /* IPv6 without a port */
	}
	if (colon) {
		n = isdigit((unsigned char)colon[1]) ? strtoul(colon + 1, &end, 10) : 0;
		if (n < 1 || n > UINT16_MAX || *end)
			return ERR_MALFORMED;
		*colon = '\0';
	}
	if (!is_host(text) || strlen(text) > DIALECT_HOST_MAX)
		return ERR_MALFORMED;
	memcpy(host, text, strlen(text) + 1);
	*port = (uint16_t)n;
	return ERR_OK;
}

enum err
move_next(const char **at, char host[DIALECT_HOST_MAX + 1], uint16_t *port)
{
	char entry[DIALECT_HOST_MAX + 16];
	const char *begin = *at + strspn(*at, " \t");
	size_t len = strcspn(begin, ","), n = len;

	*at = begin[len] ? begin + len + 1 : NULL;
	while (n && (begin[n - 1] == ' ' || begin[n - 1] == '\t'))
		n--;
	if (n >= sizeof(entry))
		return ERR_MALFORMED;
	memcpy(entry, begin, n);
	entry[n] = '\0';
	return read_entry(entry, host, port);
}

bool
move_is_listed(const char *list, const char *host, uint16_t port)
{
	char listed[DIALECT_HOST_MAX + 1];
	uint16_t listed_port = 0;

	for (const char *at = list[0] ? list : NULL; at;)
		if (move_next(&at, listed, &listed_port) == ERR_OK && listed_port == port &&
		    strcasecmp(listed, host) == 0)
			return true;
	return false;
}
