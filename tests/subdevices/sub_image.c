/*
 * sub_image: see sub_image.h. Layout (little endian): header of 32 bytes in hdr_size, body of
 * img_size, protected TLVs, TLVs; the hash covers all but the last.
 */
#include "sub_image.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum { TLV_PROTECTED = 0x6908, TLV_PLAIN = 0x6907, TLV_SHA256 = 0x10, TLV_HEAD = 4 };
enum { FLAG_NON_BOOTABLE = 0x10 };

static uint32_t
le(const uint8_t *p, int bytes)
{
	uint32_t n = 0;

	for (int i = bytes - 1; i >= 0; i--)
		n = n << 8 | p[i];
	return n;
}

bool
sub_image_begins(const uint8_t *data, size_t len)
{
	return len >= SUB_IMAGE_HEADER && le(data, 4) == 0x96f3b83d;
}

void
sub_image_number(struct sub_image *i, const uint8_t *header)
{
	const uint8_t *h = header + 20;
	unsigned build = le(h + 4, 4);
	int n = snprintf(i->version, sizeof(i->version), "%u.%u.%u", h[0], h[1], le(h + 2, 2));

	if (build)
		snprintf(i->version + n, sizeof(i->version) - (size_t)n, ".%u", build);
	for (int k = 0; k < 8; k++)
		i->number[k] = k < 2 ? h[k] : k < 4 ? h[5 - k] : h[11 - k];
}

static bool
find_hash(struct sub_image *i, const uint8_t *tlv, size_t left)
{
	if (left < TLV_HEAD || le(tlv, 2) != TLV_PLAIN || le(tlv + 2, 2) > left)
		return false;
	left = le(tlv + 2, 2);
	for (size_t at = TLV_HEAD; at + TLV_HEAD <= left;) {
		size_t len = le(tlv + at + 2, 2);

		if (len > left - at - TLV_HEAD)
			return false;
		if (le(tlv + at, 2) == TLV_SHA256 && len == SUB_IMAGE_HASH) {
			memcpy(i->hash, tlv + at + TLV_HEAD, len);
			return true;
		}
		at += TLV_HEAD + len;
	}
	return false;
}

void
sub_image_read(struct sub_image *i, const uint8_t *data, size_t len)
{
	uint8_t computed[EVP_MAX_MD_SIZE];

	memset(i, 0, sizeof(*i));
	if (!sub_image_begins(data, len))
		return;
	uint64_t hashed = (uint64_t)le(data + 8, 2) + le(data + 12, 4);
	size_t guarded = le(data + 10, 2);
	if (hashed > len || guarded > len - hashed)
		return;
	if (guarded > 0 && (guarded < TLV_HEAD || le(data + hashed, 2) != TLV_PROTECTED ||
			       le(data + hashed + 2, 2) != guarded))
		return;
	hashed += guarded;
	if (!find_hash(i, data + hashed, len - (size_t)hashed))
		return;
	sub_image_number(i, data);
	i->listed = true;
	i->sound = EVP_Digest(data, (size_t)hashed, computed, NULL, EVP_sha256(), NULL) == 1 &&
		   memcmp(computed, i->hash, SUB_IMAGE_HASH) == 0 &&
		   (le(data + 16, 4) & FLAG_NON_BOOTABLE) == 0;
}
