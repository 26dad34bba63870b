/*
 * smp_cbor: the bounded reader and the writer, with libcbor as an independent judge of what is well
 * formed. (libcbor never sees anything from a device: its loader believes counts.)
 */
#include <cbor.h>
#include <criterion/criterion.h>

#include "smp_cbor.h"

/* Walk a whole message; the first error, ERR_OK when it ended properly. */
static enum err
walk(const uint8_t *data, size_t len, unsigned *items)
{
	struct smp_cbor_reader r;
	struct smp_cbor_item item = {0};
	enum err e = ERR_OK;

	*items = 0;
	smp_cbor_reader_init(&r, data, len);
	while (!(e = smp_cbor_next(&r, &item)))
		(*items)++;
	return e == ERR_NOT_FOUND ? smp_cbor_finish(&r) : e;
}

struct row {
	const char *what;
	size_t len;
	uint8_t bytes[24];
	enum err want;
};

/* clang-format off */
static const struct row rows[] = {
	/* what, bytes, judged as */
	{"empty map", 1, {0xa0}, ERR_OK},
	{"open empty map", 2, {0xbf, 0xff}, ERR_OK},
	{"map in an array, open and not", 5, {0x81, 0xbf, 0x01, 0x02, 0xff}, ERR_OK},
	{"chunked text", 7, {0x7f, 0x62, 'a', 'b', 0x61, 'c', 0xff}, ERR_OK},
	{"chunked bytes without chunks", 2, {0x5f, 0xff}, ERR_OK},
	{"one item more than counted", 14, {0x84, 0x18, 0xff, 0x19, 1, 2, 0x1a, 1, 2, 3, 4,
	    0x38, 9, 0x20}, ERR_MALFORMED},
	{"null, true, float16", 6, {0x83, 0xf6, 0xf5, 0xf9, 0x3c, 0x00}, ERR_OK},
	{"nothing", 0, {0}, ERR_TRUNCATED},
	{"array of 2^28 in 5 bytes", 5, {0x9a, 0x10, 0x00, 0x00, 0x00}, ERR_TRUNCATED},
	{"bytes of 2^64 - 1", 9, {0x5b, 255, 255, 255, 255, 255, 255, 255, 255},
	    ERR_TRUNCATED},
	{"map of 2^63 pairs", 9, {0xbb, 128, 0, 0, 0, 0, 0, 0, 0}, ERR_TRUNCATED},
	{"map cut behind a key", 2, {0xa1, 0x01}, ERR_TRUNCATED},
	{"open map cut", 3, {0xbf, 0x01, 0x02}, ERR_TRUNCATED},
	{"open map, key without value", 3, {0xbf, 0x01, 0xff}, ERR_MALFORMED},
	{"break at the top", 1, {0xff}, ERR_MALFORMED},
	{"break in a counted array", 2, {0x81, 0xff}, ERR_MALFORMED},
	{"two items at the top", 2, {0xa0, 0xa0}, ERR_MALFORMED},
	{"reserved 28", 1, {0x1c}, ERR_MALFORMED},
	{"open integer", 1, {0x1f}, ERR_MALFORMED},
	{"chunk of another kind", 4, {0x7f, 0x41, 'a', 0xff}, ERR_MALFORMED},
	{"open chunk in a chunked text", 5, {0x7f, 0x7f, 0x60, 0xff, 0xff}, ERR_MALFORMED},
	{"chunked text cut", 3, {0x7f, 0x61, 'a'}, ERR_TRUNCATED},
	{"tag", 2, {0xc0, 0x00}, ERR_UNSUPPORTED},
	{"simple value 24", 2, {0xf8, 0x20}, ERR_UNSUPPORTED},
	{"depth at the limit", 8, {0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x80},
	    ERR_OK},
	{"depth over the limit", 9, {0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x80},
	    ERR_LIMIT},
};
/* clang-format on */

Test(smp_cbor, judges_each_row_of_the_table)
{
	unsigned items = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum err e = walk(rows[i].bytes, rows[i].len, &items);

		cr_expect(e == rows[i].want, "%s: expected %s, got %s", rows[i].what,
		    err_name(rows[i].want), err_name(e));
	}
}

Test(smp_cbor, bounds_the_items_of_a_message)
{
	uint8_t m[CBOR_ITEMS + 8];
	unsigned items = 0;

	memset(m, 0x01, sizeof(m));
	m[0] = 0x9f;
	m[CBOR_ITEMS] = 0xff; /* the array and ITEMS - 1 numbers */
	cr_expect_eq(walk(m, CBOR_ITEMS + 1, &items), ERR_OK);
	m[CBOR_ITEMS] = 0x01;
	m[CBOR_ITEMS + 1] = 0xff;
	cr_expect_eq(walk(m, CBOR_ITEMS + 2, &items), ERR_LIMIT);
}

Test(smp_cbor, bounds_the_chunks_of_a_string)
{
	uint8_t m[CBOR_ITEMS + 8];
	unsigned items = 0;

	memset(m, 0x40, sizeof(m));
	m[0] = 0x5f;
	m[CBOR_ITEMS + 1] = 0xff;
	cr_expect_eq(walk(m, CBOR_ITEMS + 2, &items), ERR_LIMIT);
}

