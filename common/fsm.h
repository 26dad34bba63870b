/*
 * fsm: state machines as tables of rows {state, event, guard, action, next}.
 *
 * The first row whose state and event fit and whose guard (if any) says yes is taken; an event
 * without a row is refused (ERR_PHASE) and changes nothing. FSM_ANY as a row's state fits every
 * state; FSM_SAME as next keeps it. fsm_step is the only writer of a state. It logs `NAME: FETCHING
 * -> VERIFIED on FETCHED`, and calls the action after the new state is set; actions only queue
 * effects in `ctx`, so the caller can make the record durable before an effect leaves. A table fits
 * on a screen and is the specification: `subotactl fsm NAME` prints it.
 */
#ifndef SUBOTA_FSM_H
#define SUBOTA_FSM_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "log.h"

enum { FSM_ANY = -1, FSM_SAME = -2 };

struct fsm_row {
	int state;
	int event;
	bool (*guard)(void *ctx, const void *event_data);
	void (*action)(void *ctx, const void *event_data);
	int next;
	const char *note; /* one phrase for people: what the action does and why */
};

struct fsm_table {
	const char *name; /* "conversation", "image", "device" */
	const char *const *states;
	int n_states;
	const char *const *events;
	int n_events;
	const struct fsm_row *rows;
	int n_rows;
};

/* Take one step. *state is changed only on ERR_OK. ERR_PHASE: no row fits. */
enum err fsm_step(const struct fsm_table *t, int *state, int event, void *ctx,
    const void *event_data, const struct subject *s) MUST_CHECK;

/* The row that would be taken, NULL for none; pure but for the guard. */
const struct fsm_row *fsm_find(
    const struct fsm_table *t, int state, int event, void *ctx, const void *event_data);

#endif
