/*
 * trust: anchors, signatures, roles, time, floors. Numbers in comments are those of the adversarial
 * cases; the chain of root documents has a file of its own (trust_chain.c).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit.h"
#include "manifest_make.h"
#include "root.h"

#define SCENE(kit, t) \
	AUTO(scratch) char *dir = kit_scratch(); \
	AUTO(kit) struct kit *kit = kit_new(dir); \
	AUTO(trust) struct trust *t = kit_trust(kit, NULL)

#define HEAD(h, ...) \
	AUTO(bundle_head) struct bundle_head *h = kit_head(kit, &(struct kit_spec){__VA_ARGS__})

static enum err
verify_at(
    struct trust *t, const struct bundle_head *h, struct trust_time time, struct trust_result *res)
{
	AUTO(manifest) Tr__Manifest *m = NULL;
	struct trust_result own;

	return trust_verify(t, h, &time, &m, res ? res : &own);
}

static void
drop_sigs(struct bundle_signed *s)
{
	while (s->n_sigs > 0)
		free(s->sigs[--s->n_sigs].data);
}

/* A head around any bytes, signed by these keys with a fixed comment. */
static struct bundle_head *
head_around(const void *doc, size_t len, const struct minikey *const *keys, size_t n)
{
	struct bundle_head *h = NULL;

	cr_assert_eq(bundle_head_new(&h), ERR_OK);
	cr_assert_eq(bundle_set_doc(&h->manifest, doc, len), ERR_OK);
	for (size_t i = 0; i < n; i++)
		kit_sign(&h->manifest, keys[i], "subota");
	bundle_head_seal(h);
	return h;
}

Test(trust, accepts_what_a_release_key_signed)
{
	SCENE(kit, t);
	HEAD(h, .sequence = 7);
	struct trust_result res;
	struct trust_time now = {.now_ms = KIT_NOW_MS, .synchronised = true};
	AUTO(manifest) Tr__Manifest *m = NULL;

	cr_assert_eq(trust_verify(t, h, &now, &m, &res), ERR_OK, "%s", res.why);
	cr_assert_eq(m->sequence, 7u);
	cr_assert_eq(res.step, TRUST_STEP_COUNT);
	cr_assert_eq(res.n_signers, 1u);
	cr_assert_arr_eq(res.signers[0], kit->release[0].id, MINISIG_KEY_ID);
	cr_assert_eq(res.root_version, 1u);
	cr_assert_not(res.clock_behind);
}

/* trust: 1 */
Test(trust, refuses_all_without_an_anchor)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *kit = kit_new(dir);
	HEAD(h, .sequence = 7);
	char path[600], missing[600];
	struct trust_policy policy = {0};

	snprintf(path, sizeof(path), "%s/root.1", kit->anchor_dir);
	snprintf(missing, sizeof(missing), "%s/missing", dir);
	for (int i = 0; i < 5; i++) {
		AUTO(trust) struct trust *t = NULL;

		unlink(path);
		rmdir(path);
		if (i == 1)
			kit_write(kit->anchor_dir, "root.1", "", 0);
		if (i == 2)
			kit_write(kit->anchor_dir, "root.1", "garbage", 7);
		if (i == 3)
			mkdir(path, 0755);
		cr_assert_eq(
		    trust_open(i == 4 ? missing : kit->anchor_dir, NULL, &policy, &t), ERR_OK);
		cr_assert(trust_refuses_all(t));
		cr_assert_eq(trust_root_version(t), 0u);
		cr_assert_eq(kit_verify(t, h, NULL), ERR_NO_TRUST);
		cr_assert_eq(trust_parsed(t), 0u);
	}
}

/* trust: 2 */
Test(trust, does_not_start_on_an_anchor_that_others_may_change)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *kit = kit_new(dir);
	char path[600];
	struct trust_policy policy = {0};
	struct trust *t = NULL;

	snprintf(path, sizeof(path), "%s/root.1", kit->anchor_dir);
	chmod(path, 0664);
	cr_assert_eq(trust_open(kit->anchor_dir, NULL, &policy, &t), ERR_DENIED);
	chmod(path, 0646);
	cr_assert_eq(trust_open(kit->anchor_dir, NULL, &policy, &t), ERR_DENIED);
	chmod(path, 0644);
	chmod(kit->anchor_dir, 0777);
	cr_assert_eq(trust_open(kit->anchor_dir, NULL, &policy, &t), ERR_DENIED);
	chmod(kit->anchor_dir, 0755);
	if (geteuid() == 0) { /* only root can give a file away */
		cr_assert_eq(chown(path, 12345, 0), 0);
		cr_assert_eq(trust_open(kit->anchor_dir, NULL, &policy, &t), ERR_DENIED);
		cr_assert_eq(chown(path, 0, 0), 0);
	}
	cr_assert_eq(trust_open(kit->anchor_dir, NULL, &policy, &t), ERR_OK);
	trust_close(t);
}

