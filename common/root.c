/*
 * root: see root.h.
 */
#include <assert.h>
#include <string.h>

#include "bundle.h"
#include "manifest.h"
#include "root.h"
#include "strict.h"

/* Keys whose secret halves anybody can make: tests/data/bundle/README.md. */
/* clang-format off */
static const uint8_t test_keys[][MINISIG_KEY_ID] = {
	{0xc2, 0x55, 0xa9, 0x46, 0x6f, 0xcb, 0x50, 0x09},
	{0x59, 0x67, 0x47, 0xa6, 0xfd, 0x8a, 0xc4, 0xaa},
	{0xac, 0x70, 0xdd, 0x2a, 0x5c, 0x97, 0xdd, 0x21},
	{0x77, 0x67, 0xcf, 0x7e, 0x63, 0xab, 0x76, 0x1b},
	{0x6b, 0x9d, 0x53, 0xd7, 0xfa, 0xaa, 0x53, 0xcf},
	{0x4f, 0x3f, 0xa9, 0x85, 0x78, 0x67, 0xb9, 0xd5},
};
/* clang-format on */

bool
root_is_test_key(const uint8_t id[MINISIG_KEY_ID])
{
	for (size_t i = 0; i < sizeof(test_keys) / sizeof(test_keys[0]); i++)
		if (memcmp(test_keys[i], id, MINISIG_KEY_ID) == 0)
			return true;
	return false;
}

const uint8_t *
root_key(const Tr__Root *r, const uint8_t id[MINISIG_KEY_ID])
{
	for (size_t i = 0; i < r->n_key; i++) {
		uint8_t own[MINISIG_KEY_ID];

		minisig_key_id(r->key[i]->public_key.data, own);
		if (memcmp(own, id, sizeof(own)) == 0)
			return r->key[i]->public_key.data;
	}
	return NULL;
}

const Tr__Role *
root_role(const Tr__Root *r, const char *name)
{
	for (size_t i = 0; i < r->n_role; i++)
		if (strcmp(r->role[i]->name, name) == 0)
			return r->role[i];
	return NULL;
}

static bool
list_has(const ProtobufCBinaryData *list, size_t n, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].len == len && memcmp(list[i].data, bytes, len) == 0)
			return true;
	return false;
}

bool
root_role_has_key(const Tr__Role *role, const uint8_t id[MINISIG_KEY_ID])
{
	return list_has(role->key_id, role->n_key_id, id, MINISIG_KEY_ID);
}

bool
root_key_revoked(const Tr__Root *r, const uint8_t id[MINISIG_KEY_ID])
{
	return list_has(r->revoked_key_id, r->n_revoked_key_id, id, MINISIG_KEY_ID);
}

bool
root_manifest_revoked(const Tr__Root *r, const uint8_t digest[32])
{
	return list_has(r->revoked_manifest, r->n_revoked_manifest, digest, BUNDLE_DIGEST);
}

bool
root_pattern_fits(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return strncmp(pattern, name, n - 1) == 0;
	return strcmp(pattern, name) == 0;
}

bool
root_role_covers(const Tr__Role *role, const char *vendor, const char *model, const char *component)
{
	for (size_t i = 0; i < role->n_scope; i++)
		if (root_pattern_fits(role->scope[i]->vendor, vendor) &&
		    root_pattern_fits(role->scope[i]->model, model) &&
		    root_pattern_fits(role->scope[i]->component, component))
			return true;
	return false;
}

/* A name, or a name whose last character is a star, or a star. */
static bool
is_pattern(const char *s)
{
	char stem[MANIFEST_NAME_MAX + 2];
	size_t n = strnlen(s, sizeof(stem));

	if (n == 0 || n > MANIFEST_NAME_MAX)
		return false;
	if (s[n - 1] != '*')
		return manifest_is_name(s);
	memcpy(stem, s, n - 1);
	stem[n - 1] = 0;
	return n == 1 || manifest_is_name(stem);
}

