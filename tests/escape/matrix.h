/*
 * matrix: every attempt by every process, in the jail as shipped, without each layer in turn,
 * without all of them, and by a process of root without jail (the control).
 */
#ifndef SUBOTA_ESCAPE_MATRIX_H
#define SUBOTA_ESCAPE_MATRIX_H

#include <stdio.h>

#include "victim.h"

/* Jails, as words of sandbox.h; users and capabilities are dropped in each. */
enum { MATRIX_MODES = 6, MATRIX_ROWS = 64 };

struct matrix_cell {
	bool tried;
	struct attempt_result by_mode[MATRIX_MODES];
};

struct matrix {
	int abi;        /* of this kernel's Landlock */
	bool walled;    /* with the firewall by user */
	unsigned modes; /* how many of them were run: 1 (as shipped) or all */
	struct attempt_result control[MATRIX_ROWS];
	struct matrix_cell cells[MATRIX_ROWS][VICTIMS];
};

/* "require", "no-calls", ... */
const char *matrix_mode(size_t i);

struct matrix_order {
	unsigned modes; /* the first so many */
	unsigned rows;  /* so many attempts, chosen by `seed`, 0: all */
	uint64_t seed;
	bool walled; /* load the firewall: the caller is in a network of his own (walled.h) */
};

/* False, with a line on stderr, when something could not be started. */
bool matrix_run(struct matrix *m, struct house *h, const struct matrix_order *o) MUST_CHECK;

/* What is not as the table of attempts says: a line for each on `out`; returns how many. */
unsigned matrix_judge(const struct matrix *m, FILE *out);
/* [{process, attempt, expected, observed, control, without: {..}}] */
bool matrix_json(const struct matrix *m, const char *path);
/* A table in Markdown. */
void matrix_table(const struct matrix *m, FILE *out);

#endif
