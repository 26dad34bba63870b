/*
 * fsm: see fsm.h. Nothing here is specific to a table, so a mistake here would be in every machine;
 * hence the asserts: states and events out of range can only come from our own code, because what
 * is read from a record was checked when it was read.
 */
#include <assert.h>

#include "fsm.h"

const struct fsm_row *
fsm_find(const struct fsm_table *t, int state, int event, void *ctx, const void *event_data)
{
	assert(state >= 0 && state < t->n_states);
	assert(event >= 0 && event < t->n_events);
	for (int i = 0; i < t->n_rows; i++) {
		const struct fsm_row *row = &t->rows[i];

		if (row->event != event || (row->state != state && row->state != FSM_ANY))
			continue;
		if (!row->guard || row->guard(ctx, event_data))
			return row;
	}
	return NULL;
}

enum err
fsm_step(const struct fsm_table *t, int *state, int event, void *ctx, const void *event_data,
    const struct subject *s)
{
	const struct fsm_row *row = fsm_find(t, *state, event, ctx, event_data);

	if (!row) {
		log_info(s, "%s: expected an event that %s allows, got %s: refused", t->name,
		    t->states[*state], t->events[event]);
		return ERR_PHASE;
	}
	int before = *state, next = row->next == FSM_SAME ? before : row->next;

	assert(next >= 0 && next < t->n_states);
	log_write(next == before ? LOG_DEBUG : LOG_INFO, s, "%s: %s -> %s on %s", t->name,
	    t->states[before], t->states[next], t->events[event]);
	*state = next;
	if (row->action)
		row->action(ctx, event_data);
	return ERR_OK;
}
