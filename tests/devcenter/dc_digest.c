/*
 * dc_digest: see dc_digest.h. The platform's CRC is not public; what is sent here is CRC-32.
 */
#include "dc_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>

#include "auto.h"
#include "log.h"

AUTO_DEFINE(md, EVP_MD_CTX *, EVP_MD_CTX_free)

enum { BLOCK = 1 << 16 };

uint32_t
dc_digest_crc(uint32_t crc, const uint8_t *data, uint64_t len)
{
	/* The remainders of the 16 values of a nibble, reflected polynomial EDB88320. */
	static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
	    0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8,
	    0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};

	crc = ~crc;
	for (uint64_t i = 0; i < len; i++) {
		crc ^= data[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

static void
finish(EVP_MD_CTX *ctx, char *hex)
{
	uint8_t raw[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	EVP_DigestFinal_ex(ctx, raw, &n);
	for (unsigned i = 0; i < n; i++)
		snprintf(hex + 2 * (size_t)i, 3, "%02x", raw[i]);
}

static enum err
pump(FILE *in, FILE *out, struct dc_digest *d)
{
	uint8_t buf[BLOCK];
	uint32_t crc = 0;
	size_t n;
	AUTO(md) EVP_MD_CTX *md5 = EVP_MD_CTX_new();
	AUTO(md) EVP_MD_CTX *sha = EVP_MD_CTX_new();

	if (!md5 || !sha || EVP_DigestInit_ex(md5, EVP_md5(), NULL) != 1 ||
	    EVP_DigestInit_ex(sha, EVP_sha256(), NULL) != 1)
		return ERR_NOMEM;
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0) {
		d->size += (int64_t)n;
		if (d->size > DC_DIGEST_MAX)
			return ERR_LIMIT;
		EVP_DigestUpdate(md5, buf, n);
		EVP_DigestUpdate(sha, buf, n);
		crc = dc_digest_crc(crc, buf, n);
		if (fwrite(buf, 1, n, out) != n)
			return ERR_FULL;
	}
	if (ferror(in))
		return ERR_SYSTEM;
	finish(md5, d->md5);
	finish(sha, d->sha256);
	snprintf(d->crc, sizeof(d->crc), "%x", crc);
	return d->size > 0 ? ERR_OK : ERR_INVALID;
}

enum err
dc_digest_copy(const char *from, const char *to, struct dc_digest *out)
{
	AUTO(file) FILE *in = fopen(from, "re");
	FILE *copy = in ? fopen(to, "wxe") : NULL;

	*out = (struct dc_digest){0};
	if (!copy) {
		log_error(NULL, "%s: %s", in ? to : from, strerror(errno));
		return ERR_SYSTEM;
	}
	enum err err = pump(in, copy, out);
	if (fclose(copy) != 0 && !err)
		err = ERR_FULL;
	if (err)
		unlink(to);
	return err;
}
