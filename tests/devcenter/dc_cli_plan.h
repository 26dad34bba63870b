/*
 * dc_cli_plan: commands about packages and plans, and the platform's clock.
 */
#ifndef DC_CLI_PLAN_H
#define DC_CLI_PLAN_H

#include "dc_cli.h"

extern const struct dc_opt_row dc_cli_plan_package_rows[], dc_cli_plan_add_rows[],
    dc_cli_plan_verify_rows[], dc_cli_plan_clock_rows[],
    dc_cli_plan_confirm_rows[], dc_cli_plan_edit_rows[];

int dc_cli_plan_package(struct dc_cli *c);
int dc_cli_plan_add(struct dc_cli *c);
int dc_cli_plan_edit(struct dc_cli *c);
int dc_cli_plan_retry(struct dc_cli *c);
int dc_cli_plan_activate(struct dc_cli *c);
int dc_cli_plan_suspend(struct dc_cli *c);
int dc_cli_plan_terminate(struct dc_cli *c);
int dc_cli_plan_delete(struct dc_cli *c);
int dc_cli_plan_verify(struct dc_cli *c);
int dc_cli_plan_confirm(struct dc_cli *c);
int dc_cli_plan_clock(struct dc_cli *c);

#endif
