/*
 * bench: see bench.h.
 */
#include "bench.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auto.h"

struct bench_figure *
bench_add(struct bench *b, const char *name, const char *unit, enum bench_better better)
{
	assert(b->n < BENCH_FIGURES);
	struct bench_figure *f = &b->figure[b->n++];

	*f = (struct bench_figure){.unit = unit, .better = better};
	snprintf(f->name, sizeof(f->name), "%s", name);
	return f;
}

struct bench_figure *
bench_goal(
    struct bench *b, const char *name, const char *unit, enum bench_better better, double goal)
{
	struct bench_figure *f = bench_add(b, name, unit, better);

	f->has_goal = true;
	f->goal = goal;
	return f;
}

struct bench_figure *
bench_beside(struct bench *b, const char *name, const char *what, const char *unit)
{
	struct bench_figure *f = bench_add(b, name, unit, BENCH_HIGHER);

	f->beside = what;
	return f;
}

struct bench_figure *
bench_want(struct bench_figure *f, enum bench_better better, double goal)
{
	f->better = better;
	f->has_goal = true;
	f->goal = goal;
	return f;
}

void
bench_sample(struct bench_figure *f, double value)
{
	if (f->n < BENCH_SAMPLES)
		f->sample[f->n++] = value;
}

void
bench_failed(struct bench *b, const char *what, const char *why)
{
	b->failures++;
	fprintf(stderr, "%s could not be measured: %s\n", what, why);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
sorted(const struct bench_figure *f, double out[BENCH_SAMPLES])
{
	memcpy(out, f->sample, f->n * sizeof(out[0]));
	qsort(out, f->n, sizeof(out[0]), compare);
}

double
bench_median(const struct bench_figure *f)
{
	double s[BENCH_SAMPLES];

	if (f->n == 0)
		return 0;
	sorted(f, s);
	return f->n % 2 ? s[f->n / 2] : (s[f->n / 2 - 1] + s[f->n / 2]) / 2;
}

double
bench_spread(const struct bench_figure *f)
{
	double s[BENCH_SAMPLES];

	if (f->n == 0)
		return 0;
	sorted(f, s);
	return s[f->n - 1] - s[0];
}

bool
bench_reached(const struct bench_figure *f)
{
	double value = bench_median(f);

	if (!f->has_goal)
		return true;
	return f->better == BENCH_LOWER ? value <= f->goal : value >= f->goal;
}

static const char *
goal_text(const struct bench_figure *f, char out[32])
{
	if (!f->has_goal)
		return "-";
	snprintf(out, 32, "%s %.4g", f->better == BENCH_LOWER ? "<=" : ">=", f->goal);
	return out;
}

void
bench_print(const struct bench *b)
{
	char goal[32];

	printf(
	    "\n%-44s %12s %-14s %-10s %3s %10s", "figure", "value", "unit", "goal", "n", "spread");
	for (unsigned i = 0; i < b->n; i++) {
		const struct bench_figure *f = &b->figure[i];

		if (f->n == 0)
			continue;
		if (f->beside) {
			printf("; %s %.4g%s", f->beside, bench_median(f),
			    bench_reached(f) ? "" : " (missed)");
			continue;
		}
		printf("\n%-44s %12.4g %-14s %-10s %3u %10.3g%s", f->name, bench_median(f), f->unit,
		    goal_text(f, goal), f->n, bench_spread(f), bench_reached(f) ? "" : "  missed");
	}
	printf("\n");
}

bool
bench_write(const struct bench *b, const char *path)
{
	AUTO(file) FILE *out = fopen(path, "we");
	const char *comma = "";

	if (!out)
		return false;
	fprintf(out, "[");
	for (unsigned i = 0; i < b->n; i++) {
		const struct bench_figure *f = &b->figure[i];

		if (f->n == 0)
			continue;
		fprintf(out,
		    "%s\n {\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\", \"better\": "
		    "\"%s\", "
		    "\"goal\": ",
		    comma, f->name, bench_median(f), f->unit,
		    f->better == BENCH_LOWER ? "lower" : "higher");
		if (f->has_goal)
			fprintf(out, "%.6g", f->goal);
		else
			fprintf(out, "null");
		fprintf(out, ", \"samples\": %u, \"spread\": %.6g}", f->n, bench_spread(f));
		comma = ",";
	}
	fprintf(out, "\n]\n");
	return ferror(out) == 0 && fflush(out) == 0;
}

double
bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
