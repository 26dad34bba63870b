/*
 * dc_chaos: see dc_chaos.h. The generator is splitmix64.
 */
#include "dc_chaos.h"

#include <stdlib.h>
#include <string.h>

static const struct row {
	const char *name, *text;
} rows[] = {
#define X(symbol, name, text) {name, text},
    DC_CHAOS_LIST(X)
#undef X
};

const char *
dc_chaos_name(enum dc_chaos_what what)
{
	return rows[what].name;
}

const char *
dc_chaos_text(enum dc_chaos_what what)
{
	return rows[what].text;
}

static bool
parse_kind(const char *text, unsigned *kind)
{
	*kind = strcmp(text, "down") == 0 ? DC_CHAOS_DOWN
		: strcmp(text, "up") == 0 ? DC_CHAOS_UP
					  : 0;
	if (*kind)
		return true;
	if (strlen(text) != 4 || strspn(text, "0123456789abcdefABCDEF") != 4)
		return false;
	*kind = (unsigned)strtoul(text, NULL, 16);
	return *kind > DC_CHAOS_UP;
}

bool
dc_chaos_parse(const char *text, enum dc_chaos_what *what, unsigned *kind)
{
	size_t n = strcspn(text, "@");
	unsigned i = 0;

	while (
	    i < DC_CHAOS_COUNT && (strlen(rows[i].name) != n || memcmp(rows[i].name, text, n) != 0))
		i++;
	*what = (enum dc_chaos_what)i;
	return i < DC_CHAOS_COUNT && text[n] == '@' && parse_kind(text + n + 1, kind);
}

void
dc_chaos_seed(struct dc_chaos *c, int64_t seed)
{
	if (c->seed == seed && c->state)
		return;
	c->seed = seed;
	c->state = (uint64_t)seed + 1;
}

uint64_t
dc_chaos_random(struct dc_chaos *c)
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void
dc_chaos_begin(struct dc_chaos *c)
{
	for (unsigned i = 0; i < DC_CHAOS_RULES; i++)
		c->rule[i].named = false;
}

void
dc_chaos_end(struct dc_chaos *c)
{
	for (unsigned i = 0; i < DC_CHAOS_RULES; i++)
		c->rule[i].used = c->rule[i].used && c->rule[i].named;
}

bool
dc_chaos_set(struct dc_chaos *c, enum dc_chaos_what what, unsigned kind, int64_t value,
    int64_t times, int64_t percent, int64_t rev)
{
	struct dc_chaos_rule *free_rule = NULL;

	for (unsigned i = 0; i < DC_CHAOS_RULES; i++) {
		struct dc_chaos_rule *r = &c->rule[i];

		if (r->used && r->what == what && r->kind == kind) {
			free_rule = r;
			break;
		}
		if (!r->used && !free_rule)
			free_rule = r;
	}
	if (!free_rule)
		return false;
	free_rule->named = true;
	if (free_rule->used && free_rule->rev == rev && rev)
		return true;
	*free_rule = (struct dc_chaos_rule){.used = true,
	    .named = true,
	    .what = what,
	    .kind = kind,
	    .value = value,
	    .left = times ? times : -1,
	    .percent = percent,
	    .rev = rev};
	return true;
}

/* Whether a rule strikes a message; one of its times is used up. */
static bool
strikes(struct dc_chaos *c, struct dc_chaos_rule *r, unsigned cmd, bool up)
{
	unsigned all = up ? DC_CHAOS_UP : DC_CHAOS_DOWN;

	if (!r->used || r->left == 0 || (r->kind != cmd && r->kind != all))
		return false;
	if (r->percent < 100 && (int64_t)(dc_chaos_random(c) % 100) >= r->percent)
		return false;
	if (r->left > 0)
		r->left--;
	return true;
}

struct dc_chaos_verdict
dc_chaos_draw(struct dc_chaos *c, unsigned cmd, bool up)
{
	struct dc_chaos_verdict v = {0};

	for (unsigned i = 0; i < DC_CHAOS_RULES; i++) {
		struct dc_chaos_rule *r = &c->rule[i];

		if (!strikes(c, r, cmd, up))
			continue;
		v.lose |= r->what == DC_CHAOS_LOSE;
		v.reorder |= r->what == DC_CHAOS_REORDER;
		v.cut |= r->what == DC_CHAOS_CUT;
		v.garble |= r->what == DC_CHAOS_GARBLE;
		v.lie |= r->what == DC_CHAOS_LIE;
		v.copies += r->what == DC_CHAOS_REPEAT ? r->value : 0;
		v.delay_ms += r->what == DC_CHAOS_DELAY ? r->value : 0;
		v.slow_ms += r->what == DC_CHAOS_SLOW ? r->value : 0;
		v.reject = r->what == DC_CHAOS_REJECT ? r->value : v.reject;
	}
	return v;
}

void
dc_chaos_lie(struct dc_chaos *c, uint8_t *data, size_t len)
{
	uint64_t random = dc_chaos_random(c);

	if (len > 0)
		data[random % len] ^= (uint8_t)(1 + (random >> 32) % 255);
}
