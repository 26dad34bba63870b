/*
 * trust_chain: root documents and their rotation. Numbers in comments are those of the adversarial
 * cases.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit.h"
#include "manifest_make.h"
#include "root.h"
#include "sick_calls.h"

/* A kit, a state directory and a trust over both. */
struct scene {
	char *dir;
	char state[512];
	struct kit *kit;
	struct trust *t;
};

static struct scene
scene_new(void)
{
	struct scene s = {.dir = kit_scratch()};

	s.kit = kit_new(s.dir);
	snprintf(s.state, sizeof(s.state), "%s/state", s.dir);
	mkdir(s.state, 0700);
	s.t = kit_trust(s.kit, s.state);
	return s;
}

static void
scene_fini(struct scene *s)
{
	trust_close(s->t);
	kit_free(s->kit);
	kit_scratch_remove(s->dir);
}

static void
restart(struct scene *s)
{
	trust_close(s->t);
	s->t = kit_trust(s->kit, s->state);
}

#define SCENE(s) __attribute__((cleanup(scene_fini))) struct scene s = scene_new()
#define HEAD(s, h, ...) \
	AUTO(bundle_head) \
	struct bundle_head *h = kit_head((s).kit, &(struct kit_spec){__VA_ARGS__})
#define NEXT(doc, prev) AUTO(root) Tr__Root *doc = kit_next_root(prev)

static Tr__Role *
role_named(Tr__Root *doc, const char *name)
{
	for (size_t i = 0; i < doc->n_role; i++)
		if (strcmp(doc->role[i]->name, name) == 0)
			return doc->role[i];
	return NULL;
}

Test(trust_chain, climbs_one_version_and_keeps_it_over_a_restart)
{
	SCENE(s);
	HEAD(s, h, .sequence = 1);
	NEXT(two, s.kit->doc);
	NEXT(three, two);

	kit_add_root(s.kit, h, two, 3);
	kit_add_root(s.kit, h, three, 6);
	cr_assert_eq(kit_verify(s.t, h, NULL), ERR_OK);
	cr_assert_eq(trust_root_version(s.t), 3u);
	restart(&s);
	cr_assert_eq(trust_root_version(s.t), 3u);
	/* the same bundle again: known roots are passed over */
	cr_assert_eq(kit_verify(s.t, h, NULL), ERR_OK);
}

/* trust: 17 */
Test(trust_chain, keeps_no_root_that_was_not_verified)
{
	SCENE(s);
	HEAD(s, bad, .sequence = 1);
	HEAD(s, good, .sequence = 1);
	NEXT(two, s.kit->doc);

	kit_add_root(s.kit, bad, two, 1); /* threshold is 2 */
	cr_assert_eq(kit_verify(s.t, bad, NULL), ERR_THRESHOLD);
	cr_assert_eq(trust_root_version(s.t), 1u);
	restart(&s);
	cr_assert_eq(trust_root_version(s.t), 1u);
	two->created_ms++;
	kit_add_root(s.kit, good, two, 3);
	cr_assert_eq(kit_verify(s.t, good, NULL), ERR_OK);
	restart(&s);
	cr_assert_eq(trust_root_version(s.t), 2u);
}

/* a good root before a bad one is not kept either; the chain is judged as a whole */
/* trust: 17 */
Test(trust_chain, keeps_nothing_of_a_chain_that_breaks)
{
	SCENE(s);
	HEAD(s, h, .sequence = 1);
	NEXT(two, s.kit->doc);
	NEXT(three, two);
	char path[600];

	kit_add_root(s.kit, h, two, 3);
	kit_add_root(s.kit, h, three, 4);
	cr_assert_eq(kit_verify(s.t, h, NULL), ERR_THRESHOLD);
	cr_assert_eq(trust_root_version(s.t), 1u);
	snprintf(path, sizeof(path), "%s/root.2", s.state);
	cr_assert_neq(access(path, F_OK), 0);
}

