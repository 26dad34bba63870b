/*
 * manifest: the signed statement of what a release is for and what its images are.
 *
 * Pure. manifest_parse takes bytes whose signatures hold (trust.h does both in the right order) and
 * refuses whatever this version does not fully understand. What it returns can be used without
 * further checks of form; whether it fits a device is manifest_match's, manifest_check_depends' and
 * rollback_check's question, and flashd asks all three for the device in front of it.
 *
 * Limits: 1..32 targets with at most 32 revisions, 1024 device ids, 1..16 payloads, 16
 * dependencies, 32 hints. Names (publisher, release_id, role, vendor, model, revision, component,
 * version) are 1..64 of letters, digits and `_-.+`; device ids 1..65 printable without blanks and
 * quotes; driver and hint keys 1..32 of a-z 0-9 `_-.`; hint values at most 128 printable. Digests
 * have their full length, always. Sequence and counter fit a signed 64-bit number.
 */
#ifndef SUBOTA_MANIFEST_H
#define SUBOTA_MANIFEST_H

#include <bundle.pb-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "err.h"
#include "why.h"

#define MANIFEST_MAGIC "subota.manifest.v1"

enum {
	MANIFEST_NAME_MAX = 64,
	MANIFEST_TARGETS_MAX = 32,
	MANIFEST_REVISIONS_MAX = 32,
	MANIFEST_DEVICES_MAX = 1024,
	MANIFEST_DEPENDS_MAX = 16,
	MANIFEST_HINTS_MAX = 32,
	MANIFEST_CHUNK_MIN = 256,
	MANIFEST_CHUNK_MAX = 1024 * 1024,
	MANIFEST_DIGEST = 32,
	MANIFEST_COMMENT_SIZE = 512,
};

/* ERR_MANIFEST_TOO_NEW: unknown field, newer format or min_gateway above ours; ERR_UNSUPPORTED:
 * compression or delta, which this version does not do; ERR_MANIFEST: anything else. */
enum err manifest_parse(
    const uint8_t *data, size_t len, Tr__Manifest **out, char why[WHY_SIZE]) MUST_CHECK;
/* The same checks for a manifest that is being made, before it is packed. */
enum err manifest_check(const Tr__Manifest *m, char why[WHY_SIZE]) MUST_CHECK;
void manifest_free(Tr__Manifest *m);
AUTO_DEFINE(manifest, Tr__Manifest *, manifest_free)

/* The trusted comment every signature of this manifest must carry:
 * `subota PUBLISHER MODEL VERSION seq=N sc=N sha256=HEX`, model of the first target, digest of the
 * first payload as `sha256sum p0` prints it. */
void manifest_comment(const Tr__Manifest *m, char out[MANIFEST_COMMENT_SIZE]);

/* The device an image is meant for, from the local registry and what the driver read. NULL or "" =
 * not known: then a manifest that asks for it does not match. */
struct manifest_target {
	const char *vendor;
	const char *model;
	const char *hw_revision;
	const char *device_id; /* PRODUCTKEY/DEVICEKEY */
	const char *component;
};

/* Does the manifest speak about this device, and which payload is for this component (borrowed from
 * the manifest)? ERR_WRONG_TARGET with both values in `why`; ERR_COMPONENT when only that is
 * missing. */
enum err manifest_match(const Tr__Manifest *m, const struct manifest_target *t,
    const Tr__Payload **out, char why[WHY_SIZE]) MUST_CHECK;

/* What a device that is depended upon runs. */
struct manifest_seen {
	const char *name; /* of the device, for people */
	bool known;       /* the three below: something was confirmed there */
	uint64_t sequence;
	const uint8_t *image_sha256; /* MANIFEST_DIGEST bytes */
	const char *version;         /* as it says it; "" = never heard */
};

/* Is that enough? ERR_DEPENDS with what was seen and what was wanted. */
enum err manifest_satisfies(
    const Tr__Depends *d, const struct manifest_seen *s, char why[WHY_SIZE]) MUST_CHECK;

/* Are `have`'s leading numbers, divided by dots, less than `min`'s? Missing ones are 0; a text that
 * does not begin with a digit is older than any. */
bool manifest_version_is_older(const char *have, const char *min);

/* One dependency: ERR_OK, ERR_DEPENDS, or ERR_AGAIN: not met now, but somebody works on it. */
typedef enum err manifest_on_depends(void *arg, const Tr__Depends *d, char why[WHY_SIZE]);

/* Every dependency: ERR_DEPENDS before ERR_AGAIN before ERR_OK. */
enum err manifest_check_depends(
    const Tr__Manifest *m, manifest_on_depends *ask, void *arg, char why[WHY_SIZE]) MUST_CHECK;

/* Chunks of a payload, and the size and digest of chunk i (borrowed). */
size_t manifest_chunks(const Tr__Payload *p);
size_t manifest_chunk_len(const Tr__Payload *p, size_t i);
const uint8_t *manifest_chunk_digest(const Tr__Payload *p, size_t i);

/* Value of a driver hint, NULL if it is not there. */
const char *manifest_hint(const Tr__Payload *p, const char *key);

/* Whether a text is a name as above; for others who check what they are told. */
bool manifest_is_name(const char *s);

#endif
