/*
 * entry: which secret the gateway uses, after every kind of refusal; the waits between.
 */
#include <criterion/criterion.h>

#include "dialect.h"
#include "entry.h"
#include "session.h"

enum { REFUSED = DIALECT_CODE_SECRET, AWAY = SESSION_CODE_UNAVAILABLE };

static const struct entry_secrets none = {false, false}, one = {true, false}, two = {true, true};

static struct entry
fresh(void)
{
	struct entry e;

	entry_init(&e);
	return e;
}

/* One connection that ends with a code: its wait. */
static int64_t
attempt(struct entry *e, const struct entry_secrets *s, int way, int code)
{
	cr_expect_eq(entry_way(e, s), way, "expected way %d, got %d", way, entry_way(e, s));
	entry_begin(e, s);
	cr_expect_eq(e->registering, way == ENTRY_REGISTER);
	return entry_on_down(e, s, code);
}

Test(entry, registers_after_a_refusal_and_goes_back_to_the_secret_when_that_is_refused_too)
{
	struct entry e = fresh();

	cr_expect_eq(attempt(&e, &one, ENTRY_SECRET, REFUSED), ENTRY_SOON_MS);
	cr_expect_eq(attempt(&e, &one, ENTRY_REGISTER, REFUSED), ENTRY_LATE_MS);
	cr_expect_eq(attempt(&e, &one, ENTRY_SECRET, REFUSED), ENTRY_SOON_MS);
}

Test(entry, tries_the_secret_before_this_one_third_and_then_rests)
{
	struct entry e = fresh();

	for (int i = 0; i < 3; i++) {
		cr_expect_eq(attempt(&e, &two, ENTRY_SECRET, REFUSED), ENTRY_SOON_MS);
		cr_expect_eq(attempt(&e, &two, ENTRY_REGISTER, REFUSED), ENTRY_SOON_MS);
		cr_expect_eq(attempt(&e, &two, ENTRY_SPARE, REFUSED), ENTRY_LATE_MS);
	}
}

Test(entry, rests_after_each_registration_that_is_refused_when_it_has_no_secret)
{
	struct entry e = fresh();

	for (int i = 0; i < 3; i++)
		cr_expect_eq(attempt(&e, &none, ENTRY_REGISTER, REFUSED), ENTRY_LATE_MS);
}

Test(entry, is_not_locked_out_by_a_platform_that_registers_nobody_twice)
{
	static const int codes[] = {10421, 10422, 10425, 10500, 10474};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct entry e = fresh();

		cr_expect_eq(attempt(&e, &one, ENTRY_SECRET, REFUSED), ENTRY_SOON_MS);
		cr_expect_eq(attempt(&e, &one, ENTRY_REGISTER, codes[i]), ENTRY_USUAL);
		cr_expect_eq(entry_way(&e, &one), ENTRY_SECRET, "%d", codes[i]);
	}
}

Test(entry, stays_with_its_secret_while_the_network_fails)
{
	struct entry e = fresh();

	for (int i = 0; i < 50; i++)
		cr_expect_eq(attempt(&e, &two, ENTRY_SECRET, SESSION_CODE_NETWORK), ENTRY_USUAL);
}

Test(entry, believes_in_a_wrong_secret_only_after_six_times_unavailable)
{
	struct entry e = fresh();

	for (int i = 0; i < SESSION_FAILURES_MAX; i++)
		cr_expect_eq(attempt(&e, &one, ENTRY_SECRET, AWAY), ENTRY_USUAL);
	cr_expect_eq(attempt(&e, &one, ENTRY_REGISTER, AWAY), ENTRY_USUAL);
	cr_expect_eq(attempt(&e, &one, ENTRY_SECRET, AWAY), ENTRY_USUAL);
	cr_expect_eq(entry_way(&e, &one), ENTRY_SECRET, "a new count");
}

Test(entry, counts_unavailable_also_over_failures_of_the_network)
{
	struct entry e = fresh();

	for (int i = 0; i < SESSION_FAILURES_MAX; i++) {
		cr_expect_eq(entry_on_down(&e, &one, SESSION_CODE_NETWORK), ENTRY_USUAL);
		cr_expect_eq(attempt(&e, &one, ENTRY_SECRET, AWAY), ENTRY_USUAL);
	}
	cr_expect_eq(entry_way(&e, &one), ENTRY_REGISTER);
}

Test(entry, uses_a_secret_that_came_and_registers_when_that_is_demanded)
{
	struct entry e = fresh();

	entry_begin(&e, &none);
	cr_expect(e.registering);
	entry_on_secret(&e);
	cr_expect(!e.registering);
	cr_expect_eq(entry_on_down(&e, &one, SESSION_CODE_NETWORK), ENTRY_USUAL);
	cr_expect_eq(entry_way(&e, &one), ENTRY_SECRET);
	entry_begin(&e, &one);
	entry_on_demand(&e);
	cr_expect_eq(entry_on_down(&e, &one, 10475), ENTRY_USUAL);
	cr_expect_eq(attempt(&e, &one, ENTRY_REGISTER, SESSION_CODE_NETWORK), ENTRY_USUAL);
	cr_expect_eq(entry_way(&e, &one), ENTRY_SECRET, "it was not forgotten");
}

Test(entry, rests_when_a_secret_is_refused_on_the_connection_that_brought_it)
{
	struct entry e = fresh();

	entry_begin(&e, &none);
	entry_on_secret(&e);
	cr_expect_eq(entry_on_down(&e, &one, REFUSED), ENTRY_LATE_MS);
}
