/*
 * sim_cover: see sim_cover.h. fsm_step is wrapped; the row is found by asking as it does.
 */
#include <assert.h>

#include "conversation.h"
#include "device.h"
#include "image.h"
#include "login.h"
#include "rollout.h"
#include "sim.h"
#include "sim_aim.h"
#include "sim_cover.h"
#include "sim_watch.h"
#include "upgrade.h"

enum err __wrap_fsm_step(const struct fsm_table *t, int *state, int event, void *ctx,
    const void *data, const struct subject *s);
enum err __real_fsm_step(const struct fsm_table *t, int *state, int event, void *ctx,
    const void *data, const struct subject *s);

static const struct fsm_table *const tables[SIM_TABLES] = {
    &conversation_table, &login_table, &image_table, &upgrade_table, &device_table, &rollout_table};

static int
table_of(const struct fsm_table *t)
{
	int i = 0;

	while (i < SIM_TABLES && tables[i]->rows != t->rows)
		i++;
	return i;
}

enum err
__wrap_fsm_step(const struct fsm_table *t, int *state, int event, void *ctx, const void *data,
    const struct subject *s)
{
	const struct fsm_row *row = fsm_find(t, *state, event, ctx, data);
	struct sim_cover *c = sim()->cover;
	int table = table_of(t);

	assert(t->n_rows <= SIM_ROWS_MAX && t->n_states * t->n_events <= SIM_PAIRS_MAX);
	sim_watch_step(t, event, ctx);
	if (c && table < SIM_TABLES && row)
		c->taken[table][row - t->rows]++;
	if (c && table < SIM_TABLES && !row)
		c->refused[table][*state * t->n_events + event]++;
	enum err e = __real_fsm_step(t, state, event, ctx, data, s);
	if (e == ERR_OK && sim()->aimed)
		sim_aim_on_step(table, *state, event, s);
	return e;
}

void
sim_cover_add(struct sim_cover *to, const struct sim_cover *from)
{
	for (int i = 0; i < SIM_TABLES; i++) {
		for (int k = 0; k < SIM_ROWS_MAX; k++)
			to->taken[i][k] += from->taken[i][k];
		for (int k = 0; k < SIM_PAIRS_MAX; k++)
			to->refused[i][k] += from->refused[i][k];
	}
}

static void
name_row(const struct fsm_table *t, int row, char out[SIM_ROW_TEXT])
{
	const struct fsm_row *r = &t->rows[row];

	bool stays = r->next == FSM_SAME;

	snprintf(out, SIM_ROW_TEXT, "%s %s%s%s%s%s",
	    r->state == FSM_ANY ? "any" : t->states[r->state], t->events[r->event],
	    stays ? "" : " to ", stays ? "" : t->states[r->next],
	    r->guard && r->note[0] ? ": " : "", r->guard ? r->note : "");
}

static const char *
excuse_of(const struct fsm_table *t, int row)
{
	char name[SIM_ROW_TEXT];

	name_row(t, row, name);
	return sim_excuse(t->name, name);
}

/* Can this event be refused in this state? */
static bool
is_refusable(const struct fsm_table *t, int state, int event)
{
	for (int i = 0; i < t->n_rows; i++) {
		const struct fsm_row *r = &t->rows[i];

		if (r->event == event && (r->state == state || r->state == FSM_ANY) && !r->guard)
			return false;
	}
	return true;
}

static struct sim_cover_sum
sum_table(const struct sim_cover *c, int table)
{
	const struct fsm_table *t = tables[table];
	struct sim_cover_sum s = {.rows = (unsigned)t->n_rows};

	for (int k = 0; k < t->n_rows; k++) {
		bool taken = c->taken[table][k] > 0, excused = excuse_of(t, k) != NULL;

		s.taken += taken;
		s.excused += !taken && excused;
		s.never += !taken && !excused;
	}
	for (int k = 0; k < t->n_states * t->n_events; k++) {
		s.pairs += is_refusable(t, k / t->n_events, k % t->n_events);
		s.met += c->refused[table][k] > 0;
	}
	return s;
}

struct sim_cover_sum
sim_cover_sum(const struct sim_cover *c)
{
	struct sim_cover_sum all = {0};

	for (int i = 0; i < SIM_TABLES; i++) {
		struct sim_cover_sum s = sum_table(c, i);

		all.rows += s.rows;
		all.taken += s.taken;
		all.excused += s.excused;
		all.never += s.never;
		all.pairs += s.pairs;
		all.met += s.met;
	}
	return all;
}

