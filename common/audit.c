/*
 * audit: see audit.h. The signature is over bytes that are kept as they were, so nothing depends on
 * how JSON is written; and it is checked before the JSON is looked at.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "auto.h"

#define PREFIX "subota.audit.v1\n"

enum {
	HEX = 2 * AUDIT_HASH + 1,
	ID_HEX = 2 * MINISIG_KEY_ID + 1,
	SIGNATURE_TEXT = 89, /* base64 of 64 bytes, with its NUL */
};

AUTO_DEFINE(audit_json, cJSON *, cJSON_Delete)

void
audit_hash(const char *line, size_t len, uint8_t hash[AUDIT_HASH])
{
	crypto_generichash(hash, AUDIT_HASH, (const uint8_t *)line, len, NULL, 0);
}

void
audit_first(const uint8_t public_key[MINISIG_PUBLIC], uint8_t prev[AUDIT_HASH])
{
	crypto_generichash(prev, AUDIT_HASH, public_key, MINISIG_PUBLIC, NULL, 0);
}

void
audit_head(uint64_t seq, const uint8_t hash[AUDIT_HASH], char out[AUDIT_HEAD])
{
	char hex[17];

	sodium_bin2hex(hex, sizeof(hex), hash, 8);
	snprintf(out, AUDIT_HEAD, "%" PRIu64 ":%s", seq, hex);
}

bool
audit_read_head(const char *text, uint64_t *seq, char hash[17])
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 18 || text[digits] != ':' || strlen(text + digits) != 17 ||
	    strspn(text + digits + 1, "0123456789abcdef") != 16)
		return false;
	*seq = strtoull(text, NULL, 10);
	snprintf(hash, 17, "%s", text + digits + 1);
	return *seq > 0;
}

/* --- signatures ------------------------------------------------------------------------------- */

/* Heap: the prefix and `len` bytes of text. */
static uint8_t *
message_of(const char *text, size_t len)
{
	uint8_t *m = malloc(sizeof(PREFIX) - 1 + len);

	if (!m)
		return NULL;
	memcpy(m, PREFIX, sizeof(PREFIX) - 1);
	memcpy(m + sizeof(PREFIX) - 1, text, len);
	return m;
}

static enum err
sign(const char *text, size_t len, const struct minikey *k, char out[SIGNATURE_TEXT])
{
	AUTO(mem) uint8_t *m = message_of(text, len);
	uint8_t sig[MINISIG_SIG];

	if (!m)
		return ERR_NOMEM;
	crypto_sign_detached(sig, NULL, m, sizeof(PREFIX) - 1 + len, k->secret_key);
	sodium_bin2base64(out, SIGNATURE_TEXT, sig, sizeof(sig), sodium_base64_VARIANT_ORIGINAL);
	return ERR_OK;
}

