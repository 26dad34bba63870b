/*
 * check: is a downloaded file a bundle that a publisher signed, whole and unchanged?
 *
 * The gate checks to fail early and to fill the store only with what can be used; flashd checks
 * everything again and believes none of it. Two parts. check_head: framing of the head, newer
 * roots, signatures before parsing, strict manifest, scope, time, floors (trust.h); it works on the
 * first bytes of a file that is still growing, so that a bad package is refused after kilobytes.
 * Then, on the complete file: payload framing, trailer, and the SHA-256 of the stored bytes, in
 * slices, because a daemon must answer while it hashes 100 MB.
 *
 * Most of the hashing can be done while the file grows (check_early, check_follow). Nothing is
 * believed because of that: whoever writes may change what was read already. The verdict rests only
 * on bytes that were read after check_complete, when the writer has ended; check.c says how.
 */
#ifndef SUBOTA_CHECK_H
#define SUBOTA_CHECK_H

#include "trust.h"

struct checked {
	struct bundle_head *head; /* its own */
	Tr__Manifest *manifest;   /* its own */
	char why[WHY_SIZE];       /* when refused */
};

void checked_fini(struct checked *c);

/* Judge the head of a file of which `have` bytes are there. ERR_TRUNCATED: more bytes are needed;
 * any error of bundle_read_head or trust_verify refuses for good. */
enum err check_head(struct trust *t, const struct trust_time *time, int fd, uint64_t have,
    struct checked *out) MUST_CHECK;

/* Does the manifest have an image for this component with this version? ERR_WRONG_TARGET, with both
 * values in `why`. Which device it is for, flashd knows. */
enum err check_target(const Tr__Manifest *m, const char *component, const char *version,
    char why[WHY_SIZE]) MUST_CHECK;

struct check;

/* Begin while the file grows; `c` is what check_head said of its first bytes, and is not kept. */
enum err check_early(const struct checked *c, struct check **out) MUST_CHECK;
/* Hash up to `bytes` more of a file whose first `have` bytes are there. ERR_OK: all that is there;
 * ERR_AGAIN: not yet; after any other error only check_free. */
enum err check_follow(struct check *k, int fd, uint64_t have, uint64_t bytes) MUST_CHECK;
/* The file is complete and nobody writes to it any more: from here on `k` is as made by check_new,
 * with which `c`, errors and what comes next are the same. */
enum err check_complete(struct check *k, int fd, uint64_t size, const struct checked *c,
    char why[WHY_SIZE]) MUST_CHECK;

/* Begin to check the payloads of the complete file of `size` bytes; `c` is borrowed until
 * check_free. ERR_FRAME: what follows the head is not as it must be. */
enum err check_new(int fd, uint64_t size, const struct checked *c, struct check **out,
    char why[WHY_SIZE]) MUST_CHECK;
void check_free(struct check *k);
AUTO_DEFINE(check, struct check *, check_free)

/* Hash up to `bytes` more. ERR_AGAIN: not done; ERR_OK: all payloads are as signed; ERR_DIGEST. */
enum err check_step(struct check *k, uint64_t bytes, char why[WHY_SIZE]) MUST_CHECK;

#endif
