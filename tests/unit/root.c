/*
 * root: what one root document may say. Numbers in comments are those of the adversarial cases.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"
#include "manifest_make.h"
#include "root.h"

static Tr__Role *
role_named(Tr__Root *doc, const char *name)
{
	for (size_t i = 0; i < doc->n_role; i++)
		if (strcmp(doc->role[i]->name, name) == 0)
			return doc->role[i];
	return NULL;
}

static void
add_floor(Tr__Root *doc, uint64_t counter)
{
	Tr__Floor *f = malloc(sizeof(*f));

	tr__floor__init(f);
	cr_assert_eq(manifest_make_text(&f->vendor, "*"), ERR_OK);
	cr_assert_eq(manifest_make_text(&f->model, "*"), ERR_OK);
	cr_assert_eq(manifest_make_text(&f->component, "*"), ERR_OK);
	f->min_security_counter = counter;
	doc->floor = realloc(doc->floor, (doc->n_floor + 1) * sizeof(*doc->floor));
	doc->floor[doc->n_floor++] = f;
}

/* The kit's root, changed by a statement, must be judged so. */
#define JUDGED(error, statement) \
	do { \
		AUTO(scratch) char *dir = kit_scratch(); \
		AUTO(kit) struct kit *kit = kit_new(dir); \
		AUTO(root) Tr__Root *doc = kit_next_root(kit->doc); \
		Tr__Role *release = role_named(doc, "release"); \
		(void)release; \
		statement; \
		cr_assert_eq(root_check(doc, false, NULL), error, "%s", #statement); \
	} while (0)

/* trust: 12 13 15 */
Test(root, refuses_keys_and_thresholds_that_prove_nothing)
{
	JUDGED(ERR_OK, (void)0);
	JUDGED(ERR_ROOT, kit_root_add_key(doc, &kit->root[0]));
	JUDGED(ERR_ROOT, kit_role_add_key(release, &kit->release[0]));
	JUDGED(ERR_ROOT, kit_role_add_key(release, &kit->root[0]));
	JUDGED(ERR_ROOT, release->threshold = 0);
	JUDGED(ERR_ROOT, release->threshold = 3);
	JUDGED(ERR_ROOT, role_named(doc, "root")->threshold = 0);
	JUDGED(ERR_ROOT, kit_root_add_role(doc, "empty", 1));
	JUDGED(ERR_ROOT, kit_root_add_role(doc, "release", 1));
	JUDGED(ERR_ROOT, release->key_id[0].data[0] ^= 1);
	JUDGED(ERR_ROOT, release->key_id[0].len = 7);
	JUDGED(ERR_ROOT, doc->key[0]->public_key.len = 31);
}

/* the identity as a key, under which anything is signed for a careless verifier */
/* trust: 16 */
Test(root, refuses_a_key_of_small_order)
{
	JUDGED(ERR_ROOT, {
		memset(doc->key[0]->public_key.data, 0, MINISIG_PUBLIC);
		doc->key[0]->public_key.data[0] = 1;
	});
}

Test(root, refuses_names_scopes_and_numbers_out_of_range)
{
	JUDGED(ERR_ROOT, kit_root_add_role(doc, "../x", 1));
	JUDGED(ERR_ROOT, cr_assert_eq(manifest_make_text(&doc->role[0]->name, "rood"), ERR_OK));
	JUDGED(ERR_ROOT, kit_role_add_scope(role_named(doc, "root"), "*", "*", "*"));
	JUDGED(ERR_ROOT, kit_role_add_scope(release, "a*b", "*", "*"));
	JUDGED(ERR_ROOT, kit_role_add_scope(release, "**", "*", "*"));
	JUDGED(ERR_ROOT, kit_role_add_scope(release, "", "*", "*"));
	JUDGED(ERR_OK, kit_role_add_scope(release, "acme", "sensor-*", "app"));
	JUDGED(ERR_ROOT, doc->version = 0);
	JUDGED(ERR_ROOT, doc->expires_ms = doc->created_ms);
	JUDGED(ERR_ROOT, add_floor(doc, UINT64_C(1) << 63));
	JUDGED(ERR_OK, add_floor(doc, INT64_MAX));
	JUDGED(ERR_ROOT, {
		for (int i = 0; i <= ROOT_FLOORS_MAX; i++)
			add_floor(doc, 1);
	});
}

/* for root documents */
/* trust: 31 32 */
Test(root, is_read_as_strictly_as_a_manifest)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *kit = kit_new(dir);
	struct bundle_bytes b = {0};
	Tr__Root *doc = NULL;

	cr_assert_eq(manifest_make_pack(&kit->doc->base, &b), ERR_OK);
	cr_assert_eq(root_parse(b.data, 0, false, &doc, NULL), ERR_ROOT);
	cr_assert_eq(root_parse(b.data, b.len - 1, false, &doc, NULL), ERR_ROOT);
	AUTO(mem) uint8_t *more = malloc(b.len + 3);

	memcpy(more, b.data, b.len);
	memcpy(more + b.len, "\xf8\x01\x01", 3); /* field 31 */
	cr_assert_eq(root_parse(more, b.len + 3, false, &doc, NULL), ERR_ROOT);
	memcpy(more + b.len, "\x10\x01", 2); /* version again */
	cr_assert_eq(root_parse(more, b.len + 2, false, &doc, NULL), ERR_ROOT);
	cr_assert_eq(root_parse(b.data, b.len, false, &doc, NULL), ERR_OK);
	root_free(doc);
	free(b.data);
}