/* one key signing twice is one key */
/* trust: 17 */
Test(trust_chain, counts_a_root_key_once)
{
	SCENE(s);
	HEAD(s, h, .sequence = 1);
	NEXT(two, s.kit->doc);

	kit_add_root(s.kit, h, two, 1);
	kit_sign(&h->roots[0].text, &s.kit->root[0], "again");
	cr_assert_eq(kit_verify(s.t, h, NULL), ERR_THRESHOLD);
}

/* what could not be written down is not believed either */
/* trust: 57 */
Test(trust_chain, believes_no_root_that_it_could_not_keep)
{
	SCENE(s);
	HEAD(s, h, .sequence = 1);
	NEXT(two, s.kit->doc);
	char path[600];

	kit_add_root(s.kit, h, two, 3);
	snprintf(path, sizeof(path), "%s/root.2.tmp", s.state);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_neq(kit_verify(s.t, h, NULL), ERR_OK);
	cr_assert_eq(trust_root_version(s.t), 1u);
	restart(&s);
	cr_assert_eq(trust_root_version(s.t), 1u);
	rmdir(path);
	cr_assert_eq(kit_verify(s.t, h, NULL), ERR_OK);
}

/* Whichever sync it is that fails: a power cut may take away the names of a document and of its
 * signatures, and a second sync would say that all is well. Also where the document lies already,
 * and was not believed because a signature was lost. */
/* trust: 57 */
Test(trust_chain, believes_no_root_at_the_next_start_whose_name_could_not_be_made_durable)
{
	enum { SYNCS = 5 }; /* two signatures, their names, the document, its name */

	for (long sync = 0; sync < 2 * SYNCS; sync++) {
		SCENE(s);
		HEAD(s, h, .sequence = 1);
		NEXT(two, s.kit->doc);
		char path[600], why[WHY_SIZE];

		kit_add_root(s.kit, h, two, 3);
		snprintf(path, sizeof(path), "%s/root.2.sig0", s.state);
		if (sync >= SYNCS) {
			cr_assert_eq(kit_verify(s.t, h, NULL), ERR_OK);
			cr_assert_eq(unlink(path), 0);
			restart(&s);
		}
		sick_calls_fail(SICK_SYNC, EIO, sync % SYNCS);
		cr_expect_eq(kit_verify(s.t, h, why), ERR_SYSTEM, "sync %ld", sync);
		cr_expect(strstr(why, "root.2 cannot be kept: Input/output error; "), "%s", why);
		sick_calls_fail(SICK_SYNC, 0, 0);
		cr_expect_eq(trust_root_version(s.t), 1u, "sync %ld", sync);
		restart(&s);
		cr_expect_eq(trust_root_version(s.t), 1u, "sync %ld", sync);
		cr_expect_eq(kit_verify(s.t, h, NULL), ERR_OK, "sync %ld", sync);
		restart(&s);
		cr_expect_eq(trust_root_version(s.t), 2u, "sync %ld", sync);
	}
}

/* 56: killed between any two files of a root: the next start has the old chain, and takes it again
 */
/* trust: 56 */
Test(trust_chain, survives_a_kill_between_the_files_of_a_root)
{
	static const char *const lost[] = {"root.2", "root.2.sig0", "root.2.sig1"};

	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		SCENE(s);
		HEAD(s, h, .sequence = 1);
		NEXT(two, s.kit->doc);
		char path[600];

		kit_add_root(s.kit, h, two, 3);
		cr_assert_eq(kit_verify(s.t, h, NULL), ERR_OK);
		snprintf(path, sizeof(path), "%s/%s", s.state, lost[i]);
		unlink(path);
		kit_write(s.state, "root.2.tmp", "half", 4);
		restart(&s);
		cr_assert_eq(trust_root_version(s.t), 1u, "%s", lost[i]);
		cr_assert_eq(kit_verify(s.t, h, NULL), ERR_OK);
		restart(&s);
		cr_assert_eq(trust_root_version(s.t), 2u, "%s", lost[i]);
	}
}

