/*
 * publisher: see publisher.h.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>

#include "bundle_dir.h"
#include "bundle_write.h"
#include "clock.h"
#include "manifest.h"
#include "publisher.h"
#include "root.h"

enum { CHUNK = 4096, DAY_MS = 86400000 };

#define TEXT(s) ((char *)(uintptr_t)(s))

void
publisher_init(struct publisher *p)
{
	cr_assert_geq(sodium_init(), 0);
	cr_assert_eq(minikey_make(NULL, &p->root), ERR_OK);
	cr_assert_eq(minikey_make(NULL, &p->release), ERR_OK);
}

static void
fill_role(Tr__Role *role, const char *name, ProtobufCBinaryData *id, Tr__Scope **scope)
{
	tr__role__init(role);
	role->name = TEXT(name);
	role->n_key_id = 1;
	role->key_id = id;
	role->threshold = 1;
	role->n_scope = scope ? 1 : 0;
	role->scope = scope;
}

/* The bytes of the root document. */
static uint8_t *
make_root(const struct publisher *p, size_t *len)
{
	Tr__Root root = TR__ROOT__INIT;
	Tr__Key keys[2] = {TR__KEY__INIT, TR__KEY__INIT};
	Tr__Key *key_list[2] = {&keys[0], &keys[1]};
	Tr__Role roles[2];
	Tr__Role *role_list[2] = {&roles[0], &roles[1]};
	Tr__Scope scope = TR__SCOPE__INIT, *scopes[1] = {&scope};
	ProtobufCBinaryData root_id = {MINISIG_KEY_ID, (uint8_t *)(uintptr_t)p->root.id};
	ProtobufCBinaryData release_id = {MINISIG_KEY_ID, (uint8_t *)(uintptr_t)p->release.id};

	keys[0].public_key =
	    (ProtobufCBinaryData){MINISIG_PUBLIC, (uint8_t *)(uintptr_t)p->root.public_key};
	keys[1].public_key =
	    (ProtobufCBinaryData){MINISIG_PUBLIC, (uint8_t *)(uintptr_t)p->release.public_key};
	scope.vendor = scope.model = scope.component = TEXT("*");
	fill_role(&roles[0], ROOT_ROLE, &root_id, NULL);
	fill_role(&roles[1], "release", &release_id, scopes);
	root.magic = TEXT(ROOT_MAGIC);
	root.version = 1;
	root.created_ms = clock_wall_ms() - DAY_MS;
	root.expires_ms = clock_wall_ms() + 30ull * DAY_MS;
	root.n_key = 2;
	root.key = key_list;
	root.n_role = 2;
	root.role = role_list;
	*len = tr__root__get_packed_size(&root);
	uint8_t *out = malloc(*len);
	tr__root__pack(&root, out);
	return out;
}

static void
write_at(int dir, const char *name, const struct bundle_bytes *b)
{
	AUTO(fd) int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0644);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, b->data, b->len), (ssize_t)b->len);
}

void
publisher_anchor(const struct publisher *p, const char *dir)
{
	AUTO(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY);
	struct bundle_signed doc = {0};
	size_t len = 0;
	AUTO(mem) uint8_t *bytes = make_root(p, &len);

	cr_assert_geq(fd, 0);
	cr_assert_eq(bundle_set_doc(&doc, bytes, len), ERR_OK);
	cr_assert_eq(minikey_sign(&p->root, "subota root 1", &doc), ERR_OK);
	write_at(fd, "root.1", &doc.doc);
	write_at(fd, "root.1.sig0", &doc.sigs[0]);
	bundle_signed_fini(&doc);
}

static uint8_t *
make_chunks(const struct publisher_release *r, size_t *len)
{
	size_t n = (r->image_size + CHUNK - 1) / CHUNK;
	uint8_t *out = malloc(n * 32);
	const uint8_t *image = r->image;

	for (size_t i = 0; i < n; i++) {
		size_t left = r->image_size - i * CHUNK;

		crypto_generichash(
		    out + i * 32, 32, image + i * CHUNK, left < CHUNK ? left : CHUNK, NULL, 0);
	}
	*len = n * 32;
	return out;
}

/* Manifest bytes into the head, signed. */
static void
seal(const struct publisher *p, const struct publisher_release *r, Tr__Manifest *m,
    struct bundle_head *h)
{
	char comment[MANIFEST_COMMENT_SIZE];
	size_t len = tr__manifest__get_packed_size(m);
	AUTO(mem) uint8_t *bytes = malloc(len);

	tr__manifest__pack(m, bytes);
	cr_assert_eq(bundle_set_doc(&h->manifest, bytes, len), ERR_OK);
	manifest_comment(m, comment);
	cr_assert_eq(minikey_sign(r->signer ? r->signer : &p->release, comment, &h->manifest),
	    ERR_OK);
	bundle_head_seal(h);
}

static void
fill_manifest(Tr__Manifest *m, const struct publisher_release *r)
{
	m->magic = TEXT(MANIFEST_MAGIC);
	m->format = 1;
	m->publisher = TEXT("acme");
	m->release_id = TEXT("r1");
	m->role = TEXT("release");
	m->version = TEXT(r->version);
	m->sequence = r->sequence;
	m->security_counter = r->counter;
	m->created_ms = clock_wall_ms() - 1000;
	m->expires_ms = clock_wall_ms() + 10ull * DAY_MS;
}

static void
fill_payload(Tr__Payload *p, const struct publisher_release *r, uint8_t sha256[32])
{
	crypto_hash_sha256(sha256, r->image, r->image_size);
	p->component = TEXT(r->component);
	p->file = TEXT("p0");
	p->stored_size = p->image_size = r->image_size;
	p->stored_sha256 = p->image_sha256 = (ProtobufCBinaryData){32, sha256};
	p->chunk_size = CHUNK;
	p->driver = TEXT("smp");
	p->version = TEXT(r->version);
}

/* A growing buffer to write to. */
static enum err
put(void *arg, const void *data, size_t len)
{
	struct bundle_bytes *b = arg;
	uint8_t *more = realloc(b->data, b->len + len);

	if (!more)
		return ERR_NOMEM;
	memcpy(more + b->len, data, len);
	*b = (struct bundle_bytes){more, b->len + len};
	return ERR_OK;
}

uint8_t *
publisher_bundle(const struct publisher *p, const struct publisher_release *r, size_t *len,
    uint8_t digest[32])
{
	AUTO(bundle_head) struct bundle_head *h = NULL;
	Tr__Manifest m = TR__MANIFEST__INIT;
	Tr__Payload payload = TR__PAYLOAD__INIT, *payloads[1] = {&payload};
	Tr__Target target = TR__TARGET__INIT, *targets[1] = {&target};
	struct bundle_bytes image = {(uint8_t *)(uintptr_t)r->image, r->image_size}, out = {0};
	struct bundle_source source = {bundle_read_memory, &image, r->image_size};
	uint8_t sha256[32];

	cr_assert_eq(bundle_head_new(&h), ERR_OK);
	fill_manifest(&m, r);
	fill_payload(&payload, r, sha256);
	AUTO(mem) uint8_t *chunks = make_chunks(r, &payload.chunk_digests.len);
	payload.chunk_digests.data = chunks;
	target.vendor = TEXT(r->vendor);
	target.model = TEXT(r->model);
	m.n_payload = m.n_target = 1;
	m.payload = payloads;
	m.target = targets;
	seal(p, r, &m, h);
	cr_assert_eq(bundle_write(put, &out, h, &source, 1), ERR_OK);
	memcpy(digest, h->digest, 32);
	*len = out.len;
	return out.data;
}
