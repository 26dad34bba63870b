/*
 * root_make: see root_make.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "manifest_make.h"
#include "minikey.h"
#include "opt.h"
#include "root_make.h"

/* A new message of this kind at the end of a list of pointers. */
static void *
append(void *list, size_t *n, const ProtobufCMessageDescriptor *d)
{
	void ***at = list;
	void **more = realloc(*at, (*n + 1) * sizeof(*more));

	if (!more)
		return NULL;
	*at = more;
	more[*n] = malloc(d->sizeof_message);
	if (!more[*n])
		return NULL;
	protobuf_c_message_init(d, more[*n]);
	return more[(*n)++];
}

static enum err
append_bytes(ProtobufCBinaryData **list, size_t *n, const uint8_t *data, size_t len)
{
	ProtobufCBinaryData *more = realloc(*list, (*n + 1) * sizeof(*more));

	if (!more)
		return ERR_NOMEM;
	*list = more;
	more[*n] = (ProtobufCBinaryData){0};
	enum err e = manifest_make_bytes(&more[*n], data, len);

	if (!e)
		(*n)++;
	return e;
}

enum err
root_make_new(Tr__Root **out)
{
	AUTO(root) Tr__Root *doc = malloc(sizeof(*doc));

	if (!doc)
		return ERR_NOMEM;
	tr__root__init(doc);
	doc->version = 1;
	enum err e = manifest_make_text(&doc->magic, ROOT_MAGIC);

	if (!e)
		*out = HAND_OVER(doc);
	return e;
}

static enum err
add_key(Tr__Root *doc, Tr__Role *role, const char *path, char why[WHY_SIZE])
{
	struct minikey k;
	enum err e = minikey_load_public(path, &k, why);

	if (!e)
		e = append_bytes(&role->key_id, &role->n_key_id, k.id, sizeof(k.id));
	if (e || root_key(doc, k.id))
		return e;
	Tr__Key *key = append(&doc->key, &doc->n_key, &tr__key__descriptor);

	return key ? manifest_make_bytes(&key->public_key, k.public_key, sizeof(k.public_key))
		   : ERR_NOMEM;
}

/* V/M/C, cut apart in place. */
static bool
split_scope(char *text, const char *part[3])
{
	char *save = NULL;

	part[0] = strtok_r(text, "/", &save);
	part[1] = strtok_r(NULL, "/", &save);
	part[2] = strtok_r(NULL, "", &save);
	return part[0] && part[1] && part[2];
}

static enum err
add_scope(Tr__Role *role, char *text, char why[WHY_SIZE])
{
	const char *part[3];

	if (!split_scope(text, part))
		return why_say(why, ERR_INVALID, "expected VENDOR/MODEL/COMPONENT");
	Tr__Scope *s = append(&role->scope, &role->n_scope, &tr__scope__descriptor);
	enum err e = s ? manifest_make_text(&s->vendor, part[0]) : ERR_NOMEM;

	if (!e)
		e = manifest_make_text(&s->model, part[1]);
	return e ? e : manifest_make_text(&s->component, part[2]);
}

/* The role of this name, empty; its place stays the same so that documents compare well. */
static Tr__Role *
fresh_role(Tr__Root *doc, const char *name)
{
	for (size_t i = 0; i < doc->n_role; i++) {
		if (strcmp(doc->role[i]->name, name) != 0)
			continue;
		Tr__Role *r = malloc(sizeof(*r));

		if (!r)
			return NULL;
		tr__role__init(r);
		tr__role__free_unpacked(doc->role[i], NULL);
		doc->role[i] = r;
		return r;
	}
	return append(&doc->role, &doc->n_role, &tr__role__descriptor);
}

enum err
root_make_role(Tr__Root *doc, const char *text, char why[WHY_SIZE])
{
	char *save = NULL, *inner = NULL;
	AUTO(mem) char *copy = strdup(text);
	uint64_t threshold = 0;

	if (!copy)
		return ERR_NOMEM;
	const char *name = strtok_r(copy, ":", &save), *number = strtok_r(NULL, ":", &save);
	char *keys = strtok_r(NULL, ":", &save), *scopes = strtok_r(NULL, ":", &save);

	if (!name || !number || !keys || !opt_read_number(number, ROOT_KEYS_MAX, &threshold))
		return why_say(why, ERR_INVALID,
		    "--role: expected NAME:THRESHOLD:KEY.pub,..[:SCOPE,..], got '%s'", text);
	Tr__Role *role = fresh_role(doc, name);
	enum err e = role ? manifest_make_text(&role->name, name) : ERR_NOMEM;

	if (role)
		role->threshold = (uint32_t)threshold;
	for (char *k = strtok_r(keys, ",", &inner); !e && k; k = strtok_r(NULL, ",", &inner))
		e = add_key(doc, role, k, why);
	for (char *s = scopes ? strtok_r(scopes, ",", &inner) : NULL; !e && s;
	     s = strtok_r(NULL, ",", &inner))
		e = add_scope(role, s, why);
	return e;
}

enum err
root_make_revoke_key(Tr__Root *doc, const uint8_t id[MINISIG_KEY_ID])
{
	return append_bytes(&doc->revoked_key_id, &doc->n_revoked_key_id, id, MINISIG_KEY_ID);
}

enum err
root_make_revoke_manifest(Tr__Root *doc, const uint8_t digest[32])
{
	return append_bytes(&doc->revoked_manifest, &doc->n_revoked_manifest, digest, 32);
}

enum err
root_make_floor(Tr__Root *doc, const char *text, char why[WHY_SIZE])
{
	char *save = NULL;
	const char *part[3];
	AUTO(mem) char *copy = strdup(text);
	uint64_t counter = 0, sequence = 0;

	if (!copy)
		return ERR_NOMEM;
	char *scope = strtok_r(copy, ":", &save);
	const char *n = strtok_r(NULL, ":", &save), *s = strtok_r(NULL, ":", &save);

	if (!scope || !n || !s || !split_scope(scope, part) ||
	    !opt_read_number(n, INT64_MAX, &counter) || !opt_read_number(s, INT64_MAX, &sequence))
		return why_say(why, ERR_INVALID, "--floor: expected V/M/C:N:S, got '%s'", text);
	Tr__Floor *f = append(&doc->floor, &doc->n_floor, &tr__floor__descriptor);
	enum err e = f ? manifest_make_text(&f->vendor, part[0]) : ERR_NOMEM;

	if (!e)
		e = manifest_make_text(&f->model, part[1]);
	if (!e)
		e = manifest_make_text(&f->component, part[2]);
	if (e)
		return e;
	f->min_security_counter = counter;
	f->min_sequence = sequence;
	return ERR_OK;
}

void
root_make_clear_floors(Tr__Root *doc)
{
	while (doc->n_floor > 0)
		tr__floor__free_unpacked(doc->floor[--doc->n_floor], NULL);
}

static bool
is_used(const Tr__Root *doc, const Tr__Key *key)
{
	uint8_t id[MINISIG_KEY_ID];

	minisig_key_id(key->public_key.data, id);
	for (size_t i = 0; i < doc->n_role; i++)
		if (root_role_has_key(doc->role[i], id))
			return true;
	return false;
}

void
root_make_drop_unused_keys(Tr__Root *doc)
{
	size_t kept = 0;

	for (size_t i = 0; i < doc->n_key; i++) {
		if (is_used(doc, doc->key[i]))
			doc->key[kept++] = doc->key[i];
		else
			tr__key__free_unpacked(doc->key[i], NULL);
	}
	doc->n_key = kept;
}
