/*
 * commands: the subcommands of subotactl, NAME_cmd_run in NAME_cmd.c. Each takes its own command
 * line (argv[0] is its name) and returns an exit status (ctl.h).
 */
#ifndef SUBOTA_COMMANDS_H
#define SUBOTA_COMMANDS_H

/* Of files and tables; no daemon is needed. */
int bundle_cmd_run(int argc, char **argv);
int config_cmd_run(int argc, char **argv);
int decode_cmd_run(int argc, char **argv);
int diff_cmd_run(int argc, char **argv);
int errors_cmd_run(int argc, char **argv);
int firewall_cmd_run(int argc, char **argv);
int fsm_cmd_run(int argc, char **argv);
int routes_cmd_run(int argc, char **argv);
int sandbox_cmd_run(int argc, char **argv);
int setup_cmd_run(int argc, char **argv);

/* Orders to running daemons: argv[0] is confirm, reject, cancel, check or forget. */
int act_cmd_run(int argc, char **argv);

/* Of running daemons. */
int audit_cmd_run(int argc, char **argv);
int devices_cmd_run(int argc, char **argv);
int doctor_cmd_run(int argc, char **argv);
int events_cmd_run(int argc, char **argv);
int metrics_cmd_run(int argc, char **argv);
int replay_cmd_run(int argc, char **argv);
int install_cmd_run(int argc, char **argv); /* and orders */
int watch_cmd_run(int argc, char **argv); /* and orders */
int plan_cmd_run(int argc, char **argv);
int rollout_cmd_run(int argc, char **argv); /* and two orders: pause, resume */
int status_cmd_run(int argc, char **argv);
int store_cmd_run(int argc, char **argv);
int tap_cmd_run(int argc, char **argv);
int top_cmd_run(int argc, char **argv);
int upgrades_cmd_run(int argc, char **argv);
int upgrades_cmd_one(int argc, char **argv); /* `upgrade N` */

#endif
