/*
 * dc_dp: the platform's frames against the golden data, and whatever can be wrong with one.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_dp.h"
#include "vectors.h"

/* A command whose low byte is AA is escaped wrongly by the SDK; that is not copied. */
static bool
is_sdk_bug(const cJSON *row)
{
	return cJSON_IsFalse(cJSON_GetObjectItem(row, "sdk_accepts"));
}

Test(dc_dp, golden_frames_go_both_ways)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	AUTO(mem) struct dc_dp *d = calloc(1, sizeof(*d));
	AUTO(mem) uint8_t *out = malloc(140000);
	const cJSON *row = NULL;
	size_t n;

	cJSON_ArrayForEach(row, cJSON_GetObjectItem(doc, "dp_frames"))
	{
		AUTO(mem) struct vectors_bytes *frame = vectors_hex(row, "frame");
		AUTO(mem) struct vectors_bytes *payload = vectors_hex(row, "payload");
		unsigned cmd = (unsigned)strtoul(vectors_text(row, "cmd"), NULL, 16);
		unsigned id = (unsigned)cJSON_GetObjectItem(row, "pkg_id")->valueint;

		cr_assert_eq(
		    dc_dp_format(id, cmd, payload->data, payload->len, out, 140000, &n), ERR_OK);
		if (is_sdk_bug(row))
			continue;
		cr_assert_eq(n, frame->len, "%s", vectors_text(row, "name"));
		cr_expect_arr_eq(out, frame->data, n, "%s", vectors_text(row, "name"));
		cr_assert_eq(dc_dp_parse(frame->data, frame->len, d), ERR_OK, "%s",
		    vectors_text(row, "name"));
		cr_expect_eq(d->cmd, cmd);
		cr_expect_eq(d->pkg_id, id);
		cr_assert_eq(d->len, payload->len);
		cr_expect_arr_eq(d->payload, payload->data, d->len);
	}
}

Test(dc_dp, golden_messages_are_written_byte_for_byte)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	uint8_t out[1000];
	const cJSON *row = NULL;
	size_t n;

	cJSON_ArrayForEach(row, cJSON_GetObjectItem(doc, "ota_messages"))
	{
		AUTO(mem) struct vectors_bytes *frame = vectors_hex(row, "frame");
		AUTO(mem) struct vectors_bytes *values = vectors_hex(row, "ttlv_hex");

		cr_assert_eq(dc_dp_format((unsigned)cJSON_GetObjectItem(row, "pkg_id")->valueint,
				 (unsigned)strtoul(vectors_text(row, "cmd"), NULL, 16),
				 values->data, values->len, out, sizeof(out), &n),
		    ERR_OK);
		cr_assert_eq(n, frame->len);
		cr_expect_arr_eq(out, frame->data, n, "%s", vectors_text(row, "name"));
	}
}

Test(dc_dp, malformed_frames_are_refused_as_listed)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	AUTO(mem) struct dc_dp *d = calloc(1, sizeof(*d));
	const cJSON *row = NULL;

	cJSON_ArrayForEach(row, cJSON_GetObjectItem(doc, "dp_malformed"))
	{
		AUTO(mem) struct vectors_bytes *b = vectors_hex(row, "hex");

		cr_expect_eq(dc_dp_parse(b->data, b->len, d) == ERR_OK,
		    cJSON_IsTrue(cJSON_GetObjectItem(row, "sdk_accepts")), "%s",
		    vectors_text(row, "name"));
	}
}

Test(dc_dp, a_refusal_tells_what_is_wrong_and_keeps_the_package_id)
{
	static const uint8_t sum[] = {0xAA, 0xAA, 0, 5, 0x18, 0, 1, 1, 0x15};
	static const uint8_t length[] = {0xAA, 0xAA, 0, 6, 0x17, 0, 1, 1, 0x15};
	static const uint8_t id[] = {0xAA, 0xAA, 0, 5, 0x16, 0, 0, 1, 0x15};
	static const uint8_t head[] = {0xAA, 0xAB, 0, 5, 0x17, 0, 1, 1, 0x15};
	AUTO(mem) struct dc_dp *d = calloc(1, sizeof(*d));

	cr_expect_eq(dc_dp_parse(sum, sizeof(sum), d), ERR_FRAME_SUM);
	cr_expect_eq(d->pkg_id, 1);
	cr_expect_eq(dc_dp_parse(length, sizeof(length), d), ERR_TRUNCATED);
	cr_expect_eq(d->pkg_id, 1);
	cr_expect_eq(dc_dp_parse(id, sizeof(id), d), ERR_MALFORMED);
	cr_expect_eq(dc_dp_parse(head, sizeof(head), d), ERR_MALFORMED);
	cr_expect_eq(d->pkg_id, 0);
}

Test(dc_dp, the_largest_payload_of_nothing_but_escapes_fits)
{
	AUTO(mem) struct dc_dp *d = calloc(1, sizeof(*d));
	AUTO(mem) uint8_t *in = malloc(DC_DP_PAYLOAD_MAX + 1);
	AUTO(mem) uint8_t *out = malloc(140000);
	size_t n;

	memset(in, 0xAA, DC_DP_PAYLOAD_MAX + 1);
	cr_assert_eq(dc_dp_format(7, 0x24, in, DC_DP_PAYLOAD_MAX, out, 140000, &n), ERR_OK);
	cr_assert_eq(dc_dp_parse(out, n, d), ERR_OK);
	cr_expect_eq(d->len, DC_DP_PAYLOAD_MAX);
	cr_expect_eq(memcmp(d->payload, in, d->len), 0);
	cr_expect_eq(dc_dp_format(7, 0x24, in, DC_DP_PAYLOAD_MAX + 1, out, 140000, &n), ERR_LIMIT);
	cr_expect_eq(dc_dp_format(7, 0x24, in, 10, out, 20, &n), ERR_LIMIT);
}
