/*
 * dc_chaos: misbehaviour by kind of message, with chances from a seed. dc_fault's faults strike by
 * count; these are aimed: "lose@0113" loses addresses of packages, "delay@up" makes the platform
 * hear everything late.
 *
 * A kind is a command (four hex digits), "down" (all to devices) or "up" (all from devices). The
 * chances are drawn from one generator, so the same seed and the same messages give the same
 * misbehaviour. Pure: what is drawn is carried out by dc_late and dc_platform.
 */
#ifndef DC_CHAOS_H
#define DC_CHAOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* clang-format off */
/*      symbol    name        what VALUE means */
#define DC_CHAOS_LIST(X) \
	X(LOSE,    "lose",     "1: it never arrives") \
	X(REPEAT,  "repeat",   "so many more copies of it") \
	X(DELAY,   "delay",    "so many ms late by the platform's clock; others overtake it") \
	X(REORDER, "reorder",  "1: after the next one (or the next tick)") \
	X(CUT,     "cut",      "1: the connection ends instead") \
	X(GARBLE,  "garble",   "1: its sum is wrong") \
	X(LIE,     "lie",      "1: one byte of its values is another, the sum right") \
	X(REJECT,  "reject",   "this code (104xx) in answer; up only") \
	X(SLOW,    "slow",     "it and all after it wait so many ms; down only")
/* clang-format on */

enum dc_chaos_what {
#define X(symbol, name, text) DC_CHAOS_##symbol,
	DC_CHAOS_LIST(X)
#undef X
	    DC_CHAOS_COUNT
};

enum { DC_CHAOS_DOWN = 1, DC_CHAOS_UP = 2, DC_CHAOS_RULES = 32 };

struct dc_chaos {
	uint64_t state; /* of the generator */
	int64_t seed;
	struct dc_chaos_rule {
		bool used, named; /* named: in the list that is being taken over */
		enum dc_chaos_what what;
		unsigned kind; /* a command, DC_CHAOS_DOWN or DC_CHAOS_UP */
		int64_t value, left, percent, rev;
	} rule[DC_CHAOS_RULES];
};

/* What happens to one message; zero: nothing. */
struct dc_chaos_verdict {
	bool lose, reorder, cut, garble, lie;
	int64_t copies, delay_ms, reject, slow_ms;
};

const char *dc_chaos_name(enum dc_chaos_what what);
const char *dc_chaos_text(enum dc_chaos_what what);
/* "lose@0113"; false for anything else. */
bool dc_chaos_parse(const char *text, enum dc_chaos_what *what, unsigned *kind);

/* The generator begins anew, unless the seed is the one we have. */
void dc_chaos_seed(struct dc_chaos *c, int64_t seed);
uint64_t dc_chaos_random(struct dc_chaos *c);

/* Take a list over: begin, set each (false: no room), end forgets the others. `times` 0: always; a
 * rule whose `rev` we have goes on with what is left of it. */
void dc_chaos_begin(struct dc_chaos *c);
bool dc_chaos_set(struct dc_chaos *c, enum dc_chaos_what what, unsigned kind, int64_t value,
    int64_t times, int64_t percent, int64_t rev);
void dc_chaos_end(struct dc_chaos *c);

/* Draw for one message; uses times up. */
struct dc_chaos_verdict dc_chaos_draw(struct dc_chaos *c, unsigned cmd, bool up);
/* Another byte somewhere. */
void dc_chaos_lie(struct dc_chaos *c, uint8_t *data, size_t len);

#endif
