/*
 * modbus_sum: see modbus_sum.h. Bit by bit: an image is small beside the line it goes over.
 */
#include "modbus_sum.h"

enum { STEP = 1024 };

/* These sums shift to the right, so their polynomial is written in reverse. */
static uint32_t
reversed(uint32_t crc, uint8_t byte, uint32_t polynomial)
{
	crc ^= byte;
	for (int bit = 0; bit < 8; bit++)
		crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
	return crc;
}

static uint16_t
forward(uint16_t crc, uint8_t byte)
{
	unsigned v = crc ^ (unsigned)byte << 8;

	for (int bit = 0; bit < 8; bit++)
		v = v & 0x8000 ? v << 1 ^ 0x1021 : v << 1;
	return (uint16_t)v;
}

enum err
modbus_sum_image(const struct driver_image *image, struct modbus_sum *out)
{
	uint32_t crc32 = UINT32_MAX, crc16 = 0xffff;
	uint16_t ccitt = 0xffff;
	uint8_t data[STEP];

	for (uint64_t at = 0; at < image->size;) {
		size_t n = image->size - at < STEP ? (size_t)(image->size - at) : STEP;
		enum err e = image->read(image->arg, at, data, n);

		if (e)
			return e;
		for (size_t i = 0; i < n; i++) {
			crc32 = reversed(crc32, data[i], 0xedb88320);
			crc16 = reversed(crc16, data[i], 0xa001);
			ccitt = forward(ccitt, data[i]);
		}
		at += n;
	}
	*out = (struct modbus_sum){~crc32, (uint16_t)crc16, ccitt};
	return ERR_OK;
}
