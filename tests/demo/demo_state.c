/*
 * demo_state: see demo_state.h. Who is furthest to the right and speaks of this upgrade is
 * believed.
 */
#include "demo_state.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *word;
} phases[] = {
#define X(symbol, word, text) {word},
    DEMO_PHASES(X)
#undef X
};

struct row {
	const char *state;
	enum demo_phase phase;
};

/* clang-format off */
static const struct row devices[] = {
	{"FLASHING",  DEMO_FLASHING},
	{"STAGED",    DEMO_STAGED},
	{"TESTING",   DEMO_TESTING},
	{"CONFIRMED", DEMO_CONFIRMED},
	{"DONE",      DEMO_DONE},
	{"REVERTED",  DEMO_REVERTED},
	{"FAILED",    DEMO_FAILED},
	{"REFUSED",   DEMO_REFUSED},
	{NULL, 0},
};

static const struct row images[] = {
	{"QUEUED",    DEMO_FETCHING},
	{"FETCHING",  DEMO_FETCHING},
	{"FETCHED",   DEMO_VERIFYING},
	{"VERIFYING", DEMO_VERIFYING},
	{"READY",     DEMO_WAITING},
	{"FAILED",    DEMO_REFUSED},
	{NULL, 0},
};
/* clang-format on */

const char *
demo_phase_word(enum demo_phase p)
{
	return phases[p].word;
}

bool
demo_phase_is_end(enum demo_phase p)
{
	return p >= DEMO_DONE;
}

static bool
find(const struct row *rows, const char *state, enum demo_phase *out)
{
	for (size_t i = 0; rows[i].state; i++) {
		if (strcmp(rows[i].state, state) != 0)
			continue;
		*out = rows[i].phase;
		return true;
	}
	return false;
}

enum demo_phase
demo_state_phase(const struct demo_words *w)
{
	enum demo_phase p = DEMO_IDLE;

	if (find(devices, w->device, &p))
		return p == DEMO_FLASHING && !w->working ? DEMO_WAITING : p;
	if (strcmp(w->gate, "ENDED") == 0 && strcmp(w->gate_error, "OK") != 0)
		return DEMO_REFUSED;
	if (w->gate[0] && find(images, w->image, &p))
		return p;
	if (w->device[0] || (w->conversation[0] && strcmp(w->conversation, "IDLE") != 0))
		return DEMO_OFFERED;
	return DEMO_IDLE;
}

void
demo_state_enter(struct demo_device *d, enum demo_phase p, struct mono now)
{
	if (p == d->phase)
		return;
	if (d->phase == DEMO_IDLE)
		d->begun = now;
	else
		d->phase_ms[d->phase] += (uint64_t)mono_between(d->since, now);
	d->phase = p;
	d->since = now;
	d->done = d->total = d->rate = 0;
}
