/*
 * sim_cover: which rows of which state tables were taken, and which events were refused in which
 * state. Rows that no run can take are excused, with the reason, in sim_excuse.c. An event that
 * never came where it would be refused is no gap by itself (a refusal changes nothing, fsm.h): it
 * is seen which of them the world can bring about.
 */
#ifndef SUBOTA_SIM_COVER_H
#define SUBOTA_SIM_COVER_H

#include <stdint.h>
#include <stdio.h>

#include "fsm.h"

enum sim_table {
	SIM_CONVERSATION,
	SIM_LOGIN,
	SIM_IMAGE,
	SIM_UPGRADE,
	SIM_DEVICE,
	SIM_ROLLOUT,
	SIM_TABLES
};
enum { SIM_ROWS_MAX = 160, SIM_PAIRS_MAX = 400, SIM_ROW_TEXT = 160 };

struct sim_cover {
	uint32_t taken[SIM_TABLES][SIM_ROWS_MAX];
	uint32_t refused[SIM_TABLES][SIM_PAIRS_MAX]; /* state by state, each with all events */
};

/* `never`: neither taken nor excused. `pairs` of a state and an event may be refused, `met` were.
 */
struct sim_cover_sum {
	unsigned rows, taken, excused, never, pairs, met;
};

void sim_cover_add(struct sim_cover *to, const struct sim_cover *from);
struct sim_cover_sum sim_cover_sum(const struct sim_cover *c);
/* As members of a JSON object; as Markdown. */
void sim_cover_print(const struct sim_cover *c, FILE *f);
void sim_cover_text(const struct sim_cover *c, FILE *f);

/* Why a row of the table `table`, called `row` ("STATE EVENT to NEXT", and ": note" if it has a
 * guard), need not be taken; NULL = it has to be. sim_excuse.c. */
const char *sim_excuse(const char *table, const char *row);

#endif
