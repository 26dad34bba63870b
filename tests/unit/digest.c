/*
 * digest: known hashes whatever the pieces, and two readings that are the same or not.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "digest.h"

enum { LEN = 1000 };

static void
fill(uint8_t data[LEN])
{
	for (int i = 0; i < LEN; i++)
		data[i] = (uint8_t)(i * 7);
}

/* In pieces of `step` bytes. */
static void
read_all(struct digest *d, enum digest_reading r, const uint8_t *data, size_t len, size_t step)
{
	for (size_t at = 0; at < len; at += step)
		digest_read(d, r, data + at, len - at < step ? len - at : step);
}

Test(digest, gives_the_known_hash_of_abc_however_it_is_cut_and_again_from_its_beginning)
{
	static const uint8_t known[DIGEST_LEN] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
	    0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
	    0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	AUTO(digest) struct digest *d = NULL;
	uint8_t got[DIGEST_LEN];

	cr_assert_eq(digest_new(&d), ERR_OK);
	for (int cut = 0; cut <= 3; cut++) {
		digest_begin(d);
		digest_add(d, (const uint8_t *)"abc", (size_t)cut);
		digest_add(d, (const uint8_t *)"abc" + cut, (size_t)(3 - cut));
		digest_end(d, got);
		cr_expect(memcmp(got, known, sizeof(known)) == 0, "cut at %d", cut);
	}
}

Test(digest, finds_two_readings_the_same_however_each_was_cut)
{
	static const size_t steps[] = {1, 15, 16, 17, 333, LEN};
	uint8_t data[LEN];

	fill(data);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		AUTO(digest) struct digest *d = NULL;

		cr_assert_eq(digest_new(&d), ERR_OK);
		read_all(d, DIGEST_FIRST, data, LEN, 64);
		read_all(d, DIGEST_AGAIN, data, LEN, steps[i]);
		cr_expect(digest_is_same(d), "in steps of %zu", steps[i]);
	}
}

Test(digest, finds_any_bit_and_any_missing_byte_that_differs)
{
	uint8_t data[LEN];

	fill(data);
	for (size_t at = 0; at < LEN; at += 37) {
		AUTO(digest) struct digest *d = NULL, *shorter = NULL;

		cr_assert_eq(digest_new(&d), ERR_OK);
		read_all(d, DIGEST_FIRST, data, LEN, 100);
		data[at] ^= (uint8_t)(1u << at % 8);
		read_all(d, DIGEST_AGAIN, data, LEN, 100);
		cr_expect(!digest_is_same(d), "a bit of byte %zu", at);
		cr_assert_eq(digest_new(&shorter), ERR_OK);
		read_all(shorter, DIGEST_FIRST, data, LEN, 100);
		read_all(shorter, DIGEST_AGAIN, data, at, 100);
		cr_expect(!digest_is_same(shorter), "%zu bytes only", at);
	}
}

Test(digest, takes_nothing_twice_for_the_same)
{
	AUTO(digest) struct digest *d = NULL;

	cr_assert_eq(digest_new(&d), ERR_OK);
	cr_expect(digest_is_same(d));
}
