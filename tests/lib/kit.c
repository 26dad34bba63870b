/*
 * kit: see kit.h.
 */
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle_write.h"
#include "kit.h"
#include "manifest_make.h"
#include "root.h"

static void
must(enum err e, const char *what)
{
	if (!e)
		return;
	fprintf(stderr, "kit: %s: %s\n", what, err_name(e));
	abort();
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

const char *
kit_tmp(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && dir[0] ? dir : "/tmp";
}

char *
kit_scratch(void)
{
	char *dir = NULL;

	must(asprintf(&dir, "%s/subota-test-XXXXXX", kit_tmp()) > 0 ? ERR_OK : ERR_NOMEM,
	    "scratch directory");
	must(dir && mkdtemp(dir) ? ERR_OK : ERR_SYSTEM, "scratch directory");
	return dir;
}

void
kit_scratch_remove(char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(dir);
}

static void *
grow(void *list, size_t n, size_t item)
{
	void *more = realloc(list, (n + 1) * item);

	must(more ? ERR_OK : ERR_NOMEM, "list");
	return more;
}

static void *
new_message(const ProtobufCMessageDescriptor *d)
{
	ProtobufCMessage *m = malloc(d->sizeof_message);

	must(m ? ERR_OK : ERR_NOMEM, d->name);
	protobuf_c_message_init(d, m);
	return m;
}

void
kit_test_seed(unsigned n, uint8_t seed[MINIKEY_SEED])
{
	char text[32];
	int len = snprintf(text, sizeof(text), "subota test key %u", n);

	crypto_generichash(seed, MINIKEY_SEED, (const uint8_t *)text, (size_t)len, NULL, 0);
}

void
kit_root_add_key(Tr__Root *doc, const struct minikey *key)
{
	Tr__Key *k = new_message(&tr__key__descriptor);

	must(manifest_make_bytes(&k->public_key, key->public_key, MINISIG_PUBLIC), "key");
	doc->key = grow(doc->key, doc->n_key, sizeof(Tr__Key *));
	doc->key[doc->n_key++] = k;
}

Tr__Role *
kit_root_add_role(Tr__Root *doc, const char *name, uint32_t threshold)
{
	Tr__Role *r = new_message(&tr__role__descriptor);

	must(manifest_make_text(&r->name, name), "role");
	r->threshold = threshold;
	doc->role = grow(doc->role, doc->n_role, sizeof(Tr__Role *));
	doc->role[doc->n_role++] = r;
	return r;
}

void
kit_role_add_key(Tr__Role *role, const struct minikey *key)
{
	role->key_id = grow(role->key_id, role->n_key_id, sizeof(ProtobufCBinaryData));
	role->key_id[role->n_key_id] = (ProtobufCBinaryData){0};
	must(manifest_make_bytes(&role->key_id[role->n_key_id++], key->id, MINISIG_KEY_ID), "id");
}

void
kit_role_add_scope(Tr__Role *role, const char *vendor, const char *model, const char *component)
{
	Tr__Scope *s = new_message(&tr__scope__descriptor);

	must(manifest_make_text(&s->vendor, vendor), "vendor");
	must(manifest_make_text(&s->model, model), "model");
	must(manifest_make_text(&s->component, component), "component");
	role->scope = grow(role->scope, role->n_scope, sizeof(Tr__Scope *));
	role->scope[role->n_scope++] = s;
}

static Tr__Root *
make_root(const struct kit *k)
{
	Tr__Root *doc = new_message(&tr__root__descriptor);

	must(manifest_make_text(&doc->magic, ROOT_MAGIC), "magic");
	doc->version = 1;
	doc->created_ms = KIT_CREATED_MS;
	doc->expires_ms = KIT_EXPIRES_MS;
	Tr__Role *root = kit_root_add_role(doc, ROOT_ROLE, 2);

	for (int i = 0; i < KIT_ROOTS; i++) {
		kit_root_add_key(doc, &k->root[i]);
		kit_role_add_key(root, &k->root[i]);
	}
	Tr__Role *release = kit_root_add_role(doc, "release", 1);
	Tr__Role *security = kit_root_add_role(doc, "security", 2);

	for (int i = 0; i < KIT_RELEASES; i++) {
		kit_root_add_key(doc, &k->release[i]);
		kit_role_add_key(release, &k->release[i]);
		kit_role_add_key(security, &k->release[i]);
	}
	kit_role_add_scope(release, "*", "*", "*");
	kit_role_add_scope(security, "*", "*", "*");
	Tr__Role *op = kit_root_add_role(doc, "operator", 1);

	kit_root_add_key(doc, &k->operator_key);
	kit_role_add_key(op, &k->operator_key);
	kit_role_add_scope(op, "other", "*", "*");
	return doc;
}

static void
save(const char *path, const struct bundle_bytes *b)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	must(fd < 0 ? ERR_SYSTEM : bundle_write_fd(&fd, b->data, b->len), path);
	fchmod(fd, 0644);
	close(fd);
}