static enum err
check_patterns(const char *vendor, const char *model, const char *component, char why[WHY_SIZE])
{
	if (is_pattern(vendor) && is_pattern(model) && is_pattern(component))
		return ERR_OK;
	return why_say(why, ERR_ROOT, "expected names or patterns, got '%.40s' '%.40s' '%.40s'",
	    vendor, model, component);
}

static enum err
check_lengths(const ProtobufCBinaryData *list, size_t n, size_t len, size_t max, const char *what,
    char why[WHY_SIZE])
{
	if (n > max)
		return why_say(why, ERR_ROOT, "%s: expected at most %zu, got %zu", what, max, n);
	for (size_t i = 0; i < n; i++)
		if (list[i].len != len)
			return why_say(why, ERR_ROOT, "%s: expected %zu bytes, got %zu", what, len,
			    list[i].len);
	return ERR_OK;
}

static enum err
check_key(const Tr__Root *r, size_t i, bool lab, char why[WHY_SIZE])
{
	const ProtobufCBinaryData *k = &r->key[i]->public_key;
	uint8_t id[MINISIG_KEY_ID], other[MINISIG_KEY_ID];

	if (k->len != MINISIG_PUBLIC || !minisig_key_is_sound(k->data))
		return why_say(why, ERR_ROOT, "key %zu: expected an Ed25519 public key", i);
	minisig_key_id(k->data, id);
	for (size_t j = 0; j < i; j++) {
		minisig_key_id(r->key[j]->public_key.data, other);
		if (memcmp(id, other, sizeof(id)) == 0)
			return why_say(
			    why, ERR_ROOT, "expected different keys, got %zu again as %zu", j, i);
	}
	if (!lab && root_is_test_key(id))
		return why_say(why, ERR_TEST_KEY, "key %zu belongs to the test data", i);
	return ERR_OK;
}

static enum err
check_role_keys(const Tr__Root *r, const Tr__Role *role, char why[WHY_SIZE])
{
	const Tr__Role *root = root_role(r, ROOT_ROLE);
	bool is_root = role == root;

	for (size_t i = 0; i < role->n_key_id; i++) {
		const uint8_t *id = role->key_id[i].data;

		if (!root_key(r, id))
			return why_say(why, ERR_ROOT, "role %s: key %zu is not in the document",
			    role->name, i);
		if (list_has(role->key_id, i, id, MINISIG_KEY_ID))
			return why_say(why, ERR_ROOT,
			    "role %s: expected different keys, got %zu "
			    "again",
			    role->name, i);
		if (!is_root && root && root_role_has_key(root, id))
			return why_say(why, ERR_ROOT,
			    "role %s: expected keys of its own, got one of the root role",
			    role->name);
	}
	return ERR_OK;
}

static enum err
check_scopes(const Tr__Role *role, bool is_root, char why[WHY_SIZE])
{
	enum err e = ERR_OK;

	if (role->n_scope > ROOT_SCOPES_MAX || is_root != (role->n_scope == 0))
		return why_say(why, ERR_ROOT, "role %s: expected %s, got %zu scopes", role->name,
		    is_root ? "none" : "1 to 64", role->n_scope);
	for (size_t i = 0; !e && i < role->n_scope; i++)
		e = check_patterns(
		    role->scope[i]->vendor, role->scope[i]->model, role->scope[i]->component, why);
	return e;
}

