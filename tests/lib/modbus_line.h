/*
 * modbus_line: one line with Modbus devices (modbus_dev.h) at it, kept alive by a thread: a
 * pseudo-terminal behind a symbolic link, or a TCP port.
 */
#ifndef SUBOTA_TESTS_MODBUS_LINE_H
#define SUBOTA_TESTS_MODBUS_LINE_H

#include <sys/types.h>

#include "modbus_dev.h"

enum { MODBUS_LINE_UNITS = 4 };

struct modbus_line;

/* Units 17, 18, ...; `path` NULL: TCP on 127.0.0.1. */
struct modbus_line *modbus_line_start(const char *path, uid_t uid, unsigned units);
void modbus_line_stop(struct modbus_line *l);
unsigned modbus_line_port(const struct modbus_line *l);

/* A device, for the caller alone until it is given back. */
struct modbus_dev *modbus_line_take(struct modbus_line *l, unsigned unit);
void modbus_line_give(struct modbus_line *l);

/* How long a request takes to be worked on. */
void modbus_line_slow(struct modbus_line *l, unsigned us);
/* Wait until the device has taken so many pieces; false after 20 s. */
bool modbus_line_until_written(struct modbus_line *l, unsigned unit, unsigned pieces);
/* Requests that reached the line while another was being answered: there must be none. */
unsigned modbus_line_collisions(const struct modbus_line *l);

#endif
