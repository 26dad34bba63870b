/*
 * dc_cli_add: commands that make the things the platform knows.
 */
#ifndef DC_CLI_ADD_H
#define DC_CLI_ADD_H

#include "dc_cli.h"

extern const struct dc_opt_row dc_cli_add_product_rows[], dc_cli_add_gateway_rows[],
    dc_cli_add_subdevice_rows[], dc_cli_add_account_rows[], dc_cli_add_init_rows[],
    dc_cli_add_key_rows[];

int dc_cli_add_init(struct dc_cli *c);
int dc_cli_add_product(struct dc_cli *c);
int dc_cli_add_gateway(struct dc_cli *c);
int dc_cli_add_subdevice(struct dc_cli *c);
int dc_cli_add_account(struct dc_cli *c);
int dc_cli_add_key(struct dc_cli *c);
/* device kick, device remove */
int dc_cli_add_kick(struct dc_cli *c);
int dc_cli_add_say(struct dc_cli *c);

#endif
