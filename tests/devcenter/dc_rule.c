/*
 * dc_rule: see dc_rule.h. The limits of a plan's numbers are one table.
 */
#include "dc_rule.h"

#include <stdio.h>
#include <string.h>

enum { DONE = 2, FAILED = 3, NEEDLESS = 4, RUNNING = 1 };

static const int64_t day_ms = 86400000;

const char *
dc_rule_life_name(enum dc_rule_life life)
{
	static const char *const names[] = {"Inactivated", "To be upgraded", "Upgrading",
	    "Suspended", "Terminated", "Ended"};

	return names[life];
}

enum dc_rule_life
dc_rule_life_of(const char *state, int64_t ends, int64_t now, int64_t begun)
{
	if (strcmp(state, "inactivated") == 0)
		return DC_RULE_INACTIVATED;
	if (strcmp(state, "terminated") == 0)
		return DC_RULE_TERMINATED;
	if (now >= ends)
		return DC_RULE_ENDED;
	if (strcmp(state, "suspended") == 0)
		return DC_RULE_SUSPENDED;
	return begun > 0 ? DC_RULE_UPGRADING : DC_RULE_TO_BE_UPGRADED;
}

int
dc_rule_rate(const struct dc_rule_counts *c)
{
	int64_t over = c->n[DONE] + c->n[FAILED];

	return over ? (int)(c->n[DONE] * 100 / over) : -1;
}

int64_t
dc_rule_device_state(const struct dc_rule_counts *k, int64_t all)
{
	if (k->n[FAILED])
		return FAILED;
	if (all > 0 && k->n[DONE] + k->n[NEEDLESS] == all)
		return k->n[DONE] ? DONE : NEEDLESS;
	return k->n[RUNNING] || k->n[DONE] ? RUNNING : 0;
}

bool
dc_rule_is_over(const char *state, int64_t ends, int64_t now)
{
	return strcmp(state, "terminated") == 0 ||
	       (strcmp(state, "inactivated") != 0 && now >= ends);
}

bool
dc_rule_may_begin(const char *state, int64_t ends, int64_t now, bool begun)
{
	return now < ends &&
	       (strcmp(state, "activated") == 0 || (begun && strcmp(state, "suspended") == 0));
}

bool
dc_rule_in_period(int64_t from, int64_t to, int64_t zone_min, int64_t now)
{
	int64_t minute = ((now / 60000 + zone_min) % 1440 + 1440) % 1440;

	if (from == to)
		return true;
	if (from < to)
		return minute >= from && minute < to;
	return minute >= from || minute < to;
}

/* --- packages -------------------------------------------------------------------------------- */

bool
dc_rule_is_text(const char *text, size_t max, const char *extra)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++) {
		bool alnum = (text[i] >= '0' && text[i] <= '9') ||
			     (text[i] >= 'a' && text[i] <= 'z') ||
			     (text[i] >= 'A' && text[i] <= 'Z');

		if (!alnum && !strchr(extra, text[i]))
			return false;
	}
	return n > 0 && n <= max;
}

/* Of UTF-8, as a person counts; a byte that begins none belongs to the one before it. */
static size_t
characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static bool
has_suffix(const char *name)
{
	static const char *const suffixes[] = {".bin", ".rar", ".pack", ".mini_1", ".mini_2", ".py",
	    ".tar", ".tar.gz", ".s19", ".bin_1", ".bin_2", ".zip"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t n = strlen(name), k = strlen(suffixes[i]);

		if (n > k && strcmp(name + n - k, suffixes[i]) == 0)
			return true;
	}
	return false;
}

static enum err
refuse(char why[static DC_RULE_WHY], const char *what, const char *expected, const char *got)
{
	snprintf(why, DC_RULE_WHY, "%s: expected %s, got \"%.60s\"", what, expected, got);
	return ERR_INVALID;
}

enum err
dc_rule_file(const char *base, char why[static DC_RULE_WHY])
{
	if (dc_rule_is_text(base, DC_RULE_NAME, "_-.") && has_suffix(base))
		return ERR_OK;
	return refuse(why, "file",
	    "a file name of letters, digits, _ - . with one of the platform's suffixes "
	    "(.bin .tar .zip ...)",
	    base);
}

