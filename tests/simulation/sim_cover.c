/*
 * sim_cover: see sim_cover.h. fsm_step is wrapped; the row is found by asking as it does.
 */
#include "sim_cover.h"
#include "conversation.h"
#include "device.h"
#include "image.h"
#include "login.h"
#include "rollout.h"
#include "sim.h"
#include "upgrade.h"

enum err __wrap_fsm_step(const struct fsm_table *t, int *state, int event, void *ctx,
    const void *data, const struct subject *s);
enum err __real_fsm_step(const struct fsm_table *t, int *state, int event, void *ctx,
    const void *data, const struct subject *s);

static const struct fsm_table *const tables[SIM_TABLES] = {
    &conversation_table, &login_table, &image_table, &upgrade_table, &device_table,
    &rollout_table};

enum err
__wrap_fsm_step(const struct fsm_table *t, int *state, int event, void *ctx, const void *data,
    const struct subject *s)
{
	const struct fsm_row *row = fsm_find(t, *state, event, ctx, data);
	struct sim_cover *c = sim()->cover;

	for (int i = 0; c && i < SIM_TABLES; i++) {
		if (tables[i]->rows != t->rows)
			continue;
		if (row && row - t->rows < SIM_ROWS_MAX)
			c->taken[i][row - t->rows]++;
		c->refused[i] += !row;
	}
	return __real_fsm_step(t, state, event, ctx, data, s);
}

void
sim_cover_add(struct sim_cover *to, const struct sim_cover *from)
{
	for (int i = 0; i < SIM_TABLES; i++) {
		for (int k = 0; k < SIM_ROWS_MAX; k++)
			to->taken[i][k] += from->taken[i][k];
		to->refused[i] += from->refused[i];
	}
}

void
sim_cover_sum(const struct sim_cover *c, unsigned *rows, unsigned *taken)
{
	*rows = *taken = 0;
	for (int i = 0; i < SIM_TABLES; i++)
		for (int k = 0; k < tables[i]->n_rows; k++) {
			++*rows;
			*taken += c->taken[i][k] > 0;
		}
}

void
sim_cover_print(const struct sim_cover *c, FILE *f)
{
	for (int i = 0; i < SIM_TABLES; i++) {
		const struct fsm_table *t = tables[i];
		unsigned taken = 0;
		const char *comma = "";

		for (int k = 0; k < t->n_rows; k++)
			taken += c->taken[i][k] > 0;
		fprintf(f,
		    "%s\n    \"%s\": {\"rows\": %d, \"taken\": %u, \"refusals\": %u, "
		    "\"never\": [",
		    i ? "," : "", t->name, t->n_rows, taken, (unsigned)c->refused[i]);
		for (int k = 0; k < t->n_rows; k++) {
			const struct fsm_row *r = &t->rows[k];

			if (c->taken[i][k])
				continue;
			fprintf(f, "%s\"%s %s%s%s\"", comma,
			    r->state == FSM_ANY ? "any" : t->states[r->state], t->events[r->event],
			    r->guard ? ": " : "", r->guard ? r->note : "");
			comma = ", ";
		}
		fprintf(f, "]}");
	}
}
