/*
 * digest: see digest.h. The gate's only use of OpenSSL, whose SHA-256 is several times faster than
 * the other libraries'. The functions below EVP are used, and linked from the static archive: that
 * is 50 KiB of code. The shared library, with all of its algorithms, is 1.4 MiB of memory in an
 * idle gate, a third of it relocations that belong to this process alone.
 */
#define OPENSSL_API_COMPAT 10101 /* EVP takes their place since 3.0, and brings everything along \
				  */
#include <openssl/aes.h>
#include <openssl/crypto.h>
#include <openssl/modes.h>
#include <openssl/sha.h>
#include <sodium.h>

#include "digest.h"

enum { KEY_BITS = 256, IV = 12, TAG = 16 };

struct digest {
	SHA256_CTX sha256;
	AES_KEY key;
	GCM128_CONTEXT *reading[DIGEST_READINGS];
};

static void
encrypt_block(const unsigned char in[16], unsigned char out[16], const void *key)
{
	AES_encrypt(in, out, key);
}

/* The same number once for two messages is safe as long as nobody sees the tags. */
static enum err
begin_reading(struct digest *d, enum digest_reading r)
{
	static const uint8_t iv[IV] = {0};

	d->reading[r] = CRYPTO_gcm128_new(&d->key, encrypt_block);
	if (!d->reading[r])
		return ERR_NOMEM;
	CRYPTO_gcm128_setiv(d->reading[r], iv, sizeof(iv));
	return ERR_OK;
}

enum err
digest_new(struct digest **out)
{
	AUTO(digest) struct digest *d = calloc(1, sizeof(*d));
	uint8_t key[KEY_BITS / 8];

	if (!d)
		return ERR_NOMEM;
	randombytes_buf(key, sizeof(key));
	int bad = AES_set_encrypt_key(key, KEY_BITS, &d->key);
	sodium_memzero(key, sizeof(key));
	enum err e = bad ? ERR_SYSTEM : ERR_OK;
	for (int r = 0; r < DIGEST_READINGS && e == ERR_OK; r++)
		e = begin_reading(d, r);
	if (e == ERR_OK)
		*out = HAND_OVER(d);
	return e;
}

void
digest_free(struct digest *d)
{
	if (!d)
		return;
	for (int r = 0; r < DIGEST_READINGS; r++)
		CRYPTO_gcm128_release(d->reading[r]);
	sodium_memzero(d, sizeof(*d));
	free(d);
}

/* None of the three can fail: they touch nothing but the context. */
void
digest_begin(struct digest *d)
{
	SHA256_Init(&d->sha256);
}

void
digest_add(struct digest *d, const uint8_t *data, size_t len)
{
	SHA256_Update(&d->sha256, data, len);
}

void
digest_end(struct digest *d, uint8_t out[DIGEST_LEN])
{
	SHA256_Final(out, &d->sha256);
}

/* The bytes are what GCM calls additional data: authenticated, not encrypted. */
void
digest_read(struct digest *d, enum digest_reading r, const uint8_t *data, size_t len)
{
	CRYPTO_gcm128_aad(d->reading[r], data, len);
}

bool
digest_is_same(struct digest *d)
{
	uint8_t tag[DIGEST_READINGS][TAG];

	for (int r = 0; r < DIGEST_READINGS; r++)
		CRYPTO_gcm128_tag(d->reading[r], tag[r], TAG);
	return sodium_memcmp(tag[DIGEST_FIRST], tag[DIGEST_AGAIN], TAG) == 0;
}
