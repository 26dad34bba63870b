/*
 * smp_msg: requests judged by libcbor, answers in every dialect, and broken ones.
 */
#include "smp_msg.h"

#include <cbor.h>
#include <criterion/criterion.h>

static uint8_t out[512];

static struct smp_to
to(size_t size)
{
	return (struct smp_to){.version = 1, .seq = 9, .out = out, .size = size};
}

/* The body of a request, loaded by libcbor, after a check of its header. */
static cbor_item_t *
body(size_t len, unsigned op, unsigned group, unsigned command)
{
	struct cbor_load_result result = {0};
	const uint8_t head[8] = {(uint8_t)(op | 1 << 3), 0, (uint8_t)((len - 8) >> 8),
	    (uint8_t)(len - 8), 0, (uint8_t)group, 9, (uint8_t)command};

	cr_assert_gt(len, 8);
	cr_assert_arr_eq(out, head, 8);
	cbor_item_t *map = cbor_load(out + 8, len - 8, &result);

	cr_assert(map && cbor_isa_map(map));
	cr_assert_eq(result.read, len - 8);
	return map;
}

static const cbor_item_t *
get(const cbor_item_t *map, const char *key)
{
	for (size_t i = 0; i < cbor_map_size(map); i++)
		if (cbor_string_length(cbor_map_handle(map)[i].key) == strlen(key) &&
		    memcmp(cbor_string_handle(cbor_map_handle(map)[i].key), key, strlen(key)) == 0)
			return cbor_map_handle(map)[i].value;
	return NULL;
}

Test(smp_msg, makes_the_requests_that_servers_want)
{
	struct smp_to t = to(sizeof(out));
	uint8_t hash[32] = {1, 2, 3};
	cbor_item_t *m = body(smp_msg_params(&t), 0, 0, 6);

	cr_expect_eq(cbor_map_size(m), 0);
	cbor_decref(&m);
	m = body(smp_msg_reset(&t), 2, 0, 5);
	cr_expect_eq(cbor_map_size(m), 0);
	cbor_decref(&m);
	m = body(smp_msg_state(&t), 0, 1, 0);
	cr_expect_eq(cbor_map_size(m), 0);
	cbor_decref(&m);
	m = body(smp_msg_slots(&t), 0, 1, 6);
	cr_expect_eq(cbor_map_size(m), 0);
	cbor_decref(&m);
	m = body(smp_msg_test(&t, hash), 2, 1, 0);
	cr_expect_eq(cbor_bytestring_length(get(m, "hash")), 32);
	cr_expect_not(cbor_get_bool(get(m, "confirm")));
	cbor_decref(&m);
	m = body(smp_msg_confirm(&t, NULL), 2, 1, 0);
	cr_expect_eq(cbor_map_size(m), 1); /* no hash, not even null: rc 3 otherwise */
	cr_expect(cbor_get_bool(get(m, "confirm")));
	cbor_decref(&m);
	m = body(smp_msg_confirm(&t, hash), 2, 1, 0);
	cr_expect_eq(cbor_bytestring_length(get(m, "hash")), 32);
	cr_expect(cbor_get_bool(get(m, "confirm")));
	cbor_decref(&m);
	m = body(smp_msg_erase(&t, 1), 2, 1, 5);
	cr_expect_eq(cbor_get_int(get(m, "slot")), 1);
	cbor_decref(&m);
	m = body(smp_msg_echo(&t, 300), 2, 0, 0);
	cr_expect_eq(cbor_string_length(get(m, "d")), 300);
	cbor_decref(&m);
}

Test(smp_msg, makes_first_and_other_uploads)
{
	struct smp_to t = to(sizeof(out));
	uint8_t sha[32] = {5}, *data = NULL;
	struct smp_chunk c = {.size = 70000, .sha256 = sha, .len = 64, .image = 2};
	size_t n = smp_msg_upload(&t, &c, &data);

	cr_assert(n > 0 && data);
	memset(data, 0xab, 64);
	cbor_item_t *m = body(n, 2, 1, 1);

	cr_expect_eq(cbor_map_size(m), 5);
	cr_expect_eq(cbor_get_int(get(m, "image")), 2);
	cr_expect_eq(cbor_get_int(get(m, "len")), 70000);
	cr_expect_eq(cbor_get_int(get(m, "off")), 0);
	cr_expect_eq(cbor_bytestring_handle(get(m, "sha"))[0], 5);
	cr_expect_eq(cbor_bytestring_handle(get(m, "data"))[63], 0xab);
	cbor_decref(&m);
	c.off = 65536;
	n = smp_msg_upload(&t, &c, &data);
	m = body(n, 2, 1, 1);
	cr_expect_eq(cbor_map_size(m), 2);
	cr_expect_eq(cbor_get_int(get(m, "off")), 65536);
	cbor_decref(&m);
}

