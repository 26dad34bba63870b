/*
 * unit: whose numbers are whose, in a real database in a scratch directory.
 */
#include "unit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "kit.h"

static const char *const schema[] = {COUNTERS_SCHEMA UNIT_SCHEMA};

struct scene {
	char *dir;
	struct record *record;
};

static void
open_scene(struct scene *s)
{
	char path[600];
	bool fresh = false;

	*s = (struct scene){.dir = kit_scratch()};
	snprintf(path, sizeof(path), "%s/db", s->dir);
	cr_assert_eq(record_open(path, schema, 1, &fresh, &s->record), ERR_OK);
}

static void
close_scene(struct scene *s)
{
	record_close(s->record);
	kit_scratch_remove(s->dir);
}

static struct counters_key
key(const char *binding)
{
	return (struct counters_key){"p1", "meter-1", binding, "app"};
}

static void
confirm(struct scene *s, const char *binding, uint64_t counter)
{
	struct counters_key k = key(binding);
	struct counters_row r = {.counter = counter, .sequence = 5, .version = "1"};

	cr_assert_eq(counters_raise(s->record, &k, &r), ERR_OK);
}

static uint64_t
counter(struct scene *s, const char *binding)
{
	struct counters_key k = key(binding);
	struct counters_row r;

	return counters_get(s->record, &k, &r) == ERR_OK ? r.counter : 0;
}

static void
set(struct scene *s, const char *before, const char *unit, const char *binding, bool adopts)
{
	struct counters_key k = key(before);
	char got[UNIT_TEXT];

	cr_assert_eq(unit_set(s->record, &k, unit, binding, adopts), ERR_OK);
	cr_assert_eq(unit_get(s->record, &k, got), ERR_OK);
	cr_expect_str_eq(got, unit);
}

Test(unit, nothing_is_known_of_a_unit_that_was_never_heard)
{
	struct counters_key k = key("");
	char got[UNIT_TEXT] = "x";
	struct scene s;

	open_scene(&s);
	cr_expect_eq(unit_get(s.record, &k, got), ERR_OK);
	cr_expect_str_empty(got);
	close_scene(&s);
}

Test(unit, the_first_that_is_heard_has_what_was_confirmed_before)
{
	struct scene s;

	open_scene(&s);
	confirm(&s, "a/b/c", 7);
	set(&s, "a/b/c", "A", "a/b/c/A", true);
	cr_expect_eq(counter(&s, "a/b/c/A"), 7);
	cr_expect_eq(counter(&s, "a/b/c"), 0);
	close_scene(&s);
}

Test(unit, another_one_begins_anew_and_the_first_finds_its_own_again)
{
	struct scene s;

	open_scene(&s);
	confirm(&s, "a/b/c/A", 7);
	set(&s, "a/b/c/A", "B", "a/b/c/B", false);
	cr_expect_eq(counter(&s, "a/b/c/B"), 0);
	confirm(&s, "a/b/c/B", 2);
	set(&s, "a/b/c/B", "A", "a/b/c/A", false);
	cr_expect_eq(counter(&s, "a/b/c/A"), 7);
	cr_expect_eq(counter(&s, "a/b/c/B"), 2);
	close_scene(&s);
}

Test(unit, a_device_that_is_never_the_same_fills_nothing_and_the_highest_numbers_stay)
{
	char binding[40], before[40] = "";
	struct scene s;
	int64_t n = 0;

	open_scene(&s);
	for (unsigned i = 1; i <= 3 * UNIT_KEPT; i++) {
		snprintf(binding, sizeof(binding), "a/b/c/%u", i);
		set(&s, before, binding + 6, binding, false);
		confirm(&s, binding, i == 1 ? 1000 : i);
		snprintf(before, sizeof(before), "%s", binding);
	}
	cr_assert_eq(record_get_int(s.record, &n, "SELECT count(*) FROM confirmed", ""), ERR_OK);
	cr_expect_leq(n, UNIT_KEPT + 1);
	cr_expect_eq(counter(&s, "a/b/c/1"), 1000);
	close_scene(&s);
}