void
kit_write(const char *dir, const char *name, const void *data, size_t len)
{
	char path[1024];
	struct bundle_bytes b = {(uint8_t *)(uintptr_t)data, len};

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	save(path, &b);
}

void
kit_write_mode(const char *dir, const char *name, const char *text, mode_t mode)
{
	char path[1024];

	kit_write(dir, name, text, strlen(text));
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	must(chmod(path, mode) == 0 ? ERR_OK : ERR_SYSTEM, name);
}

struct kit *
kit_new(const char *dir)
{
	char path[sizeof(((struct kit *)0)->anchor_dir) + 16], why[WHY_SIZE] = "";
	struct bundle_bytes b = {0};
	struct kit *k = calloc(1, sizeof(*k));

	must(k ? ERR_OK : ERR_NOMEM, "kit");
	for (int i = 0; i < KIT_ROOTS; i++)
		must(minikey_make(NULL, &k->root[i]), "key");
	for (int i = 0; i < KIT_RELEASES; i++)
		must(minikey_make(NULL, &k->release[i]), "key");
	must(minikey_make(NULL, &k->operator_key), "key");
	snprintf(k->anchor_dir, sizeof(k->anchor_dir), "%s/trust", dir);
	mkdir(k->anchor_dir, 0755);
	chmod(k->anchor_dir, 0755);
	k->doc = make_root(k);
	must(root_check(k->doc, false, why), why);
	must(manifest_make_pack(&k->doc->base, &b), "root");
	snprintf(path, sizeof(path), "%s/root.1", k->anchor_dir);
	save(path, &b);
	free(b.data);
	return k;
}

void
kit_free(struct kit *k)
{
	if (!k)
		return;
	root_free(k->doc);
	free(k);
}

static const char *
or_default(const char *s, const char *fallback)
{
	return s ? s : fallback;
}

static const void *
payload_of(const struct kit_spec *spec, size_t *len)
{
	*len = spec->payload ? spec->payload_len : 8;
	return spec->payload ? spec->payload : "firmware";
}

static void
add_payload(Tr__Manifest *m, const struct kit_spec *spec)
{
	Tr__Payload *p = NULL;
	struct bundle_bytes bytes = {0};

	bytes.data = (uint8_t *)(uintptr_t)payload_of(spec, &bytes.len);
	struct bundle_source source = {bundle_read_memory, &bytes, bytes.len};

	must(manifest_make_payload(m, or_default(spec->component, "app"), &source,
		 spec->chunk_size ? spec->chunk_size : 4096, &p),
	    "payload");
	must(manifest_make_text(&p->driver, or_default(spec->driver, "smp")), "driver");
	must(manifest_make_text(&p->version, or_default(spec->version, "2.4.1")), "version");
}

static void
add_depends(Tr__Manifest *m, const struct kit_spec *spec)
{
	Tr__Depends *d = NULL;

	must(manifest_make_depends(m, or_default(spec->depends_component, "app"), &d), "depends");
	if (spec->depends_model) {
		must(manifest_make_text(&d->vendor, "acme"), "depends");
		must(manifest_make_text(&d->model, spec->depends_model), "depends");
	}
	must(manifest_make_text(&d->min_version, or_default(spec->depends_version, "")), "depends");
}

