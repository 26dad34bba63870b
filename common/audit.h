/*
 * audit: the log of what flashd reported, which nobody can alter unseen: each entry is signed by
 * the gateway's report key and names the hash of the entry before it (trust specification 3.6).
 * Pure.
 *
 * An entry is one line: a JSON object, a tab, base64 of the Ed25519 signature over
 * "subota.audit.v1\n" and the object's bytes. `prev` is BLAKE2b-256 of the line before, of the
 * public key for the first; `gateway` the id of the key. A head, `SEQ:HASH16`, names an entry by
 * its number and the first 8 bytes of its hash; each report carries the one of its entry, so that
 * a log that was cut off is found by whoever has seen a later head.
 */
#ifndef SUBOTA_AUDIT_H
#define SUBOTA_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "minikey.h"
#include "why.h"

enum {
	AUDIT_HASH = 32,
	AUDIT_LINE = 4096, /* with its NUL */
	AUDIT_HEAD = 40,   /* text of a head, with its NUL */
};

/* Texts are borrowed; what is not known is "". */
struct audit_entry {
	uint64_t seq; /* from 1, by one */
	uint8_t prev[AUDIT_HASH];
	const char *at;    /* clock_text */
	bool synchronised; /* the clock is */
	const char *boot_id;
	uint64_t upgrade;
	const char *product_key, *device_key, *component;
	const uint8_t *manifest; /* digest, AUDIT_HASH bytes; NULL = none */
	const char *to, *runs;   /* the version that was wanted, the one that was seen */
	const char *phase;       /* PHASE_DONE, ... */
	enum err error;
	const char *detail;
};

/* ERR_LIMIT: a line would be longer than AUDIT_LINE. */
enum err audit_format(
    const struct audit_entry *e, const struct minikey *k, char line[AUDIT_LINE]) MUST_CHECK;

void audit_hash(const char *line, size_t len, uint8_t hash[AUDIT_HASH]);
/* `prev` of a log's first entry. */
void audit_first(const uint8_t public_key[MINISIG_PUBLIC], uint8_t prev[AUDIT_HASH]);
void audit_head(uint64_t seq, const uint8_t hash[AUDIT_HASH], char out[AUDIT_HEAD]);
/* False: it is none. */
bool audit_read_head(const char *text, uint64_t *seq, char hash[17]);

/* A log on its way through the check; begin with zeros. */
struct audit_chain {
	uint64_t first, last; /* numbers of the entries so far; 0 = none */
	uint8_t head[AUDIT_HASH];
};

/* The next line, without its newline. ERR_MALFORMED: no entry; ERR_SCOPE: of another key;
 * ERR_THRESHOLD; ERR_MISMATCH: not the one that follows (altered before it, left out, moved). `why`
 * says what was expected. The chain is moved on only by ERR_OK. A log may begin in its middle:
 * flashd forgets the oldest. */
enum err audit_check(struct audit_chain *c, const char *line, size_t len,
    const uint8_t public_key[MINISIG_PUBLIC], char why[WHY_SIZE]) MUST_CHECK;

#endif