/* trust: 4 */
Test(trust, refuses_zero_empty_and_garbage_signatures)
{
	SCENE(kit, t);
	HEAD(h, .sequence = 7);

	drop_sigs(&h->manifest);
	cr_assert_eq(kit_verify(t, h, NULL), ERR_THRESHOLD);
	for (int i = 0; i < BUNDLE_SIGS_MAX; i++)
		cr_assert_eq(bundle_add_sig(&h->manifest, "garbage\n\xff", 9), ERR_OK);
	cr_assert_eq(kit_verify(t, h, NULL), ERR_THRESHOLD);
	h->manifest.sigs[0].len = 0;
	cr_assert_eq(kit_verify(t, h, NULL), ERR_THRESHOLD);
	cr_assert_eq(trust_parsed(t), 0u);
}

/* deep nesting, lengths of 2^31, many tiny messages; the parser is not entered */
/* trust: 5 */
Test(trust, parses_nothing_that_is_not_signed)
{
	SCENE(kit, t);
	AUTO(mem) uint8_t *bomb = malloc(BUNDLE_MANIFEST_BYTES);

	for (size_t i = 0; i < BUNDLE_MANIFEST_BYTES; i++)
		bomb[i] = i % 2 ? 0x00 : 0x62; /* payload {} payload {} ... */
	AUTO(bundle_head) struct bundle_head *h = head_around(bomb, BUNDLE_MANIFEST_BYTES, NULL, 0);

	cr_assert_eq(kit_verify(t, h, NULL), ERR_THRESHOLD);
	cr_assert_eq(trust_parsed(t), 0u);
	cr_assert_eq(bundle_set_doc(&h->manifest, "\x62\xff\xff\xff\xff\x07", 6), ERR_OK);
	cr_assert_eq(kit_verify(t, h, NULL), ERR_THRESHOLD);
	cr_assert_eq(trust_parsed(t), 0u);
}

/* signed by a thief, or by mistake: bounded and refused */
/* trust: 5 34 */
Test(trust, survives_a_signed_bomb)
{
	SCENE(kit, t);
	const struct minikey *keys[] = {&kit->release[0]};
	AUTO(mem) uint8_t *bomb = malloc(BUNDLE_MANIFEST_BYTES);

	memcpy(bomb, "\x0a\x12" MANIFEST_MAGIC, 20);
	for (size_t i = 20; i < BUNDLE_MANIFEST_BYTES; i++)
		bomb[i] = i % 2 ? 0x00 : 0x62;
	AUTO(bundle_head) struct bundle_head *h = head_around(bomb, BUNDLE_MANIFEST_BYTES, keys, 1);

	cr_assert_eq(kit_verify(t, h, NULL), ERR_MANIFEST);
	cr_assert_eq(trust_parsed(t), 1u);
}

