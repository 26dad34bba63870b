/*
 * minisig: signatures in minisign's text form, the prehashed kind ('ED') only.
 *
 *     untrusted comment: signature from minisign secret key
 *     base64 of "ED", key id (8), Ed25519 signature (64) of BLAKE2b-512 of the file
 *     trusted comment: one line
 *     base64 of the Ed25519 signature (64) of signature and trusted comment
 *
 * Nothing in the text can be changed without being noticed: the untrusted comment is this constant
 * (stock minisign's default), base64 must be what encoding gives back (libsodium 1.0.18 reads bytes
 * above 0x7f as '/'), the last newline is part of it, the key id must be the one of the key. The
 * legacy kind 'Ed', which signs the file itself, is refused: it would let another program's
 * signature pass. Pure, needs libsodium only; sodium_init() must have been called (trust_open,
 * minikey_* do).
 */
#ifndef SUBOTA_MINISIG_H
#define SUBOTA_MINISIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum {
	MINISIG_KEY_ID = 8,
	MINISIG_PUBLIC = 32,
	MINISIG_SECRET = 64, /* libsodium's form: seed and public key */
	MINISIG_SIG = 64,
	MINISIG_HASH = 64,
	MINISIG_TEXT_MAX = 1024,
	MINISIG_COMMENT_MAX = 512,
};

struct minisig {
	uint8_t key_id[MINISIG_KEY_ID];
	uint8_t sig[MINISIG_SIG];
	uint8_t global[MINISIG_SIG];
	char comment[MINISIG_COMMENT_MAX + 1]; /* printable ASCII, tabs */
};

/* ERR_UNSUPPORTED for a legacy or unknown algorithm, ERR_LIMIT over MINISIG_TEXT_MAX, else
 * ERR_MALFORMED. */
enum err minisig_parse(const void *text, size_t len, struct minisig *out) MUST_CHECK;

/* Write the text (and a NUL that is not counted). ERR_INVALID for a comment that is too long or not
 * printable. */
enum err minisig_format(
    const struct minisig *s, char text[MINISIG_TEXT_MAX], size_t *len) MUST_CHECK;

/* BLAKE2b-512 of the signed bytes; made once, checked against many signatures. */
void minisig_hash(const void *data, size_t len, uint8_t hash[MINISIG_HASH]);

/* Whether both signatures hold under the key and the key id is the key's. */
bool minisig_verify(const struct minisig *s, const uint8_t public_key[MINISIG_PUBLIC],
    const uint8_t hash[MINISIG_HASH]);

/* Sign. ERR_INVALID for a bad comment. */
enum err minisig_sign(const uint8_t secret_key[MINISIG_SECRET], const uint8_t hash[MINISIG_HASH],
    const char *comment, struct minisig *out) MUST_CHECK;

/* Id of a key: the first 8 bytes of BLAKE2b-256 of its public half. */
void minisig_key_id(const uint8_t public_key[MINISIG_PUBLIC], uint8_t id[MINISIG_KEY_ID]);

/* Whether it is a point of the prime-order group in its one encoding. Others (identity, small
 * order) would let anybody sign. */
bool minisig_key_is_sound(const uint8_t public_key[MINISIG_PUBLIC]);

#endif
