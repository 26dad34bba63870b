/*
 * dc_secret: see dc_secret.h. OpenSSL does the arithmetic; what is compared with a secret is
 * compared in constant time.
 */
#include "dc_secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 16, PLAIN_MAX = 300 };

static void
derive(const void *secret, size_t len, uint8_t key[BLOCK], uint8_t iv[BLOCK])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256(secret, len, digest);
	memcpy(key, secret, BLOCK);
	memcpy(iv, digest, BLOCK);
}

static enum err
cipher(int encrypt, const void *secret, size_t secret_len, const void *in, size_t len, uint8_t *out,
    size_t *out_len)
{
	uint8_t key[BLOCK], iv[BLOCK];
	int first = 0, last = 0;

	if (secret_len < BLOCK || len > INT32_MAX)
		return ERR_INVALID;
	derive(secret, secret_len, key, iv);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return ERR_NOMEM;
	bool ok = EVP_CipherInit_ex(ctx, EVP_aes_128_cbc(), NULL, key, iv, encrypt) == 1 &&
		  EVP_CipherUpdate(ctx, out, &first, in, (int)len) == 1 &&
		  EVP_CipherFinal_ex(ctx, out + first, &last) == 1;
	EVP_CIPHER_CTX_free(ctx);
	*out_len = ok ? (size_t)(first + last) : 0;
	return ok ? ERR_OK : ERR_CORRUPT;
}

enum err
dc_secret_encrypt(const void *secret, size_t secret_len, const void *in, size_t len, uint8_t *out,
    size_t *out_len)
{
	return cipher(1, secret, secret_len, in, len, out, out_len);
}

enum err
dc_secret_decrypt(const void *secret, size_t secret_len, const void *in, size_t len, uint8_t *out,
    size_t *out_len)
{
	/* OpenSSL writes up to a block more than it hands out. */
	uint8_t room[PLAIN_MAX + BLOCK];

	*out_len = 0;
	if (len == 0 || len % BLOCK)
		return ERR_CORRUPT;
	if (len > PLAIN_MAX)
		return cipher(0, secret, secret_len, in, len, out, out_len);
	enum err err = cipher(0, secret, secret_len, in, len, room, out_len);
	if (!err)
		memcpy(out, room, *out_len);
	return err;
}

void
dc_secret_sign(const char *who, const char *ps, const char *random, char out[DC_SIGN_LEN + 1])
{
	char text[4 * DC_KEY_MAX];
	uint8_t digest[SHA256_DIGEST_LENGTH];

	snprintf(text, sizeof(text), "%.*s;%.*s;%.*s", DC_KEY_MAX, who, DC_KEY_MAX, ps, DC_KEY_MAX,
	    random);
	SHA256((const unsigned char *)text, strlen(text), digest);
	EVP_EncodeBlock((unsigned char *)out, digest, sizeof(digest));
}

static bool
is_alnum(const char *text, size_t len)
{
	static const char allowed[] = "0123456789"
				      "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return strspn(text, allowed) == len && text[len] == '\0';
}

bool
dc_secret_is_key(const char *text)
{
	size_t n = strlen(text);

	return n >= 1 && n <= DC_KEY_MAX && is_alnum(text, n);
}

/* Copy the text up to the next ';' (or the end, when it is the last); NULL when it does not fit. */
static const char *
field(const char *from, bool last, char *out, size_t size)
{
	size_t n = strcspn(from, ";");

	if (n >= size || last != (from[n] == '\0'))
		return NULL;
	memcpy(out, from, n);
	out[n] = '\0';
	return last ? from + n : from + n + 1;
}