Test(smp_msg, keeps_uploads_within_their_announced_overhead)
{
	struct smp_to t = to(sizeof(out));
	uint8_t sha[32] = {5}, *data = NULL;
	struct smp_chunk c = {.size = UINT32_MAX, .sha256 = sha, .len = 300, .image = 15};

	cr_expect_leq(smp_msg_upload(&t, &c, &data), 300 + SMP_MSG_FIRST);
	c.off = UINT32_MAX - 300;
	cr_expect_eq(smp_msg_upload(&t, &c, &data), 300 + SMP_MSG_NEXT);
	t.size = 300 + SMP_MSG_NEXT - 1;
	cr_expect_eq(smp_msg_upload(&t, &c, &data), 0);
}

Test(smp_msg, makes_nothing_that_does_not_fit)
{
	for (size_t size = 0; size < 9; size++) {
		struct smp_to t = to(size);

		cr_expect_eq(smp_msg_state(&t), 0, "%zu bytes", size);
		cr_expect_eq(smp_msg_echo(&t, 1), 0);
	}
}

static enum err
parse(const uint8_t *cbor, size_t len, struct smp_answer *a)
{
	uint8_t p[600] = {1, 0, (uint8_t)(len >> 8), (uint8_t)len, 0, 1, 5, 0};

	memcpy(p + 8, cbor, len);
	return smp_msg_parse(p, len + 8, a);
}

#define PARSE(a, ...) parse((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), a)

Test(smp_msg, reads_trouble_in_both_dialects)
{
	struct smp_answer a;
	char text[100];

	cr_assert_eq(PARSE(&a, 0xbf, 0x62, 'r', 'c', 5, 0xff), ERR_OK);
	cr_expect(smp_msg_failed_with(&a, SMP_RC_NOENT, 9));
	smp_msg_trouble(&a, text, sizeof(text));
	cr_expect_str_eq(text, "rc 5 (no such entry)");
	cr_assert_eq(PARSE(&a, 0xa1, 0x63, 'e', 'r', 'r', 0xa2, 0x65, 'g', 'r', 'o', 'u', 'p', 1,
			 0x62, 'r', 'c', 9),
	    ERR_OK);
	cr_expect(smp_msg_failed_with(&a, SMP_RC_NOENT, 9));
	cr_expect_not(smp_msg_failed_with(&a, 9, 0));
	smp_msg_trouble(&a, text, sizeof(text));
	cr_expect_str_eq(text, "error 9 of group 1 (no free slot)");
	cr_assert_eq(PARSE(&a, 0xa1, 0x62, 'r', 'c', 0x18, 77), ERR_OK);
	smp_msg_trouble(&a, text, sizeof(text));
	cr_expect_str_eq(text, "rc 77 (unknown)");
	cr_assert_eq(PARSE(&a, 0xa0), ERR_OK);
	cr_expect_eq(a.rc, 0);
}

Test(smp_msg, steps_over_what_it_does_not_know)
{
	struct smp_answer a;

	cr_assert_eq(PARSE(&a, 0xbf, 0x63, 'r', 's', 'n', 0x61, 'x', 0x61, 'q', 0x82, 1, 0xa1, 1, 2,
			 0x63, 'o', 'f', 'f', 0x18, 64, 0x80, 0xf6, 0xff),
	    ERR_OK);
	cr_expect(a.has_off && a.off == 64);
}

