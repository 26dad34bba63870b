/*
 * subota-simulate: runs seeds of the simulator, each in a process of its own, and sums up.
 *
 *     subota-simulate [--seed FIRST] [--n SEEDS] [--and FIRST:SEEDS]... [--jobs N] [--out FILE]
 *         [--seconds S] [--table FILE] [--complete] [--keep-going] [--no-shrink] [--timeline]
 *
 * `--table` writes the sums for people (sim_table.h), `--complete` fails when a row of the state
 * tables was neither taken nor excused.
 *
 * A seed that violates an invariant is repeated without faults it does not need, until none can be
 * left out; what remains is printed, and the timeline of that run goes to FILE.SEED.timeline; of
 * the first three, or with `--no-shrink` each is only named. Exit status: 0, 1 after a violation,
 * 64 usage.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kit.h"
#include "sim_day.h"
#include "sim_fault.h"
#include "sim_run.h"
#include "sim_table.h"

enum { JOBS_MAX = 64, AGAIN_EVERY = 20, RANGES_MAX = 12 };

struct range {
	uint64_t first, n;
};

struct options {
	struct range ranges[RANGES_MAX]; /* the first is --seed and --n */
	unsigned n_ranges;
	unsigned jobs;
	double seconds; /* no seed is begun after that; 0 = any */
	const char *out, *table;
	bool timeline, keep_going, no_shrink, complete;
	struct sim_day day; /* hours: 0 = none */
};

/* --- one run in a child ----------------------------------------------------------------------- */

struct child {
	pid_t pid;
	int pipe;
	uint64_t seed;
	char *dir;
};

static char *
make_dir(void)
{
	char *dir = strdup("/dev/shm/subota-sim-XXXXXX");

	if (dir && mkdtemp(dir))
		return dir;
	free(dir);
	return kit_scratch();
}

static void
be_child(uint64_t seed, const char *dir, const bool *skip, const char *timeline, int fd)
{
	static struct sim_result r;

	alarm(120);
	setenv("TZ", "UTC", 1); /* maintenance windows are in local time */
	if (timeline && !freopen(timeline, "w", stderr))
		_exit(71);
	setvbuf(stderr, NULL, _IOLBF, 0);
	sim_run(seed, dir, skip, timeline != NULL, &r);
	if (timeline && skip)
		fprintf(stderr, "outcome %s\n", r.outcome);
	if (write(fd, &r, sizeof(r)) != (ssize_t)sizeof(r))
		_exit(71);
	_exit(0);
}

static void
start(struct child *c, uint64_t seed, const bool *skip, const char *timeline)
{
	int fds[2];

	*c = (struct child){.seed = seed, .dir = make_dir()};
	if (pipe(fds) != 0)
		abort();
	fflush(NULL);
	c->pid = fork();
	if (c->pid < 0)
		abort();
	if (c->pid == 0) {
		close(fds[0]);
		be_child(seed, c->dir, skip, timeline, fds[1]);
	}
	close(fds[1]);
	c->pipe = fds[0];
}

static void
finish(struct child *c, struct sim_result *r)
{
	size_t got = 0;
	int status = 0;

	*r = (struct sim_result){.seed = c->seed};
	for (ssize_t n;
	     got < sizeof(*r) && (n = read(c->pipe, (char *)r + got, sizeof(*r) - got)) > 0;
	     got += (size_t)n)
		;
	close(c->pipe);
	waitpid(c->pid, &status, 0);
	kit_scratch_remove(c->dir);
	if (got == sizeof(*r))
		return;
	*r = (struct sim_result){.seed = c->seed, .violated = -1, .n_faults = SIM_FAULTS_MAX};
	snprintf(r->violation, sizeof(r->violation), "the program ended with status 0x%x",
	    (unsigned)status);
}

static void
run_one(uint64_t seed, const bool *skip, const char *timeline, struct sim_result *r)
{
	struct child c;

	start(&c, seed, skip, timeline);
	finish(&c, r);
}

/* --- shrinking -------------------------------------------------------------------------------- */

static bool
still_fails(uint64_t seed, const bool *skip, int violated)
{
	static struct sim_result r;

	run_one(seed, skip, NULL, &r);
	return r.violated == violated;
}

/* Leave out runs of faults, long ones first, as long as it still fails. */
static void
shrink_once(uint64_t seed, int violated, unsigned n, bool skip[SIM_FAULTS_MAX])
{
	for (unsigned len = n; len > 0; len /= 2)
		for (unsigned at = 0; at < n; at += len) {
			bool trial[SIM_FAULTS_MAX];

			memcpy(trial, skip, sizeof(trial));
			for (unsigned i = at; i < at + len && i < n; i++)
				trial[i] = true;
			if (memcmp(trial, skip, sizeof(trial)) != 0 &&
			    still_fails(seed, trial, violated))
				memcpy(skip, trial, sizeof(trial));
		}
}