Test(root, takes_a_star_at_the_end_only)
{
	cr_assert(root_pattern_fits("*", "anything"));
	cr_assert(root_pattern_fits("sensor-*", "sensor-9"));
	cr_assert(root_pattern_fits("sensor-*", "sensor-"));
	cr_assert_not(root_pattern_fits("sensor-*", "sensor"));
	cr_assert(root_pattern_fits("sensor-9", "sensor-9"));
	cr_assert_not(root_pattern_fits("sensor-9", "sensor-90"));
	cr_assert_not(root_pattern_fits("Sensor-9", "sensor-9"));
}

/* A document of the kit with a key from the test data in it. */
static Tr__Root *
with_test_key(const struct kit *kit)
{
	Tr__Root *doc = kit_next_root(kit->doc);
	uint8_t seed[MINIKEY_SEED];
	struct minikey key;

	kit_test_seed(1, seed);
	cr_assert_eq(minikey_make(seed, &key), ERR_OK);
	kit_root_add_key(doc, &key);
	kit_role_add_key(role_named(doc, "release"), &key);
	return doc;
}

/* trust: 3 */
Test(root, knows_every_test_key)
{
	for (unsigned n = 1; n <= 7; n++) {
		uint8_t seed[MINIKEY_SEED];
		struct minikey key;

		kit_test_seed(n, seed);
		cr_assert_eq(minikey_make(seed, &key), ERR_OK);
		cr_assert_eq(root_is_test_key(key.id), n <= 6, "%u", n);
	}
}

/* trust: 3 */
Test(root, refuses_a_test_key_outside_a_lab)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *kit = kit_new(dir);
	AUTO(root) Tr__Root *doc = with_test_key(kit);
	AUTO(trust) struct trust *t = kit_trust(kit, NULL);
	AUTO(bundle_head) struct bundle_head *h = kit_head(kit, &(struct kit_spec){0});
	struct trust_policy policy = {0}, lab = {.lab = true};
	struct bundle_bytes b = {0};
	struct trust *other = NULL;

	cr_assert_eq(root_check(doc, false, NULL), ERR_TEST_KEY);
	cr_assert_eq(root_check(doc, true, NULL), ERR_OK);
	kit_add_root(kit, h, doc, 3);
	cr_assert_eq(kit_verify(t, h, NULL), ERR_TEST_KEY);
	doc->version = 1;
	cr_assert_eq(manifest_make_pack(&doc->base, &b), ERR_OK);
	kit_write(kit->anchor_dir, "root.1", b.data, b.len);
	free(b.data);
	cr_assert_eq(trust_open(kit->anchor_dir, NULL, &policy, &other), ERR_TEST_KEY);
	cr_assert_eq(trust_open(kit->anchor_dir, NULL, &lab, &other), ERR_OK);
	trust_close(other);
}
