/*
 * sim_cover: which rows of which state tables were taken, and how often an event was refused.
 */
#ifndef SUBOTA_SIM_COVER_H
#define SUBOTA_SIM_COVER_H

#include <stdint.h>
#include <stdio.h>

enum { SIM_TABLES = 6, SIM_ROWS_MAX = 128 };

struct sim_cover {
	uint32_t taken[SIM_TABLES][SIM_ROWS_MAX];
	uint32_t refused[SIM_TABLES];
};

void sim_cover_add(struct sim_cover *to, const struct sim_cover *from);
/* As members of a JSON object; and the sum of rows and of those that were taken. */
void sim_cover_print(const struct sim_cover *c, FILE *f);
void sim_cover_sum(const struct sim_cover *c, unsigned *rows, unsigned *taken);

#endif
