/*
 * sub_image: what an MCUboot image in a slot says of itself, and whether it is true.
 *
 * An SMP server reads header and TLVs and believes them; a bootloader computes the hash. Both are
 * here: `listed` is the server's view, `sound` the bootloader's. Only SHA-256 images are known, as
 * on a stock build: others are never listed.
 */
#ifndef SUB_IMAGE_H
#define SUB_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SUB_IMAGE_HASH = 32, SUB_IMAGE_VERSION = 32, SUB_IMAGE_HEADER = 32 };

struct sub_image {
	bool listed;                     /* header and hash are there */
	bool sound;                      /* the hash is right and the image may be booted */
	uint8_t number[8];               /* version as bytes that compare: major minor rev build */
	char version[SUB_IMAGE_VERSION]; /* "1.2.3", "1.2.3.4" when the build number is not 0 */
	uint8_t hash[SUB_IMAGE_HASH];    /* as the TLV says */
};

/* Read a slot's bytes. What is no image gives all false. */
void sub_image_read(struct sub_image *i, const uint8_t *data, size_t len);

/* Only the version, of at least SUB_IMAGE_HEADER bytes. */
void sub_image_number(struct sub_image *i, const uint8_t *header);

/* Do these first bytes of an upload begin like an image? */
bool sub_image_begins(const uint8_t *data, size_t len);

#endif
