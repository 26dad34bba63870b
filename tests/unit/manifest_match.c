/*
 * manifest_match: what a manifest says about one device. Numbers in comments are those of the
 * adversarial cases.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"
#include "manifest_make.h"

/* 15, 53 */
Test(manifest, matches_only_the_device_it_names)
{
	char why[WHY_SIZE] = "";
	const Tr__Payload *p = NULL;
	AUTO(manifest)
	Tr__Manifest *m = kit_manifest(
	    &(struct kit_spec){.hw_revision = "C", .device_id = "pk1/dk1", .component = "app"});
	struct manifest_target right = {"acme", "sensor-9", "C", "pk1/dk1", "app"}, t = right;

	cr_assert_eq(manifest_match(m, &t, &p, why), ERR_OK);
	cr_assert_str_eq(p->component, "app");
	t.vendor = "acm";
	cr_assert_eq(manifest_match(m, &t, &p, why), ERR_WRONG_TARGET);
	t = right;
	t.model = "sensor-90";
	cr_assert_eq(manifest_match(m, &t, &p, why), ERR_WRONG_TARGET);
	cr_assert(strstr(why, "sensor-90") && strstr(why, "sensor-9"), "%s", why);
	t = right;
	t.hw_revision = "D";
	cr_assert_eq(manifest_match(m, &t, &p, why), ERR_WRONG_TARGET);
	t.hw_revision = NULL;
	cr_assert_eq(manifest_match(m, &t, &p, why), ERR_WRONG_TARGET);
	t = right;
	t.device_id = "pk1/dk2";
	cr_assert_eq(manifest_match(m, &t, &p, why), ERR_WRONG_TARGET);
	t = right;
	t.component = "mcu";
	cr_assert_eq(manifest_match(m, &t, &p, why), ERR_COMPONENT);
	cr_assert_eq(manifest_match(m, &(struct manifest_target){0}, &p, why), ERR_WRONG_TARGET);
}

Test(manifest, compares_revision_ranges_as_numbers)
{
	static const struct {
		char revision[24];
		bool fits;
	} rows[] = {{"3", true}, {"10", true}, {"7", true}, {"2", false}, {"11", false},
	    {"07", false}, {"C", false}, {"", false}, {"-3", false}, {"4294967299", false}};
	AUTO(manifest) Tr__Manifest *m = kit_manifest(&(struct kit_spec){0});
	Tr__HwRange *r = malloc(sizeof(*r));

	tr__hw_range__init(r);
	r->min = 3;
	r->max = 10;
	m->target[0]->hw_range = r;
	cr_assert_eq(manifest_check(m, NULL), ERR_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct manifest_target t = {"acme", "sensor-9", rows[i].revision, NULL, "app"};
		const Tr__Payload *p = NULL;

		cr_assert_eq(manifest_match(m, &t, &p, NULL),
		    rows[i].fits ? ERR_OK : ERR_WRONG_TARGET, "%s", rows[i].revision);
	}
	r->min = 11;
	cr_assert_eq(manifest_check(m, NULL), ERR_MANIFEST);
}

static enum err
lookup(void *arg, const char *component, uint64_t *sequence, uint8_t sha256[32])
{
	*sequence = *(uint64_t *)arg;
	memset(sha256, 7, 32);
	return strcmp(component, "mcu") == 0 ? ERR_OK : ERR_NOT_FOUND;
}

/* 54 */
Test(manifest, holds_its_dependencies_against_the_device)
{
	AUTO(manifest) Tr__Manifest *m = kit_manifest(&(struct kit_spec){0});
	Tr__Depends *d = NULL;
	uint64_t has = 5;
	uint8_t image[32];

	memset(image, 7, sizeof(image));
	cr_assert_eq(manifest_check_depends(m, lookup, &has, NULL), ERR_OK);
	cr_assert_eq(manifest_make_depends(m, "mcu", &d), ERR_OK);
	d->min_sequence = 5;
	d->max_sequence = 6;
	cr_assert_eq(manifest_check_depends(m, lookup, &has, NULL), ERR_OK);
	for (has = 4; has <= 7; has += 3)
		cr_assert_eq(manifest_check_depends(m, lookup, &has, NULL), ERR_DEPENDS);
	has = 6;
	cr_assert_eq(manifest_make_bytes(&d->image_sha256, image, 32), ERR_OK);
	cr_assert_eq(manifest_check_depends(m, lookup, &has, NULL), ERR_OK);
	d->image_sha256.data[31]++;
	cr_assert_eq(manifest_check_depends(m, lookup, &has, NULL), ERR_DEPENDS);
	d->image_sha256.data[31]--;
	cr_assert_eq(manifest_make_text(&d->component, "radio"), ERR_OK);
	cr_assert_eq(manifest_check_depends(m, lookup, &has, NULL), ERR_DEPENDS);
}
