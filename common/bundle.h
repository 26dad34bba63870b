/*
 * bundle: the framing of a signed package, a canonical ustar file (DESIGN.md section 4).
 *
 *     root.2 root.2.sig0 ..  newer root documents, ascending; at most 32 of 64 KiB, 8 signatures
 * each manifest               at most 512 KiB; its BLAKE2b-256 is the bundle's identity
 *     manifest.sig0 ..       at most 8, minisign text of at most 1 KiB
 *     p0 p1 ..               payloads, in the manifest's order
 *     2 to 20 zero blocks    and nothing after them
 *
 * A header is never interpreted: name and size are read, the only header there can be for them is
 * made again (ustar.h) and compared. So there are no links, times, owners, long names or second
 * readings. Every count and size is capped before anything is allocated. Reading is forward only;
 * with `size` = the bytes there are so far, ERR_TRUNCATED says "not enough yet", so a download can
 * be judged after its first kilobytes. Nothing here looks inside a document or checks a signature.
 */
#ifndef SUBOTA_BUNDLE_H
#define SUBOTA_BUNDLE_H

#include <bundle.pb-c.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "err.h"
#include "why.h"

enum {
	BUNDLE_BLOCK = 512,
	BUNDLE_ROOTS_MAX = 32,
	BUNDLE_ROOT_BYTES = 64 * 1024,
	BUNDLE_SIGS_MAX = 8,
	BUNDLE_SIG_BYTES = 1024,
	BUNDLE_MANIFEST_BYTES = 512 * 1024,
	BUNDLE_PAYLOADS_MAX = 16,
	BUNDLE_TRAILER_MIN = 2, /* zero blocks */
	BUNDLE_TRAILER_MAX = 20,
	BUNDLE_DIGEST = 32,
};
#define BUNDLE_PAYLOAD_BYTES ((UINT64_C(1) << 33) - 1) /* eleven octal digits */

/* Bytes of a member, on the heap with its owner. */
struct bundle_bytes {
	uint8_t *data;
	size_t len;
};

/* A document with its detached signatures (text, not yet parsed). */
struct bundle_signed {
	struct bundle_bytes doc;
	struct bundle_bytes sigs[BUNDLE_SIGS_MAX];
	size_t n_sigs;
};

struct bundle_root {
	uint32_t version; /* from the member's name; the document must say the same */
	struct bundle_signed text;
};

/* Everything that comes before the payloads. Nothing in it is verified. */
struct bundle_head {
	struct bundle_root *roots; /* ascending versions */
	size_t n_roots;
	struct bundle_signed manifest;
	uint64_t payload_offset; /* of the header of p0; 0 when loaded from a directory */
	uint8_t
	    digest[BUNDLE_DIGEST]; /* BLAKE2b-256 of the manifest's bytes: identity, store name */
};

/* Where the bytes of payload i lie in the file. */
struct bundle_payload {
	uint64_t offset;
	uint64_t size;
};

/* Read exactly `len` bytes at `offset`; any error ends the reading and is returned as it is. Never
 * called past the `size` given along with it. */
typedef enum err bundle_read(void *arg, uint64_t offset, void *buf, size_t len);

/* A bundle_read for a descriptor: `arg` points to an int. ERR_TRUNCATED at the end of the file. */
enum err bundle_read_fd(void *arg, uint64_t offset, void *buf, size_t len) MUST_CHECK;

/* A bundle_read for memory: `arg` points to a struct bundle_bytes. */
enum err bundle_read_memory(void *arg, uint64_t offset, void *buf, size_t len) MUST_CHECK;

/* Read the head of a file of which `size` bytes are there. ERR_TRUNCATED: with more bytes it may
 * become one; ERR_FRAME or ERR_LIMIT: never; ERR_UNSIGNED: it does not begin like a bundle at all.
 */
enum err bundle_read_head(bundle_read *read, void *arg, uint64_t size, struct bundle_head **out,
    char why[WHY_SIZE]) MUST_CHECK;

/* Check the rest of a complete file: payload headers against the manifest's stored sizes, padding,
 * trailer, end. `out` has room for BUNDLE_PAYLOADS_MAX; the manifest is one that manifest_parse
 * accepted. Payload bytes are not read (hash them yourself), only the padding behind them. */
enum err bundle_check_payloads(bundle_read *read, void *arg, uint64_t size,
    const struct bundle_head *head, const Tr__Manifest *manifest, struct bundle_payload *out,
    char why[WHY_SIZE]) MUST_CHECK;

/* Size of the whole file a verified manifest announces, with the shortest trailer. */
uint64_t bundle_full_size(const struct bundle_head *head, const Tr__Manifest *manifest);

/* An empty head for makers; bundle_head_seal sets the digest after the manifest is in place. */
enum err bundle_head_new(struct bundle_head **out) MUST_CHECK;
enum err bundle_head_add_root(struct bundle_head *h, uint32_t version, const void *doc, size_t len,
    struct bundle_signed **out) MUST_CHECK;
enum err bundle_add_sig(struct bundle_signed *s, const void *text, size_t len) MUST_CHECK;
enum err bundle_set_doc(struct bundle_signed *s, const void *doc, size_t len) MUST_CHECK;
void bundle_head_seal(struct bundle_head *h);

void bundle_signed_fini(struct bundle_signed *s);
void bundle_head_free(struct bundle_head *h);
AUTO_DEFINE(bundle_head, struct bundle_head *, bundle_head_free)

#endif
