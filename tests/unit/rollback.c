/*
 * rollback: may this manifest replace what runs?
 */
#include <criterion/criterion.h>
#include <string.h>

#include "rollback.h"

static const uint8_t digest_a[32] = {'a'}, digest_b[32] = {'b'};

static struct rollback_state
confirmed(uint64_t sequence, uint64_t counter)
{
	struct rollback_state s = {
	    .confirmed = true, .sequence = sequence, .counter = counter, .generation = 1};

	memcpy(s.digest, digest_a, sizeof(s.digest));
	return s;
}

static enum err
check(const struct rollback_state *s, const struct rollback_rules *r, uint64_t sequence,
    uint64_t counter, const uint8_t *digest)
{
	Tr__Manifest m = TR__MANIFEST__INIT;
	char why[WHY_SIZE] = "";

	m.sequence = sequence;
	m.security_counter = counter;
	enum err e = rollback_check(s, r, &m, digest, why);

	cr_assert_eq(e == ERR_OK, why[0] == 0, "an error has a reason: '%s'", why);
	return e;
}

static const struct rollback_rules plain = {.generation = 1};

/* trust: 46 */
Test(rollback, refuses_a_lower_counter_or_sequence_and_takes_a_higher_one)
{
	struct rollback_state s = confirmed(10, 3);

	cr_assert_eq(check(&s, &plain, 11, 2, digest_b), ERR_ROLLBACK);
	cr_assert_eq(check(&s, &plain, 9, 3, digest_b), ERR_ROLLBACK);
	cr_assert_eq(check(&s, &plain, 11, 3, digest_b), ERR_OK);
	cr_assert_eq(check(&s, &plain, 11, 4, digest_b), ERR_OK);
}

/* trust: 49 */
Test(rollback, tells_a_retry_from_a_replay)
{
	struct rollback_state s = confirmed(10, 3);

	cr_assert_eq(check(&s, &plain, 10, 3, digest_a), ERR_ALREADY);
	cr_assert_eq(check(&s, &plain, 10, 3, digest_b), ERR_REPLAY);
}

/* trust: 47 */
Test(rollback, holds_the_signed_floor_on_a_wiped_gateway)
{
	struct rollback_state nothing = {0};
	struct rollback_rules floor = {.floor_counter = 5, .floor_sequence = 40, .generation = 1};

	cr_assert_eq(check(&nothing, &plain, 1, 0, digest_a), ERR_OK);
	cr_assert_eq(check(&nothing, &floor, 50, 4, digest_a), ERR_ROLLBACK);
	cr_assert_eq(check(&nothing, &floor, 39, 5, digest_a), ERR_ROLLBACK);
	cr_assert_eq(check(&nothing, &floor, 40, 5, digest_a), ERR_OK);
}

Test(rollback, refuses_the_running_manifest_too_when_the_floor_rose_above_it)
{
	struct rollback_state s = confirmed(10, 3);
	struct rollback_rules floor = {.floor_counter = 4, .generation = 1};

	cr_assert_eq(check(&s, &floor, 10, 3, digest_a), ERR_ROLLBACK);
}

Test(rollback, lets_the_device_counter_raise_the_bar_only)
{
	struct rollback_state s = confirmed(10, 3);

	s.device_has_counter = true;
	s.device_counter = 7;
	cr_assert_eq(check(&s, &plain, 11, 6, digest_b), ERR_ROLLBACK);
	cr_assert_eq(check(&s, &plain, 11, 7, digest_b), ERR_OK);
	s.device_counter = 0;
	cr_assert_eq(check(&s, &plain, 11, 2, digest_b), ERR_ROLLBACK);
}

/* trust: 22 */
Test(rollback, refuses_a_fast_forward_until_the_key_was_taken_away)
{
	struct rollback_state s = confirmed(10, 3);
	struct rollback_rules narrow = {.max_gap = 5, .generation = 1};

	cr_assert_eq(check(&s, &plain, UINT64_C(1) << 63, 3, digest_b), ERR_FAST_FORWARD);
	cr_assert_eq(check(&s, &plain, UINT64_MAX, 3, digest_b), ERR_FAST_FORWARD);
	cr_assert_eq(check(&s, &plain, 10 + ROLLBACK_MAX_GAP + 1, 3, digest_b), ERR_FAST_FORWARD);
	cr_assert_eq(check(&s, &plain, 10 + ROLLBACK_MAX_GAP, 3, digest_b), ERR_OK);
	cr_assert_eq(check(&s, &narrow, 16, 3, digest_b), ERR_FAST_FORWARD);
	cr_assert_eq(check(&s, &narrow, 15, 3, digest_b), ERR_OK);

	struct rollback_state poisoned = confirmed(UINT64_C(1) << 62, 3);
	struct rollback_rules rotated = {.generation = 2};

	cr_assert_eq(check(&poisoned, &plain, 11, 3, digest_b), ERR_ROLLBACK);
	cr_assert_eq(check(&poisoned, &rotated, 11, 3, digest_b), ERR_OK);
	cr_assert_eq(check(&poisoned, &rotated, 11, 2, digest_b), ERR_ROLLBACK, "counters stay");
}

Test(rollback, allows_an_older_sequence_at_the_same_counter_only_when_told)
{
	struct rollback_state s = confirmed(10, 3);
	struct rollback_rules lax = {.generation = 1, .same_counter_downgrade = true};

	cr_assert_eq(check(&s, &lax, 9, 3, digest_b), ERR_OK);
	cr_assert_eq(check(&s, &lax, 9, 2, digest_b), ERR_ROLLBACK);
	cr_assert_eq(check(&s, &lax, 10, 3, digest_b), ERR_REPLAY);
}
