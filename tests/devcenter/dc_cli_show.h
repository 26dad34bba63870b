/*
 * dc_cli_show: commands that look, wait and order faults.
 */
#ifndef DC_CLI_SHOW_H
#define DC_CLI_SHOW_H

#include "dc_cli.h"

extern const struct dc_opt_row dc_cli_show_status_rows[], dc_cli_show_wait_rows[],
    dc_cli_show_rows[], dc_cli_show_fault_rows[], dc_cli_show_log_rows[];

int dc_cli_show_status(struct dc_cli *c);
int dc_cli_show_log(struct dc_cli *c);
int dc_cli_show_wait(struct dc_cli *c);
int dc_cli_show_fault_set(struct dc_cli *c);
int dc_cli_show_fault_seed(struct dc_cli *c);
int dc_cli_show_fault_clear(struct dc_cli *c);
int dc_cli_show_fault_list(struct dc_cli *c);

#endif
