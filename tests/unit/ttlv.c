/*
 * ttlv: golden values in both directions, what must be refused, the limits, the JSON dump.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ttlv.h"
#include "vectors.h"

/* --- golden data ------------------------------------------------------------------------------ */

/* Does node i of the tree say what the recorded value says? */
static void
expect_value(const struct ttlv *t, size_t i, const cJSON *v, const char *name)
{
	const struct ttlv_node *n = &t->nodes[i];
	const cJSON *members = cJSON_GetObjectItem(v, "struct"), *m = NULL;
	char text[TTLV_NUMBER_TEXT];

	cr_expect_eq(n->id, cJSON_GetObjectItem(v, "id")->valueint, "%s: id %u", name, n->id);
	if (cJSON_GetObjectItem(v, "bool")) {
		bool yes = cJSON_IsTrue(cJSON_GetObjectItem(v, "bool"));
		cr_expect_eq(n->type, yes ? TTLV_TRUE : TTLV_FALSE, "%s", name);
	} else if (cJSON_GetObjectItem(v, "int")) {
		cr_assert_eq(n->type, TTLV_NUMBER, "%s", name);
		ttlv_number_text(n->number, text);
		cr_expect_str_eq(text, vectors_text(v, "int"), "%s", name);
	} else if (cJSON_GetObjectItem(v, "float")) {
		double want = strtod(vectors_text(v, "float"), NULL);
		cr_assert_eq(n->type, TTLV_NUMBER, "%s", name);
		ttlv_number_text(n->number, text);
		double got = strtod(text, NULL), off = got > want ? got - want : want - got;
		cr_expect(off <= 1e-15 * (want < 0 ? -want : want), "%s: %s", name, text);
	} else if (cJSON_GetObjectItem(v, "bytes")) {
		AUTO(mem) struct vectors_bytes *b = vectors_hex(v, "bytes");
		cr_assert_eq(n->type, TTLV_BYTES, "%s", name);
		cr_assert_eq(n->len, b->len, "%s", name);
		cr_expect(n->len == 0 || memcmp(n->data, b->data, b->len) == 0, "%s", name);
	} else {
		cr_assert_not_null(members, "%s: a kind of value this test does not know", name);
		cr_assert_eq(n->type, TTLV_STRUCT, "%s", name);
		cr_assert_eq(n->members, cJSON_GetArraySize(members), "%s", name);
		size_t at = i + 1;
		cJSON_ArrayForEach(m, members)
		{
			expect_value(t, at, m, name);
			at = t->nodes[at].end;
		}
		cr_expect_eq(at, n->end, "%s", name);
	}
}

static void
expect_values(const struct ttlv *t, const cJSON *list, const char *name)
{
	const cJSON *v = NULL;
	size_t at = 0;

	cJSON_ArrayForEach(v, list)
	{
		cr_assert_lt(at, t->n, "%s: a value is missing", name);
		expect_value(t, at, v, name);
		at = t->nodes[at].end;
	}
	cr_expect_eq(at, t->n, "%s: more values than expected", name);
}

static void
expect_same_bytes(const struct ttlv *t, const struct vectors_bytes *b, const char *name)
{
	uint8_t again[2048];
	size_t len = 0;

	cr_assert_eq(ttlv_format(t, again, sizeof(again), &len), ERR_OK, "%s", name);
	cr_assert_eq(len, b->len, "%s", name);
	cr_expect_eq(memcmp(again, b->data, len), 0, "%s: other bytes", name);
}

Test(ttlv, reads_and_writes_every_golden_value_byte_for_byte)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *v = NULL;
	static struct ttlv t;
	int n = 0;

	cJSON_ArrayForEach(v, cJSON_GetObjectItem(doc, "ttlv"))
	{
		AUTO(mem) struct vectors_bytes *b = vectors_hex(v, "hex");
		const char *name = vectors_text(v, "name");

		cr_assert_eq(ttlv_parse(b->data, b->len, &t), ERR_OK, "%s", name);
		expect_values(&t, cJSON_GetObjectItem(v, "sdk_decodes_to"), name);
		expect_same_bytes(&t, b, name);
		n++;
	}
	cr_expect_eq(n, 46);
}

Test(ttlv, reads_the_examples_of_the_documentation)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *v = NULL;
	static struct ttlv t;
	char text[TTLV_NUMBER_TEXT];

	cJSON_ArrayForEach(v, cJSON_GetObjectItem(doc, "doc_examples_ttlv"))
	{
		AUTO(mem) struct vectors_bytes *b = vectors_hex(v, "hex");
		const char *value = vectors_text(v, "value");

		cr_assert_eq(ttlv_parse(b->data, b->len, &t), ERR_OK, "%s", value);
		expect_same_bytes(&t, b, value);
		if (t.nodes[0].type != TTLV_NUMBER)
			continue;
		ttlv_number_text(t.nodes[0].number, text);
		cr_expect_str_eq(text, strchr(value, ' ') + 1);
	}
}

