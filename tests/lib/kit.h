/*
 * kit: keys, a root document and signed bundles for tests, in a scratch directory and in this
 * process. Keys are fresh each time, so nothing here needs `lab`. Whatever goes wrong in here
 * aborts the test.
 *
 *     struct kit *kit = kit_new(dir);                    DIR/trust/root.1 is there now
 *     struct kit_spec spec = {.payload = fw, .payload_len = n, .sequence = 2};
 *     kit_bundle_file(kit, &spec, "fw.bin");
 *
 * The root role has keys 0, 1 and 2 with threshold 2; "release" (every target) and "security"
 * (threshold 2) have the release keys; "operator" may sign for vendor "other" only.
 */
#ifndef SUBOTA_TESTS_KIT_H
#define SUBOTA_TESTS_KIT_H

#include "bundle.h"
#include "manifest.h"
#include "minikey.h"
#include "trust.h"

enum { KIT_ROOTS = 3, KIT_RELEASES = 2 };

struct kit {
	char anchor_dir[512]; /* DIR/trust, holds root.1 */
	struct minikey root[KIT_ROOTS];
	struct minikey release[KIT_RELEASES];
	struct minikey operator_key;
	Tr__Root *doc; /* root.1 as written */
};

/* What is in a bundle; zero fields get the default named beside them. */
struct kit_spec {
	const char *vendor;        /* "acme" */
	const char *model;         /* "sensor-9" */
	const char *hw_revision;   /* none: every revision */
	const char *device_id;     /* none: every device */
	const char *component;     /* "app" */
	const char *version;       /* "2.4.1"; of release and image */
	const char *role;          /* "release" */
	const char *driver;        /* "smp" */
	uint64_t sequence;         /* 1 */
	uint64_t security_counter; /* 0 */
	uint64_t created_ms;       /* 2024-01-01 */
	uint64_t not_before_ms;    /* 0 */
	uint64_t expires_ms;       /* 2090-01-01 */
	uint32_t chunk_size;       /* 4096 */
	const void *payload;       /* "firmware", 8 bytes */
	size_t payload_len;
	const Tr__Root *root; /* none; a newer one that it carries, signed by root keys 0 and 1 */
	unsigned release_key; /* 0; which one signs */
	const char *depends_model;     /* none; else of "acme", its component "app", and */
	const char *depends_component; /* none; else this one of the same device, and */
	const char *depends_version;   /* at least this */
};

#define KIT_CREATED_MS UINT64_C(1704067200000)
#define KIT_EXPIRES_MS UINT64_C(3786912000000)
/* A time at which everything of the kit is valid. */
#define KIT_NOW_MS UINT64_C(1764000000000)

/* A new directory under TMPDIR (the runner's) or /tmp; AUTO(scratch) removes it with all that is in
 * it. */
char *kit_scratch(void);
void kit_scratch_remove(char *dir);
/* TMPDIR or /tmp: for names that are made with mkdtemp or mkstemp. Borrowed. */
const char *kit_tmp(void);
AUTO_DEFINE(scratch, char *, kit_scratch_remove)

/* Makes DIR/trust (mode 0755) and root.1 in it. DIR exists. */
struct kit *kit_new(const char *dir);
void kit_free(struct kit *k);
AUTO_DEFINE(kit, struct kit *, kit_free)

/* A checked manifest, not signed; the caller may change it before kit_head_of. */
Tr__Manifest *kit_manifest(const struct kit_spec *spec);

/* Pack, sign with a release key (or the operator's, when the role says so) and seal. */
struct bundle_head *kit_head_of(const struct kit *k, const Tr__Manifest *m);
struct bundle_head *kit_head(const struct kit *k, const struct kit_spec *spec);
/* Sign whatever bytes are in there with one key; the comment is the manifest's if NULL. */
void kit_sign(struct bundle_signed *s, const struct minikey *key, const char *comment);

/* The whole file. */
struct bundle_bytes kit_file_of(const struct bundle_head *h, const struct kit_spec *spec);
struct bundle_bytes kit_bundle(const struct kit *k, const struct kit_spec *spec);
void kit_bundle_file(const struct kit *k, const struct kit_spec *spec, const char *path);

/* A trust with the kit's anchor and no lab; `state_dir` may be NULL. */
struct trust *kit_trust(const struct kit *k, const char *state_dir);
/* trust_verify at KIT_NOW_MS by a good clock; why may be NULL. */
enum err kit_verify(struct trust *t, const struct bundle_head *h, char *why);
/* The whole way of a file: framing, trust, payload framing, payload digests. */
enum err kit_judge(struct trust *t, const void *file, size_t len, char *why);

/* Write text or bytes to DIR/NAME; for anchors and state. */
void kit_write(const char *dir, const char *name, const void *data, size_t len);
/* A text, and who may read or run it. */
void kit_write_mode(const char *dir, const char *name, const char *text, mode_t mode);

/* The next root document after `prev`: a copy with version + 1, to be changed, then offered. */
Tr__Root *kit_next_root(const Tr__Root *prev);
/* It revokes this key. */
void kit_revoke(Tr__Root *doc, const struct minikey *key);
/* It has a floor for acme/MODEL, every component. */
void kit_add_floor(Tr__Root *doc, const char *model, uint64_t counter, uint64_t sequence);
/* Append it to a bundle's head, signed by these root keys (bit i = key i). */
void kit_add_root(
    const struct kit *k, struct bundle_head *h, const Tr__Root *doc, unsigned root_keys);
/* Seed of public test key n (1..6): BLAKE2b-256 of "subota test key n". The keys of the golden
 * files in tests/data/bundle; every gateway refuses them outside a lab. */
void kit_test_seed(unsigned n, uint8_t seed[MINIKEY_SEED]);

/* For changing a document. */
void kit_root_add_key(Tr__Root *doc, const struct minikey *key);
Tr__Role *kit_root_add_role(Tr__Root *doc, const char *name, uint32_t threshold);
void kit_role_add_key(Tr__Role *role, const struct minikey *key);
void kit_role_add_scope(
    Tr__Role *role, const char *vendor, const char *model, const char *component);

#endif
