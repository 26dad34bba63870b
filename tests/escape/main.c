/*
 * subota-escape: the escape matrix. Runs a house as shipped, tries to break out of each of its
 * processes, and says what came of it.
 *
 * usage: subota-escape [--out FILE] [--table FILE] [--as-shipped] [--no-firewall]
 *
 * All of it happens in a network of its own, with the firewall by user in it unless there is no nft
 * or it is not wanted; the table says which.
 * --as-shipped: every layer is on in all of it, none is taken away in turn (a sixth of the time).
 *
 * May: trace the processes of its own house. Must never: leave a process or a file behind except
 * FILE. Needs root and x86-64. Exit status: 0 all as expected, 1 not, 71 it could not be run, 77
 * not on this machine.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"
#include "matrix.h"
#include "walled.h"

struct order {
	const char *out, *table;
	unsigned modes;
	bool no_firewall;
};

static int
tell(const struct matrix *m, const struct order *o)
{
	unsigned wrong = matrix_judge(m, stdout);

	if (o->out && !matrix_json(m, o->out))
		return 71;
	if (o->table) {
		AUTO(file) FILE *f = fopen(o->table, "we");

		if (!f)
			return 71;
		matrix_table(m, f);
	}
	printf("escape: %u attempts are not as expected\n", wrong);
	return wrong ? 1 : 0;
}

static int
run(const struct order *o)
{
	const struct house_options options = {
	    .hasty = true, .baud = 921600, .reset_ms = 100, .patience_s = 240};
	AUTO(mem) struct matrix *m = calloc(1, sizeof(*m));
	AUTO(house) struct house *h = NULL;
	bool alone = walled_enter();
	const struct matrix_order all = {
	    .modes = o->modes, .rows = MATRIX_ROWS, .walled = !o->no_firewall && walled_works()};

	if (!m || !alone || house_open(&options, &h) != ERR_OK || house_start_all(h) != ERR_OK ||
	    !matrix_run(m, h, &all)) {
		fprintf(stderr, "escape: %s\n",
		    h       ? house_why(h)
		    : alone ? "out of memory"
			    : "no network of its own");
		return 71;
	}
	return tell(m, o);
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {{"out", required_argument, NULL, 'o'},
	    {"table", required_argument, NULL, 't'}, {"as-shipped", no_argument, NULL, 's'},
	    {"no-firewall", no_argument, NULL, 'f'}, {0}};
	struct order o = {.modes = MATRIX_MODES};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		if (c == 'o')
			o.out = optarg;
		else if (c == 't')
			o.table = optarg;
		else if (c == 's')
			o.modes = 1;
		else if (c == 'f')
			o.no_firewall = true;
		else
			return 64;
	}
	log_init("escape", LOG_ERROR);
	signal(SIGPIPE, SIG_IGN);
	if (!inject_works() || geteuid() != 0) {
		printf("escape: not run: expected x86-64 and root\n");
		return 77;
	}
	return run(&o);
}
