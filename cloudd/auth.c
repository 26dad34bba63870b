/*
 * auth: see auth.h. AES is wolfCrypt's, SHA-256 and base64 are libsodium's: both libraries are in
 * this process anyway (TLS, ZeroMQ), OpenSSL would be 600 KB more for a few hundred bytes a day.
 */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>

#include <sodium.h>
#include <string.h>

#include "auth.h"
#include "auto.h"

enum {
	BLOCK = 16,
	DIGEST = crypto_hash_sha256_BYTES,
	TEXT_MAX = 3 * AUTH_KEY_MAX + 3,
	PLAIN_MAX = 128,
	BASE64 = sodium_base64_VARIANT_ORIGINAL
};

/* --- the cipher ------------------------------------------------------------------------------- */

static enum err
start_cipher(Aes *c, const void *secret, size_t secret_len, int direction)
{
	uint8_t iv[DIGEST];

	if (secret_len < AUTH_SECRET_MIN)
		return ERR_INVALID;
	crypto_hash_sha256(iv, secret, secret_len);
	if (wc_AesInit(c, NULL, INVALID_DEVID) != 0 ||
	    wc_AesSetKey(c, secret, BLOCK, iv, direction) != 0)
		return ERR_NOMEM;
	return ERR_OK;
}

static void
end_cipher(Aes *c)
{
	wc_AesFree(c);
	sodium_memzero(c, sizeof(*c));
}

enum err
auth_seal(const void *secret, size_t secret_len, const uint8_t *in, size_t len, uint8_t *out,
    size_t size, size_t *out_len)
{
	size_t body = len / BLOCK * BLOCK;
	uint8_t last[BLOCK];
	Aes c = {0};

	if (len > INT32_MAX - BLOCK || size < body + BLOCK)
		return ERR_LIMIT;
	memset(last, (int)(BLOCK - (len - body)), sizeof(last));
	if (len > body)
		memcpy(last, in + body, len - body);
	enum err e = start_cipher(&c, secret, secret_len, AES_ENCRYPTION);
	if (e == ERR_OK && body && wc_AesCbcEncrypt(&c, out, in, (word32)body) != 0)
		e = ERR_NOMEM;
	if (e == ERR_OK && wc_AesCbcEncrypt(&c, out + body, last, BLOCK) != 0)
		e = ERR_NOMEM;
	end_cipher(&c);
	if (e == ERR_OK)
		*out_len = body + BLOCK;
	return e;
}

/* Decrypted, padding still in place. */
static enum err
decrypt(
    const void *secret, size_t secret_len, const uint8_t *in, size_t len, uint8_t *out, size_t size)
{
	Aes c = {0};

	if (len == 0 || len % BLOCK)
		return ERR_MALFORMED;
	if (len > INT32_MAX || size < len)
		return ERR_LIMIT;
	enum err e = start_cipher(&c, secret, secret_len, AES_DECRYPTION);
	if (e == ERR_OK && wc_AesCbcDecrypt(&c, out, in, (word32)len) != 0)
		e = ERR_MALFORMED;
	end_cipher(&c);
	return e;
}

enum err
auth_open(const void *secret, size_t secret_len, const uint8_t *in, size_t len, uint8_t *out,
    size_t size, size_t *out_len)
{
	enum err e = decrypt(secret, secret_len, in, len, out, size);

	if (e != ERR_OK)
		return e;
	uint8_t pad = out[len - 1];

	if (pad == 0 || pad > BLOCK)
		return ERR_MALFORMED;
	for (size_t i = len - pad; i < len; i++)
		if (out[i] != pad)
			return ERR_MALFORMED;
	*out_len = len - pad;
	return ERR_OK;
}

/* --- passwords -------------------------------------------------------------------------------- */

static bool
is_within(const char *s, size_t min, size_t max)
{
	size_t len = s ? strnlen(s, max + 1) : 0;

	return len >= min && len <= max;
}

static enum err
check(const struct auth *a)
{
	bool fine = is_within(a->product_key, 1, AUTH_KEY_MAX) &&
		    is_within(a->product_secret, AUTH_SECRET_MIN, AUTH_KEY_MAX) &&
		    is_within(a->device_key, 1, AUTH_KEY_MAX) &&
		    is_within(a->random, AUTH_RANDOM, AUTH_RANDOM);

	return fine ? ERR_OK : ERR_INVALID;
}

static void
base64(const uint8_t *data, size_t len, char *out)
{
	sodium_bin2base64(out, sodium_base64_ENCODED_LEN(len, BASE64), data, len, BASE64);
}

