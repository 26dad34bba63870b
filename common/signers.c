/*
 * signers: see signers.h.
 */
#include <string.h>

#include "signers.h"

static bool
is_counted(const struct signers *s, const uint8_t id[MINISIG_KEY_ID])
{
	for (size_t i = 0; i < s->n; i++)
		if (memcmp(s->by[i].id, id, MINISIG_KEY_ID) == 0)
			return true;
	return false;
}

void
signers_find(const struct bundle_signed *s, const Tr__Root *keys, struct signers *out)
{
	uint8_t hash[MINISIG_HASH];

	*out = (struct signers){0};
	minisig_hash(s->doc.data, s->doc.len, hash);
	for (size_t i = 0; i < s->n_sigs; i++) {
		struct minisig sig;

		if (minisig_parse(s->sigs[i].data, s->sigs[i].len, &sig))
			continue;
		if (root_key_revoked(keys, sig.key_id)) {
			out->revoked++;
			continue;
		}
		const uint8_t *key = root_key(keys, sig.key_id);

		if (!key || is_counted(out, sig.key_id) || !minisig_verify(&sig, key, hash))
			continue;
		struct signer *by = &out->by[out->n++];

		memcpy(by->id, sig.key_id, sizeof(by->id));
		memcpy(by->comment, sig.comment, sizeof(by->comment));
	}
}

size_t
signers_in_role(const struct signers *s, const Tr__Role *role)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += root_role_has_key(role, s->by[i].id);
	return n;
}
