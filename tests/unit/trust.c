/*
 * trust: anchors, signatures and roots. Numbers in comments are those of the adversarial cases.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "kit.h"
#include "trust.h"

static const struct trust_time now = {.now_ms = KIT_NOW_MS, .synchronised = true};

Test(trust, accepts_what_a_release_key_signed)
{
	char dir[] = "/tmp/subota-trust-XXXXXX";

	cr_assert(mkdtemp(dir));
	AUTO(kit) struct kit *kit = kit_new(dir);
	struct kit_spec spec = {.sequence = 7};
	AUTO(bundle_head) struct bundle_head *h = kit_head(kit, &spec);
	AUTO(trust) struct trust *t = NULL;
	AUTO(manifest) Tr__Manifest *m = NULL;
	struct trust_policy policy = {0};
	struct trust_result res;

	cr_assert_eq(trust_open(kit->anchor_dir, NULL, &policy, &t), ERR_OK);
	cr_assert_eq(trust_verify(t, h, &now, &m, &res), ERR_OK, "%s", res.why);
	cr_assert_eq(m->sequence, 7);
}
