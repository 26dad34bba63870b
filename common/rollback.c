/*
 * rollback: see rollback.h.
 */
#include <string.h>

#include "rollback.h"

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static enum err
check_counter(const struct rollback_state *s, const struct rollback_rules *r, const Tr__Manifest *m,
    char why[WHY_SIZE])
{
	uint64_t least = r->floor_counter;

	if (s->confirmed)
		least = larger(least, s->counter);
	if (s->device_has_counter)
		least = larger(least, s->device_counter);
	if (m->security_counter < least)
		return why_say(why, ERR_ROLLBACK,
		    "expected security counter %llu or more, got %llu", (unsigned long long)least,
		    (unsigned long long)m->security_counter);
	if (m->sequence < r->floor_sequence)
		return why_say(why, ERR_ROLLBACK,
		    "expected sequence %llu or more (floor), got %llu",
		    (unsigned long long)r->floor_sequence, (unsigned long long)m->sequence);
	return ERR_OK;
}

enum err
rollback_check(const struct rollback_state *s, const struct rollback_rules *r,
    const Tr__Manifest *m, const uint8_t digest[32], char why[WHY_SIZE])
{
	uint64_t gap = r->max_gap ? r->max_gap : ROLLBACK_MAX_GAP;
	enum err e = check_counter(s, r, m, why);

	if (e || !s->confirmed)
		return e;
	if (memcmp(digest, s->digest, sizeof(s->digest)) == 0)
		return why_say(why, ERR_ALREADY, "sequence %llu is confirmed already",
		    (unsigned long long)m->sequence);
	if (r->generation > s->generation) /* a key was taken away: its sequences do not count */
		return ERR_OK;
	if (m->sequence == s->sequence)
		return why_say(why, ERR_REPLAY,
		    "expected another sequence than %llu, got it with other "
		    "content",
		    (unsigned long long)s->sequence);
	if (m->sequence < s->sequence && !r->same_counter_downgrade)
		return why_say(why, ERR_ROLLBACK, "expected a sequence above %llu, got %llu",
		    (unsigned long long)s->sequence, (unsigned long long)m->sequence);
	if (m->sequence > s->sequence && m->sequence - s->sequence > gap)
		return why_say(why, ERR_FAST_FORWARD,
		    "expected a sequence of at most %llu more than %llu, got %llu",
		    (unsigned long long)gap, (unsigned long long)s->sequence,
		    (unsigned long long)m->sequence);
	return ERR_OK;
}
