/*
 * fuzz: any bytes as a line of the audit log, and as the object of a line that this gateway's key
 * has signed; as a head, too. The chain is moved on by an entry that is taken, and by no other.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define PREFIX "subota.audit.v1\n"

static void
check(const char *line, size_t len, const struct minikey *k)
{
	struct audit_chain c = {0}, before = {0};
	char why[WHY_SIZE];

	for (int i = 0; i < 2; i++, before = c) {
		enum err e = audit_check(&c, line, len, k->public_key, why);

		if (e != ERR_OK && memcmp(&c, &before, sizeof(c)) != 0)
			abort();
		if (e == ERR_OK && (c.last == before.last || c.first > c.last || i > 0))
			abort();
	}
}

/* Signed: the JSON of the object is read, then its place. */
static void
check_signed(const uint8_t *object, size_t len, const struct minikey *k)
{
	char message[sizeof(PREFIX) + AUDIT_LINE] = PREFIX, line[AUDIT_LINE + 100];
	uint8_t sig[MINISIG_SIG];

	if (len >= AUDIT_LINE)
		return;
	memcpy(message + sizeof(PREFIX) - 1, object, len);
	crypto_sign_detached(
	    sig, NULL, (const uint8_t *)message, sizeof(PREFIX) - 1 + len, k->secret_key);
	memcpy(line, object, len);
	line[len] = '\t';
	sodium_bin2base64(line + len + 1, 99, sig, sizeof(sig), sodium_base64_VARIANT_ORIGINAL);
	check(line, len + 1 + strlen(line + len + 1), k);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t seed[MINIKEY_SEED] = {7};
	struct minikey k;
	char head[60] = "", again[AUDIT_HEAD], hash[17];
	uint64_t seq = 0;

	if (sodium_init() < 0 || minikey_make(seed, &k) != ERR_OK)
		abort();
	check((const char *)data, len, &k);
	check_signed(data, len, &k);
	memcpy(head, data, len < sizeof(head) - 1 ? len : sizeof(head) - 1);
	if (audit_read_head(head, &seq, hash) &&
	    (snprintf(again, sizeof(again), "%llu:%s", (unsigned long long)seq, hash) >=
		    AUDIT_HEAD ||
		seq == 0))
		abort();
	return 0;
}
