/*
 * bundle_cmd: `subotactl bundle`: keys, root documents and signed packages, on the publisher's own
 * machine. One file per command; bundle_cmd.c has the table and keygen.
 */
#ifndef SUBOTA_BUNDLE_CMD_H
#define SUBOTA_BUNDLE_CMD_H

int bundle_cmd_root_run(int argc, char **argv);
int bundle_cmd_make_run(int argc, char **argv);
int bundle_cmd_make_wrap(int argc, char **argv);
int bundle_cmd_sign_run(int argc, char **argv);
int bundle_cmd_show_run(int argc, char **argv);
int bundle_cmd_verify_run(int argc, char **argv);

#endif
