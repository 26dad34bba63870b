/*
 * ctl: the table of subcommands of subotactl. A subcommand is a file NAME_cmd.c with NAME_cmd_run
 * and one row in ctl.c. Results go to stdout, complaints to stderr.
 */
#ifndef SUBOTA_CTL_H
#define SUBOTA_CTL_H

#include "err.h"

/* Exit statuses, those of sysexits.h. */
enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1, /* the answer is no */
	CTL_USAGE = 64,
	CTL_DATA = 65, /* input was refused */
	CTL_AWAY = 69, /* a daemon does not answer */
	CTL_SYSTEM = 71,
	CTL_DENIED = 77,
};

struct ctl_command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name */
	const char *help;                  /* one line */
};

/* Find argv[1] in a table that ends with name NULL, and run it with the rest; `prefix` is what a
 * person typed so far. --help and a wrong name list the table. */
int ctl_dispatch(const char *prefix, const struct ctl_command *table, int argc, char **argv);

int ctl_run(int argc, char **argv);

/* "PREFIX: TEXT: WHY" to stderr (why may be empty); returns the exit status for the error. */
int ctl_complain(const char *prefix, enum err e, const char *why);

#endif