static void
shrink(uint64_t seed, int violated, unsigned n, bool skip[SIM_FAULTS_MAX])
{
	bool before[SIM_FAULTS_MAX];

	do {
		memcpy(before, skip, sizeof(before));
		shrink_once(seed, violated, n, skip);
	} while (memcmp(before, skip, sizeof(before)) != 0);
}

static void
print_faults(uint64_t seed, const bool *skip)
{
	struct child c = {.dir = make_dir()};

	fflush(NULL);
	c.pid = fork();
	if (c.pid == 0) {
		static struct sim_result r;

		sim_run(seed, c.dir, skip, false, &r);
		sim_fault_print(skip);
		_exit(0);
	}
	waitpid(c.pid, NULL, 0);
	kit_scratch_remove(c.dir);
}

static void
explain(const struct options *o, const struct sim_result *r)
{
	static struct sim_result last;
	bool skip[SIM_FAULTS_MAX] = {false};
	char file[300];

	fprintf(stderr, "seed %llu: invariant %d: %s\n", (unsigned long long)r->seed, r->violated,
	    r->violation);
	if (o->no_shrink)
		return;
	shrink(r->seed, r->violated, r->n_faults, skip);
	snprintf(file, sizeof(file), "%s.%llu.timeline", o->out, (unsigned long long)r->seed);
	run_one(r->seed, skip, file, &last);
	fprintf(stderr, "shrunk, it says: %s\nwith these faults (timeline in %s):\n",
	    last.violation, file);
	if (r->violated > 0)
		print_faults(r->seed, skip);
}

/* --- summing up ------------------------------------------------------------------------------- */

static void
add(struct sim_totals *t, const struct sim_result *r)
{
	struct sim_counts *to = &t->sum.counts;
	const struct sim_counts *from = &r->counts;

	if (!t->seeds++)
		t->first = r->seed;
	t->violations += r->violated != 0;
	t->lasted_ms += (uint64_t)r->lasted_ms;
	to->upgrades += from->upgrades;
	to->crashes += from->crashes;
	to->power_cuts += from->power_cuts;
	to->events += from->events;
	to->messages += from->messages;
	to->effects += from->effects;
	to->writes += from->writes;
	to->bytes_written += from->bytes_written;
	for (int i = 0; i < SIM_FAULT_KINDS; i++)
		to->faults[i] += from->faults[i];
	sim_cover_add(&t->sum.cover, &r->cover);
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The same seed gives the same run. */
static void
repeat(struct sim_result *r)
{
	static struct sim_result again;

	if (r->violated || r->seed % AGAIN_EVERY)
		return;
	run_one(r->seed, NULL, NULL, &again);
	if (again.digest == r->digest && strcmp(again.outcome, r->outcome) == 0)
		return;
	r->violated = 6;
	snprintf(r->violation, sizeof(r->violation),
	    "the same seed took another way: %.99s and %.99s", r->outcome, again.outcome);
}

static void
take(const struct options *o, struct sim_totals *t, struct child *c)
{
	static struct sim_result r;

	finish(c, &r);
	repeat(&r);
	add(t, &r);
	if (r.violated && (o->no_shrink || t->violations <= 3))
		explain(o, &r);
}

/* How many there are in all, and the one at a place. */
static uint64_t
count_seeds(const struct options *o)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < o->n_ranges; i++)
		n += o->ranges[i].n;
	return n;
}

static uint64_t
seed_at(const struct options *o, uint64_t at)
{
	const struct range *r = o->ranges;

	for (; at >= r->n; r++)
		at -= r->n;
	return r->first + at;
}

static void
run_all(const struct options *o, struct sim_totals *t)
{
	struct child children[JOBS_MAX];
	uint64_t started = 0, taken = 0, n = count_seeds(o);
	double begin = seconds();

	while (taken < n && (t->violations == 0 || o->keep_going) &&
	       !(o->seconds > 0 && seconds() - begin > o->seconds)) {
		for (; started < n && started - taken < o->jobs; started++)
			start(&children[started % o->jobs], seed_at(o, started), NULL, NULL);
		take(o, t, &children[taken++ % o->jobs]);
	}
	for (; taken < started; taken++) {
		static struct sim_result r;

		finish(&children[taken % o->jobs], &r);
		add(t, &r);
	}
	t->seconds = seconds() - begin;
}

