/*
 * dc_secret: who is a device? Passwords, signatures and the session cipher, the platform's side.
 *
 * Spec: developer center, sections 2.2 and 2.5. There is one cipher: AES-128-CBC with PKCS#7, key =
 * the first 16 bytes of a secret, iv = the first 16 bytes of the SHA-256 of the whole secret; the
 * secret is a product secret (register), a device secret (session key) or a session key (payloads).
 *
 * Verdicts are the platform's own numbers, see enum dc_code.
 */
#ifndef DC_SECRET_H
#define DC_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* clang-format off */
enum dc_code {
	DC_CODE_OK             = 10200,
	DC_CODE_BAD_REQUEST    = 10420,
	DC_CODE_NO_REGISTER    = 10421, /* static-auth device may not register */
	DC_CODE_REGISTERED     = 10422, /* already registered */
	DC_CODE_PK             = 10423, /* product key unknown */
	DC_CODE_DECODE         = 10424, /* password not decodable */
	DC_CODE_SIGNATURE      = 10425,
	DC_CODE_AUTH_VERSION   = 10426,
	DC_CODE_RANDOM         = 10427,
	DC_CODE_DS             = 10430, /* device secret wrong at connect */
	DC_CODE_DK             = 10431, /* device key illegal */
	DC_CODE_FLAG           = 10433,
	DC_CODE_CLIENT_ID      = 10434, /* does not fit the password */
	DC_CODE_SUB_DS         = 10437, /* device secret wrong, sub-device login */
	DC_CODE_NO_DEVICE      = 10438,
	DC_CODE_NOT_ASSOCIATED = 10440,
	DC_CODE_LOGGED_IN      = 10441, /* counts as success */
	DC_CODE_NOT_LOGGED_IN  = 10442,
	DC_CODE_VERSION        = 10471,
};
/* clang-format on */

enum { DC_KEY_MAX = 32, DC_DS_LEN = 32, DC_RANDOM_LEN = 16, DC_SIGN_LEN = 44, DC_SESSION_KEY = 16 };

struct dc_password {
	bool is_register;
	bool encrypt;                   /* the device asks for a session key */
	char pk[DC_KEY_MAX + 1];        /* register */
	char blob[400];                 /* register: base64 */
	char random[DC_RANDOM_LEN + 1]; /* connect */
	char sign[DC_SIGN_LEN + 1];     /* connect */
};

/* Take a password apart; nothing is verified yet. */
enum dc_code dc_secret_split(const char *password, struct dc_password *out) MUST_CHECK;

/* Verify the blob of a registration under the product secret: it must hold exactly this dk and a
 * right signature. */
enum dc_code dc_secret_check_register(const char *ps, const char *dk, const char *blob) MUST_CHECK;

/* Verify the signature of a connect. `wrong` is the code for a signature that does not fit. */
enum dc_code dc_secret_check_connect(const char *ps, const char *ds, const char *random,
    const char *sign, enum dc_code wrong) MUST_CHECK;

/* 1..32 letters and digits. */
bool dc_secret_is_key(const char *text);

/* base64(SHA-256(who ";" ps ";" random)) */
void dc_secret_sign(const char *who, const char *ps, const char *random, char out[DC_SIGN_LEN + 1]);

/* The one cipher. `secret` has at least 16 bytes. `out` needs len + 16 bytes to encrypt, len to
 * decrypt. ERR_CORRUPT for what does not decrypt. */
enum err dc_secret_encrypt(const void *secret, size_t secret_len, const void *in, size_t len,
    uint8_t *out, size_t *out_len) MUST_CHECK;
enum err dc_secret_decrypt(const void *secret, size_t secret_len, const void *in, size_t len,
    uint8_t *out, size_t *out_len) MUST_CHECK;

/* Base64 of the encrypted device secret, as 0x00C1 carries it. */
enum err dc_secret_wrap_ds(const char *ps, const char *ds, char *out, size_t size) MUST_CHECK;

#endif