enum err
dc_rule_package(const struct dc_rule_package *p, char why[static DC_RULE_WHY])
{
	static const char charset[] = "1 to 64 letters, digits, _ - .";

	if (dc_rule_file(p->base, why))
		return ERR_INVALID;
	if (p->files < 1 || p->files > (p->mcu ? 1 : DC_RULE_FILES)) {
		snprintf(why, DC_RULE_WHY, "file: expected 1 to %d files, got %u",
		    p->mcu ? 1 : DC_RULE_FILES, p->files);
		return ERR_INVALID;
	}
	if (!dc_rule_is_text(p->component, DC_RULE_COMPONENT, "_-."))
		return refuse(why, "component", "1 to 32 letters, digits, _ - .", p->component);
	if (!dc_rule_is_text(p->target, DC_RULE_VERSION, "_-."))
		return refuse(why, "target", charset, p->target);
	if (p->source && !dc_rule_is_text(p->source, DC_RULE_VERSION, "_-."))
		return refuse(why, "source", charset, p->source);
	if (p->source && strcmp(p->source, p->target) == 0)
		return refuse(why, "source", "another version than the target", p->source);
	if (strcmp(p->scheme, "https") != 0 && strcmp(p->scheme, "http") != 0)
		return refuse(why, "scheme", "https or http", p->scheme);
	if (!*p->name || characters(p->name) > DC_RULE_NAME)
		return refuse(why, "name", "1 to 100 characters", p->name);
	if (p->remark && characters(p->remark) > DC_RULE_REMARK)
		return refuse(why, "remark", "at most 200 characters", p->remark);
	return ERR_OK;
}

/* --- plans ----------------------------------------------------------------------------------- */

struct dc_rule_plan
dc_rule_plan_defaults(int64_t now)
{
	return (struct dc_rule_plan){
	    .starts = now - 1000,
	    .ends = now + 365 * day_ms,
	    .push = true,
	    .reject_min = 120,
	    .retries = 5,
	    .retry_ms = 1000,
	    .min_signal = -113,
	    .min_battery = 30,
	    .components = 1,
	};
}

bool
dc_rule_are_versions(const char *list)
{
	char one[DC_RULE_VERSION + 1];
	unsigned n = 0;

	for (const char *at = list; n <= DC_RULE_VERSIONS; at++) {
		size_t len = strcspn(at, ";");

		if (len >= sizeof(one))
			return false;
		memcpy(one, at, len);
		one[len] = '\0';
		if (!dc_rule_is_text(one, DC_RULE_VERSION, "_-."))
			return false;
		n++;
		at += len;
		if (!*at)
			return n <= DC_RULE_VERSIONS;
	}
	return false;
}

static enum err
check_numbers(const struct dc_rule_plan *p, char why[static DC_RULE_WHY])
{
	const struct {
		const char *name;
		int64_t value, min, max;
	} rows[] = {
	    {"push-from", p->push_from, 0, 1439},
	    {"push-to", p->push_to, 0, 1439},
	    {"reject-min", p->reject_min, 0, 1440},
	    {"retries", p->retries, 0, 5},
	    {"retry-ms", p->retry_ms, 0, day_ms},
	    {"min-signal", p->min_signal, -113, 0},
	    {"min-battery", p->min_battery, 0, 100},
	    {"zone", p->zone_min, -12 * 60, 14 * 60},
	    {"components", p->components, 1, DC_RULE_COMPONENTS},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].value >= rows[i].min && rows[i].value <= rows[i].max)
			continue;
		snprintf(why, DC_RULE_WHY, "%s: expected %lld to %lld, got %lld", rows[i].name,
		    (long long)rows[i].min, (long long)rows[i].max, (long long)rows[i].value);
		return ERR_INVALID;
	}
	return ERR_OK;
}

enum err
dc_rule_plan(const struct dc_rule_plan *p, char why[static DC_RULE_WHY])
{
	if (!*p->name || characters(p->name) > DC_RULE_NAME)
		return refuse(why, "name", "1 to 100 characters", p->name);
	if (p->remark && characters(p->remark) > DC_RULE_REMARK)
		return refuse(why, "remark", "at most 200 characters", p->remark);
	if (p->versions && !dc_rule_are_versions(p->versions))
		return refuse(
		    why, "versions", "at most 8 versions, joined by ';'", p->versions);
	if (check_numbers(p, why))
		return ERR_INVALID;
	/* 0 is ours: a refusal that is asked again at once; the platform begins at 10 */
	if (p->reject_min > 0 && p->reject_min < 10) {
		snprintf(why, DC_RULE_WHY, "reject-min: expected 10 to 1440 minutes, got %lld",
		    (long long)p->reject_min);
		return ERR_INVALID;
	}
	if (p->push_from % 60 || p->push_to % 60) {
		snprintf(why, DC_RULE_WHY,
		    "push-from, push-to: expected whole hours, got minutes %lld and %lld",
		    (long long)p->push_from, (long long)p->push_to);
		return ERR_INVALID;
	}
	if (p->ends <= p->starts) {
		snprintf(why, DC_RULE_WHY, "ends: expected a time after %lld, got %lld",
		    (long long)p->starts, (long long)p->ends);
		return ERR_INVALID;
	}
	return ERR_OK;
}
