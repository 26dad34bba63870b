/*
 * conf_value: see conf_value.h. One table of units serves reading and writing.
 */
#include <assert.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "conf_value.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* From large to small, so that the first that divides a number shows it best. */
static const struct unit sizes[] = {{"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20},
    {"KiB", 1ull << 10}, {"B", 1}, {"", 1}};
static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit plain[] = {{"", 1}};

enum { UNITS = sizeof(sizes) / sizeof(sizes[0]) };

static const struct unit *
units_of(enum conf_type type, size_t *n)
{
	*n = type == CONF_SIZE ? UNITS : 1;
	if (type == CONF_DURATION)
		*n = sizeof(durations) / sizeof(durations[0]);
	return type == CONF_SIZE ? sizes : type == CONF_DURATION ? durations : plain;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Decimal digits up to `*end`; false for none or for too many. */
static bool
read_digits(const char *text, uint64_t *out, const char **end)
{
	const char *p = text;
	uint64_t n = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	*end = p;
	return p > text;
}

static bool
read_number(const struct conf_key *k, const char *text, uint64_t *out)
{
	size_t n;
	const struct unit *units = units_of(k->type, &n);
	const char *unit = NULL;
	uint64_t value = 0;

	if (!read_digits(text, &value, &unit))
		return false;
	while (*unit == ' ' || *unit == '\t')
		unit++;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(units[i].name, unit) != 0)
			continue;
		*out = value * units[i].factor;
		return value <= UINT64_MAX / units[i].factor && *out >= k->min &&
		       (k->max == 0 || *out <= k->max);
	}
	return false;
}

static bool
read_choice(const struct conf_key *k, const char *text, int *out)
{
	for (int i = 0; k->choices[i]; i++) {
		if (strcmp(k->choices[i], text) != 0)
			continue;
		*out = i;
		return true;
	}
	return false;
}

/* A number, or a name that this system knows; -1 as a number means "nobody" to the kernel. */
static bool
read_id(enum conf_type type, const char *text, uint32_t *out)
{
	const char *end = NULL;
	uint64_t n = 0;

	if (read_digits(text, &n, &end) && !*end) {
		*out = (uint32_t)n;
		return n < UINT32_MAX;
	}
	if (!*text)
		return false;
	if (type == CONF_GROUP) {
		const struct group *g = getgrnam(text);

		*out = g ? g->gr_gid : 0;
		return g != NULL;
	}
	const struct passwd *p = getpwnam(text);

	*out = p ? p->pw_uid : 0;
	return p != NULL;
}

static bool
set_number(const struct conf_key *k, void *at, const char *text)
{
	uint64_t number = 0;
	bool ok = read_number(k, text, &number);

	if (ok)
		memcpy(at, &number, sizeof(number));
	return ok;
}

static bool
set_bool(void *at, const char *text)
{
	bool yes = strcmp(text, "yes") == 0;
	bool ok = yes || strcmp(text, "no") == 0;

	if (ok)
		memcpy(at, &yes, sizeof(yes));
	return ok;
}

static bool
set_choice(const struct conf_key *k, void *at, const char *text)
{
	int choice = 0;
	bool ok = read_choice(k, text, &choice);

	if (ok)
		memcpy(at, &choice, sizeof(choice));
	return ok;
}

static bool
set_id(const struct conf_key *k, void *at, const char *text)
{
	uint32_t id = 0;
	bool ok = read_id(k->type, text, &id);

	if (ok)
		memcpy(at, &id, sizeof(id));
	return ok;
}

static bool
set_string(const struct conf_key *k, char *at, const char *text)
{
	size_t len = strlen(text);

	if (len >= k->size)
		return false;
	memset(at, 0, k->size);
	memcpy(at, text, len);
	return true;
}

enum err
conf_value_set(const struct conf_key *k, void *base, const char *text)
{
	char *at = (char *)base + k->offset;
	bool ok = false;

	switch (k->type) {
	case CONF_BOOL:
		ok = set_bool(at, text);
		break;
	case CONF_UINT:
	case CONF_SIZE:
	case CONF_DURATION:
		ok = set_number(k, at, text);
		break;
	case CONF_STRING:
		ok = set_string(k, at, text);
		break;
	case CONF_CHOICE:
		ok = set_choice(k, at, text);
		break;
	case CONF_USER:
	case CONF_GROUP:
		ok = set_id(k, at, text);
		break;
	}
	return ok ? ERR_OK : ERR_CONFIG;
}

/* --- in words --------------------------------------------------------------------------------- */

static void
format_number(enum conf_type type, uint64_t value, char *out, size_t size)
{
	size_t n;
	const struct unit *u = units_of(type, &n);

	while (value % u->factor != 0 || (value == 0 && u->factor != 1))
		u++;
	snprintf(out, size, "%" PRIu64 "%s%s", value / u->factor, *u->name ? " " : "", u->name);
}

static void
expect_number(const struct conf_key *k, char out[CONF_VALUE_WORDS])
{
	const char *what = k->type == CONF_UINT ? "a number"
			   : k->type == CONF_SIZE
			       ? "a size such as 8 MiB"
			       : "a duration such as 30 s (units ms, s, min, h, d)";
	char min[40], max[40];

	format_number(k->type, k->min, min, sizeof(min));
	format_number(k->type, k->max, max, sizeof(max));
	if (k->max)
		snprintf(out, CONF_VALUE_WORDS, "%s from %s to %s", what, min, max);
	else
		snprintf(out, CONF_VALUE_WORDS, "%s of at least %s", what, min);
}

static void
expect_choice(const struct conf_key *k, char out[CONF_VALUE_WORDS])
{
	size_t at = (size_t)snprintf(
	    out, CONF_VALUE_WORDS, "%s", k->choices[1] ? "one of" : "just");

	for (int i = 0; k->choices[i] && at < CONF_VALUE_WORDS; i++)
		at += (size_t)snprintf(
		    out + at, CONF_VALUE_WORDS - at, "%s %s", i ? "," : "", k->choices[i]);
}

void
conf_value_expected(const struct conf_key *k, char out[CONF_VALUE_WORDS])
{
	switch (k->type) {
	case CONF_BOOL:
		snprintf(out, CONF_VALUE_WORDS, "yes or no");
		break;
	case CONF_UINT:
	case CONF_SIZE:
	case CONF_DURATION:
		expect_number(k, out);
		break;
	case CONF_STRING:
		snprintf(out, CONF_VALUE_WORDS, "text of at most %zu bytes", k->size - 1);
		break;
	case CONF_CHOICE:
		expect_choice(k, out);
		break;
	case CONF_USER:
		snprintf(out, CONF_VALUE_WORDS, "a user of this system or a number");
		break;
	case CONF_GROUP:
		snprintf(out, CONF_VALUE_WORDS, "a group of this system or a number");
		break;
	}
}
