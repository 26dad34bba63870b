/*
 * verify: flashd's own judgement of an image, from the file it opened itself.
 *
 * Nobody's word is taken: the order names a manifest by its digest, flashd opens
 * STORE/<hex>/bundle (no links followed, nothing outside the store, a plain file with one name, no
 * blocking on anything else), copies the head into its own memory, and asks from there: signatures
 * by its own anchors and its own root state (trust.h), is it the manifest that was ordered, is it
 * for this device, this component, this version and this driver, is it newer than what is
 * confirmed, are its dependencies met. What is behind the head is not read: its bytes are compared
 * with the signed chunk digests in the very buffer from which they are sent (session/reader.h). All
 * of it is done again before every session that gets the image; no verdict is stored.
 */
#ifndef SUBOTA_VERIFY_H
#define SUBOTA_VERIFY_H

#include "counters.h"
#include "trust.h"

/* A dependency of a device's image on another component or device: manifest_on_depends. */
struct verify_target;
typedef enum err verify_on_depends(
    void *arg, const struct verify_target *t, const Tr__Depends *d, char why[WHY_SIZE]);

struct verify_context {
	struct trust *trust;
	struct record *record; /* what is confirmed */
	const char *store_dir;
	struct trust_time time;
	verify_on_depends *depends; /* NULL: none is met */
	void *arg;                  /* of it */
};

/* The device as configured, and what was agreed with the platform. */
struct verify_target {
	const char *vendor, *model, *hw_revision;
	const char *unit; /* unit.h; "" or NULL = not known */
	const char *product_key, *device_key;
	const char *component;
	const char *version; /* of the release or of the component's image */
	const char *driver;
};

struct verify_image {
	int fd;                     /* its own; of the bundle, read-only */
	uint64_t offset;            /* of the payload in it */
	Tr__Manifest *manifest;     /* its own */
	const Tr__Payload *payload; /* in it */
	uint8_t digest[32];
	uint32_t generation;
	bool waits;     /* a dependency is not met, but somebody works on it; `why` says which */
	bool confirmed; /* this very manifest is what the device confirmed last */
};

void verify_image_init(struct verify_image *v);
void verify_image_fini(struct verify_image *v);

/* ERR_NOT_FOUND, ERR_CORRUPT (not a plain file), ERR_DENIED, ERR_FRAME, ERR_DIGEST (another
 * manifest than ordered), every refusal of trust_verify, ERR_WRONG_TARGET, ERR_COMPONENT,
 * ERR_MISMATCH (version), those of rollback_check but ERR_ALREADY, ERR_DEPENDS. With
 * ERR_OK `why` says what it waits for, if it does. */
enum err verify_open(const struct verify_context *c, const uint8_t digest[32],
    const struct verify_target *t, struct verify_image *out, char why[WHY_SIZE]) MUST_CHECK;

/* What verify_open would say of this head, check by check, the version that was agreed upon aside
 * (t->version is not looked at). *out: the manifest, NULL when its signatures do not hold; the
 * caller's. ERR_OK, ERR_ALREADY, ERR_AGAIN (a dependency is waited for), else the first refusal. */
enum err verify_explain(const struct verify_context *c, const struct bundle_head *head,
    const struct verify_target *t, why_on_check *fn, void *arg, Tr__Manifest **out) MUST_CHECK;

/* The opening alone: by openat2 or, `by_hand` or where the kernel has no such call, step by step.
 * *size is the file's length. */
enum err verify_open_entry(const char *store_dir, const uint8_t digest[32], bool by_hand, int *fd,
    uint64_t *size, char why[WHY_SIZE]) MUST_CHECK;

#endif