Test(ttlv, takes_of_the_malformed_what_the_sdk_takes_and_nothing_more)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *v = NULL;
	static struct ttlv t;
	int n = 0;

	cJSON_ArrayForEach(v, cJSON_GetObjectItem(doc, "ttlv_malformed"))
	{
		AUTO(mem) struct vectors_bytes *b = vectors_hex(v, "hex");
		const char *name = vectors_text(v, "name");
		const cJSON *sdk = cJSON_GetObjectItem(v, "sdk");
		enum err e = ttlv_parse(b->data, b->len, &t);

		cr_expect_eq(e == ERR_OK, cJSON_IsArray(sdk), "%s: %s", name, err_name(e));
		if (e == ERR_OK && cJSON_IsArray(sdk))
			expect_values(&t, sdk, name);
		n++;
	}
	cr_expect_eq(n, 16);
}

/* --- what is refused -------------------------------------------------------------------------- */

static enum err
parse_hex(const char *hex)
{
	AUTO(mem) struct vectors_bytes *b = vectors_unhex(hex);
	static struct ttlv t;

	return ttlv_parse(b->data, b->len, &t);
}

Test(ttlv, refuses_every_truncation_of_a_long_payload)
{
	AUTO(mem)
	struct vectors_bytes *b = vectors_unhex(
	    "00e4000200040002000a0001001300017800040001000a80020012001e");
	static struct ttlv t;
	const struct ttlv_node *last;

	cr_assert_eq(ttlv_parse(b->data, b->len, &t), ERR_OK);
	last = ttlv_find(&t, 0, t.n, 2);
	cr_assert_not_null(last);
	for (size_t n = 0; n < b->len; n++)
		if (n != b->len - 4) /* there the struct ends and the last number begins */
			cr_expect_neq(ttlv_parse(b->data, n, &t), ERR_OK, "%zu bytes", n);
}

Test(ttlv, refuses_a_number_that_no_sdk_reads_right)
{
	cr_expect_eq(parse_hex("00b2077fffffffffffffff"), ERR_OK);
	cr_expect_eq(parse_hex("00b2078000000000000000"), ERR_LIMIT);
	cr_expect_eq(parse_hex("00b207ffffffffffffffff"), ERR_LIMIT);
	cr_expect_eq(parse_hex("00b287ffffffffffffffff"), ERR_LIMIT);
}

Test(ttlv, refuses_an_id_among_array_elements_but_not_the_reverse)
{
	cr_expect_eq(parse_hex("006400020002000a0008"), ERR_MALFORMED);
	cr_expect_eq(parse_hex("0064000200080002000a"), ERR_OK);
	cr_expect_eq(parse_hex("0002000a0008"), ERR_MALFORMED, "at the top, too");
}

Test(ttlv, refuses_a_count_past_the_end)
{
	cr_expect_eq(parse_hex("004cffff0008"), ERR_TRUNCATED);
}

Test(ttlv, refuses_reserved_types_inside_a_struct)
{
	cr_expect_eq(parse_hex("004c0001000d"), ERR_MALFORMED);
}

static size_t
nest(uint8_t *data, unsigned levels)
{
	size_t n = 0;

	for (unsigned i = 0; i < levels; i++) {
		memcpy(data + n, "\x00\x0c\x00\x01", 4);
		n += 4;
	}
	memcpy(data + n, "\x00\x08", 2);
	return n + 2;
}

Test(ttlv, bounds_the_depth)
{
	uint8_t data[4 * 20000 + 2];
	static struct ttlv t;

	cr_expect_eq(ttlv_parse(data, nest(data, TTLV_DEPTH_MAX), &t), ERR_OK);
	cr_expect_eq(ttlv_parse(data, nest(data, TTLV_DEPTH_MAX + 1), &t), ERR_LIMIT);
	cr_expect_eq(ttlv_parse(data, nest(data, 16000), &t), ERR_LIMIT);
}

Test(ttlv, bounds_the_number_of_elements_and_of_bytes)
{
	AUTO(mem) uint8_t *data = calloc(1, TTLV_SIZE_MAX + 1);
	static struct ttlv t;

	cr_assert_not_null(data);
	for (size_t i = 1; i < TTLV_SIZE_MAX; i += 2)
		data[i] = 0x08;
	cr_expect_eq(ttlv_parse(data, 2 * TTLV_NODES_MAX, &t), ERR_OK);
	cr_expect_eq(ttlv_parse(data, 2 * TTLV_NODES_MAX + 2, &t), ERR_LIMIT);
	memcpy(data, "\x00\x0b\xff\xf6", 4);
	cr_expect_eq(ttlv_parse(data, TTLV_SIZE_MAX, &t), ERR_OK);
	cr_expect_eq(ttlv_parse(data, TTLV_SIZE_MAX + 1, &t), ERR_LIMIT);
}

/* --- reading values --------------------------------------------------------------------------- */

