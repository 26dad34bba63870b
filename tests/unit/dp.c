/*
 * dp: golden frames in both directions, what must be refused, escaping at every place.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dp.h"
#include "vectors.h"

static uint8_t buffer[DP_HEAD + DP_PAYLOAD_MAX];
static uint8_t frame[DP_FRAME_MAX];

static enum err
parse(const struct vectors_bytes *b, struct dp *f)
{
	return dp_parse(b->data, b->len, buffer, sizeof(buffer), f);
}

static void
expect_frame(const struct dp *f, const cJSON *v)
{
	AUTO(mem) struct vectors_bytes *payload = vectors_hex(v, "payload");
	const char *name = vectors_text(v, "name");

	cr_expect_eq(f->package_id, cJSON_GetObjectItem(v, "pkg_id")->valueint, "%s", name);
	cr_expect_eq(f->command, strtoul(vectors_text(v, "cmd"), NULL, 16), "%s", name);
	cr_assert_eq(f->len, payload->len, "%s", name);
	cr_expect(f->len == 0 || memcmp(f->payload, payload->data, f->len) == 0, "%s", name);
}

/* The one recorded frame that the SDK escapes wrongly (and then refuses itself). */
static bool
is_sdk_bug(const cJSON *v)
{
	return strstr(vectors_text(v, "name"), "does not write the escape") != NULL;
}

Test(dp, reads_and_writes_every_golden_frame_byte_for_byte)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *v = NULL;
	int n = 0;

	cJSON_ArrayForEach(v, cJSON_GetObjectItem(doc, "dp_frames"))
	{
		AUTO(mem) struct vectors_bytes *b = vectors_hex(v, "frame");
		AUTO(mem) struct vectors_bytes *payload = vectors_hex(v, "payload");
		const char *name = vectors_text(v, "name");
		struct dp f = {.package_id = (uint16_t)cJSON_GetObjectItem(v, "pkg_id")->valueint,
		    .command = (uint16_t)strtoul(vectors_text(v, "cmd"), NULL, 16),
		    .payload = payload->data,
		    .len = payload->len};
		size_t len = 0;

		cr_assert_eq(dp_format(&f, frame, sizeof(frame), &len), ERR_OK, "%s", name);
		if (is_sdk_bug(v)) {
			cr_expect_eq(parse(b, &f), ERR_TRUNCATED);
			continue;
		}
		cr_assert_eq(len, b->len, "%s", name);
		cr_expect_eq(memcmp(frame, b->data, len), 0, "%s: other bytes", name);
		cr_assert_eq(parse(b, &f), ERR_OK, "%s", name);
		expect_frame(&f, v);
		n++;
	}
	cr_expect_eq(n, 17);
}

Test(dp, escapes_rightly_what_the_sdk_escapes_wrongly)
{
	AUTO(mem) struct vectors_bytes *want = vectors_unhex("aaaa000713001300aa555501");
	struct dp f = {19, 0x00aa, (const uint8_t *)"\x55\x01", 2};
	size_t len = 0;

	cr_assert_eq(dp_format(&f, frame, sizeof(frame), &len), ERR_OK);
	cr_assert_eq(len, want->len);
	cr_expect_eq(memcmp(frame, want->data, len), 0);
}

Test(dp, takes_of_the_malformed_what_the_sdk_takes_and_nothing_more)
{
	AUTO(vectors) cJSON *doc = vectors_load();
	const cJSON *v = NULL;
	int n = 0;

	cJSON_ArrayForEach(v, cJSON_GetObjectItem(doc, "dp_malformed"))
	{
		AUTO(mem) struct vectors_bytes *b = vectors_hex(v, "hex");
		bool takes = cJSON_IsTrue(cJSON_GetObjectItem(v, "sdk_accepts"));
		struct dp f;
		enum err e = parse(b, &f);

		cr_expect_eq(e == ERR_OK, takes, "%s: %s", vectors_text(v, "name"), err_name(e));
		if (e == ERR_OK)
			expect_frame(&f, v);
		n++;
	}
	cr_expect_eq(n, 8);
}

static enum err
parse_hex(const char *hex)
{
	AUTO(mem) struct vectors_bytes *b = vectors_unhex(hex);
	struct dp f;

	return parse(b, &f);
}

Test(dp, says_why_it_refuses)
{
	cr_expect_eq(parse_hex("aaaa000517000101"), ERR_TRUNCATED);
	cr_expect_eq(parse_hex("aaaa00061700010115"), ERR_TRUNCATED);
	cr_expect_eq(parse_hex("abaa00051700010115"), ERR_MALFORMED);
	cr_expect_eq(parse_hex("aaab00051700010115"), ERR_MALFORMED);
	cr_expect_eq(parse_hex("aaaa00041700010115"), ERR_MALFORMED);
	cr_expect_eq(parse_hex("aaaa00051800010115"), ERR_FRAME_SUM);
	cr_expect_eq(parse_hex("aaaa00051600000115"), ERR_MALFORMED, "package id 0");
	cr_expect_eq(parse_hex("aaaa000514ffff0115"), ERR_MALFORMED, "package id FFFF");
	cr_expect_eq(parse_hex("aaaa000513fffe0115"), ERR_OK);
}

