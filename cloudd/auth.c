/*
 * auth: see auth.h. AES, SHA-256 and base64 are OpenSSL's.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "auth.h"
#include "auto.h"

AUTO_DEFINE(cipher, EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)

enum { BLOCK = 16, DIGEST = 32, TEXT_MAX = 3 * AUTH_KEY_MAX + 3, PLAIN_MAX = 128 };

/* --- the cipher ------------------------------------------------------------------------------- */

static enum err
sha256(const void *data, size_t len, uint8_t out[DIGEST])
{
	return EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1 ? ERR_OK : ERR_NOMEM;
}

static enum err
start_cipher(EVP_CIPHER_CTX *c, const void *secret, size_t secret_len, bool seal)
{
	uint8_t iv[DIGEST];

	if (secret_len < AUTH_SECRET_MIN)
		return ERR_INVALID;
	enum err e = sha256(secret, secret_len, iv);
	if (e == ERR_OK &&
	    EVP_CipherInit_ex(c, EVP_aes_128_cbc(), NULL, secret, iv, seal ? 1 : 0) != 1)
		e = ERR_NOMEM;
	return e;
}

enum err
auth_seal(const void *secret, size_t secret_len, const uint8_t *in, size_t len, uint8_t *out,
    size_t size, size_t *out_len)
{
	AUTO(cipher) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int body = 0, tail = 0;

	if (!c)
		return ERR_NOMEM;
	if (len > INT32_MAX - BLOCK || size < len / BLOCK * BLOCK + BLOCK)
		return ERR_LIMIT;
	enum err e = start_cipher(c, secret, secret_len, true);
	if (e != ERR_OK)
		return e;
	if (EVP_CipherUpdate(c, out, &body, in, (int)len) != 1 ||
	    EVP_CipherFinal_ex(c, out + body, &tail) != 1)
		return ERR_NOMEM;
	*out_len = (size_t)(body + tail);
	return ERR_OK;
}

/* Decrypted, padding still in place. */
static enum err
decrypt(
    const void *secret, size_t secret_len, const uint8_t *in, size_t len, uint8_t *out, size_t size)
{
	AUTO(cipher) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int body = 0, tail = 0;

	if (!c)
		return ERR_NOMEM;
	if (len == 0 || len % BLOCK)
		return ERR_MALFORMED;
	if (len > INT32_MAX || size < len)
		return ERR_LIMIT;
	enum err e = start_cipher(c, secret, secret_len, false);
	if (e != ERR_OK)
		return e;
	EVP_CIPHER_CTX_set_padding(c, 0);
	if (EVP_CipherUpdate(c, out, &body, in, (int)len) != 1 ||
	    EVP_CipherFinal_ex(c, out + body, &tail) != 1)
		return ERR_MALFORMED;
	return ERR_OK;
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
	EVP_EncodeBlock((unsigned char *)out, data, (int)len);
}

/* BASE64(SHA256(who ; product secret ; random)) */
static enum err
sign(const struct auth *a, const char *who, char out[AUTH_SIGN_SIZE])
{
	char text[TEXT_MAX + 1];
	uint8_t digest[DIGEST];
	int n = snprintf(
	    text, sizeof(text), "%s;%s;%.*s", who, a->product_secret, AUTH_RANDOM, a->random);
	enum err e = sha256(text, (size_t)n, digest);

	OPENSSL_cleanse(text, sizeof(text));
	if (e == ERR_OK)
		base64(digest, sizeof(digest), out);
	return e;
}

enum err
auth_sign(const struct auth *a, char out[AUTH_SIGN_SIZE])
{
	enum err e = check(a);

	if (e == ERR_OK && !is_within(a->device_secret, 1, AUTH_KEY_MAX))
		e = ERR_INVALID;
	return e == ERR_OK ? sign(a, a->device_secret, out) : e;
}

enum err
auth_blob(const struct auth *a, char out[AUTH_BLOB_SIZE])
{
	char signature[AUTH_SIGN_SIZE], plain[PLAIN_MAX];
	uint8_t sealed[PLAIN_MAX + BLOCK];
	size_t len = 0;
	enum err e = check(a);

	if (e == ERR_OK)
		e = sign(a, a->device_key, signature);
	if (e != ERR_OK)
		return e;
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
	size_t n = strlen(sealed), len = 0;

	if (n == 0 || n % 4 || n / 4 * 3 > sizeof(raw))
		return ERR_MALFORMED;
	int got = EVP_DecodeBlock(raw, (const unsigned char *)sealed, (int)n);

	if (got < 3)
		return ERR_MALFORMED;
	/* OpenSSL counts the padding's zero bytes in */
	size_t raw_len = (size_t)got - (sealed[n - 1] == '=') - (sealed[n - 2] == '=');
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
