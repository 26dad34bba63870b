/*
 * auth: passwords, signatures and the payload cipher of the platform (spec: developer center, 2.2,
 * 2.5 and section 10). Pure: whatever is random comes in as an argument.
 *
 * One cipher serves everything: AES-128-CBC whose key is the first 16 bytes of a secret and whose
 * iv is the first 16 bytes of the secret's SHA-256. The same iv for each message is weak; it is
 * what the platform does, and none of it replaces TLS.
 */
#ifndef SUBOTA_AUTH_H
#define SUBOTA_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum {
	AUTH_RANDOM = 16,     /* characters of [0-9A-Za-z] */
	AUTH_KEY_MAX = 32,    /* product key, product secret, device key, device secret */
	AUTH_SECRET_MIN = 16, /* a product or device secret is an AES key, too */
	AUTH_SIGN_SIZE = 45,  /* base64 of SHA-256, NUL */
	AUTH_BLOB_SIZE = 177, /* base64 of the longest register blob, NUL */
	AUTH_PASSWORD_SIZE = 224,
	AUTH_SESSION_KEY = 16,
};

/* Who signs in. Strings are borrowed; random is AUTH_RANDOM characters. */
struct auth {
	const char *product_key;
	const char *product_secret;
	const char *device_key;
	const char *device_secret; /* NULL or "": not registered yet */
	const char *random;
	bool want_session_key;
};

/* The MQTT password: "0;..." to register when there is no device secret, else "1;...". ERR_INVALID:
 * a field is missing, too long or too short. */
enum err auth_password(const struct auth *a, char out[AUTH_PASSWORD_SIZE]) MUST_CHECK;

/* BASE64(SHA256(device secret ; product secret ; random)): a sub-device's login. */
enum err auth_sign(const struct auth *a, char out[AUTH_SIGN_SIZE]) MUST_CHECK;
/* The third field of a register password: a sub-device's registration. */
enum err auth_blob(const struct auth *a, char out[AUTH_BLOB_SIZE]) MUST_CHECK;

/* 16 characters and a NUL from 16 random bytes. */
void auth_random_text(const uint8_t random[AUTH_RANDOM], char out[AUTH_RANDOM + 1]);

/* Encrypt or decrypt with PKCS#7 padding. `secret` of `secret_len` >= 16 bytes. auth_seal needs
 * room for len rounded up to the next multiple of 16, auth_open for len. ERR_LIMIT: no room;
 * ERR_MALFORMED: not a multiple of 16, or wrong padding. */
enum err auth_seal(const void *secret, size_t secret_len, const uint8_t *in, size_t len,
    uint8_t *out, size_t size, size_t *out_len) MUST_CHECK;
enum err auth_open(const void *secret, size_t secret_len, const uint8_t *in, size_t len,
    uint8_t *out, size_t size, size_t *out_len) MUST_CHECK;

/* A device secret as the platform hands it out for a sub-device: base64 of it sealed under the
 * product secret. ERR_MALFORMED: not that, or not [A-Za-z0-9]{16,32}. */
enum err auth_device_secret(
    const char *product_secret, const char *sealed, char out[AUTH_KEY_MAX + 1]) MUST_CHECK;
/* Whether a device secret can be one. */
bool auth_is_device_secret(const char *secret);

/* A sub-device's session key, encrypted under its device secret: 16 bytes without padding or 32
 * with it. */
enum err auth_session_key(const char *device_secret, const uint8_t *sealed, size_t len,
    uint8_t out[AUTH_SESSION_KEY]) MUST_CHECK;

#endif