/* trust: 18 */
Test(trust_chain, refuses_gaps_and_other_content_of_known_versions)
{
	SCENE(s);
	HEAD(s, gap, .sequence = 1);
	HEAD(s, up, .sequence = 1);
	HEAD(s, other, .sequence = 1);
	NEXT(two, s.kit->doc);
	NEXT(three, two);

	kit_add_root(s.kit, gap, three, 3);
	cr_assert_eq(kit_verify(s.t, gap, NULL), ERR_ROOT);
	kit_add_root(s.kit, up, two, 3);
	kit_add_root(s.kit, up, three, 3);
	cr_assert_eq(kit_verify(s.t, up, NULL), ERR_OK);
	/* N and N-1 with other content, both well signed */
	two->created_ms++;
	kit_add_root(s.kit, other, two, 3);
	cr_assert_eq(kit_verify(s.t, other, NULL), ERR_ROOT);
	three->created_ms++;
	other->roots[0].version = 3;
	bundle_signed_fini(&other->roots[0].text);
	other->n_roots = 0;
	kit_add_root(s.kit, other, three, 3);
	cr_assert_eq(kit_verify(s.t, other, NULL), ERR_ROOT);
	cr_assert_eq(trust_root_version(s.t), 3u);
}

Test(trust_chain, refuses_a_document_whose_version_is_not_its_name)
{
	SCENE(s);
	HEAD(s, h, .sequence = 1);
	NEXT(two, s.kit->doc);

	two->version = 7;
	kit_add_root(s.kit, h, two, 3);
	h->roots[0].version = 2;
	cr_assert_eq(kit_verify(s.t, h, NULL), ERR_ROOT);
}

/* trust: 15 */
Test(trust_chain, refuses_a_root_that_release_keys_signed)
{
	SCENE(s);
	HEAD(s, h, .sequence = 1);
	NEXT(two, s.kit->doc);

	kit_add_root(s.kit, h, two, 0);
	kit_sign(&h->roots[0].text, &s.kit->release[0], "c");
	kit_sign(&h->roots[0].text, &s.kit->release[1], "c");
	cr_assert_eq(kit_verify(s.t, h, NULL), ERR_SCOPE);
	cr_assert_eq(trust_root_version(s.t), 1u);
}

/* The new threshold must agree as well as the old one. */
Test(trust_chain, wants_both_the_old_and_the_new_threshold)
{
	SCENE(s);
	NEXT(two, s.kit->doc);
	struct minikey fresh;

	cr_assert_eq(minikey_make(NULL, &fresh), ERR_OK);
	kit_root_add_key(two, &fresh);
	kit_role_add_key(role_named(two, "root"), &fresh);
	role_named(two, "root")->threshold = 3;
	for (unsigned with_fresh = 0; with_fresh < 2; with_fresh++) {
		HEAD(s, h, .sequence = 1);

		kit_add_root(s.kit, h, two, 3);
		if (with_fresh)
			kit_sign(&h->roots[0].text, &fresh, "c");
		cr_assert_eq(kit_verify(s.t, h, NULL), with_fresh ? ERR_OK : ERR_THRESHOLD);
	}
	/* and now root.1's two keys are not enough for root.3 */
	NEXT(three, two);
	HEAD(s, h, .sequence = 1);

	kit_add_root(s.kit, h, three, 3);
	cr_assert_eq(kit_verify(s.t, h, NULL), ERR_THRESHOLD);
}

/* trust: 19 */
Test(trust_chain, minds_the_end_of_the_last_root_only)
{
	SCENE(s);
	HEAD(s, ends, .sequence = 1);
	HEAD(s, goes_on, .sequence = 1);
	NEXT(two, s.kit->doc);

	two->expires_ms = KIT_NOW_MS;
	NEXT(three, two);
	three->expires_ms = KIT_EXPIRES_MS;
	kit_add_root(s.kit, ends, two, 3);
	cr_assert_eq(kit_verify(s.t, ends, NULL), ERR_ROOT_EXPIRED);
	cr_assert_eq(trust_root_version(s.t), 1u);
	kit_add_root(s.kit, goes_on, two, 3);
	kit_add_root(s.kit, goes_on, three, 3);
	cr_assert_eq(kit_verify(s.t, goes_on, NULL), ERR_OK);
	cr_assert_eq(trust_root_version(s.t), 3u);
}