/* trust: 6 */
Test(trust, refuses_every_flipped_bit_of_a_signed_manifest)
{
	SCENE(kit, t);
	HEAD(h, .sequence = 7);

	for (size_t i = 0; i < 8 * h->manifest.doc.len; i++) {
		h->manifest.doc.data[i / 8] ^= (uint8_t)(1 << i % 8);
		cr_assert_eq(kit_verify(t, h, NULL), ERR_THRESHOLD, "bit %zu", i);
		h->manifest.doc.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	cr_assert_eq(trust_parsed(t), 0u);
	cr_assert_eq(kit_verify(t, h, NULL), ERR_OK);
}

/* trust: 10 */
Test(trust, refuses_a_trusted_comment_that_says_something_else)
{
	SCENE(kit, t);
	HEAD(h, .sequence = 7);
	char why[WHY_SIZE] = "";

	drop_sigs(&h->manifest);
	kit_sign(&h->manifest, &kit->release[0], "subota acme sensor-9 2.4.1 seq=8 sc=0 sha256=00");
	cr_assert_eq(kit_verify(t, h, why), ERR_MANIFEST);
	cr_assert(strstr(why, "trusted comment"), "%s", why);
	drop_sigs(&h->manifest);
	kit_sign(&h->manifest, &kit->release[0], "");
	cr_assert_eq(kit_verify(t, h, NULL), ERR_MANIFEST);
}

/* trust: 11 */
Test(trust, counts_a_key_once_however_often_it_signs)
{
	SCENE(kit, t);
	AUTO(manifest) Tr__Manifest *m = kit_manifest(&(struct kit_spec){.role = "security"});
	AUTO(bundle_head) struct bundle_head *h = kit_head_of(kit, m);
	char comment[MANIFEST_COMMENT_SIZE];

	manifest_comment(m, comment);
	cr_assert_eq(kit_verify(t, h, NULL), ERR_OK, "two keys meet threshold 2");
	drop_sigs(&h->manifest);
	for (int i = 0; i < BUNDLE_SIGS_MAX; i++)
		kit_sign(&h->manifest, &kit->release[1], comment);
	cr_assert_eq(kit_verify(t, h, NULL), ERR_SCOPE, "one key, eight signatures");
	/* another comment makes another signature value of the same key */
	drop_sigs(&h->manifest);
	kit_sign(&h->manifest, &kit->release[1], comment);
	kit_sign(&h->manifest, &kit->release[1], "another");
	cr_assert_eq(kit_verify(t, h, NULL), ERR_SCOPE);
}

/* trust: 14 */
Test(trust, passes_over_unknown_keys_beside_known_ones)
{
	SCENE(kit, t);
	AUTO(manifest) Tr__Manifest *m = kit_manifest(&(struct kit_spec){0});
	AUTO(bundle_head) struct bundle_head *h = kit_head_of(kit, m);
	struct minikey stranger;
	char comment[MANIFEST_COMMENT_SIZE];

	manifest_comment(m, comment);
	cr_assert_eq(minikey_make(NULL, &stranger), ERR_OK);
	drop_sigs(&h->manifest);
	kit_sign(&h->manifest, &stranger, comment);
	cr_assert_eq(kit_verify(t, h, NULL), ERR_THRESHOLD);
	kit_sign(&h->manifest, &kit->release[1], comment);
	cr_assert_eq(kit_verify(t, h, NULL), ERR_OK);
}

/* trust: 15 */
Test(trust, refuses_a_key_outside_its_role_and_scope)
{
	SCENE(kit, t);
	HEAD(mine, .role = "operator", .vendor = "other");
	HEAD(foreign, .role = "operator", .vendor = "acme");
	HEAD(nobody, .role = "nobody");
	HEAD(root, .role = "root");

	cr_assert_eq(kit_verify(t, mine, NULL), ERR_OK);
	cr_assert_eq(kit_verify(t, foreign, NULL), ERR_SCOPE);
	cr_assert_eq(kit_verify(t, nobody, NULL), ERR_SCOPE);
	cr_assert_eq(kit_verify(t, root, NULL), ERR_SCOPE);
	/* the operator's key under the release role */
	AUTO(manifest) Tr__Manifest *m = kit_manifest(&(struct kit_spec){.vendor = "other"});
	AUTO(bundle_head) struct bundle_head *h = kit_head_of(kit, m);
	char comment[MANIFEST_COMMENT_SIZE];

	manifest_comment(m, comment);
	drop_sigs(&h->manifest);
	kit_sign(&h->manifest, &kit->operator_key, comment);
	cr_assert_eq(kit_verify(t, h, NULL), ERR_SCOPE);
	/* root keys sign root documents and nothing else */
	drop_sigs(&h->manifest);
	for (int i = 0; i < KIT_ROOTS; i++)
		kit_sign(&h->manifest, &kit->root[i], comment);
	cr_assert_eq(kit_verify(t, h, NULL), ERR_THRESHOLD);
}

/* every target and every component must be covered, not just the first */
/* trust: 15 */
Test(trust, holds_the_scope_against_every_target)
{
	SCENE(kit, t);
	AUTO(manifest)
	Tr__Manifest *m = kit_manifest(&(struct kit_spec){.role = "operator", .vendor = "other"});

	cr_assert_eq(manifest_make_target(m, "acme", "sensor-9", NULL), ERR_OK);
	AUTO(bundle_head) struct bundle_head *h = kit_head_of(kit, m);

	cr_assert_eq(kit_verify(t, h, NULL), ERR_SCOPE);
}

/* trust: 52 time-expired time-unset */
Test(trust, lets_only_known_time_decide)
{
	static const struct {
		uint64_t now, bound;
		bool synchronised;
		enum err want;
	} rows[] = {
	    /* the manifest: created 1000 days, not before 1100, expires 1200 */
	    {1150, 0, true, ERR_OK},
	    {1200, 0, true, ERR_EXPIRED},
	    {1199, 0, true, ERR_OK},
	    {1100, 0, true, ERR_OK},
	    {1099, 0, true, ERR_NOT_YET},
	    {0, 0, true, ERR_NOT_YET},
	    {1150, 1200, true, ERR_EXPIRED}, /* set back below what has passed */
	    {1150, 1150, false, ERR_OK},     /* the bound alone says it is valid */
	    {1150, 0, false, ERR_TIME},
	    {1201, 0, false, ERR_TIME},
	    {0, 0, false, ERR_TIME},
	    {0, 1150, false, ERR_OK},
	    {0, 1200, false, ERR_EXPIRED},
	};
	const uint64_t day = UINT64_C(24) * 3600 * 1000, base = KIT_CREATED_MS;
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *kit = kit_new(dir);
	HEAD(h, .created_ms = base + 1000 * day, .not_before_ms = base + 1100 * day,
	    .expires_ms = base + 1200 * day);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO(trust) struct trust *t = kit_trust(kit, NULL);
		struct trust_time time = {.now_ms = base + rows[i].now * day,
		    .bound_ms = base + rows[i].bound * day,
		    .synchronised = rows[i].synchronised};
		struct trust_result res;

		cr_assert_eq(verify_at(t, h, time, &res), rows[i].want, "row %zu: %s", i, res.why);
		cr_assert_eq(res.clock_behind, rows[i].now < rows[i].bound, "row %zu", i);
	}
}

