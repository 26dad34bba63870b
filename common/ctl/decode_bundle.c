/*
 * decode_bundle: a signed package as JSON; declared in decode.h. Documents are walked from their
 * descriptors (dump.h), so nothing in them can be forgotten here; bytes are hex.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#include "bundle_file.h"
#include "decode.h"
#include "dump.h"
#include "manifest.h"
#include "minisig.h"
#include "root.h"

AUTO_DEFINE(json, cJSON *, cJSON_Delete)

static bool
add_hex(cJSON *o, const char *key, const uint8_t *data, size_t len)
{
	char text[2 * BUNDLE_DIGEST + 1];

	sodium_bin2hex(text, sizeof(text), data, len);
	return cJSON_AddStringToObject(o, key, text);
}

static bool
add_number(cJSON *o, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	return cJSON_AddRawToObject(o, key, text);
}

static enum err
add_document(cJSON *o, const char *key, const ProtobufCMessage *m)
{
	AUTO(mem) char *text = NULL;
	enum err e = dump_json(m, &text);

	if (!e && !cJSON_AddRawToObject(o, key, text))
		e = ERR_NOMEM;
	return e;
}

/* A new object at the end of a list; NULL without memory. */
static cJSON *
add_row(cJSON *list)
{
	cJSON *o = cJSON_CreateObject();

	if (cJSON_AddItemToArray(list, o))
		return o;
	cJSON_Delete(o);
	return NULL;
}

static enum err
add_signatures(cJSON *o, const char *name, const struct bundle_signed *s, char why[WHY_SIZE])
{
	cJSON *list = cJSON_AddArrayToObject(o, "signatures");

	for (size_t i = 0; i < s->n_sigs; i++) {
		struct minisig sig;
		cJSON *row = add_row(list);
		enum err e = minisig_parse(s->sigs[i].data, s->sigs[i].len, &sig);

		if (e)
			return why_say(why, e, "%s.sig%zu: %s", name, i, err_text(e));
		if (!row || !add_hex(row, "key_id", sig.key_id, sizeof(sig.key_id)) ||
		    !cJSON_AddStringToObject(row, "comment", sig.comment))
			return ERR_NOMEM;
	}
	return list ? ERR_OK : ERR_NOMEM;
}

static enum err
add_root(cJSON *list, const struct bundle_root *r, char why[WHY_SIZE])
{
	AUTO(root) Tr__Root *doc = NULL;
	char name[24];
	cJSON *row = add_row(list);
	enum err e = root_parse(r->text.doc.data, r->text.doc.len, true, &doc, why);

	snprintf(name, sizeof(name), "root.%u", r->version);
	if (!e && doc->version != r->version)
		e = why_say(why, ERR_ROOT, "expected version %u in %s, got %u", r->version, name,
		    doc->version);
	if (!e && (!row || !cJSON_AddStringToObject(row, "name", name)))
		e = ERR_NOMEM;
	if (!e)
		e = add_document(row, "document", &doc->base);
	return e ? e : add_signatures(row, name, &r->text, why);
}

struct source {
	bundle_read *read;
	void *arg;
	uint64_t size;
};

static enum err
add_payloads(cJSON *o, const struct source *s, const struct bundle_head *head,
    const Tr__Manifest *m, char why[WHY_SIZE])
{
	struct bundle_payload at[BUNDLE_PAYLOADS_MAX];
	cJSON *list = cJSON_AddArrayToObject(o, "payloads");
	enum err e = bundle_check_payloads(s->read, s->arg, s->size, head, m, at, why);

	for (size_t i = 0; !e && i < m->n_payload; i++) {
		cJSON *row = add_row(list);

		e = bundle_file_check_stored(s->read, s->arg, at[i].offset, m->payload[i], why);
		if (!e && (!row || !cJSON_AddStringToObject(row, "name", m->payload[i]->file) ||
			      !add_number(row, "offset", at[i].offset) ||
			      !add_number(row, "size", at[i].size)))
			e = ERR_NOMEM;
	}
	return e;
}

static enum err
fill(cJSON *o, const struct source *s, const struct bundle_head *head, char why[WHY_SIZE])
{
	AUTO(manifest) Tr__Manifest *m = NULL;
	const struct bundle_bytes *doc = &head->manifest.doc;
	enum err e = manifest_parse(doc->data, doc->len, &m, why);
	cJSON *roots = cJSON_AddArrayToObject(o, "roots");

	if (!e && (!add_number(o, "size", s->size) ||
		      !add_hex(o, "manifest_digest", head->digest, sizeof(head->digest))))
		e = ERR_NOMEM;
	for (size_t i = 0; !e && i < head->n_roots; i++)
		e = add_root(roots, &head->roots[i], why);
	if (!e)
		e = add_document(o, "manifest", &m->base);
	if (!e)
		e = add_signatures(o, "manifest", &head->manifest, why);
	return e ? e : add_payloads(o, s, head, m, why);
}

enum err
decode_bundle(bundle_read *read, void *arg, uint64_t size, char **out, char why[WHY_SIZE])
{
	const struct source s = {read, arg, size};
	AUTO(bundle_head) struct bundle_head *head = NULL;
	AUTO(json) cJSON *o = cJSON_CreateObject();

	*out = NULL;
	if (!o || sodium_init() < 0)
		return o ? ERR_SYSTEM : ERR_NOMEM;
	enum err e = bundle_read_head(read, arg, size, &head, why);

	if (!e)
		e = fill(o, &s, head, why);
	if (!e)
		*out = cJSON_PrintUnformatted(o);
	return e || *out ? e : ERR_NOMEM;
}
