/*
 * dc_digest: copy a package into the store and learn its size and checksums on the way.
 */
#ifndef DC_DIGEST_H
#define DC_DIGEST_H

#include <stdint.h>

#include "err.h"

/* Largest package the platform takes. */
enum { DC_DIGEST_MAX = 100 << 20 };

struct dc_digest {
	int64_t size;
	char md5[33], sha256[65];
	char crc[9]; /* CRC-32 as in zlib, hex without leading zeros */
};

/* Copy `from` to the new file `to` (which does not stay behind on failure). ERR_LIMIT over 100 MiB,
 * ERR_INVALID for an empty file. */
enum err dc_digest_copy(const char *from, const char *to, struct dc_digest *out) MUST_CHECK;

/* CRC-32 continued; start with 0. */
uint32_t dc_digest_crc(uint32_t crc, const uint8_t *data, uint64_t len);

#endif
