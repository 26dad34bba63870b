/*
 * minikey: key files of minisign, so that the stock program works with our keys and ours with its.
 *
 * Public: a comment line and base64 of "Ed", key id, key. Secret: a comment line and base64 of the
 * 158 bytes that `minisign -G -W` writes, unencrypted; an encrypted one is ERR_UNSUPPORTED (sign
 * with minisign itself and hand us the signature). Keys made here carry the id that minisig_key_id
 * computes; a key that stock minisign made has a random one, which no gateway would accept, and is
 * refused with ERR_MISMATCH until `subotactl bundle keygen --import` has written it anew.
 */
#ifndef SUBOTA_MINIKEY_H
#define SUBOTA_MINIKEY_H

#include <stdbool.h>

#include "minisig.h"
#include "why.h"

enum { MINIKEY_TEXT_MAX = 512, MINIKEY_SEED = 32 };

struct minikey {
	uint8_t id[MINISIG_KEY_ID];
	uint8_t public_key[MINISIG_PUBLIC];
	uint8_t secret_key[MINISIG_SECRET]; /* all zero when only the public half is known */
};

/* A new key; from `seed` (MINIKEY_SEED bytes), or random with NULL. */
enum err minikey_make(const uint8_t *seed, struct minikey *out) MUST_CHECK;

enum err minikey_parse_public(
    const void *text, size_t len, struct minikey *out, char why[WHY_SIZE]) MUST_CHECK;
/* `any_id`: take a key with a foreign id and compute ours. */
enum err minikey_parse_secret(
    const void *text, size_t len, bool any_id, struct minikey *out, char why[WHY_SIZE]) MUST_CHECK;

enum err minikey_format_public(
    const struct minikey *k, char text[MINIKEY_TEXT_MAX], size_t *len) MUST_CHECK;
enum err minikey_format_secret(
    const struct minikey *k, char text[MINIKEY_TEXT_MAX], size_t *len) MUST_CHECK;

/* Files: a secret key's must not be open to others (mode & 077), ERR_DENIED; both are created with
 * O_EXCL, ERR_EXISTS; the secret one 0600. */
enum err minikey_load_public(const char *path, struct minikey *out, char why[WHY_SIZE]) MUST_CHECK;
enum err minikey_load_secret(
    const char *path, bool any_id, struct minikey *out, char why[WHY_SIZE]) MUST_CHECK;
enum err minikey_save(const struct minikey *k, const char *public_path, const char *secret_path,
    char why[WHY_SIZE]) MUST_CHECK;

/* Sign the bytes and append the text to the document's signatures. */
struct bundle_signed;
enum err minikey_sign(
    const struct minikey *k, const char *comment, struct bundle_signed *doc) MUST_CHECK;

void minikey_wipe(struct minikey *k);

#endif