/* an anchor that has expired refuses everything until a newer root comes */
/* trust: 19 */
Test(trust_chain, refuses_under_an_expired_root_until_a_newer_one_comes)
{
	SCENE(s);
	HEAD(s, h, .sequence = 1);
	HEAD(s, with_root, .sequence = 1);
	NEXT(two, s.kit->doc);
	struct trust_time late = {.now_ms = KIT_EXPIRES_MS - 1, .synchronised = true};
	struct trust_result res;
	Tr__Manifest *m = NULL;

	late.bound_ms = KIT_EXPIRES_MS;
	cr_assert_eq(trust_verify(s.t, h, &late, &m, &res), ERR_ROOT_EXPIRED);
	two->expires_ms = KIT_EXPIRES_MS * 2;
	kit_add_root(s.kit, with_root, two, 3);
	/* the manifest itself is as old */
	cr_assert_eq(trust_verify(s.t, with_root, &late, &m, &res), ERR_EXPIRED);
	cr_assert_eq(trust_root_version(s.t), 2u);
}

/* trust: 20 */
Test(trust_chain, keeps_a_good_root_from_a_bad_bundle)
{
	SCENE(s);
	HEAD(s, h, .sequence = 1);
	NEXT(two, s.kit->doc);

	kit_add_root(s.kit, h, two, 3);
	h->manifest.doc.data[40] ^= 1;
	cr_assert_eq(kit_verify(s.t, h, NULL), ERR_THRESHOLD);
	cr_assert_eq(trust_root_version(s.t), 2u);
	restart(&s);
	cr_assert_eq(trust_root_version(s.t), 2u);
}

/* trust: 21 */
Test(trust_chain, refuses_a_revoked_key_and_a_revoked_manifest)
{
	SCENE(s);
	HEAD(s, queued, .sequence = 1);
	HEAD(s, carrier, .sequence = 2);
	NEXT(two, s.kit->doc);
	ProtobufCBinaryData digest = {0};

	cr_assert_eq(kit_verify(s.t, queued, NULL), ERR_OK);
	cr_assert_eq(manifest_make_bytes(&digest, queued->digest, BUNDLE_DIGEST), ERR_OK);
	two->revoked_manifest = malloc(sizeof(digest));
	two->revoked_manifest[0] = digest;
	two->n_revoked_manifest = 1;
	kit_add_root(s.kit, carrier, two, 3);
	cr_assert_eq(kit_verify(s.t, carrier, NULL), ERR_OK);
	cr_assert_eq(kit_verify(s.t, queued, NULL), ERR_KEY_REVOKED);

	NEXT(three, two);
	HEAD(s, last, .sequence = 3);
	kit_revoke(three, &s.kit->release[0]);
	kit_add_root(s.kit, last, three, 3);
	cr_assert_eq(kit_verify(s.t, last, NULL), ERR_KEY_REVOKED);
	cr_assert_eq(trust_root_version(s.t), 3u);
	cr_assert_eq(kit_verify(s.t, carrier, NULL), ERR_KEY_REVOKED);
}

/* a revoked root key counts no more, not even for the next root */
/* trust: 21 */
Test(trust_chain, lets_no_revoked_root_key_sign_the_next)
{
	SCENE(s);
	HEAD(s, h, .sequence = 1);
	HEAD(s, next, .sequence = 1);
	NEXT(two, s.kit->doc);
	NEXT(three, two);

	kit_revoke(two, &s.kit->root[0]);
	kit_revoke(three, &s.kit->root[0]);
	kit_add_root(s.kit, h, two, 6);
	cr_assert_eq(kit_verify(s.t, h, NULL), ERR_OK);
	kit_add_root(s.kit, next, three, 3);
	cr_assert_eq(kit_verify(s.t, next, NULL), ERR_KEY_REVOKED);
}

