/*
 * copy: a file is copied slice by slice, so that its process does other things meanwhile. Whatever
 * goes wrong is told as what it was: the disk, or the file.
 */
#ifndef SUBOTA_COPY_H
#define SUBOTA_COPY_H

#include <stdint.h>

#include "err.h"
#include "why.h"

struct copy {
	int in, out;
	const char *name; /* of the file that is copied, for the sentence */
	uint64_t size;    /* it has, and the copy will have */
};

/* Copy what comes behind the first *done bytes, and add its length. ERR_AGAIN: there is more;
 * ERR_OK: all is copied and durable, but for the copy's name. ERR_SIZE: the file is shorter by now;
 * those of copy_fail; ERR_NOMEM. */
enum err copy_slice(const struct copy *c, uint64_t *done, char why[WHY_SIZE]) MUST_CHECK;

/* The error of errno, and the sentence "expected to WHAT NAME, got ...": ERR_FULL, ERR_NOT_FOUND,
 * ERR_DENIED (also a link or a socket), else ERR_SYSTEM. */
enum err copy_fail(const char *what, const char *name, char why[WHY_SIZE]) MUST_CHECK;

#endif
