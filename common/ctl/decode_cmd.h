/*
 * decode_cmd: `subotactl decode`: what a frame says, or why it is refused.
 */
#ifndef SUBOTA_DECODE_CMD_H
#define SUBOTA_DECODE_CMD_H

int decode_cmd_run(int argc, char **argv);

#endif
