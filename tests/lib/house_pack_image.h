/*
 * house_pack_image: MCUboot images for tests.
 */
#ifndef SUBOTA_TESTS_HOUSE_PACK_IMAGE_H
#define SUBOTA_TESTS_HOUSE_PACK_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "bundle.h"

/* An unsigned MCUboot image (header, body, protected counter, SHA-256) of version "1.2.3". The body
 * depends on version and size only. Heap; data NULL when there is no memory. */
struct bundle_bytes house_pack_image(const char *version, uint32_t counter, size_t size);

/* An application of the virtual STM32 (subdevices/sub_chip.h): vector table, version, CRC; `size`
 * bytes in all, at least 400. The body depends on the version only. */
struct bundle_bytes house_pack_stm32(const char *version, size_t size);

#endif
