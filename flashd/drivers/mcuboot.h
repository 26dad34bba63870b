/*
 * mcuboot: what an MCUboot image says about itself: version, hash, security counter, dependencies.
 *
 * Why: a device behind SMP takes any bytes and only its bootloader, after the reset, finds out that
 * they are no image for it. The header and the type-length-value records (TLVs) behind the body
 * tell before a byte is sent. Layout (MCUboot docs/design.md, image.h): little-endian header of 32
 * bytes padded to hdr_size, body of img_size, an optional protected TLV area (magic 0x6908, part
 * of the hash), then the TLV area (magic 0x6907). Anything after that is padding or a trailer.
 *
 * Bytes come through a reader callback in bounded pieces; nothing is allocated. Every length is
 * checked against the size of the file before it is used. The hash under which a device lists an
 * image is the SHA-256 TLV: SHA-256 over header, body and protected TLVs. Images with only SHA-384
 * or SHA-512 parse, but have has_sha256 false.
 */
#ifndef SUBOTA_MCUBOOT_H
#define SUBOTA_MCUBOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define MCUBOOT_MAGIC 0x96f3b83du

enum {
	MCUBOOT_HEADER = 32,
	MCUBOOT_DEPENDENCIES = 8,  /* more are refused */
	MCUBOOT_TLVS = 64,         /* in both areas together */
	MCUBOOT_VERSION_TEXT = 32, /* longest is 255.255.65535.4294967295 */
	MCUBOOT_TLV_AREA = 16384,  /* bytes of one area */
};

enum mcuboot_flag {
	MCUBOOT_ENCRYPTED_AES128 = 0x4,
	MCUBOOT_ENCRYPTED_AES256 = 0x8,
	MCUBOOT_NON_BOOTABLE = 0x10,
	MCUBOOT_RAM_LOAD = 0x20,
	MCUBOOT_ROM_FIXED = 0x100,
	MCUBOOT_LZMA1 = 0x200,
	MCUBOOT_LZMA2 = 0x400,
	MCUBOOT_ARM_THUMB = 0x800,
};

/* Fill `out` with `len` bytes from `offset`; never asked for bytes past `size`. */
struct mcuboot_source {
	uint64_t size;
	enum err (*read)(void *arg, uint64_t offset, uint8_t *out, size_t len);
	void *arg;
};

struct mcuboot_version {
	uint8_t major, minor;
	uint16_t revision;
	uint32_t build;
};

struct mcuboot_dependency {
	uint8_t image;
	struct mcuboot_version least;
};

struct mcuboot {
	uint32_t load_address;
	uint32_t header_size;
	uint32_t body_size;
	uint32_t protected_size; /* of the protected TLV area with its head, 0 for none */
	uint32_t flags;          /* enum mcuboot_flag */
	struct mcuboot_version version;
	char version_text[MCUBOOT_VERSION_TEXT];
	bool has_sha256;
	uint8_t sha256[32];   /* as the image claims; mcuboot_verify() checks it */
	bool has_longer_hash; /* SHA-384 or SHA-512 */
	bool is_signed;       /* carries a signature; whose is not checked here */
	bool has_counter;
	uint32_t counter;
	unsigned n_dependencies;
	struct mcuboot_dependency dependencies[MCUBOOT_DEPENDENCIES];
	uint64_t end; /* first byte after the last TLV */
};

/* Parse. ERR_IMAGE with `why` ("expected ..., got ..."), or what the reader returned. */
enum err mcuboot_parse(
    const struct mcuboot_source *s, struct mcuboot *out, char *why, size_t why_size) MUST_CHECK;

/* Is the SHA-256 TLV the hash of the content? ERR_VERIFY if not, ERR_UNSUPPORTED when the image
 * has none or is encrypted (its hash is that of the plain text), or the reader's error. */
enum err mcuboot_verify(const struct mcuboot_source *s, const struct mcuboot *image) MUST_CHECK;

/* "1.2.3", or "1.2.3.4" when the build number is not 0, as SMP servers write it. */
void mcuboot_version_text(const struct mcuboot_version *v, char out[MCUBOOT_VERSION_TEXT]);

#endif
