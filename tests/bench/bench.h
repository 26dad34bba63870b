/*
 * bench: figures, side by side: what was measured, in which unit, which way is better, the goal.
 *
 * A figure is a ratio, a share or a count, made from samples of one run of one machine, so that two
 * machines can be compared. Its value is the median, its spread largest minus smallest. It ends up
 * in build/bench.json and in a table. A goal that is missed is said, and is no error: exit status 1
 * is for figures that could not be taken.
 */
#ifndef SUBOTA_BENCH_H
#define SUBOTA_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_FIGURES = 256, BENCH_SAMPLES = 32, BENCH_NAME = 64 };

enum bench_better { BENCH_LOWER, BENCH_HIGHER };

struct bench_figure {
	char name[BENCH_NAME];
	const char *unit; /* static */
	enum bench_better better;
	double goal;
	bool has_goal;
	const char
	    *beside; /* static; what it is on the line of the figure before it, NULL: own line */
	unsigned n;
	double sample[BENCH_SAMPLES];
};

struct bench {
	bool quick;
	unsigned failures; /* figures that could not be taken */
	unsigned n;
	struct bench_figure figure[BENCH_FIGURES];
};

/* A figure without a goal is there to be looked at. The rows are kept in order. */
struct bench_figure *bench_add(
    struct bench *b, const char *name, const char *unit, enum bench_better better);
struct bench_figure *bench_goal(
    struct bench *b, const char *name, const char *unit, enum bench_better better, double goal);
/* A figure to be read with the one before it, such as a peer's: printed on the same line, with this
 * short name. */
struct bench_figure *bench_beside(
    struct bench *b, const char *name, const char *what, const char *unit);
/* A goal for such a figure; returns it. */
struct bench_figure *bench_want(struct bench_figure *f, enum bench_better better, double goal);
void bench_sample(struct bench_figure *f, double value);

/* Something could not be measured; says so on stderr. */
void bench_failed(struct bench *b, const char *what, const char *why);

/* Of the samples; 0 when there are none. */
double bench_median(const struct bench_figure *f);
double bench_spread(const struct bench_figure *f);
/* Whether the median reaches the goal; true without one. */
bool bench_reached(const struct bench_figure *f);

void bench_print(const struct bench *b);
/* `path` as DESIGN.md section 10 says. False with errno. Figures without samples are left out. */
bool bench_write(const struct bench *b, const char *path);

/* Seconds on the monotonic clock. */
double bench_now(void);

#endif