/* what a verified manifest says has passed, has passed */
/* trust: 52 time-bound */
Test(trust, remembers_the_newest_time_it_verified)
{
	SCENE(kit, t);
	HEAD(newer, .created_ms = KIT_NOW_MS - 1000);
	HEAD(older, .expires_ms = KIT_NOW_MS - 2000);
	struct trust_time back = {.now_ms = KIT_CREATED_MS + 1, .synchronised = true};

	cr_assert_eq(verify_at(t, older, back, NULL), ERR_OK);
	cr_assert_eq(kit_verify(t, newer, NULL), ERR_OK);
	cr_assert_eq(trust_bound_ms(t), KIT_NOW_MS - 1001);
	cr_assert_eq(verify_at(t, older, back, NULL), ERR_EXPIRED);
}

Test(trust, does_not_believe_a_manifest_from_the_future)
{
	SCENE(kit, t);
	HEAD(h, .created_ms = KIT_NOW_MS + UINT64_C(48) * 3600 * 1000);

	cr_assert_eq(kit_verify(t, h, NULL), ERR_NOT_YET);
	cr_assert_lt(trust_bound_ms(t), KIT_NOW_MS);
}

/* trust: time-unset */
Test(trust, gives_an_offline_gateway_the_grace_it_was_told)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *kit = kit_new(dir);
	HEAD(h, .expires_ms = KIT_NOW_MS);
	struct trust_policy policy = {.offline_grace_ms = 1000};
	AUTO(trust) struct trust *t = NULL;
	struct trust_time time = {.now_ms = KIT_NOW_MS + 999};

	cr_assert_eq(trust_open(kit->anchor_dir, NULL, &policy, &t), ERR_OK);
	cr_assert_eq(verify_at(t, h, time, NULL), ERR_OK);
	time.now_ms++;
	cr_assert_eq(verify_at(t, h, time, NULL), ERR_TIME);
	time.synchronised = true;
	cr_assert_eq(verify_at(t, h, time, NULL), ERR_EXPIRED);
}

/* through the whole verification: the signature is right, the content is not */
/* trust: 31 32 33 34 35 36 37 */
Test(trust, names_what_is_wrong_with_a_signed_manifest)
{
	SCENE(kit, t);
	AUTO(manifest) Tr__Manifest *m = kit_manifest(&(struct kit_spec){0});
	struct trust_result res;
	struct trust_time now = {.now_ms = KIT_NOW_MS, .synchronised = true};

	cr_assert_eq(manifest_make_text(&m->payload[0]->compression, "zstd"), ERR_OK);
	AUTO(bundle_head) struct bundle_head *h = kit_head_of(kit, m);

	cr_assert_eq(verify_at(t, h, now, &res), ERR_UNSUPPORTED);
	cr_assert_eq(res.step, TRUST_PARSED);
	cr_assert(strstr(res.why, "zstd"), "%s", res.why);
	cr_assert_str_eq(trust_step_name(res.step), "TRUST_PARSED");
}
