/*
 * dc_cli: the command line of subota-devcenter. `dc_cli_run` is all that main calls; the commands
 * stand in dc_cli_add.c (things), dc_cli_plan.c (packages and plans) and dc_cli_show.c.
 */
#ifndef DC_CLI_H
#define DC_CLI_H

#include "dc_db.h"
#include "dc_opt.h"

enum { DC_EXIT_OK = 0, DC_EXIT_FAILED = 1, DC_EXIT_TIMEOUT = 2, DC_EXIT_USAGE = 64 };

struct dc_cli {
	const char *dir;
	struct dc_db *db; /* NULL for init and serve */
	bool writing;     /* in a transaction, which dc_cli_order ends */
	struct dc_opt opt;
};

int dc_cli_run(int argc, char **argv);

/* "PK/DK" into two texts of DC_KEY_MAX + 1; says what is wrong. */
enum err dc_cli_device_name(const char *text, char *pk, char *dk) MUST_CHECK;
/* The row of a device "PK/DK"; 0 (and said) when there is none. */
int64_t dc_cli_find_device(struct dc_cli *c, const char *text);
/* Tell a running server about what was written ("plan", "fault", "clock", or "kick" with a device)
 * and wait until it has acted on it; nothing to do without one. Returns an exit status. */
int dc_cli_order(struct dc_cli *c, const char *what, int64_t device);
/* The platform's time, ms since 1970. */
int64_t dc_cli_now(struct dc_cli *c);

#endif