static enum err
check_role(const Tr__Root *r, size_t i, char why[WHY_SIZE])
{
	const Tr__Role *role = r->role[i];

	if (!manifest_is_name(role->name) || root_role(r, role->name) != role)
		return why_say(why, ERR_ROOT, "role %zu: expected a name of its own, got '%.40s'",
		    i, role->name);
	if (role->threshold < 1 || role->threshold > role->n_key_id)
		return why_say(why, ERR_ROOT, "role %s: expected a threshold of 1 to %zu, got %u",
		    role->name, role->n_key_id, role->threshold);
	if (role->valid_until_ms != 0 && role->valid_until_ms <= role->valid_from_ms)
		return why_say(
		    why, ERR_ROOT, "role %s: expected valid_from < valid_until", role->name);
	enum err e = check_lengths(
	    role->key_id, role->n_key_id, MINISIG_KEY_ID, ROOT_KEYS_MAX, "key_id", why);

	if (!e)
		e = check_role_keys(r, role, why);
	return e ? e : check_scopes(role, strcmp(role->name, ROOT_ROLE) == 0, why);
}

static enum err
check_lists(const Tr__Root *r, char why[WHY_SIZE])
{
	enum err e = check_lengths(r->revoked_key_id, r->n_revoked_key_id, MINISIG_KEY_ID,
	    ROOT_REVOKED_MAX, "revoked_key_id", why);

	if (!e)
		e = check_lengths(r->revoked_manifest, r->n_revoked_manifest, BUNDLE_DIGEST,
		    ROOT_REVOKED_MAX, "revoked_manifest", why);
	if (!e && r->n_floor > ROOT_FLOORS_MAX)
		return why_say(why, ERR_ROOT, "expected at most %d floors, got %zu",
		    ROOT_FLOORS_MAX, r->n_floor);
	for (size_t i = 0; !e && i < r->n_floor; i++) {
		const Tr__Floor *f = r->floor[i];

		e = check_patterns(f->vendor, f->model, f->component, why);
		if (!e && (f->min_security_counter > INT64_MAX || f->min_sequence > INT64_MAX))
			e = why_say(why, ERR_ROOT, "floor %zu: expected numbers below 2^63", i);
	}
	return e;
}

enum err
root_check(const Tr__Root *r, bool lab, char why[WHY_SIZE])
{
	enum err e = ERR_OK;

	assert(r);
	if (strcmp(r->magic, ROOT_MAGIC) != 0 || r->version < 1)
		return why_say(
		    why, ERR_ROOT, "expected " ROOT_MAGIC " and a version, got %u", r->version);
	if (r->created_ms < 1 || r->expires_ms <= r->created_ms || r->expires_ms > INT64_MAX)
		return why_say(why, ERR_ROOT, "expected created < expires, got %llu and %llu",
		    (unsigned long long)r->created_ms, (unsigned long long)r->expires_ms);
	if (r->n_key > ROOT_KEYS_MAX || r->n_role > ROOT_ROLES_MAX || !root_role(r, ROOT_ROLE))
		return why_say(why, ERR_ROOT,
		    "expected at most %d keys, %d roles, one of them root", ROOT_KEYS_MAX,
		    ROOT_ROLES_MAX);
	for (size_t i = 0; !e && i < r->n_key; i++)
		e = check_key(r, i, lab, why);
	for (size_t i = 0; !e && i < r->n_role; i++)
		e = check_role(r, i, why);
	return e ? e : check_lists(r, why);
}

enum err
root_parse(const uint8_t *data, size_t len, bool lab, Tr__Root **out, char why[WHY_SIZE])
{
	ProtobufCMessage *base = NULL;
	enum err e = len > BUNDLE_ROOT_BYTES
			 ? why_say(why, ERR_LIMIT, "expected at most %d bytes", BUNDLE_ROOT_BYTES)
			 : strict_unpack(&tr__root__descriptor, ROOT_MAGIC, data, len, &base, why);

	if (e)
		return e == ERR_NOMEM ? e : ERR_ROOT;
	AUTO(root) Tr__Root *r = (Tr__Root *)base;

	e = root_check(r, lab, why);
	if (e)
		return e;
	*out = HAND_OVER(r);
	return ERR_OK;
}

void
root_free(Tr__Root *r)
{
	if (r)
		tr__root__free_unpacked(r, NULL);
}