/* trust: 22 */
Test(trust_chain, starts_a_new_generation_when_a_key_is_taken_away)
{
	SCENE(s);
	HEAD(s, h, .sequence = 1);
	NEXT(two, s.kit->doc);
	NEXT(three, two);
	struct minikey fresh;

	cr_assert_eq(minikey_make(NULL, &fresh), ERR_OK);
	kit_root_add_key(two, &fresh); /* one more key: same generation */
	kit_role_add_key(role_named(two, "release"), &fresh);
	kit_root_add_key(three, &fresh);
	kit_role_add_key(role_named(three, "release"), &fresh);
	kit_revoke(three, &s.kit->release[1]);
	cr_assert_eq(trust_generation(s.t, "release"), 1u);
	kit_add_root(s.kit, h, two, 3);
	cr_assert_eq(kit_verify(s.t, h, NULL), ERR_OK);
	cr_assert_eq(trust_generation(s.t, "release"), 1u);
	kit_add_root(s.kit, h, three, 3);
	cr_assert_eq(kit_verify(s.t, h, NULL), ERR_OK);
	cr_assert_eq(trust_generation(s.t, "release"), 3u);
	cr_assert_eq(trust_generation(s.t, "operator"), 1u);
	restart(&s);
	cr_assert_eq(trust_generation(s.t, "release"), 3u);
	cr_assert_eq(trust_max_gap(s.t, "release"), 0u);
}

/* trust: 47 */
Test(trust_chain, holds_signed_floors_without_any_memory)
{
	SCENE(s);
	NEXT(two, s.kit->doc);
	HEAD(s, carrier, .sequence = 9, .security_counter = 5);
	HEAD(s, old, .sequence = 9, .security_counter = 4);
	HEAD(s, early, .sequence = 7, .security_counter = 5);
	HEAD(s, other, .sequence = 1, .model = "meter-1");
	uint64_t counter = 0, sequence = 0;

	kit_add_floor(two, "sensor-*", 5, 0);
	kit_add_floor(two, "sensor-9", 1, 8);
	cr_assert_eq(kit_verify(s.t, old, NULL), ERR_OK);
	kit_add_root(s.kit, carrier, two, 3);
	cr_assert_eq(kit_verify(s.t, carrier, NULL), ERR_OK);
	cr_assert_eq(kit_verify(s.t, old, NULL), ERR_ROLLBACK);
	cr_assert_eq(kit_verify(s.t, early, NULL), ERR_ROLLBACK);
	cr_assert_eq(kit_verify(s.t, other, NULL), ERR_OK);
	trust_floor(s.t, "acme", "sensor-9", "app", &counter, &sequence);
	cr_assert_eq(counter, 5u);
	cr_assert_eq(sequence, 8u);
	trust_floor(s.t, "acme", "meter-1", "app", &counter, &sequence);
	cr_assert_eq(counter + sequence, 0u);
}

/* for roots: a damaged kept root ends the chain, it does not open it */
/* trust: 48 */
Test(trust_chain, goes_on_with_the_last_good_root_when_a_kept_one_is_damaged)
{
	SCENE(s);
	HEAD(s, h, .sequence = 1);
	NEXT(two, s.kit->doc);
	NEXT(three, two);

	kit_add_root(s.kit, h, two, 3);
	kit_add_root(s.kit, h, three, 3);
	cr_assert_eq(kit_verify(s.t, h, NULL), ERR_OK);
	kit_write(s.state, "root.3", "garbage", 7);
	restart(&s);
	cr_assert_eq(trust_root_version(s.t), 2u);
	cr_assert_eq(kit_verify(s.t, h, NULL), ERR_OK);
	restart(&s);
	cr_assert_eq(trust_root_version(s.t), 3u);
	kit_write(s.state, "root.2.sig0", "", 0);
	restart(&s);
	cr_assert_eq(trust_root_version(s.t), 1u);
}
