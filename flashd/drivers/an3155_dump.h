/*
 * an3155_dump: what goes to or comes from the boot loader of an STM32, as JSON, for `subotactl
 * decode an3155`.
 */
#ifndef SUBOTA_AN3155_DUMP_H
#define SUBOTA_AN3155_DUMP_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* `data` is one direction of a line. To the boot loader: whole commands, one behind the other;
 * *out is {"commands":[{"name","address","bytes","pages",...}]}, with "partial":true for a last one
 * that breaks off after an acknowledged turn. From it: begins with ACK, NACK or BUSY; *out is
 * {"answers":["ack",...],"data":HEX}, data being what is behind them. One line on the heap, the
 * caller's to free. Refused: ERR_FRAME_SUM (a complement or checksum is wrong), ERR_TRUNCATED (in
 * mid-turn), ERR_UNSUPPORTED (a command that the driver does not know); ERR_NOMEM. */
enum err an3155_dump_json(const uint8_t *data, size_t len, char **out) MUST_CHECK;

#endif
