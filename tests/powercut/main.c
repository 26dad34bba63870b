/*
 * subota-powercut: a long run of power cuts (lib/outage.h).
 *
 * usage: subota-powercut [--cuts N] [--seed N] [--out FILE] [--found DIR] [--table FILE]
 *
 * Ctrl-C or SIGTERM ends it soon, with what was seen until then in FILE; the next call with the
 * same numbers goes on from there, with a fresh house. With --table, a run that is complete is not
 * made again. Exit 0: complete; 1: something broke, the house is in DIR; 2: ended by a person; 64
 * and 71: not to be had here.
 *
 * May: start the project's programs in a scratch directory, mount a file in a namespace of its own.
 * Must never: leave a process or another file behind.
 */
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auto.h"
#include "log.h"
#include "report.h"

struct options {
	unsigned long cuts, seed;
	const char *out, *found, *table;
};

/* A run, and who shows it; found again from the outage inside. */
struct run {
	struct report report;
	const char *out;
	double begun, before; /* seconds of earlier sittings */
	bool unwritten;
};

/* They stay blocked, also in the programs that this one starts: they end by its will, not by the
 * terminal's. */
static void
hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static bool
is_stopped(void)
{
	sigset_t set;

	return sigpending(&set) == 0 &&
	       (sigismember(&set, SIGINT) == 1 || sigismember(&set, SIGTERM) == 1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
save(struct run *r)
{
	r->report.seconds = r->before + now() - r->begun;
	if (report_write(&r->report, r->out) != ERR_OK)
		r->unwritten = true;
}

static void
on_plan(struct outage *o)
{
	struct run *r = (struct run *)((char *)o - offsetof(struct run, report.o));

	save(r);
	printf("cut %u of %u, plan %u, upgrades %u, lost %u, %.0f min\n", o->cuts, o->wanted,
	    o->plans, o->upgrades, o->lost, r->report.seconds / 60);
	fflush(stdout);
}

static int
usage(void)
{
	fprintf(stderr, "usage: subota-powercut [--cuts N] [--seed N] [--out FILE] [--found DIR] "
			"[--table FILE]\n");
	return 64;
}

static bool
parse(struct options *o, int argc, char **argv)
{
	static const struct option words[] = {{"cuts", required_argument, NULL, 'c'},
	    {"seed", required_argument, NULL, 's'}, {"out", required_argument, NULL, 'o'},
	    {"found", required_argument, NULL, 'f'}, {"table", required_argument, NULL, 't'}, {0}};

	*o = (struct options){.cuts = 1000, .seed = 1, .out = "build/powercut.json"};
	for (int c; (c = getopt_long(argc, argv, "", words, NULL)) != -1;) {
		if (c == 'c')
			o->cuts = strtoul(optarg, NULL, 10);
		else if (c == 's')
			o->seed = strtoul(optarg, NULL, 10);
		else if (c == 'o')
			o->out = optarg;
		else if (c == 'f')
			o->found = optarg;
		else if (c == 't')
			o->table = optarg;
		else
			return false;
	}
	return optind == argc && o->cuts > 0 && o->cuts <= 1000000;
}

static int
end(struct run *r, const struct options *o)
{
	report_print(&r->report);
	if (r->unwritten) {
		fprintf(stderr, "%s could not be written\n", o->out);
		return 71;
	}
	if (r->report.o.why[0])
		return 1;
	if (!report_is_complete(&r->report)) {
		printf("ended by a person; the same command goes on\n");
		return 2;
	}
	return !o->table || report_table(&r->report, o->table) == ERR_OK ? 0 : 71;
}

int
main(int argc, char **argv)
{
	struct options o;

	if (!parse(&o, argc, argv))
		return usage();
	log_init("powercut", LOG_ERROR);
	signal(SIGPIPE, SIG_IGN);
	hold_signals();
	if (sodium_init() < 0)
		return 71;
	AUTO(mem) struct run *r = calloc(1, sizeof(*r));
	if (!r)
		return 71;
	r->out = o.out;
	r->report = (struct report){.seed = o.seed,
	    .o = {.random = outage_random(o.seed),
		.wanted = (unsigned)o.cuts,
		.found = o.found,
		.is_stopped = is_stopped,
		.on_plan = on_plan}};
	const struct report fresh = r->report;
	bool again = report_go_on(&r->report, o.out);

	if (again && report_is_complete(&r->report)) {
		if (o.table)
			return end(r, &o);
		r->report = fresh;
	} else if (again) {
		printf("going on after cut %u\n", r->report.o.cuts);
	}
	r->before = r->report.seconds;
	r->report.sittings++;
	r->begun = now();
	if (!outage_run(&r->report.o)) {
		fprintf(stderr, "a disk of its own needs root and loop devices\n");
		return 71;
	}
	save(r);
	return end(r, &o);
}
