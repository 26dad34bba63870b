/*
 * minisig: see minisig.h. The text is read by making it again: what is decoded is formatted anew
 * and compared with what came, so that there is one text per signature.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "minisig.h"

#define UNTRUSTED "untrusted comment: signature from minisign secret key\n"
#define TRUSTED "trusted comment: "

enum {
	SIG_BYTES = 2 + MINISIG_KEY_ID + MINISIG_SIG,
	SIG_BASE64 = 100,   /* of SIG_BYTES, padded */
	GLOBAL_BASE64 = 88, /* of MINISIG_SIG, padded */
	GLOBAL_INPUT = MINISIG_SIG + MINISIG_COMMENT_MAX,
};

static bool
is_comment(const char *s, size_t len)
{
	if (len > MINISIG_COMMENT_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((s[i] < 0x20 && s[i] != '\t') || s[i] > 0x7e)
			return false;
	return true;
}

/* One line of base64 of exactly `size` bytes; `*at` moves behind its newline. */
static bool
read_base64(const char **at, const char *end, size_t base64, uint8_t *out, size_t size)
{
	size_t got = 0;

	if ((size_t)(end - *at) < base64 + 1 || (*at)[base64] != '\n')
		return false;
	if (sodium_base642bin(
		out, size, *at, base64, NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    got != size)
		return false;
	*at += base64 + 1;
	return true;
}

static bool
read_literal(const char **at, const char *end, const char *literal)
{
	size_t len = strlen(literal);

	if ((size_t)(end - *at) < len || memcmp(*at, literal, len) != 0)
		return false;
	*at += len;
	return true;
}

static bool
read_comment(const char **at, const char *end, struct minisig *out)
{
	const char *nl = memchr(*at, '\n', (size_t)(end - *at));

	if (!nl || !is_comment(*at, (size_t)(nl - *at)))
		return false;
	memcpy(out->comment, *at, (size_t)(nl - *at));
	out->comment[nl - *at] = 0;
	*at = nl + 1;
	return true;
}

enum err
minisig_parse(const void *text, size_t len, struct minisig *out)
{
	const char *at = text, *end = at + len;
	uint8_t bytes[SIG_BYTES];
	char again[MINISIG_TEXT_MAX];
	size_t n = 0;

	if (len > MINISIG_TEXT_MAX)
		return ERR_LIMIT;
	if (!read_literal(&at, end, UNTRUSTED))
		return ERR_MALFORMED;
	if (!read_base64(&at, end, SIG_BASE64, bytes, sizeof(bytes)))
		return ERR_MALFORMED;
	if (memcmp(bytes, "ED", 2) != 0)
		return ERR_UNSUPPORTED;
	memcpy(out->key_id, bytes + 2, MINISIG_KEY_ID);
	memcpy(out->sig, bytes + 2 + MINISIG_KEY_ID, MINISIG_SIG);
	if (!read_literal(&at, end, TRUSTED) || !read_comment(&at, end, out))
		return ERR_MALFORMED;
	if (!read_base64(&at, end, GLOBAL_BASE64, out->global, sizeof(out->global)))
		return ERR_MALFORMED;
	if (minisig_format(out, again, &n) || n != len || memcmp(again, text, len) != 0)
		return ERR_MALFORMED;
	return ERR_OK;
}

enum err
minisig_format(const struct minisig *s, char text[MINISIG_TEXT_MAX], size_t *len)
{
	uint8_t bytes[SIG_BYTES];
	char sig[SIG_BASE64 + 1], global[GLOBAL_BASE64 + 1];

	if (!is_comment(s->comment, strlen(s->comment)))
		return ERR_INVALID;
	memcpy(bytes, "ED", 2);
	memcpy(bytes + 2, s->key_id, MINISIG_KEY_ID);
	memcpy(bytes + 2 + MINISIG_KEY_ID, s->sig, MINISIG_SIG);
	sodium_bin2base64(sig, sizeof(sig), bytes, sizeof(bytes), sodium_base64_VARIANT_ORIGINAL);
	sodium_bin2base64(
	    global, sizeof(global), s->global, sizeof(s->global), sodium_base64_VARIANT_ORIGINAL);
	int n = snprintf(
	    text, MINISIG_TEXT_MAX, UNTRUSTED "%s\n" TRUSTED "%s\n%s\n", sig, s->comment, global);

	if (n < 0 || n >= MINISIG_TEXT_MAX)
		return ERR_INVALID;
	*len = (size_t)n;
	return ERR_OK;
}

void
minisig_hash(const void *data, size_t len, uint8_t hash[MINISIG_HASH])
{
	crypto_generichash(hash, MINISIG_HASH, data, len, NULL, 0);
}

/* What the second signature signs: the first one and the trusted comment. */
static size_t
global_input(const struct minisig *s, uint8_t out[GLOBAL_INPUT])
{
	size_t n = strlen(s->comment);

	memcpy(out, s->sig, MINISIG_SIG);
	memcpy(out + MINISIG_SIG, s->comment, n);
	return MINISIG_SIG + n;
}

bool
minisig_verify(const struct minisig *s, const uint8_t public_key[MINISIG_PUBLIC],
    const uint8_t hash[MINISIG_HASH])
{
	uint8_t id[MINISIG_KEY_ID], input[GLOBAL_INPUT];

	minisig_key_id(public_key, id);
	if (memcmp(id, s->key_id, sizeof(id)) != 0)
		return false;
	if (crypto_sign_verify_detached(s->sig, hash, MINISIG_HASH, public_key) != 0)
		return false;
	return crypto_sign_verify_detached(s->global, input, global_input(s, input), public_key) ==
	       0;
}

enum err
minisig_sign(const uint8_t secret_key[MINISIG_SECRET], const uint8_t hash[MINISIG_HASH],
    const char *comment, struct minisig *out)
{
	uint8_t input[GLOBAL_INPUT];
	size_t len = strlen(comment);

	if (!is_comment(comment, len))
		return ERR_INVALID;
	minisig_key_id(secret_key + crypto_sign_SEEDBYTES, out->key_id);
	memcpy(out->comment, comment, len + 1);
	crypto_sign_detached(out->sig, NULL, hash, MINISIG_HASH, secret_key);
	crypto_sign_detached(out->global, NULL, input, global_input(out, input), secret_key);
	return ERR_OK;
}

void
minisig_key_id(const uint8_t public_key[MINISIG_PUBLIC], uint8_t id[MINISIG_KEY_ID])
{
	uint8_t full[crypto_generichash_BYTES];

	crypto_generichash(full, sizeof(full), public_key, MINISIG_PUBLIC, NULL, 0);
	memcpy(id, full, MINISIG_KEY_ID);
}

bool
minisig_key_is_sound(const uint8_t public_key[MINISIG_PUBLIC])
{
	/* canonical, on the curve, not of small order, in the main subgroup; both functions are
	 * asked because each has had its own bug (CVE-2025-69277 in the first) */
	uint8_t montgomery[crypto_scalarmult_curve25519_BYTES];

	return crypto_core_ed25519_is_valid_point(public_key) == 1 &&
	       crypto_sign_ed25519_pk_to_curve25519(montgomery, public_key) == 0;
}
