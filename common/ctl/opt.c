/*
 * opt: see opt.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "opt.h"

static void
print_help(const struct opt_command *c)
{
	printf("usage: %s\n\n%s\n\n", c->usage, c->about);
	for (const struct opt_spec *o = c->specs; o->name; o++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", o->name, o->arg ? " " : "",
		    o->arg ? o->arg : "");
		printf("  %-28s %s%s%s\n", left, o->help, o->required ? " (required)" : "",
		    o->repeat ? " (may be repeated)" : "");
	}
}

static enum err
complain(const struct opt_command *c, const char *what, const char *name)
{
	fprintf(stderr, "%s: %s\nusage: %s\n", name, what, c->usage);
	return ERR_INVALID;
}

static const struct opt_spec *
find(const struct opt_command *c, const char *name, size_t len)
{
	for (const struct opt_spec *o = c->specs; o->name; o++)
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	return NULL;
}

/* The option at argv[*i]; moves *i over its value. */
static enum err
take_option(const struct opt_command *c, int argc, char **argv, int *i, struct opt_set *out)
{
	const char *text = argv[*i], *eq = strchr(text, '=');
	size_t len = eq ? (size_t)(eq - text) - 2 : strlen(text) - 2;
	const struct opt_spec *o = find(c, text + 2, len);
	const char *value = eq ? eq + 1 : NULL;

	if (!o)
		return complain(c, "no such option", text);
	if (!o->arg && value)
		return complain(c, "takes no value", text);
	if (o->arg && !value && ++*i < argc)
		value = argv[*i];
	if (o->arg && !value)
		return complain(c, "needs a value", text);
	if (!o->repeat && opt_count(out, o->name) > 0)
		return complain(c, "given twice", text);
	if (out->n_items == OPT_ITEMS_MAX)
		return complain(c, "too many options", text);
	out->items[out->n_items].spec = o;
	out->items[out->n_items++].value = value ? value : "";
	return ERR_OK;
}

static enum err
take_arg(const struct opt_command *c, const char *arg, struct opt_set *out)
{
	if (out->n_args == c->max_args || out->n_args == OPT_ARGS_MAX)
		return complain(c, "one argument too many", arg);
	out->args[out->n_args++] = arg;
	return ERR_OK;
}

enum err
opt_parse(const struct opt_command *c, int argc, char **argv, struct opt_set *out)
{
	enum err e = ERR_OK;

	*out = (struct opt_set){.command = c};
	for (int i = 1; !e && i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			print_help(c);
			return ERR_CANCELLED;
		}
		e = strncmp(argv[i], "--", 2) == 0 ? take_option(c, argc, argv, &i, out)
						   : take_arg(c, argv[i], out);
	}
	if (e)
		return e;
	for (const struct opt_spec *o = c->specs; o->name; o++)
		if (o->required && opt_count(out, o->name) == 0)
			return complain(c, "is required", o->name);
	if (out->n_args < c->min_args)
		return complain(c, "an argument is missing", argv[0]);
	return ERR_OK;
}

const char *
opt_nth(const struct opt_set *s, const char *name, size_t i)
{
	for (size_t k = 0; k < s->n_items; k++)
		if (strcmp(s->items[k].spec->name, name) == 0 && i-- == 0)
			return s->items[k].value;
	return NULL;
}

size_t
opt_count(const struct opt_set *s, const char *name)
{
	size_t n = 0;

	for (size_t k = 0; k < s->n_items; k++)
		n += strcmp(s->items[k].spec->name, name) == 0;
	return n;
}

const char *
opt_text(const struct opt_set *s, const char *name, const char *fallback)
{
	const char *v = opt_nth(s, name, 0);

	return v ? v : fallback;
}

bool
opt_read_number(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (*text < '0' || *text > '9' || digit > max || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}

enum err
opt_number(
    const struct opt_set *s, const char *name, uint64_t fallback, uint64_t max, uint64_t *out)
{
	const char *v = opt_nth(s, name, 0);

	*out = fallback;
	if (!v || opt_read_number(v, max, out))
		return ERR_OK;
	fprintf(stderr, "--%s: expected a number up to %llu, got '%s'\n", name,
	    (unsigned long long)max, v);
	return ERR_INVALID;
}

/* `+90d` */
static bool
read_days(const char *text, uint64_t from_ms, uint64_t *out)
{
	char digits[8];
	size_t n = strlen(text);
	uint64_t days = 0;

	if (n < 3 || n > sizeof(digits) || text[n - 1] != 'd')
		return false;
	memcpy(digits, text + 1, n - 2);
	digits[n - 2] = 0;
	if (!opt_read_number(digits, 99999, &days))
		return false;
	*out = from_ms + days * 24 * 3600 * 1000;
	return true;
}

bool
opt_read_time(const char *text, uint64_t from_ms, uint64_t *out)
{
	struct tm tm = {0};

	if (text[0] == '+')
		return read_days(text, from_ms, out);
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	if (!end) {
		tm = (struct tm){0};
		end = strptime(text, "%Y-%m-%d", &tm);
	}
	if (!end || *end)
		return false;
	time_t t = timegm(&tm);

	if (t <= 0)
		return false;
	*out = (uint64_t)t * 1000;
	return true;
}

enum err
opt_time(const struct opt_set *s, const char *name, uint64_t fallback_ms, uint64_t from_ms,
    uint64_t *out)
{
	const char *v = opt_nth(s, name, 0);

	*out = fallback_ms;
	if (!v || opt_read_time(v, from_ms, out))
		return ERR_OK;
	fprintf(
	    stderr, "--%s: expected 2026-11-24, 2026-11-24T09:00:00Z or +90d, got '%s'\n", name, v);
	return ERR_INVALID;
}

uint64_t
opt_now_ms(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t s = 0;

	if (epoch && opt_read_number(epoch, UINT32_MAX, &s))
		return s * 1000;
	return clock_wall_ms();
}