/* base64 must be what encoding gives back: else two lines would say the same with other hashes. */
static bool
is_signed(const char *text, size_t len, const char *signature, size_t signature_len,
    const uint8_t public_key[MINISIG_PUBLIC])
{
	AUTO(mem) uint8_t *m = message_of(text, len);
	uint8_t sig[MINISIG_SIG];
	char again[SIGNATURE_TEXT];
	size_t n = 0;

	if (!m || signature_len != SIGNATURE_TEXT - 1 ||
	    sodium_base642bin(sig, sizeof(sig), signature, signature_len, NULL, &n, NULL,
		sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    n != sizeof(sig))
		return false;
	sodium_bin2base64(again, sizeof(again), sig, sizeof(sig), sodium_base64_VARIANT_ORIGINAL);
	return memcmp(again, signature, signature_len) == 0 &&
	       crypto_sign_verify_detached(sig, m, sizeof(PREFIX) - 1 + len, public_key) == 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void
add_text(cJSON *o, const char *key, const char *text)
{
	if (text && *text)
		cJSON_AddStringToObject(o, key, text);
}

/* 64-bit numbers as text: JSON readers lose digits of them. */
static void
add_number(cJSON *o, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	cJSON_AddStringToObject(o, key, text);
}

static char *
body_of(const struct audit_entry *e, const struct minikey *k)
{
	AUTO(audit_json) cJSON *o = cJSON_CreateObject();
	char hex[HEX], id[ID_HEX], manifest[HEX] = "";

	sodium_bin2hex(hex, sizeof(hex), e->prev, AUDIT_HASH);
	sodium_bin2hex(id, sizeof(id), k->id, MINISIG_KEY_ID);
	if (e->manifest)
		sodium_bin2hex(manifest, sizeof(manifest), e->manifest, AUDIT_HASH);
	add_number(o, "seq", e->seq);
	add_text(o, "prev", hex);
	add_text(o, "gateway", id);
	add_text(o, "at", e->at);
	cJSON_AddBoolToObject(o, "synchronised", e->synchronised);
	add_text(o, "boot", e->boot_id);
	add_number(o, "upgrade", e->upgrade);
	add_text(o, "product_key", e->product_key);
	add_text(o, "device_key", e->device_key);
	add_text(o, "component", e->component);
	add_text(o, "manifest", manifest);
	add_text(o, "to", e->to);
	add_text(o, "runs", e->runs);
	add_text(o, "phase", e->phase);
	add_text(o, "error", err_name((unsigned)e->error));
	add_text(o, "detail", e->detail);
	return cJSON_PrintUnformatted(o);
}

enum err
audit_format(const struct audit_entry *e, const struct minikey *k, char line[AUDIT_LINE])
{
	AUTO(mem) char *body = body_of(e, k);
	char signature[SIGNATURE_TEXT];
	enum err err = body ? sign(body, strlen(body), k, signature) : ERR_NOMEM;

	if (err != ERR_OK)
		return err;
	int n = snprintf(line, AUDIT_LINE, "%s\t%s", body, signature);

	return n > 0 && n < AUDIT_LINE ? ERR_OK : ERR_LIMIT;
}

/* --- checking --------------------------------------------------------------------------------- */

static const char *
text_of(const cJSON *o, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	return text ? text : "";
}

/* Does the signed entry follow? */
static enum err
check_place(const struct audit_chain *c, const cJSON *entry, uint64_t *seq,
    const uint8_t public_key[MINISIG_PUBLIC], char *why)
{
	const char *number = text_of(entry, "seq"), *prev = text_of(entry, "prev");
	uint8_t wanted[AUDIT_HASH];
	char hex[HEX];

	if (strspn(number, "0123456789") != strlen(number) || strlen(number) > 18)
		return why_say(why, ERR_MALFORMED, "expected a number, got seq '%.20s'", number);
	*seq = strtoull(number, NULL, 10);
	if (*seq == 0 || (c->last && *seq != c->last + 1))
		return why_say(why, ERR_MISMATCH, "expected entry %" PRIu64 ", got entry %" PRIu64,
		    c->last + 1, *seq);
	if (c->last == 0 && *seq > 1)
		return ERR_OK; /* the ones before were forgotten */
	memcpy(wanted, c->head, sizeof(wanted));
	if (c->last == 0)
		audit_first(public_key, wanted);
	sodium_bin2hex(hex, sizeof(hex), wanted, AUDIT_HASH);
	if (strcmp(prev, hex) != 0)
		return why_say(why, ERR_MISMATCH,
		    "expected entry %" PRIu64 " to follow %.16s, got one that follows %.16s", *seq,
		    hex, prev);
	return ERR_OK;
}

/* Another gateway's entry has a good signature, of another key: say so, not "forged". */
static enum err
check_key(const cJSON *entry, const uint8_t public_key[MINISIG_PUBLIC], char *why)
{
	uint8_t id[MINISIG_KEY_ID];
	char hex[ID_HEX];

	minisig_key_id(public_key, id);
	sodium_bin2hex(hex, sizeof(hex), id, sizeof(id));
	if (strcmp(text_of(entry, "gateway"), hex) == 0)
		return ERR_OK;
	return why_say(why, ERR_SCOPE, "expected an entry of key %s, got one of '%.16s'", hex,
	    text_of(entry, "gateway"));
}

enum err
audit_check(struct audit_chain *c, const char *line, size_t len,
    const uint8_t public_key[MINISIG_PUBLIC], char why[WHY_SIZE])
{
	const char *tab = memrchr(line, '\t', len);
	uint64_t seq = 0;

	if (!tab || len >= AUDIT_LINE)
		return why_say(why, ERR_MALFORMED, "expected an entry and its signature");
	size_t body = (size_t)(tab - line);
	AUTO(audit_json) cJSON *entry = cJSON_ParseWithLength(line, body);

	if (!cJSON_IsObject(entry))
		return why_say(why, ERR_MALFORMED, "expected a JSON object");
	enum err e = check_key(entry, public_key, why);
	if (e != ERR_OK)
		return e;
	if (!is_signed(line, body, tab + 1, len - body - 1, public_key))
		return why_say(why, ERR_THRESHOLD, "expected the signature of entry %.20s to hold",
		    text_of(entry, "seq"));
	e = check_place(c, entry, &seq, public_key, why);
	if (e != ERR_OK)
		return e;
	c->first = c->first ? c->first : seq;
	c->last = seq;
	audit_hash(line, len, c->head);
	return ERR_OK;
}
