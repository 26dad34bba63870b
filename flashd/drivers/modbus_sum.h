/*
 * modbus_sum: the sums of an image that devices compare: CRC-32 (IEEE), CRC-16 as Modbus has it,
 * CRC-16 with polynomial 0x1021 from 0xFFFF.
 */
#ifndef SUBOTA_MODBUS_SUM_H
#define SUBOTA_MODBUS_SUM_H

#include "driver.h"

struct modbus_sum {
	uint32_t crc32;
	uint16_t crc16, ccitt;
};

/* Reads the whole image. Errors of its reader. */
enum err modbus_sum_image(const struct driver_image *image, struct modbus_sum *out) MUST_CHECK;

#endif
