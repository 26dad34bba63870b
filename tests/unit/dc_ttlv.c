/*
 * dc_ttlv: the platform's values against the golden data, and at their limits.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_ttlv.h"
#include "vectors.h"

/* Write again what was read. */
static void
rewrite(const struct dc_ttlv *t, struct dc_ttlv_out *o)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct dc_ttlv_element *e = &t->element[i];

		if (e->type <= DC_TTLV_TRUE)
			dc_ttlv_put_bool(o, e->id, e->type == DC_TTLV_TRUE);
		else if (e->type == DC_TTLV_NUMBER)
			dc_ttlv_put_number(o, e->id, e->negative, e->decimals, e->magnitude);
		else if (e->type == DC_TTLV_BYTES)
			dc_ttlv_put_bytes(o, e->id, e->bytes, e->count);
		else
			dc_ttlv_put_struct(o, e->id, e->count);
	}
}

static void
expect_first(const struct dc_ttlv *t, const cJSON *v, const char *name)
{
	const cJSON *number = cJSON_GetObjectItem(v, "int");
	int64_t value;

	cr_expect_eq(t->element[0].id, cJSON_GetObjectItem(v, "id")->valueint, "%s", name);
	if (number) {
		cr_assert(dc_ttlv_int(t, t->element[0].id, &value), "%s", name);
		cr_expect_eq(value, strtoll(number->valuestring, NULL, 10), "%s", name);
	}
	if (cJSON_GetObjectItem(v, "float")) {
		double want = strtod(vectors_text(v, "float"), NULL);
		double off = dc_ttlv_value(&t->element[0]) - want;

		cr_expect(off < 1e-9 && off > -1e-9, "%s: off by %g", name, off);
	}
}

Test(dc_ttlv, golden_values_are_read_and_written_again)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	AUTO(mem) struct dc_ttlv *t = calloc(1, sizeof(*t));
	const cJSON *row = NULL;
	int n = 0;

	cJSON_ArrayForEach(row, cJSON_GetObjectItem(doc, "ttlv"))
	{
		AUTO(mem) struct vectors_bytes *b = vectors_hex(row, "hex");
		AUTO(mem) struct dc_ttlv_out *o = calloc(1, sizeof(*o));

		cr_assert_eq(
		    dc_ttlv_parse(b->data, b->len, t), ERR_OK, "%s", vectors_text(row, "name"));
		rewrite(t, o);
		cr_assert_eq(o->len, b->len, "%s", vectors_text(row, "name"));
		cr_expect_arr_eq(o->data, b->data, b->len, "%s", vectors_text(row, "name"));
		expect_first(t, cJSON_GetArrayItem(cJSON_GetObjectItem(row, "input"), 0),
		    vectors_text(row, "name"));
		n++;
	}
	cr_expect_gt(n, 40);
}

Test(dc_ttlv, malformed_values_are_refused_as_listed)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	AUTO(mem) struct dc_ttlv *t = calloc(1, sizeof(*t));
	const cJSON *row = NULL;

	cJSON_ArrayForEach(row, cJSON_GetObjectItem(doc, "ttlv_malformed"))
	{
		AUTO(mem) struct vectors_bytes *b = vectors_hex(row, "hex");
		bool good = !cJSON_IsNull(cJSON_GetObjectItem(row, "sdk"));

		cr_expect_eq(dc_ttlv_parse(b->data, b->len, t) == ERR_OK, good, "%s",
		    vectors_text(row, "name"));
	}
}

Test(dc_ttlv, every_truncation_of_a_struct_is_refused)
{
	static const uint8_t bytes[] = {
	    0x00, 0xe4, 0, 1, 0x00, 0x04, 0, 2, 0x00, 0x0a, 0, 1, 0x00, 0x13, 0, 1, 'x'};
	AUTO(mem) struct dc_ttlv *t = calloc(1, sizeof(*t));

	for (size_t n = 0; n < sizeof(bytes); n++)
		cr_expect_eq(dc_ttlv_parse(bytes, n, t), ERR_TRUNCATED, "%zu bytes", n);
	cr_expect_eq(dc_ttlv_parse(bytes, sizeof(bytes), t), ERR_OK);
	cr_expect_eq(t->n, 4);
	cr_expect_eq(t->element[3].depth, 2);
}

Test(dc_ttlv, depth_and_number_of_elements_have_limits)
{
	AUTO(mem) struct dc_ttlv *t = calloc(1, sizeof(*t));
	AUTO(mem) struct dc_ttlv_out *o = calloc(1, sizeof(*o));

	for (unsigned depth = DC_TTLV_DEPTH; depth <= DC_TTLV_DEPTH + 1; depth++) {
		o->len = 0;
		for (unsigned i = 0; i < depth; i++)
			dc_ttlv_put_struct(o, 1, 1);
		dc_ttlv_put_bool(o, 1, true);
		cr_expect_eq(
		    dc_ttlv_parse(o->data, o->len, t), depth == DC_TTLV_DEPTH ? ERR_OK : ERR_LIMIT);
	}
	o->len = 0;
	for (unsigned i = 0; i < DC_TTLV_ELEMENTS; i++)
		dc_ttlv_put_bool(o, 1, true);
	cr_expect_eq(dc_ttlv_parse(o->data, o->len, t), ERR_OK);
	dc_ttlv_put_bool(o, 1, true);
	cr_expect_eq(dc_ttlv_parse(o->data, o->len, t), ERR_LIMIT);
}

Test(dc_ttlv, a_number_of_64_bits_is_out_of_range)
{
	static const uint8_t bytes[] = {0, 0x1a, 7, 0x80, 0, 0, 0, 0, 0, 0, 0};
	AUTO(mem) struct dc_ttlv *t = calloc(1, sizeof(*t));

	cr_expect_eq(dc_ttlv_parse(bytes, sizeof(bytes), t), ERR_LIMIT);
}

Test(dc_ttlv, a_text_with_a_nul_or_without_room_is_none)
{
	AUTO(mem) struct dc_ttlv *t = calloc(1, sizeof(*t));
	AUTO(mem) struct dc_ttlv_out *o = calloc(1, sizeof(*o));
	char text[4];

	dc_ttlv_put_bytes(o, 1, "a\0b", 3);
	dc_ttlv_put_text(o, 2, "abc");
	dc_ttlv_put_text(o, 3, "abcd");
	dc_ttlv_put_int(o, 4, 7);
	cr_assert_eq(dc_ttlv_parse(o->data, o->len, t), ERR_OK);
	cr_expect_not(dc_ttlv_text(t, 1, text, sizeof(text)));
	cr_expect(dc_ttlv_text(t, 2, text, sizeof(text)));
	cr_expect_str_eq(text, "abc");
	cr_expect_not(dc_ttlv_text(t, 3, text, sizeof(text)));
	cr_expect_not(dc_ttlv_text(t, 4, text, sizeof(text)));
	cr_expect_not(dc_ttlv_text(t, 5, text, sizeof(text)));
}

Test(dc_ttlv, a_full_writer_says_so)
{
	AUTO(mem) struct dc_ttlv_out *o = calloc(1, sizeof(*o));
	uint8_t big[DC_TTLV_OUT - 4] = {0};

	dc_ttlv_put_bytes(o, 1, big, sizeof(big));
	cr_expect_not(o->full);
	dc_ttlv_put_bool(o, 1, true);
	cr_expect(o->full);
}
