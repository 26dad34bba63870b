/*
 * root: one root document, read strictly and checked by itself (no chain, no signatures: trust.h).
 *
 * Refused: unknown fields, version 0, no unexpired span, the same public key twice, a key of small
 * order, a role without keys, with a key twice, with a key that is not in the document, threshold 0
 * or above the number of keys, a role name twice, no "root" role, scopes on "root" or none on
 * another role, a key of "root" in another role, wrong lengths, names and patterns outside their
 * charset.
 */
#ifndef SUBOTA_ROOT_H
#define SUBOTA_ROOT_H

#include <bundle.pb-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "err.h"
#include "minisig.h"
#include "why.h"

#define ROOT_MAGIC "subota.root.v1"
#define ROOT_ROLE "root"

enum {
	ROOT_KEYS_MAX = 64,
	ROOT_ROLES_MAX = 32,
	ROOT_SCOPES_MAX = 64,
	ROOT_REVOKED_MAX = 1024,
	ROOT_FLOORS_MAX = 256,
};

/* ERR_ROOT for whatever is wrong with it, ERR_TEST_KEY for a key of our own test data unless `lab`.
 */
enum err root_parse(
    const uint8_t *data, size_t len, bool lab, Tr__Root **out, char why[WHY_SIZE]) MUST_CHECK;
/* The same checks for a document that is being made. */
enum err root_check(const Tr__Root *r, bool lab, char why[WHY_SIZE]) MUST_CHECK;
void root_free(Tr__Root *r);
AUTO_DEFINE(root, Tr__Root *, root_free)

/* Borrowed from the document; NULL if there is none. */
const Tr__Role *root_role(const Tr__Root *r, const char *name);
const uint8_t *root_key(const Tr__Root *r, const uint8_t id[MINISIG_KEY_ID]);

bool root_role_has_key(const Tr__Role *role, const uint8_t id[MINISIG_KEY_ID]);
bool root_key_revoked(const Tr__Root *r, const uint8_t id[MINISIG_KEY_ID]);
bool root_manifest_revoked(const Tr__Root *r, const uint8_t digest[32]);

/* Whether a name fits a pattern: equal, or equal up to a star at the pattern's end. */
bool root_pattern_fits(const char *pattern, const char *name);

/* Whether one scope of the role covers these three. */
bool root_role_covers(
    const Tr__Role *role, const char *vendor, const char *model, const char *component);

/* Whether the id belongs to a key whose secret half is in our source tree. */
bool root_is_test_key(const uint8_t id[MINISIG_KEY_ID]);

#endif
