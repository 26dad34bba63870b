/*
 * exec_argv: see exec_argv.h.
 */
#include "exec_argv.h"

#include <stdio.h>
#include <string.h>

enum { NUMBER = 24 };

/* What a placeholder at `text` stands for and how long it is; NULL: none. */
static const char *
value_of(const char *text, const struct exec_values *v, char number[NUMBER], size_t *len)
{
	const struct {
		const char *name, *value;
	} rows[] = {{"{port}", v->port}, {"{baud}", v->baud}, {"{address}", v->address},
	    {"{part}", v->part}, {"{target}", v->target}, {"{device}", v->device},
	    {"{size}", number}, {"{image}", "/dev/fd/3"}};

	snprintf(number, NUMBER, "%llu", (unsigned long long)v->size);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		*len = strlen(rows[i].name);
		if (strncmp(text, rows[i].name, *len) == 0)
			return rows[i].value ? rows[i].value : "";
	}
	return NULL;
}

static bool
put(char out[EXEC_WORD_MAX], size_t *n, const char *text, size_t len)
{
	if (*n + len >= EXEC_WORD_MAX)
		return false;
	memcpy(out + *n, text, len);
	*n += len;
	out[*n] = 0;
	return true;
}

bool
exec_argv_next(const char **at, const struct exec_values *v, char out[EXEC_WORD_MAX])
{
	char number[NUMBER], quote = 0;
	const char *p = *at + strspn(*at, " \t");
	size_t n = 0, len = 0;
	bool fits = *p != 0;

	out[0] = 0;
	while (fits && *p && (quote || !strchr(" \t", *p))) {
		const char *value = *p == '{' ? value_of(p, v, number, &len) : NULL;

		if (value) {
			fits = put(out, &n, value, strlen(value));
			p += len;
		} else if (quote ? *p == quote : *p == '\'' || *p == '"') {
			quote = quote ? 0 : *p;
			p++;
		} else {
			fits = put(out, &n, p++, 1);
		}
	}
	*at = p;
	return fits;
}

/* A word in braces that no placeholder has is a mistyped one; other braces are the program's. */
static bool
is_unknown(const char *p)
{
	static const struct exec_values none = {"", "", "", "", "", "", 0};
	char number[NUMBER];
	size_t len = 0, n = *p == '{' ? strspn(p + 1, "abcdefghijklmnopqrstuvwxyz") : 0;

	return n > 0 && p[1 + n] == '}' && !value_of(p, &none, number, &len);
}

enum err
exec_argv_check(const char *line, char *why, size_t why_size)
{
	static const struct exec_values none = {"", "", "", "", "", "", 0};
	char word[EXEC_WORD_MAX], quote = 0;
	const char *at = line;
	int words = 0;
	bool fine = true;

	for (const char *p = line; *p; p++) {
		fine &= !is_unknown(p);
		if (quote ? *p == quote : *p == '\'' || *p == '"')
			quote = quote ? 0 : *p;
	}
	while (words <= EXEC_WORDS_MAX && exec_argv_next(&at, &none, word))
		words++;
	if (fine && !quote && words <= EXEC_WORDS_MAX && at[strspn(at, " \t")] == 0)
		return ERR_OK;
	snprintf(why, why_size,
	    "expected at most %d words with quotes that end and known {placeholders}, got '%.60s'",
	    EXEC_WORDS_MAX, line);
	return ERR_CONFIG;
}