enum dc_code
dc_secret_split(const char *password, struct dc_password *out)
{
	char version[2], flag[5];
	const char *at = field(password, false, version, sizeof(version));

	memset(out, 0, sizeof(*out));
	if (!at)
		return DC_CODE_DECODE;
	if (strcmp(version, "0") != 0 && strcmp(version, "1") != 0)
		return DC_CODE_AUTH_VERSION;
	out->is_register = version[0] == '0';
	at = field(at, false, flag, sizeof(flag));
	if (!at)
		return DC_CODE_DECODE;
	if (strcmp(flag, "0000") != 0 && strcmp(flag, "0001") != 0)
		return DC_CODE_FLAG;
	out->encrypt = flag[3] == '1';
	if (out->is_register) {
		at = field(at, false, out->pk, sizeof(out->pk));
		return at && field(at, true, out->blob, sizeof(out->blob)) ? DC_CODE_OK
									   : DC_CODE_DECODE;
	}
	at = field(at, false, out->random, sizeof(out->random));
	return at && field(at, true, out->sign, sizeof(out->sign)) ? DC_CODE_OK : DC_CODE_DECODE;
}

/* Base64 to bytes, padding taken off; 0 when it is none. */
static size_t
decode64(const char *text, uint8_t *out, size_t size)
{
	size_t n = strlen(text);

	if (n == 0 || n % 4 || n / 4 * 3 > size)
		return 0;
	int got = EVP_DecodeBlock(out, (const unsigned char *)text, (int)n);
	if (got < 0)
		return 0;
	size_t pad = (size_t)(text[n - 1] == '=') + (size_t)(text[n - 2] == '=');
	return (size_t)got - pad;
}

enum dc_code
dc_secret_check_register(const char *ps, const char *dk, const char *blob)
{
	uint8_t sealed[PLAIN_MAX];
	char plain[PLAIN_MAX + 1], random[DC_RANDOM_LEN + 1], sign[DC_SIGN_LEN + 1];
	char inner_dk[DC_KEY_MAX + 1], right[DC_SIGN_LEN + 1];
	size_t n = decode64(blob, sealed, sizeof(sealed));
	size_t len = 0;

	if (n == 0 || dc_secret_decrypt(ps, strlen(ps), sealed, n, (uint8_t *)plain, &len))
		return DC_CODE_DECODE;
	plain[len] = '\0';
	const char *at = field(plain, false, inner_dk, sizeof(inner_dk));
	at = at ? field(at, false, random, sizeof(random)) : NULL;
	if (!at || !field(at, true, sign, sizeof(sign)))
		return DC_CODE_DECODE;
	if (strcmp(inner_dk, dk) != 0)
		return DC_CODE_CLIENT_ID;
	if (!is_alnum(random, DC_RANDOM_LEN))
		return DC_CODE_RANDOM;
	dc_secret_sign(dk, ps, random, right);
	return strlen(sign) == DC_SIGN_LEN && CRYPTO_memcmp(sign, right, DC_SIGN_LEN) == 0
		   ? DC_CODE_OK
		   : DC_CODE_SIGNATURE;
}

enum dc_code
dc_secret_check_connect(
    const char *ps, const char *ds, const char *random, const char *sign, enum dc_code wrong)
{
	char right[DC_SIGN_LEN + 1];

	if (strlen(random) != DC_RANDOM_LEN || !is_alnum(random, DC_RANDOM_LEN))
		return DC_CODE_RANDOM;
	dc_secret_sign(ds, ps, random, right);
	return strlen(sign) == DC_SIGN_LEN && CRYPTO_memcmp(sign, right, DC_SIGN_LEN) == 0
		   ? DC_CODE_OK
		   : wrong;
}

enum err
dc_secret_wrap_ds(const char *ps, const char *ds, char *out, size_t size)
{
	uint8_t sealed[DC_DS_LEN + BLOCK];
	size_t n = 0, ds_len = strlen(ds);

	if (ds_len > DC_DS_LEN || size < sizeof(sealed) / 3 * 4 + 1)
		return ERR_LIMIT;
	enum err err = dc_secret_encrypt(ps, strlen(ps), ds, ds_len, sealed, &n);
	if (!err)
		EVP_EncodeBlock((unsigned char *)out, sealed, (int)n);
	return err;
}
