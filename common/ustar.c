/*
 * ustar: see ustar.h. Offsets are those of POSIX.1-2017, pax, "ustar Interchange Format".
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "ustar.h"

enum {
	AT_MODE = 100,
	AT_UID = 108,
	AT_GID = 116,
	AT_SIZE = 124,
	AT_MTIME = 136,
	AT_SUM = 148,
	AT_TYPE = 156,
	AT_MAGIC = 257,
	AT_MAJOR = 329,
	AT_MINOR = 337,
	SIZE_DIGITS = 11,
};

static void
put_octal(uint8_t *at, unsigned digits, uint64_t value)
{
	for (unsigned i = digits; i-- > 0; value >>= 3)
		at[i] = (uint8_t)('0' + (value & 7));
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
}

enum err
ustar_format(const char *name, uint64_t size, uint8_t block[USTAR_BLOCK])
{
	size_t len = strlen(name);
	unsigned sum = 0;

	if (len == 0 || len > USTAR_NAME_MAX || size > USTAR_SIZE_MAX)
		return ERR_INVALID;
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(name[i]))
			return ERR_INVALID;
	memset(block, 0, USTAR_BLOCK);
	memcpy(block, name, len);
	put_octal(block + AT_MODE, 7, 0644);
	put_octal(block + AT_UID, 7, 0);
	put_octal(block + AT_GID, 7, 0);
	put_octal(block + AT_SIZE, SIZE_DIGITS, size);
	put_octal(block + AT_MTIME, 11, 0);
	memset(block + AT_SUM, ' ', 8);
	block[AT_TYPE] = '0';
	memcpy(block + AT_MAGIC,
	    "ustar\0"
	    "00",
	    8);
	put_octal(block + AT_MAJOR, 7, 0);
	put_octal(block + AT_MINOR, 7, 0);
	for (unsigned i = 0; i < USTAR_BLOCK; i++)
		sum += block[i];
	put_octal(block + AT_SUM, 6, sum);
	block[AT_SUM + 6] = 0;
	return ERR_OK;
}

enum err
ustar_parse(const uint8_t block[USTAR_BLOCK], char name[USTAR_NAME_MAX + 1], uint64_t *size)
{
	uint8_t again[USTAR_BLOCK];
	uint64_t value = 0;

	if (block[USTAR_NAME_MAX] != 0)
		return ERR_FRAME;
	memcpy(name, block, USTAR_NAME_MAX + 1);
	for (unsigned i = 0; i < SIZE_DIGITS; i++) {
		uint8_t c = block[AT_SIZE + i];

		if (c < '0' || c > '7')
			return ERR_FRAME;
		value = value << 3 | (uint64_t)(c - '0');
	}
	if (ustar_format(name, value, again) || memcmp(block, again, USTAR_BLOCK) != 0)
		return ERR_FRAME;
	*size = value;
	return ERR_OK;
}

unsigned
ustar_padding(uint64_t size)
{
	return (unsigned)(-size & (USTAR_BLOCK - 1));
}
