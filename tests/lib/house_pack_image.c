/*
 * house_pack_image: see house_pack_image.h. The image format is MCUboot's (docs/design.md,
 * image.h), written here without the reader's code.
 */
#include "house_pack_image.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x96f3b83du

enum {
	HEADER = 512, /* as Zephyr pads it */
	PROTECTED = 0x6908,
	PLAIN = 0x6907,
	TLV_COUNTER = 0x50,
	TLV_SHA256 = 0x10,
	AREA = 4 + 8, /* head, and one counter */
	TAIL = AREA + 4 + 4 + 32
};

static uint8_t *
put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)v;
	at[1] = (uint8_t)(v >> 8);
	return at + 2;
}

static uint8_t *
put32(uint8_t *at, uint32_t v)
{
	return put16(put16(at, v & 0xffff), v >> 16);
}

static void
put_header(uint8_t *at, const char *version, uint32_t size)
{
	unsigned part[3] = {0};

	sscanf(version, "%u.%u.%u", &part[0], &part[1], &part[2]);
	at = put32(at, MAGIC);
	at = put32(at, 0); /* load address */
	at = put16(at, HEADER);
	at = put16(at, AREA);
	at = put32(at, size);
	at = put32(at, 0); /* flags */
	*at++ = (uint8_t)part[0];
	*at++ = (uint8_t)part[1];
	at = put16(at, part[2]);
	put32(at, 0);
}

static void
put_body(uint8_t *at, const char *version, size_t size)
{
	uint8_t seed[randombytes_SEEDBYTES];

	crypto_generichash(
	    seed, sizeof(seed), (const uint8_t *)version, strlen(version), NULL, 0);
	randombytes_buf_deterministic(at, size, seed);
}

struct bundle_bytes
house_pack_image(const char *version, uint32_t counter, size_t size)
{
	struct bundle_bytes out = {.data = calloc(1, HEADER + size + TAIL)};

	if (!out.data)
		return out;
	put_header(out.data, version, (uint32_t)size);
	put_body(out.data + HEADER, version, size);
	uint8_t *at = out.data + HEADER + size;
	at = put16(put16(at, PROTECTED), AREA);
	at = put32(put16(put16(at, TLV_COUNTER), 4), counter);
	size_t hashed = (size_t)(at - out.data);
	at = put16(put16(at, PLAIN), 4 + 4 + crypto_hash_sha256_BYTES);
	at = put16(put16(at, TLV_SHA256), crypto_hash_sha256_BYTES);
	crypto_hash_sha256(at, out.data, hashed);
	out.len = (size_t)(at - out.data) + crypto_hash_sha256_BYTES;
	return out;
}

/* As zlib does it. */
static uint32_t
crc32_of(const uint8_t *data, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < 8 * len; i++) {
		if (i % 8 == 0)
			crc ^= data[i / 8];
		crc = crc >> 1 ^ (0xedb88320u & (0 - (crc & 1)));
	}
	return ~crc;
}

struct bundle_bytes
house_pack_stm32(const char *version, size_t size)
{
	enum { VERSION_AT = 0x100, LENGTH_AT = 0x120, BLANK_AT = 0x140, BLANK = 64 };
	struct bundle_bytes out = {.data = calloc(1, size), .len = size};

	if (!out.data)
		return out;
	put_body(out.data, version, size);
	put32(put32(out.data, 0x20005000), 0x08000151);
	memset(out.data + VERSION_AT, 0, LENGTH_AT - VERSION_AT);
	snprintf((char *)out.data + VERSION_AT, LENGTH_AT - VERSION_AT, "%s", version);
	put32(out.data + LENGTH_AT, (uint32_t)size);
	memset(out.data + BLANK_AT, 0xff, BLANK);
	put32(out.data + size - 4, crc32_of(out.data, size - 4));
	return out;
}
