/*
 * gauge: see gauge.h.
 */
#include "gauge.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "house_proc.h"

/* What may be added between two samples of one life without being growth: an allocator's arenas,
 * the pages of a database's cache, a descriptor of a log. */
enum { SLACK_KIB = 1024, SLACK_PERCENT = 10, SLACK_DESCRIPTORS = 2, ROWS_PRINTED = 24 };

static const enum house_part daemons[GAUGE_DAEMONS] = {HOUSE_FLASHD, HOUSE_FETCHD, HOUSE_CLOUDD};
static const char *const names[GAUGE_DAEMONS] = {"flashd", "fetchd", "cloudd"};

struct use {
	pid_t root;
	double memory_kib;
	unsigned descriptors;
};

/* Sessions and couriers come and go: not they are the question. Nor are pages of programs and
 * libraries: how many have them at the moment changes what each is charged. */
static void
add(void *arg, const struct house_proc *p)
{
	struct use *u = arg;
	bool stays = p->pid == u->root ||
		     (p->parent == u->root && strncmp(p->name, "subota-nursery", 14) == 0);

	if (!stays)
		return;
	u->memory_kib += house_proc_number(p->pid, "smaps_rollup", "Pss_Anon:", 0);
	u->descriptors += house_proc_descriptors(p->pid);
}

static uint64_t
bytes_below(const char *dir, int depth)
{
	AUTO(dir) DIR *d = opendir(dir);
	uint64_t sum = 0;
	char path[700];

	for (struct dirent *e; d && (e = readdir(d));) {
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_name[0] == '.' || lstat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < 4)
			sum += bytes_below(path, depth + 1);
		else if (S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_size;
	}
	return sum;
}

void
gauge_take(struct gauge *g, struct house *h, double at_s, unsigned plan)
{
	struct gauge_sample *s = &g->samples[g->n];
	char path[400];

	if (g->n == GAUGE_SAMPLES)
		return;
	g->n++;
	*s = (struct gauge_sample){.at_s = at_s, .plan = plan};
	for (int i = 0; i < GAUGE_DAEMONS; i++) {
		struct use u = {.root = h->process[daemons[i]].pid};

		if (u.root > 0)
			house_proc_each(add, &u);
		s->starts[i] = h->process[daemons[i]].starts;
		s->memory_kib[i] = u.memory_kib;
		s->descriptors[i] = u.descriptors;
	}
	snprintf(path, sizeof(path), "%s/state", h->dir);
	s->state_bytes = bytes_below(path, 0);
	snprintf(path, sizeof(path), "%s/store", h->dir);
	s->store_bytes = bytes_below(path, 0);
}

/* --- flat ------------------------------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of `n` samples from `first` on. */
static double
middle(const struct gauge *g, unsigned first, unsigned n, int daemon, bool memory)
{
	double *v = calloc(n ? n : 1, sizeof(*v)), result = 0;

	for (unsigned i = 0; v && i < n; i++)
		v[i] = memory ? g->samples[first + i].memory_kib[daemon]
			      : g->samples[first + i].descriptors[daemon];
	if (v && n) {
		qsort(v, n, sizeof(*v), compare);
		result = v[n / 2];
	}
	free(v);
	return result;
}

bool
gauge_is_flat(const struct gauge *g, unsigned first, char *why, size_t size)
{
	unsigned n = g->n > first ? g->n - first : 0, quarter = (n + 3) / 4;

	if (n < 2) {
		snprintf(why, size, "expected two samples without a death between them, got %u", n);
		return false;
	}
	for (int i = 0; i < GAUGE_DAEMONS; i++) {
		double kib = middle(g, first, quarter, i, true);
		double later = middle(g, g->n - quarter, quarter, i, true);
		double open = middle(g, first, quarter, i, false);
		double left = middle(g, g->n - quarter, quarter, i, false);

		snprintf(why, size,
		    "%s: expected memory that stays, got %.0f KiB and %.0f KiB later, %.0f and "
		    "%.0f descriptors",
		    names[i], kib, later, open, left);
		if (later > kib + SLACK_KIB + kib * SLACK_PERCENT / 100 ||
		    left > open + SLACK_DESCRIPTORS)
			return false;
	}
	why[0] = 0;
	return true;
}

/* --- what is left ----------------------------------------------------------------------------- */

void
gauge_print(const struct gauge *g)
{
	unsigned step = g->n / ROWS_PRINTED + 1;

	printf("%8s %5s | %23s | %23s | %9s %9s\n", "minute", "plan", "own KiB flash fetch cloud",
	    "descriptors", "state B", "store B");
	for (unsigned i = 0; i < g->n;
	     i += i + step < g->n || i + 1 == g->n ? step : g->n - 1 - i) {
		const struct gauge_sample *s = &g->samples[i];

		printf("%8.1f %5u | %9.0f %9.0f %8.0f | %7u %7u %7u | %9llu %9llu\n", s->at_s / 60,
		    s->plan, s->memory_kib[0], s->memory_kib[1], s->memory_kib[2],
		    s->descriptors[0], s->descriptors[1], s->descriptors[2],
		    (unsigned long long)s->state_bytes, (unsigned long long)s->store_bytes);
	}
}

void
gauge_write(const struct gauge *g, FILE *json)
{
	fprintf(json, "  \"daemons\": [\"flashd\", \"fetchd\", \"cloudd\"],\n  \"samples\": [");
	for (unsigned i = 0; i < g->n; i++) {
		const struct gauge_sample *s = &g->samples[i];

		fprintf(json,
		    "%s\n    {\"second\": %.0f, \"plan\": %u, \"starts\": [%u, %u, %u], "
		    "\"anonymous_kib\": [%.0f, %.0f, %.0f], \"descriptors\": [%u, %u, %u], "
		    "\"state_bytes\": %llu, \"store_bytes\": %llu}",
		    i ? "," : "", s->at_s, s->plan, s->starts[0], s->starts[1], s->starts[2],
		    s->memory_kib[0], s->memory_kib[1], s->memory_kib[2], s->descriptors[0],
		    s->descriptors[1], s->descriptors[2], (unsigned long long)s->state_bytes,
		    (unsigned long long)s->store_bytes);
	}
	fprintf(json, "\n  ]\n");
}