Test(smp_msg, refuses_contradictions_and_wrong_types)
{
	struct smp_answer a;

	cr_expect_eq(
	    PARSE(&a, 0xa2, 0x63, 'o', 'f', 'f', 1, 0x63, 'o', 'f', 'f', 2), ERR_MALFORMED);
	cr_expect_eq(PARSE(&a, 0xa1, 0x63, 'o', 'f', 'f', 0x20), ERR_MALFORMED);
	cr_expect_eq(PARSE(&a, 0xa1, 0x63, 'o', 'f', 'f', 0x61, '1'), ERR_MALFORMED);
	cr_expect_eq(PARSE(&a, 0xa1, 0x65, 'm', 'a', 't', 'c', 'h', 1), ERR_MALFORMED);
	cr_expect_eq(PARSE(&a, 0xa1, 0x66, 'i', 'm', 'a', 'g', 'e', 's', 0xa0), ERR_MALFORMED);
	cr_expect_eq(PARSE(&a, 0xa1, 0x66, 'i', 'm', 'a', 'g', 'e', 's', 0x81, 1), ERR_MALFORMED);
	cr_expect_eq(PARSE(&a, 0xa1, 0x63, 'e', 'r', 'r', 1), ERR_MALFORMED);
	cr_expect_eq(PARSE(&a, 0xa1, 0x62, 'r', 'c', 0x1b, 1, 0, 0, 0, 0, 0, 0, 0), ERR_MALFORMED);
	cr_expect_eq(PARSE(&a, 0x80), ERR_MALFORMED);
	cr_expect_eq(PARSE(&a, 0xa0, 0xa0), ERR_MALFORMED);
	cr_expect_eq(PARSE(&a, 0xa1, 0x63, 'o', 'f', 'f'), ERR_TRUNCATED);
}

Test(smp_msg, bounds_the_list)
{
	uint8_t cbor[100] = {0xa1, 0x66, 'i', 'm', 'a', 'g', 'e', 's', 0x9f};
	struct smp_answer a;

	for (size_t n = SMP_MSG_IMAGES; n <= SMP_MSG_IMAGES + 1; n++) {
		memset(cbor + 9, 0xa0, n);
		cbor[9 + n] = 0xff;
		cr_expect_eq(parse(cbor, 10 + n, &a), n > SMP_MSG_IMAGES ? ERR_LIMIT : ERR_OK);
	}
}

/* {"images": [{"image": 1, "slots": [{"slot": 1, "size": 300, "upload_image_id": 1} * n],
 * "max_image_size": 200}]} */
static enum err
parse_slots(unsigned n, struct smp_answer *a)
{
	static const uint8_t head[] = "\xa1\x66images\x81\xa3\x65image\x01\x65slots\x9f";
	static const uint8_t room[] = "\xa3\x64slot\x01\x64size\x19\x01\x2c\x6fupload_image_id\x01";
	static const uint8_t tail[] = "\xff\x6emax_image_size\x18\xc8";
	uint8_t cbor[400];
	size_t len = sizeof(head) - 1;

	memcpy(cbor, head, len);
	for (unsigned i = 0; i < n; i++, len += sizeof(room) - 1)
		memcpy(cbor + len, room, sizeof(room) - 1);
	memcpy(cbor + len, tail, sizeof(tail) - 1);
	return parse(cbor, len + sizeof(tail) - 1, a);
}

Test(smp_msg, reads_slot_info_and_bounds_it)
{
	struct smp_answer a;

	cr_assert_eq(parse_slots(2, &a), ERR_OK);
	cr_expect_eq(a.n_images, 1);
	cr_expect_eq(a.images[0].image, 1);
	cr_expect_eq(a.images[0].longest, 200);
	cr_expect_eq(a.images[0].n_rooms, 2);
	cr_expect_eq(a.images[0].rooms[1].size, 300);
	cr_expect(a.images[0].rooms[1].has_upload_id);
	cr_expect_eq(parse_slots(SMP_MSG_ROOMS, &a), ERR_OK);
	cr_expect_eq(parse_slots(SMP_MSG_ROOMS + 1, &a), ERR_LIMIT);
}

Test(smp_msg, refuses_headers_that_are_no_answer)
{
	struct smp_answer a;
	uint8_t p[] = {1, 0, 0, 1, 0, 1, 5, 0, 0xa0};

	cr_expect_eq(smp_msg_parse(p, sizeof(p), &a), ERR_OK);
	for (size_t n = 0; n < 8; n++)
		cr_expect_eq(smp_msg_parse(p, n, &a), ERR_TRUNCATED);
	cr_expect_eq(smp_msg_parse(p, 8, &a), ERR_MALFORMED);
	p[0] = 0; /* a request */
	cr_expect_eq(smp_msg_parse(p, sizeof(p), &a), ERR_MALFORMED);
	p[0] = 5; /* no such operation */
	cr_expect_eq(smp_msg_parse(p, sizeof(p), &a), ERR_MALFORMED);
	p[0] = 1 | 2 << 3; /* version 2 */
	cr_expect_eq(smp_msg_parse(p, sizeof(p), &a), ERR_MALFORMED);
	p[0] = 1;
	p[3] = 2;
	cr_expect_eq(smp_msg_parse(p, sizeof(p), &a), ERR_MALFORMED);
}