/* --- the command line ------------------------------------------------------------------------- */

static int
usage(void)
{
	fprintf(stderr, "usage: subota-simulate [--seed FIRST] [--n SEEDS] [--and FIRST:SEEDS]..."
			" [--jobs N] [--seconds S] [--out FILE] [--table FILE] [--timeline]"
			" [--complete]"
			" [--keep-going] [--no-shrink]\n");
	return 64;
}

static bool
add_range(struct options *o, const char *text)
{
	char *end = NULL;
	struct range r = {.first = strtoull(text, &end, 10)};

	if (*end != ':' || o->n_ranges == RANGES_MAX)
		return false;
	r.n = strtoull(end + 1, &end, 10);
	o->ranges[o->n_ranges++] = r;
	return *end == 0;
}

static bool
take_option(struct options *o, int c, const char *argument)
{
	switch (c) {
	case 's':
		o->ranges[0].first = strtoull(argument, NULL, 10);
		return true;
	case 'n':
		o->ranges[0].n = strtoull(argument, NULL, 10);
		return true;
	case 'a':
		return add_range(o, argument);
	case 'j':
		o->jobs = (unsigned)strtoul(argument, NULL, 10);
		return true;
	case 'o':
		o->out = argument;
		return true;
	case 'S':
		o->seconds = strtod(argument, NULL);
		return true;
	case 'T':
		o->table = argument;
		return true;
	case 't':
		return o->timeline = true;
	case 'q':
		return o->no_shrink = true;
	case 'D':
		o->day.hours = (unsigned)strtoul(argument, NULL, 10);
		return true;
	case 'd':
		o->day.devices = (unsigned)strtoul(argument, NULL, 10);
		return o->day.devices >= 1 && o->day.devices <= SIM_DEVICES_MAX;
	case 'k':
		return o->keep_going = true;
	case 'c':
		return o->complete = true;
	default:
		return false;
	}
}

static bool
parse(struct options *o, int argc, char **argv)
{
	static const struct option names[] = {{"seed", required_argument, NULL, 's'},
	    {"n", required_argument, NULL, 'n'}, {"and", required_argument, NULL, 'a'},
	    {"jobs", required_argument, NULL, 'j'}, {"out", required_argument, NULL, 'o'},
	    {"table", required_argument, NULL, 'T'}, {"timeline", no_argument, NULL, 't'},
	    {"keep-going", no_argument, NULL, 'k'}, {"no-shrink", no_argument, NULL, 'q'},
	    {"complete", no_argument, NULL, 'c'}, {"seconds", required_argument, NULL, 'S'},
	    {"day", required_argument, NULL, 'D'}, {"devices", required_argument, NULL, 'd'},
	    {NULL, 0, NULL, 0}};

	*o = (struct options){.ranges = {{1, 1}},
	    .n_ranges = 1,
	    .jobs = 2,
	    .out = "build/simulate.json",
	    .day.devices = SIM_DEVICES_MAX};
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;)
		if (!take_option(o, c, optarg))
			return false;
	return optind == argc && o->jobs >= 1 && o->jobs <= JOBS_MAX;
}

int
main(int argc, char **argv)
{
	static struct sim_totals t;
	struct options o;

	if (!parse(&o, argc, argv))
		return usage();
	if (o.timeline && !o.day.hours) {
		static struct sim_result r;

		run_one(o.ranges[0].first, NULL, "/dev/stderr", &r);
		printf("seed %llu: %d %s\n", (unsigned long long)o.ranges[0].first, r.violated,
		    r.violation);
		return r.violated != 0;
	}
	if (o.day.hours)
		return sim_day_main(o.ranges[0].first, &o.day, o.timeline);
	run_all(&o, &t);
	sim_table_json(&t, o.out);
	if (o.table)
		sim_table_text(&t, o.table);
	struct sim_cover_sum rows = sim_cover_sum(&t.sum.cover);
	printf(
	    "%llu seeds, %llu upgrades, %llu crashes, %llu power cuts, %llu virtual hours, "
	    "%u of %u rows of the state tables (%u excused, %u never), %.1f s: %llu violations\n",
	    (unsigned long long)t.seeds, (unsigned long long)t.sum.counts.upgrades,
	    (unsigned long long)t.sum.counts.crashes, (unsigned long long)t.sum.counts.power_cuts,
	    (unsigned long long)t.lasted_ms / 3600000, rows.taken, rows.rows, rows.excused,
	    rows.never, t.seconds, (unsigned long long)t.violations);
	return t.violations != 0 || (o.complete && rows.never > 0);
}