Tr__Manifest *
kit_manifest(const struct kit_spec *spec)
{
	char why[WHY_SIZE] = "";
	Tr__Manifest *m = NULL;
	Tr__Target *t = NULL;

	must(manifest_make_new(&m), "manifest");
	must(manifest_make_text(&m->publisher, "acme"), "publisher");
	must(manifest_make_text(&m->release_id, "r-1"), "release");
	must(manifest_make_text(&m->role, or_default(spec->role, "release")), "role");
	must(manifest_make_text(&m->version, or_default(spec->version, "2.4.1")), "version");
	must(manifest_make_target(
		 m, or_default(spec->vendor, "acme"), or_default(spec->model, "sensor-9"), &t),
	    "target");
	if (spec->hw_revision)
		must(manifest_make_add_text(&t->hw_revision, &t->n_hw_revision, spec->hw_revision),
		    "revision");
	if (spec->device_id)
		must(manifest_make_add_text(&m->device_id, &m->n_device_id, spec->device_id), "id");
	m->sequence = spec->sequence ? spec->sequence : 1;
	m->security_counter = spec->security_counter;
	m->created_ms = spec->created_ms ? spec->created_ms : KIT_CREATED_MS;
	m->not_before_ms = spec->not_before_ms;
	m->expires_ms = spec->expires_ms ? spec->expires_ms : KIT_EXPIRES_MS;
	add_payload(m, spec);
	if (spec->depends_model || spec->depends_component)
		add_depends(m, spec);
	must(manifest_check(m, why), why);
	return m;
}

void
kit_sign(struct bundle_signed *s, const struct minikey *key, const char *comment)
{
	must(minikey_sign(key, comment, s), "sign");
}

static struct bundle_head *
head_by(const struct kit *k, const Tr__Manifest *m, unsigned release_key)
{
	char comment[MANIFEST_COMMENT_SIZE];
	struct bundle_head *h = NULL;

	must(bundle_head_new(&h), "head");
	must(manifest_make_pack(&m->base, &h->manifest.doc), "pack");
	manifest_comment(m, comment);
	if (strcmp(m->role, "operator") == 0) {
		kit_sign(&h->manifest, &k->operator_key, comment);
	} else {
		kit_sign(&h->manifest, &k->release[release_key], comment);
		if (strcmp(m->role, "security") == 0)
			kit_sign(&h->manifest, &k->release[1], comment);
	}
	bundle_head_seal(h);
	return h;
}

struct bundle_head *
kit_head_of(const struct kit *k, const Tr__Manifest *m)
{
	return head_by(k, m, 0);
}

struct bundle_head *
kit_head(const struct kit *k, const struct kit_spec *spec)
{
	Tr__Manifest *m = kit_manifest(spec);
	struct bundle_head *h = head_by(k, m, spec->release_key);

	manifest_free(m);
	if (spec->root)
		kit_add_root(k, h, spec->root, 3);
	return h;
}

/* A bundle_put that appends to a struct bundle_bytes. */
static enum err
append(void *arg, const void *data, size_t len)
{
	struct bundle_bytes *b = arg;

	b->data = grow(b->data, b->len + len, 1);
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return ERR_OK;
}

struct bundle_bytes
kit_file_of(const struct bundle_head *h, const struct kit_spec *spec)
{
	struct bundle_bytes out = {0}, bytes = {0};

	bytes.data = (uint8_t *)(uintptr_t)payload_of(spec, &bytes.len);
	struct bundle_source source = {bundle_read_memory, &bytes, bytes.len};

	must(bundle_write(append, &out, h, &source, 1), "write");
	return out;
}

struct bundle_bytes
kit_bundle(const struct kit *k, const struct kit_spec *spec)
{
	struct bundle_head *h = kit_head(k, spec);
	struct bundle_bytes b = kit_file_of(h, spec);

	bundle_head_free(h);
	return b;
}

void
kit_bundle_file(const struct kit *k, const struct kit_spec *spec, const char *path)
{
	struct bundle_bytes b = kit_bundle(k, spec);

	save(path, &b);
	free(b.data);
}

