/*
 * counters: what was confirmed, in a real database in a scratch directory.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "kit.h"

static const char *const schema[] = {COUNTERS_SCHEMA};

struct scene {
	char *dir;
	struct record *record;
	struct counters_key key;
};

static void
open_scene(struct scene *s)
{
	char path[600];
	bool fresh = false;

	*s = (struct scene){
	    .dir = kit_scratch(), .key = {"p1", "meter-1", "acme/sensor-9/a", "app"}};
	snprintf(path, sizeof(path), "%s/db", s->dir);
	cr_assert_eq(record_open(path, schema, 1, &fresh, &s->record), ERR_OK);
}

static void
close_scene(struct scene *s)
{
	record_close(s->record);
	kit_scratch_remove(s->dir);
}

static struct counters_row
row(uint64_t counter, uint64_t sequence)
{
	struct counters_row r = {.counter = counter, .sequence = sequence, .generation = 3};

	memset(r.digest, (int)sequence, sizeof(r.digest));
	memset(r.image_sha256, 7, sizeof(r.image_sha256));
	snprintf(r.version, sizeof(r.version), "2.4.1");
	return r;
}

Test(counters, nothing_is_known_of_a_device_that_confirmed_nothing)
{
	struct scene s;
	struct counters_row got;

	open_scene(&s);
	cr_expect_eq(counters_get(s.record, &s.key, &got), ERR_NOT_FOUND);
	close_scene(&s);
}

Test(counters, what_was_raised_is_read_back_whole)
{
	struct scene s;
	struct counters_row want = row(2, 5), got;

	open_scene(&s);
	cr_assert_eq(counters_raise(s.record, &s.key, &want), ERR_OK);
	cr_assert_eq(counters_get(s.record, &s.key, &got), ERR_OK);
	cr_expect_eq(got.counter, 2);
	cr_expect_eq(got.sequence, 5);
	cr_expect_eq(got.generation, 3u);
	cr_expect_arr_eq(got.digest, want.digest, 32);
	cr_expect_arr_eq(got.image_sha256, want.image_sha256, 32);
	cr_expect_str_eq(got.version, "2.4.1");
	close_scene(&s);
}

/* trust: 46 */
Test(counters, counter_never_goes_down)
{
	struct scene s;
	struct counters_row high = row(9, 5), low = row(2, 6), got;

	open_scene(&s);
	cr_assert_eq(counters_raise(s.record, &s.key, &high), ERR_OK);
	cr_assert_eq(counters_raise(s.record, &s.key, &low), ERR_OK);
	cr_assert_eq(counters_get(s.record, &s.key, &got), ERR_OK);
	cr_expect_eq(got.counter, 9);
	cr_expect_eq(got.sequence, 6);
	close_scene(&s);
}

Test(counters, each_part_of_the_key_is_another_row)
{
	struct scene s;
	struct counters_row r = row(2, 5), got;

	open_scene(&s);
	cr_assert_eq(counters_raise(s.record, &s.key, &r), ERR_OK);
	const struct counters_key others[] = {{"p2", "meter-1", "acme/sensor-9/a", "app"},
	    {"p1", "meter-2", "acme/sensor-9/a", "app"},
	    {"p1", "meter-1", "acme/sensor-9/b", "app"},
	    {"p1", "meter-1", "acme/sensor-9/a", "radio"}};
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(counters_get(s.record, &others[i], &got), ERR_NOT_FOUND, "row %zu", i);
	close_scene(&s);
}

Test(counters, binding_names_the_hardware)
{
	char out[COUNTERS_BINDING];

	counters_binding(out, "acme", "sensor-9", "", NULL);
	cr_expect_str_eq(out, "acme/sensor-9/");
}

/* A row that cannot be right is no zero: nothing may be flashed on that device. */
static void
expect_corrupt(const char *damage)
{
	struct scene s;
	struct counters_row r = row(2, 5), got;
	struct rollback_rules rules = {0};
	char why[WHY_SIZE] = "";

	open_scene(&s);
	cr_assert_eq(counters_raise(s.record, &s.key, &r), ERR_OK);
	cr_assert_eq(record_run(s.record, damage, ""), ERR_OK);
	cr_expect_eq(counters_get(s.record, &s.key, &got), ERR_CORRUPT, "%s", damage);
	struct kit_spec spec = {.sequence = 6, .security_counter = 3};
	Tr__Manifest *m = kit_manifest(&spec);
	cr_expect_eq(counters_check(s.record, &s.key, &rules, m, r.digest, why), ERR_CORRUPT);
	cr_expect_not_null(strstr(why, "meter-1"), "%s", why);
	manifest_free(m);
	close_scene(&s);
}

/* trust: 48 */
Test(counters, row_that_makes_no_sense_is_an_error_and_not_a_zero)
{
	expect_corrupt("UPDATE confirmed SET counter = -1");
	expect_corrupt("UPDATE confirmed SET sequence = 0");
	expect_corrupt("UPDATE confirmed SET sequence = -5");
	expect_corrupt("UPDATE confirmed SET generation = 4294967296");
	expect_corrupt("UPDATE confirmed SET digest = x'00'");
	expect_corrupt("UPDATE confirmed SET digest = NULL");
	expect_corrupt("UPDATE confirmed SET image_sha256 = x'0102'");
}

struct attempt {
	uint64_t counter, sequence;
	bool same; /* manifest */
	enum err want;
};

Test(counters, manifest_is_held_against_what_was_confirmed)
{
	static const struct attempt attempts[] = {
	    {2, 6, false, ERR_OK},
	    {3, 6, false, ERR_OK},
	    {1, 6, false, ERR_ROLLBACK},
	    {2, 4, false, ERR_ROLLBACK},
	    {2, 5, false, ERR_REPLAY},
	    {2, 5, true, ERR_ALREADY},
	};
	struct scene s;
	struct counters_row r = row(2, 5);
	struct rollback_rules rules = {.max_gap = 1000, .generation = 3};

	open_scene(&s);
	cr_assert_eq(counters_raise(s.record, &s.key, &r), ERR_OK);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		const struct attempt *a = &attempts[i];
		struct kit_spec spec = {.sequence = a->sequence, .security_counter = a->counter};
		Tr__Manifest *m = kit_manifest(&spec);
		uint8_t digest[32] = {0};
		char why[WHY_SIZE] = "";

		if (a->same)
			memcpy(digest, r.digest, 32);
		enum err e = counters_check(s.record, &s.key, &rules, m, digest, why);
		cr_expect_eq(e, a->want, "row %zu: expected %s, got %s: %s", i, err_name(a->want),
		    err_name(e), why);
		manifest_free(m);
	}
	close_scene(&s);
}

/* trust: 56 */
Test(counters, change_that_is_rolled_back_did_not_happen)
{
	struct scene s;
	struct counters_row r = row(2, 5), got;

	open_scene(&s);
	cr_assert_eq(record_begin(s.record), ERR_OK);
	cr_assert_eq(counters_raise(s.record, &s.key, &r), ERR_OK);
	record_rollback(s.record);
	cr_expect_eq(counters_get(s.record, &s.key, &got), ERR_NOT_FOUND);
	close_scene(&s);
}