static void
print_never(const struct sim_cover *c, int table, FILE *f)
{
	const struct fsm_table *t = tables[table];
	const char *comma = "";
	char name[SIM_ROW_TEXT];

	for (int k = 0; k < t->n_rows; k++) {
		if (c->taken[table][k] || excuse_of(t, k))
			continue;
		name_row(t, k, name);
		fprintf(f, "%s\"%s\"", comma, name);
		comma = ", ";
	}
}

static void
print_refused(const struct sim_cover *c, int table, FILE *f)
{
	const struct fsm_table *t = tables[table];
	const char *comma = "";

	for (int k = 0; k < t->n_states * t->n_events; k++) {
		if (!c->refused[table][k])
			continue;
		fprintf(f, "%s\"%s %s\": %u", comma, t->states[k / t->n_events],
		    t->events[k % t->n_events], (unsigned)c->refused[table][k]);
		comma = ", ";
	}
}

void
sim_cover_print(const struct sim_cover *c, FILE *f)
{
	for (int i = 0; i < SIM_TABLES; i++) {
		struct sim_cover_sum s = sum_table(c, i);

		fprintf(f,
		    "%s\n    \"%s\": {\"rows\": %u, \"taken\": %u, \"excused\": %u, "
		    "\"never\": [",
		    i ? "," : "", tables[i]->name, s.rows, s.taken, s.excused);
		print_never(c, i, f);
		fprintf(f, "], \"refusable\": %u, \"refused\": {", s.pairs);
		print_refused(c, i, f);
		fprintf(f, "}}");
	}
}

/* --- for people ------------------------------------------------------------------------------- */

static void
list_excused(const struct sim_cover *c, int table, FILE *f)
{
	const struct fsm_table *t = tables[table];
	char name[SIM_ROW_TEXT];

	for (int k = 0; k < t->n_rows; k++) {
		const char *why = excuse_of(t, k);

		if (!why)
			continue;
		name_row(t, k, name);
		fprintf(f, "| %s | %s | %s%s |\n", t->name, name, why,
		    c->taken[table][k] ? " *(taken all the same)*" : "");
	}
}

static void
list_never(const struct sim_cover *c, int table, FILE *f)
{
	const struct fsm_table *t = tables[table];
	char name[SIM_ROW_TEXT];

	for (int k = 0; k < t->n_rows; k++) {
		if (c->taken[table][k] || excuse_of(t, k))
			continue;
		name_row(t, k, name);
		fprintf(f, "| %s | %s | *never taken* |\n", t->name, name);
	}
}

/* Events, by how often, that came in this state and were refused. */
static void
list_refused(const struct sim_cover *c, int table, int state, FILE *f)
{
	const struct fsm_table *t = tables[table];
	bool begun = false;

	for (int event = 0; event < t->n_events; event++) {
		uint32_t n = c->refused[table][state * t->n_events + event];

		if (!n)
			continue;
		if (!begun)
			fprintf(f, "| %s | %s | ", t->name, t->states[state]);
		fprintf(f, "%s%s %u", begun ? ", " : "", t->events[event], (unsigned)n);
		begun = true;
	}
	if (begun)
		fprintf(f, " |\n");
}

static void
text_refusals(const struct sim_cover *c, FILE *f)
{
	fprintf(f, "\n## Events refused\n\nAn event without a row is refused and changes nothing. "
		   "Of the pairs of a state and an event that\nmay be refused, those that came:\n\n"
		   "| table | pairs | came |\n|---|--:|--:|\n");
	for (int i = 0; i < SIM_TABLES; i++) {
		struct sim_cover_sum s = sum_table(c, i);

		fprintf(f, "| %s | %u | %u |\n", tables[i]->name, s.pairs, s.met);
	}
	fprintf(f, "\n| table | state | refused, and how often |\n|---|---|---|\n");
	for (int i = 0; i < SIM_TABLES; i++)
		for (int state = 0; state < tables[i]->n_states; state++)
			list_refused(c, i, state, f);
}

void
sim_cover_text(const struct sim_cover *c, FILE *f)
{
	fprintf(f, "\n## State tables\n\nA row that is never taken is a gap; one that no run can "
		   "take is excused, with the reason.\n\n"
		   "| table | rows | taken | excused | never |\n"
		   "|---|--:|--:|--:|--:|\n");
	for (int i = 0; i < SIM_TABLES; i++) {
		struct sim_cover_sum s = sum_table(c, i);

		fprintf(f, "| %s | %u | %u | %u | %u |\n", tables[i]->name, s.rows, s.taken,
		    s.excused, s.never);
	}
	fprintf(f, "\n| table | row | why not |\n|---|---|---|\n");
	for (int i = 0; i < SIM_TABLES; i++) {
		list_never(c, i, f);
		list_excused(c, i, f);
	}
	text_refusals(c, f);
}