struct trust *
kit_trust(const struct kit *k, const char *state_dir)
{
	struct trust_policy policy = {0};
	struct trust *t = NULL;

	must(trust_open(k->anchor_dir, state_dir, &policy, &t), "trust");
	return t;
}

enum err
kit_verify(struct trust *t, const struct bundle_head *h, char *why)
{
	struct trust_time time = {.now_ms = KIT_NOW_MS, .synchronised = true};
	struct trust_result res;
	AUTO(manifest) Tr__Manifest *m = NULL;
	enum err e = trust_verify(t, h, &time, &m, &res);

	if (why)
		snprintf(why, WHY_SIZE, "%s", res.why);
	return e;
}

/* Is every payload byte the signed one? */
static enum err
check_digests(const struct bundle_bytes *file, const Tr__Manifest *m,
    const struct bundle_payload *at, char *why)
{
	for (size_t i = 0; i < m->n_payload; i++) {
		uint8_t sha256[crypto_hash_sha256_BYTES];

		crypto_hash_sha256(sha256, file->data + at[i].offset, at[i].size);
		if (memcmp(sha256, m->payload[i]->stored_sha256.data, sizeof(sha256)) != 0)
			return why_say(why, ERR_DIGEST, "payload %zu", i);
	}
	return ERR_OK;
}

enum err
kit_judge(struct trust *t, const void *file, size_t len, char *why)
{
	struct bundle_bytes b = {(uint8_t *)(uintptr_t)file, len};
	struct bundle_payload at[BUNDLE_PAYLOADS_MAX];
	struct trust_time time = {.now_ms = KIT_NOW_MS, .synchronised = true};
	struct trust_result res;
	AUTO(bundle_head) struct bundle_head *h = NULL;
	AUTO(manifest) Tr__Manifest *m = NULL;
	enum err e = bundle_read_head(bundle_read_memory, &b, len, &h, why);

	if (e)
		return e;
	e = trust_verify(t, h, &time, &m, &res);
	if (e)
		return why_say(why, e, "%s", res.why);
	e = bundle_check_payloads(bundle_read_memory, &b, len, h, m, at, why);
	return e ? e : check_digests(&b, m, at, why);
}

Tr__Root *
kit_next_root(const Tr__Root *prev)
{
	struct bundle_bytes b = {0};

	must(manifest_make_pack(&prev->base, &b), "root");
	Tr__Root *next = tr__root__unpack(NULL, b.len, b.data);

	must(next ? ERR_OK : ERR_MALFORMED, "root");
	next->version++;
	free(b.data);
	return next;
}

void
kit_add_root(const struct kit *k, struct bundle_head *h, const Tr__Root *doc, unsigned root_keys)
{
	struct bundle_bytes b = {0};
	struct bundle_signed *s = NULL;

	must(manifest_make_pack(&doc->base, &b), "root");
	must(bundle_head_add_root(h, doc->version, b.data, b.len, &s), "root");
	free(b.data);
	for (unsigned i = 0; i < KIT_ROOTS; i++)
		if (root_keys & 1u << i)
			kit_sign(s, &k->root[i], "subota root");
}

void
kit_revoke(Tr__Root *doc, const struct minikey *key)
{
	doc->revoked_key_id = realloc(
	    doc->revoked_key_id, (doc->n_revoked_key_id + 1) * sizeof(ProtobufCBinaryData));
	ProtobufCBinaryData *b = &doc->revoked_key_id[doc->n_revoked_key_id++];

	*b = (ProtobufCBinaryData){0};
	must(manifest_make_bytes(b, key->id, MINISIG_KEY_ID), "a revoked key");
}

void
kit_add_floor(Tr__Root *doc, const char *model, uint64_t counter, uint64_t sequence)
{
	Tr__Floor *f = malloc(sizeof(*f));

	tr__floor__init(f);
	must(manifest_make_text(&f->vendor, "acme"), "a floor");
	must(manifest_make_text(&f->model, model), "a floor");
	must(manifest_make_text(&f->component, "*"), "a floor");
	f->min_security_counter = counter;
	f->min_sequence = sequence;
	doc->floor = realloc(doc->floor, (doc->n_floor + 1) * sizeof(*doc->floor));
	doc->floor[doc->n_floor++] = f;
}