/* BASE64(SHA256(who ; product secret ; random)) */
static void
sign(const struct auth *a, const char *who, char out[AUTH_SIGN_SIZE])
{
	char text[TEXT_MAX + 1];
	uint8_t digest[DIGEST];
	int n = snprintf(
	    text, sizeof(text), "%s;%s;%.*s", who, a->product_secret, AUTH_RANDOM, a->random);

	crypto_hash_sha256(digest, (const uint8_t *)text, (size_t)n);
	sodium_memzero(text, sizeof(text));
	base64(digest, sizeof(digest), out);
}

enum err
auth_sign(const struct auth *a, char out[AUTH_SIGN_SIZE])
{
	enum err e = check(a);

	if (e == ERR_OK && !is_within(a->device_secret, 1, AUTH_KEY_MAX))
		e = ERR_INVALID;
	if (e == ERR_OK)
		sign(a, a->device_secret, out);
	return e;
}

enum err
auth_blob(const struct auth *a, char out[AUTH_BLOB_SIZE])
{
	char signature[AUTH_SIGN_SIZE], plain[PLAIN_MAX];
	uint8_t sealed[PLAIN_MAX + BLOCK];
	size_t len = 0;
	enum err e = check(a);

	if (e != ERR_OK)
		return e;
	sign(a, a->device_key, signature);
	int n = snprintf(
	    plain, sizeof(plain), "%s;%.*s;%s", a->device_key, AUTH_RANDOM, a->random, signature);
	e = auth_seal(a->product_secret, strlen(a->product_secret), (uint8_t *)plain, (size_t)n,
	    sealed, sizeof(sealed), &len);
	if (e == ERR_OK)
		base64(sealed, len, out);
	return e;
}

enum err
auth_password(const struct auth *a, char out[AUTH_PASSWORD_SIZE])
{
	char signature[AUTH_SIGN_SIZE], blob[AUTH_BLOB_SIZE];
	const char *flag = a->want_session_key ? "0001" : "0000";
	bool known = a->device_secret && a->device_secret[0];
	enum err e = known ? auth_sign(a, signature) : auth_blob(a, blob);

	if (e != ERR_OK)
		return e;
	if (known)
		snprintf(out, AUTH_PASSWORD_SIZE, "1;%s;%.*s;%s", flag, AUTH_RANDOM, a->random,
		    signature);
	else
		snprintf(out, AUTH_PASSWORD_SIZE, "0;%s;%s;%s", flag, a->product_key, blob);
	return ERR_OK;
}

void
auth_random_text(const uint8_t random[AUTH_RANDOM], char out[AUTH_RANDOM + 1])
{
	static const char letters[] =
	    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	/* 256 % 62 != 0: a slight bias, harmless in a nonce */
	for (size_t i = 0; i < AUTH_RANDOM; i++)
		out[i] = letters[random[i] % (sizeof(letters) - 1)];
	out[AUTH_RANDOM] = '\0';
}

/* --- what the platform hands out -------------------------------------------------------------- */

bool
auth_is_device_secret(const char *secret)
{
	static const char letters[] =
	    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return is_within(secret, AUTH_SECRET_MIN, AUTH_KEY_MAX) &&
	       secret[strspn(secret, letters)] == '\0';
}

enum err
auth_device_secret(const char *product_secret, const char *sealed, char out[AUTH_KEY_MAX + 1])
{
	uint8_t raw[PLAIN_MAX], plain[PLAIN_MAX];
	size_t raw_len = 0, len = 0;

	if (sodium_base642bin(raw, sizeof(raw), sealed, strlen(sealed), NULL, &raw_len, NULL,
		BASE64) != 0)
		return ERR_MALFORMED;
	enum err e = auth_open(
	    product_secret, strlen(product_secret), raw, raw_len, plain, sizeof(plain), &len);

	if (e != ERR_OK)
		return e;
	if (len > AUTH_KEY_MAX || memchr(plain, 0, len))
		return ERR_MALFORMED;
	memcpy(out, plain, len);
	out[len] = '\0';
	return auth_is_device_secret(out) ? ERR_OK : ERR_MALFORMED;
}

enum err
auth_session_key(
    const char *device_secret, const uint8_t *sealed, size_t len, uint8_t out[AUTH_SESSION_KEY])
{
	uint8_t plain[2 * BLOCK];
	size_t n = BLOCK;
	enum err e = ERR_MALFORMED;

	if (len == BLOCK)
		e = decrypt(
		    device_secret, strlen(device_secret), sealed, len, plain, sizeof(plain));
	else if (len == 2 * BLOCK)
		e = auth_open(
		    device_secret, strlen(device_secret), sealed, len, plain, sizeof(plain), &n);
	if (e != ERR_OK)
		return e;
	if (n != AUTH_SESSION_KEY)
		return ERR_MALFORMED;
	memcpy(out, plain, AUTH_SESSION_KEY);
	return ERR_OK;
}
