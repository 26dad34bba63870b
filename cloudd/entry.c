/*
 * entry: see entry.h. Which ways exist depends on what is known; from a way that does not exist the
 * next one is taken. Nothing here is recorded: after a restart the secret is tried first.
 */
#include "entry.h"
#include "dialect.h"
#include "session.h"

static bool
is_open(int way, const struct entry_secrets *s)
{
	if (way == ENTRY_SECRET)
		return s->has_secret;
	return way == ENTRY_REGISTER || s->has_spare;
}

int
entry_way(const struct entry *e, const struct entry_secrets *s)
{
	return is_open(e->wish, s) ? e->wish : ENTRY_REGISTER;
}

void
entry_begin(struct entry *e, const struct entry_secrets *s)
{
	e->way = entry_way(e, s);
	e->registering = e->way == ENTRY_REGISTER;
}

void
entry_init(struct entry *e)
{
	*e = (struct entry){.wish = ENTRY_SECRET, .way = ENTRY_NONE};
}

/* The next way; true when it goes round. */
static bool
turn(struct entry *e, int from, const struct entry_secrets *s)
{
	bool round = false;

	do {
		round |= from == ENTRY_SPARE;
		from = from == ENTRY_SPARE ? ENTRY_SECRET : from + 1;
	} while (!is_open(from, s));
	e->wish = from;
	return round;
}

/* Six refusals as "unavailable" are one as "wrong secret". */
static bool
is_unavailable_for_long(struct entry *e, int platform_code)
{
	if (platform_code == SESSION_CODE_UNAVAILABLE)
		e->unavailable++;
	if (e->unavailable < SESSION_FAILURES_MAX)
		return false;
	e->unavailable = 0;
	return true;
}

int64_t
entry_on_down(struct entry *e, const struct entry_secrets *s, int platform_code)
{
	int way = e->way;
	bool demanded = e->wish == ENTRY_REGISTER && way != ENTRY_REGISTER;
	bool refused = platform_code == DIALECT_CODE_SECRET;
	bool gone = is_unavailable_for_long(e, platform_code);

	e->way = ENTRY_NONE;
	e->registering = false;
	if (way == ENTRY_NONE || demanded)
		return refused ? ENTRY_LATE_MS : ENTRY_USUAL;
	/* whatever stopped a registration: there may be a secret that still works */
	if (!refused && !gone && way != ENTRY_REGISTER)
		return ENTRY_USUAL;
	bool round = turn(e, way, s);

	if (!refused)
		return ENTRY_USUAL;
	return round ? ENTRY_LATE_MS : ENTRY_SOON_MS;
}

void
entry_on_secret(struct entry *e)
{
	entry_init(e);
}

void
entry_on_demand(struct entry *e)
{
	e->wish = ENTRY_REGISTER;
}