Test(ttlv, reads_whole_numbers_within_their_range_only)
{
	struct ttlv_node n = {.type = TTLV_NUMBER, .number = {true, 1, 1200}};
	int64_t v = 0;

	cr_expect_eq(ttlv_int(&n, -120, 120, &v), ERR_OK);
	cr_expect_eq(v, -120);
	cr_expect_eq(ttlv_int(&n, -119, 120, &v), ERR_LIMIT);
	n.number.magnitude = 1201;
	cr_expect_eq(ttlv_int(&n, -1000, 1000, &v), ERR_MALFORMED, "it has a fraction");
	n.type = TTLV_TRUE;
	cr_expect_eq(ttlv_int(&n, -1000, 1000, &v), ERR_MALFORMED);
	cr_expect_eq(ttlv_int(NULL, -1000, 1000, &v), ERR_NOT_FOUND);
}

Test(ttlv, reads_texts_that_fit_and_are_texts)
{
	struct ttlv_node n = {.type = TTLV_BYTES, .data = (const uint8_t *)"ab\n", .len = 2};
	char text[3];

	cr_expect_eq(ttlv_text(&n, text, sizeof(text)), ERR_OK);
	cr_expect_str_eq(text, "ab");
	cr_expect_eq(ttlv_text(&n, text, 2), ERR_LIMIT);
	n.len = 0;
	cr_expect_eq(ttlv_text(&n, text, sizeof(text)), ERR_NOT_FOUND, "empty is missing");
	n.len = 3;
	cr_expect_eq(ttlv_text(&n, text, 10), ERR_MALFORMED);
	n.type = TTLV_NUMBER;
	cr_expect_eq(ttlv_text(&n, text, sizeof(text)), ERR_MALFORMED);
	cr_expect_eq(ttlv_text(NULL, text, sizeof(text)), ERR_NOT_FOUND);
}

Test(ttlv, finds_the_first_of_two_and_does_not_look_inside)
{
	AUTO(mem) struct vectors_bytes *b = vectors_unhex("004c0001002a0009002a0001002a0002");
	static struct ttlv t;
	int64_t v = 0;

	cr_assert_eq(ttlv_parse(b->data, b->len, &t), ERR_OK);
	cr_assert_eq(ttlv_int(ttlv_find(&t, 0, t.n, 5), 0, 9, &v), ERR_OK);
	cr_expect_eq(v, 1);
	cr_assert_eq(ttlv_int(ttlv_find(&t, 1, t.nodes[0].end, 5), 0, 9, &v), ERR_OK);
	cr_expect_eq(v, 9);
	cr_expect_null(ttlv_find(&t, 0, t.n, 6));
}

/* --- writing ---------------------------------------------------------------------------------- */

Test(ttlv, says_when_it_cannot_write)
{
	uint8_t small[4];
	size_t len = 99;
	struct ttlv_writer w = TTLV_WRITER(small);

	ttlv_put_int(&w, 1, -5);
	cr_expect_eq(ttlv_put_end(&w, &len), ERR_OK);
	cr_expect_eq(len, 4);
	ttlv_put_bool(&w, 2, true);
	cr_expect_eq(ttlv_put_end(&w, &len), ERR_LIMIT);
	w = TTLV_WRITER(small);
	ttlv_put_bool(&w, TTLV_ID_MAX + 1, true);
	cr_expect_eq(ttlv_put_end(&w, &len), ERR_INVALID);
	w = TTLV_WRITER(small);
	ttlv_put_number(&w, 1, (struct ttlv_number){false, 16, 1});
	cr_expect_eq(ttlv_put_end(&w, &len), ERR_INVALID);
	w = TTLV_WRITER(small);
	ttlv_put_bytes(&w, 1, small, UINT16_MAX + 1);
	cr_expect_eq(ttlv_put_end(&w, &len), ERR_INVALID);
	w = TTLV_WRITER(small);
	ttlv_put_int(&w, 1, INT64_MIN);
	cr_expect_eq(ttlv_put_end(&w, &len), ERR_INVALID, "2^63 does not exist here");
}

Test(ttlv, dumps_what_it_read)
{
	AUTO(mem)
	struct vectors_bytes *b = vectors_unhex(
	    "0009003a9020004300024142004b0001ff00e4000100040001000a0001004c0000");
	AUTO(mem) char *json = NULL;

	cr_assert_eq(ttlv_dump_json(b->data, b->len, &json), ERR_OK);
	cr_expect_str_eq(json,
	    "[{\"id\":1,\"bool\":true},{\"id\":7,\"number\":-0.32},{\"id\":8,\"text\":\"AB\"},"
	    "{\"id\":9,\"bytes\":\"ff\"},{\"id\":28,\"array\":[{\"id\":0,\"struct\":[{\"id\":1,"
	    "\"number\":1}]}]},{\"id\":9,\"struct\":[]}]");
	cr_expect_eq(ttlv_dump_json(b->data, b->len - 1, &json), ERR_TRUNCATED);
}
