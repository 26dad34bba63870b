/*
 * bench_modbus: Modbus RTU by file records and by registers: share of what one exchange after the
 * other allows; registers beside a client of libmodbus.
 */
#ifndef SUBOTA_BENCH_MODBUS_H
#define SUBOTA_BENCH_MODBUS_H

#include "bench.h"

void bench_modbus(struct bench *b);

#endif
