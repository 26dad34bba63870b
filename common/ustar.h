/*
 * ustar: the one header block a member of a bundle can have (POSIX ustar, mode 0644, owner and time
 * 0, no names of users). Made from name and size; to check a block is to read the two, make it
 * again and compare.
 */
#ifndef SUBOTA_USTAR_H
#define SUBOTA_USTAR_H

#include <stdint.h>

#include "err.h"

enum { USTAR_BLOCK = 512, USTAR_NAME_MAX = 99 };
#define USTAR_SIZE_MAX ((UINT64_C(1) << 33) - 1)

/* Name 1..99 characters of [a-z0-9.], size at most USTAR_SIZE_MAX, else ERR_INVALID. */
enum err ustar_format(const char *name, uint64_t size, uint8_t block[USTAR_BLOCK]) MUST_CHECK;

/* Read name and size of a block that is exactly what ustar_format makes; else ERR_FRAME. */
enum err ustar_parse(
    const uint8_t block[USTAR_BLOCK], char name[USTAR_NAME_MAX + 1], uint64_t *size) MUST_CHECK;

/* Bytes of padding behind a member of this size. */
unsigned ustar_padding(uint64_t size);

#endif
