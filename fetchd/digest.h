/*
 * digest: SHA-256 of many bytes that come in pieces, and whether two readings of a file gave the
 * same bytes.
 *
 * The second question is answered by a MAC (GMAC) of each reading under a secret key of this
 * object: whoever can write to the file learns nothing about the key, and a difference is missed
 * with a chance of 2^-100 for 100 MB. It is several times faster than SHA-256 even where the
 * processor helps that one.
 */
#ifndef SUBOTA_DIGEST_H
#define SUBOTA_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "auto.h"
#include "err.h"

enum { DIGEST_LEN = 32 };
enum digest_reading { DIGEST_FIRST, DIGEST_AGAIN, DIGEST_READINGS };

struct digest;

/* Both readings are empty. Caller frees. ERR_NOMEM. */
enum err digest_new(struct digest **out) MUST_CHECK;
void digest_free(struct digest *d);
AUTO_DEFINE(digest, struct digest *, digest_free)

/* SHA-256: of nothing yet; of further bytes; of all since the beginning. */
void digest_begin(struct digest *d);
void digest_add(struct digest *d, const uint8_t *data, size_t len);
void digest_end(struct digest *d, uint8_t out[DIGEST_LEN]);

/* The next bytes of a reading. */
void digest_read(struct digest *d, enum digest_reading r, const uint8_t *data, size_t len);
/* Were both readings the same, in all? Once; nothing may be read after it. */
bool digest_is_same(struct digest *d);

#endif
