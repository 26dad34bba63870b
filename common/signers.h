/*
 * signers: which keys of a root document signed some bytes. A signature counts once per public key;
 * one that is unknown, damaged or of another kind is passed over, not an error. Looks at raw bytes
 * and signature texts only, never into the document.
 */
#ifndef SUBOTA_SIGNERS_H
#define SUBOTA_SIGNERS_H

#include <stddef.h>

#include "bundle.h"
#include "minisig.h"
#include "root.h"

struct signer {
	uint8_t id[MINISIG_KEY_ID];
	char comment[MINISIG_COMMENT_MAX + 1];
};

struct signers {
	struct signer by[BUNDLE_SIGS_MAX]; /* different keys, none of them revoked */
	size_t n;
	size_t revoked; /* signatures that name a revoked key, valid or not */
};

/* Check every signature of `s` against the keys of `keys`. */
void signers_find(const struct bundle_signed *s, const Tr__Root *keys, struct signers *out);

/* How many of them belong to the role. */
size_t signers_in_role(const struct signers *s, const Tr__Role *role);

#endif
