/*
 * manifest_match: what a manifest says about one device. Numbers in comments are those of the
 * adversarial cases.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"
#include "manifest_make.h"

/* trust: 15 53 */
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

/* What a dependency is held against; no image where there is none. */
static const uint8_t image[32] = {7, 7, 7};

static enum err
look(void *arg, const Tr__Depends *d, char why[WHY_SIZE])
{
	const struct manifest_seen *s = arg;

	if (strcmp(d->component, "busy") == 0)
		return why_say(why, ERR_AGAIN, "in a moment");
	return manifest_satisfies(d, s, why);
}

static struct manifest_seen
seen(uint64_t sequence, const char *version)
{
	return (struct manifest_seen){.name = "radio-1",
	    .known = sequence > 0,
	    .sequence = sequence,
	    .image_sha256 = image,
	    .version = version};
}

static void
expect_depends(const Tr__Manifest *m, struct manifest_seen s, enum err e, const char *why)
{
	char said[WHY_SIZE] = "";

	cr_expect_eq(manifest_check_depends(m, look, &s, said), e, "%s", said);
	cr_expect(strstr(said, why), "expected '%s', got '%s'", why, said);
}

/* trust: 54 */
Test(manifest, holds_its_dependencies_against_the_device)
{
	AUTO(manifest) Tr__Manifest *m = kit_manifest(&(struct kit_spec){0});
	Tr__Depends *d = NULL;

	expect_depends(m, seen(0, ""), ERR_OK, "");
	cr_assert_eq(manifest_make_depends(m, "mcu", &d), ERR_OK);
	d->min_sequence = 5;
	d->max_sequence = 6;
	expect_depends(m, seen(0, "1.0"), ERR_DEPENDS, "radio-1 to run mcu with sequence 5");
	expect_depends(m, seen(4, "1.0"), ERR_DEPENDS, "got 4 (version 1.0)");
	expect_depends(m, seen(5, "1.0"), ERR_OK, "");
	expect_depends(m, seen(6, "1.0"), ERR_OK, "");
	expect_depends(m, seen(7, "1.0"), ERR_DEPENDS, "got 7");
	cr_assert_eq(manifest_make_bytes(&d->image_sha256, image, 32), ERR_OK);
	expect_depends(m, seen(6, "1.0"), ERR_OK, "");
	d->image_sha256.data[31]++;
	expect_depends(m, seen(6, "1.0"), ERR_DEPENDS, "a certain image of mcu");
}

Test(manifest, a_version_is_wanted_of_what_the_device_says)
{
	AUTO(manifest) Tr__Manifest *m = kit_manifest(&(struct kit_spec){0});
	Tr__Depends *d = NULL;

	cr_assert_eq(manifest_make_depends(m, "mcu", &d), ERR_OK);
	cr_assert_eq(manifest_make_text(&d->min_version, "1.10"), ERR_OK);
	expect_depends(m, seen(0, "1.9.9"), ERR_DEPENDS,
	    "radio-1 to run version 1.10 or newer of mcu, got 1.9.9");
	expect_depends(m, seen(0, ""), ERR_DEPENDS, "got unknown");
	expect_depends(m, seen(0, "1.10.0-rc1"), ERR_OK, "");
	d->min_sequence = 3;
	expect_depends(m, seen(0, "1.10"), ERR_DEPENDS, "nothing that was confirmed");
	expect_depends(m, seen(3, "1.10"), ERR_OK, "");
}

Test(manifest, what_will_never_be_met_counts_more_than_what_is_waited_for)
{
	AUTO(manifest) Tr__Manifest *m = kit_manifest(&(struct kit_spec){0});
	Tr__Depends *d = NULL;

	cr_assert_eq(manifest_make_depends(m, "busy", &d), ERR_OK);
	expect_depends(m, seen(0, ""), ERR_AGAIN, "in a moment");
	cr_assert_eq(manifest_make_depends(m, "mcu", &d), ERR_OK);
	d->min_sequence = 3;
	expect_depends(m, seen(2, "1"), ERR_DEPENDS, "got 2");
	expect_depends(m, seen(3, "1"), ERR_AGAIN, "in a moment");
}

Test(manifest, versions_are_compared_number_by_number)
{
	static const struct {
		const char *have, *min;
		bool older;
	} rows[] = {{"1.2", "1.2", false}, {"1.2", "1.2.0", false}, {"1.2.0.0", "1.2", false},
	    {"1.9", "1.10", true}, {"1.10", "1.9", false}, {"2", "1.9.9", false},
	    {"1.2-rc1", "1.2", false}, {"1.2.x", "1.2.1", true}, {"v1.2", "1.0", true},
	    {"", "0", true}, {"99999999999999999999999", "2", false}, {"1..5", "1.4", true}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(manifest_version_is_older(rows[i].have, rows[i].min), rows[i].older,
		    "%s, %s", rows[i].have, rows[i].min);
}