Test(smp_cbor, puts_chunks_together)
{
	static const uint8_t m[] = {0x5f, 0x42, 1, 2, 0x40, 0x58, 1, 3, 0xff};
	struct smp_cbor_reader r;
	struct smp_cbor_item item = {0};
	uint8_t out[3] = {0};
	size_t n = 0;

	smp_cbor_reader_init(&r, m, sizeof(m));
	cr_assert_eq(smp_cbor_next(&r, &item), ERR_OK);
	cr_assert(item.type == CBOR_BYTES && item.chunked && item.len == 3);
	cr_assert_eq(smp_cbor_copy(&item, out, 2, &n), ERR_LIMIT);
	cr_assert_eq(smp_cbor_copy(&item, out, 3, &n), ERR_OK);
	cr_assert_eq(n, 3);
	cr_assert_arr_eq(out, ((uint8_t[]){1, 2, 3}), 3);
	cr_assert_eq(smp_cbor_finish(&r), ERR_OK);
}

Test(smp_cbor, skips_what_it_does_not_want)
{
	static const uint8_t m[] = {0x82, 0xbf, 0x61, 'a', 0x9f, 0x01, 0xa0, 0xff, 0xff, 0x07};
	struct smp_cbor_reader r;
	struct smp_cbor_item item = {0};

	smp_cbor_reader_init(&r, m, sizeof(m));
	cr_assert(!smp_cbor_next(&r, &item) && item.type == CBOR_ARRAY);
	cr_assert(!smp_cbor_next(&r, &item) && item.type == CBOR_MAP);
	cr_assert(!smp_cbor_skip(&r, &item));
	cr_assert(!smp_cbor_next(&r, &item) && item.type == CBOR_UINT && item.number == 7);
	cr_assert(!smp_cbor_next(&r, &item) && item.type == CBOR_END);
	cr_assert_eq(smp_cbor_next(&r, &item), ERR_NOT_FOUND);
}

/* Every prefix of a good message is truncated, never anything else, never read past its end. */
Test(smp_cbor, calls_every_prefix_truncated)
{
	static const uint8_t m[] = {0xbf, 0x63, 'o', 'f', 'f', 0x19, 0x10, 0x00, 0x61, 'l', 0x82,
	    0x7f, 0x61, 'x', 0xff, 0x44, 1, 2, 3, 4, 0xff};
	unsigned items = 0;

	cr_assert_eq(walk(m, sizeof(m), &items), ERR_OK);
	for (size_t n = 0; n < sizeof(m); n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, m, n);
		cr_expect_eq(walk(copy, n, &items), ERR_TRUNCATED, "prefix of %zu bytes", n);
		free(copy);
	}
}

Test(smp_cbor, writes_what_libcbor_reads)
{
	static const uint64_t numbers[] = {
	    0, 23, 24, 255, 256, 65535, 65536, UINT32_MAX, (uint64_t)UINT32_MAX + 1, UINT64_MAX};
	uint8_t out[64];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct smp_cbor_writer w;
		struct cbor_load_result result = {0};

		smp_cbor_writer_init(&w, out, sizeof(out));
		smp_cbor_put_map(&w, 3);
		smp_cbor_put_text(&w, "n");
		smp_cbor_put_uint(&w, numbers[i]);
		smp_cbor_put_text(&w, "b");
		smp_cbor_put_bool(&w, true);
		smp_cbor_put_text(&w, "d");
		smp_cbor_put_bytes(&w, (const uint8_t *)"xyz", 3);
		cr_assert_not(w.overflow);

		cbor_item_t *item = cbor_load(out, w.len, &result);

		cr_assert_not_null(item);
		cr_assert_eq(result.read, w.len);
		cr_assert_eq(cbor_map_size(item), 3);
		cr_expect_eq(cbor_get_int(cbor_map_handle(item)[0].value), numbers[i]);
		cr_expect(cbor_get_bool(cbor_map_handle(item)[1].value));
		cr_expect_eq(cbor_bytestring_length(cbor_map_handle(item)[2].value), 3);
		cbor_decref(&item);
	}
}

/* libcbor also checks that texts are UTF-8; we do not, so messages with texts are left out. */
static bool
has_text(const uint8_t *data, size_t len)
{
	struct smp_cbor_reader r;
	struct smp_cbor_item item = {0};

	smp_cbor_reader_init(&r, data, len);
	while (!smp_cbor_next(&r, &item))
		if (item.type == CBOR_TEXT)
			return true;
	return false;
}

/* Random messages of at most 12 bytes: whatever we take, libcbor takes, to the last byte. */
Test(smp_cbor, never_accepts_what_libcbor_refuses)
{
	uint32_t seed = 1;
	unsigned taken = 0;

	for (int round = 0; round < 200000; round++) {
		uint8_t m[12];
		unsigned items = 0;
		struct cbor_load_result result = {0};
		size_t len = 1 + (seed >> 8) % sizeof(m);

		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			m[i] = (uint8_t)(seed >> 24);
		}
		if (walk(m, len, &items) || has_text(m, len))
			continue;
		taken++;
		cbor_item_t *item = cbor_load(m, len, &result);

		cr_assert_not_null(item, "round %d: taken by us alone", round);
		cr_assert_eq(result.read, len);
		cbor_decref(&item);
	}
	cr_assert_gt(taken, 1000);
}

Test(smp_cbor, writes_nothing_past_the_end)
{
	uint8_t out[4] = {0, 0, 0, 0xee};
	struct smp_cbor_writer w;

	smp_cbor_writer_init(&w, out, 3);
	smp_cbor_put_text(&w, "ab");
	cr_assert_not(w.overflow);
	smp_cbor_put_uint(&w, 1);
	cr_assert(w.overflow);
	cr_assert_eq(w.len, 3);
	cr_assert_eq(out[3], 0xee);
	smp_cbor_writer_init(&w, out, 3);
	cr_assert_null(smp_cbor_put_room(&w, 3));
	cr_assert(w.overflow);
}