Test(dp, ignores_what_follows_the_frame)
{
	cr_expect_eq(parse_hex("aaaa00051700010115ffffff"), ERR_OK);
}

Test(dp, bounds_what_it_writes_and_reads)
{
	static uint8_t payload[DP_PAYLOAD_MAX + 1];
	struct dp f = {1, 0x24, payload, sizeof(payload)}, back;
	size_t len = 0;

	memset(payload, 0xaa, sizeof(payload));
	cr_expect_eq(dp_format(&f, frame, sizeof(frame), &len), ERR_LIMIT);
	f.len--;
	cr_assert_eq(dp_format(&f, frame, sizeof(frame), &len), ERR_OK);
	cr_expect_eq(dp_format(&f, frame, len - 1, &len), ERR_LIMIT);
	cr_assert_eq(dp_parse(frame, len, buffer, sizeof(buffer), &back), ERR_OK);
	cr_assert_eq(back.len, f.len);
	cr_expect_eq(memcmp(back.payload, payload, f.len), 0);
	cr_expect_eq(dp_parse(frame, len, buffer, sizeof(buffer) - 1, &back), ERR_LIMIT);
	f.package_id = 0;
	cr_expect_eq(dp_format(&f, frame, sizeof(frame), &len), ERR_INVALID);
	f.package_id = 0xffff;
	cr_expect_eq(dp_format(&f, frame, sizeof(frame), &len), ERR_INVALID);
}

Test(dp, never_has_two_heads_in_a_frame_and_always_comes_back)
{
	uint8_t payload[4];
	struct dp f = {1, 0x24, payload, sizeof(payload)}, back;
	static const uint8_t of[] = {0xaa, 0x55, 0x00};
	size_t len = 0;

	for (unsigned i = 0; i < 3 * 3 * 3 * 3 * 3 * 3; i++) {
		unsigned v = i;

		for (size_t k = 0; k < sizeof(payload); k++, v /= 3)
			payload[k] = of[v % 3];
		f.package_id = (uint16_t)(0xaa55 + (v % 3));
		f.command = v / 3 % 3 ? 0xaaaa : 0x55aa;
		cr_assert_eq(dp_format(&f, frame, sizeof(frame), &len), ERR_OK);
		for (size_t k = 1; k + 1 < len; k++)
			cr_assert(frame[k] != 0xaa || frame[k + 1] != 0xaa);
		cr_assert_eq(dp_parse(frame, len, buffer, sizeof(buffer), &back), ERR_OK);
		cr_assert_eq(back.package_id, f.package_id);
		cr_assert_eq(back.command, f.command);
		cr_assert_eq(back.len, f.len);
		cr_assert_eq(memcmp(back.payload, payload, sizeof(payload)), 0);
	}
}

Test(dp, counts_package_ids_in_a_ring_without_0_and_ffff)
{
	cr_expect_eq(dp_next_package(0), 1);
	cr_expect_eq(dp_next_package(1), 2);
	cr_expect_eq(dp_next_package(0xfffd), 0xfffe);
	cr_expect_eq(dp_next_package(0xfffe), 1);
	cr_expect_eq(dp_next_package(0xffff), 1);
}

Test(dp, dumps_frames_with_and_without_values)
{
	AUTO(mem)
	struct vectors_bytes *b = vectors_unhex("aaaa0014c60001011500cb000b5045455253573031413031");
	AUTO(mem) struct vectors_bytes *raw = vectors_unhex("aaaa000a3a0002002468656c6c6f");
	AUTO(mem) char *json = NULL;
	AUTO(mem) char *json_raw = NULL;

	cr_assert_eq(dp_dump_json(b->data, b->len, &json), ERR_OK);
	cr_expect_str_eq(json, "{\"package\":1,\"command\":\"0115\",\"name\":\"OTA request\","
			       "\"payload\":\"00cb000b5045455253573031413031\","
			       "\"ttlv\":[{\"id\":25,\"text\":\"PEERSW01A01\"}]}");
	cr_assert_eq(dp_dump_json(raw->data, raw->len, &json_raw), ERR_OK);
	cr_expect_null(strstr(json_raw, "ttlv"));
	cr_expect_eq(dp_dump_json(b->data, b->len - 1, &json), ERR_TRUNCATED);
}
