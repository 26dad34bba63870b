/*
 * publisher: keys, a trust anchor and signed bundles for tests, made on the spot.
 *
 * The keys are fresh in every run, so none of them can ever be in anybody's root document.
 */
#ifndef SUBOTA_TEST_PUBLISHER_H
#define SUBOTA_TEST_PUBLISHER_H

#include "minikey.h"

struct publisher {
	struct minikey root, release;
};

struct publisher_release {
	const char *vendor, *model, *component, *version;
	uint64_t sequence;
	uint64_t counter;
	const void *image;
	size_t image_size;
	const struct minikey *signer; /* NULL = the publisher's release key */
};

/* Fresh keys. Fails the test if it cannot. */
void publisher_init(struct publisher *p);
/* Write root.1 and its signature into `dir`. */
void publisher_anchor(const struct publisher *p, const char *dir);
/* A signed bundle as heap bytes (the caller's); `digest` is its identity. */
uint8_t *publisher_bundle(const struct publisher *p, const struct publisher_release *r, size_t *len,
    uint8_t digest[32]);

#endif
