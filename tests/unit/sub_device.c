/*
 * sub_device and sub_smp: the virtual sub-device answers as a stock server does, in virtual time.
 */
#include "../subdevices/sub_device.h"

#include <criterion/criterion.h>
#include <string.h>

#include "sub_case.h"

static const struct sub_device_settings stock = {
    .buf_size = 384,
    .buf_count = 4,
    .reset_ns = 1500000000,
    .swap_ns = 800000000,
};

static uint8_t image[SUB_CASE_BODY + 100];

/* A device that holds 1.1.0 in slot 1. */
static struct sub_case *
staged(const struct sub_device_settings *set, size_t *len)
{
	struct sub_case *c = sub_case_new(set);

	*len = sub_case_image("1.1.0", 900, image);
	sub_case_upload(c, image, *len);
	return c;
}

/* Which version is active and answers? "" = silence. */
static const char *
active(struct sub_case *c)
{
	return sub_case_ask(c, 0, 1, 0, NULL, 0) ? c->device.running.version : "";
}

static bool
reset(struct sub_case *c)
{
	return sub_case_ask(c, 2, 0, 5, NULL, 0);
}

Test(sub_device, answers_echo_and_params_with_open_maps)
{
	AUTO(sub_case) struct sub_case *c = sub_case_new(&stock);

	cr_assert(sub_case_ask(c, 2, 0, 0,
	    "\xa1\x61"
	    "d\x62hi",
	    6));
	cr_assert_eq(c->map_len, 7);
	cr_assert_arr_eq(c->map, "\xbf\x61r\x62hi\xff", 7);
	cr_assert(sub_case_ask(c, 0, 0, 6, NULL, 0));
	cr_assert_eq(sub_cbor_get(c->map, c->map_len, "buf_size").number, 384);
	cr_assert_eq(sub_cbor_get(c->map, c->map_len, "buf_count").number, 4);
}

Test(sub_device, speaks_of_trouble_in_both_versions)
{
	AUTO(sub_case) struct sub_case *c = sub_case_new(&stock);
	static const uint8_t junk[40];

	cr_assert_eq(sub_case_piece(c, 0, junk, sizeof(junk), 100, NULL), -1);
	cr_assert_eq(sub_case_refusal(c), 23);
	cr_assert_eq(c->reader.body[2], 3 | 1 << 3);
	c->version = 0;
	cr_assert_eq(sub_case_piece(c, 0, junk, sizeof(junk), 100, NULL), -1);
	cr_assert_eq(sub_case_refusal(c), 3);
	cr_assert_eq(c->reader.body[2], 3);
	cr_assert(sub_case_ask(c, 0, 63, 0, NULL, 0));
	cr_assert_eq(sub_case_refusal(c), 8);
	c->version = 2;
	cr_assert(sub_case_ask(c, 2, 0, 0, NULL, 0));
	cr_assert_eq(sub_case_refusal(c), 13);
}

Test(sub_device, lists_only_flags_that_are_true_and_slots_that_hold_an_image)
{
	AUTO(sub_case) struct sub_case *c = sub_case_new(&stock);

	cr_assert(sub_case_ask(c, 0, 1, 0, NULL, 0));
	cr_assert(memmem(c->map, c->map_len, "1.0.0", 5));
	cr_assert(memmem(c->map, c->map_len, "active\xf5", 7));
	cr_assert(memmem(c->map, c->map_len, "confirmed\xf5", 10));
	cr_assert_not(memmem(c->map, c->map_len, "pending", 7));
	cr_assert_not(memmem(c->map, c->map_len, "\x64slot\x01", 6));
}

Test(sub_device, a_wrong_offset_is_answered_with_the_wanted_one)
{
	AUTO(sub_case) struct sub_case *c = sub_case_new(&stock);
	size_t len = sub_case_image("1.1.0", 900, image);

	cr_expect_eq(sub_case_piece(c, 256, image + 256, 64, 0, NULL), 0);
	cr_expect_eq(sub_case_piece(c, 0, image, 64, len, NULL), 64);
	cr_expect_eq(sub_case_piece(c, 128, image + 128, 64, 0, NULL), 64);
	cr_expect_eq(sub_case_piece(c, 32, image + 32, 64, 0, NULL), 64);
	cr_expect_eq(sub_case_piece(c, 64, image + 64, 64, 0, NULL), 128);
	cr_expect_eq(c->device.smp.writes, 2);
	cr_expect_eq(c->device.smp.upload_bytes, 320);
	cr_expect_eq(c->device.smp.max_upload, 128);
}

Test(sub_device, resumes_by_sha_until_its_memory_is_gone)
{
	AUTO(sub_case) struct sub_case *c = sub_case_new(&stock);
	size_t len = sub_case_image("1.1.0", 900, image);
	uint8_t sha[32] = {1}, other[32] = {2};

	cr_expect_eq(sub_case_piece(c, 0, image, 64, len, sha), 64);
	cr_expect_eq(sub_case_piece(c, 64, image + 64, 64, 0, NULL), 128);
	cr_expect_eq(sub_case_piece(c, 0, image, 32, len, sha), 128);
	cr_expect_eq(sub_case_piece(c, 0, image, 32, len, other), 32);
	cr_expect_eq(sub_case_piece(c, 0, image, 64, len, NULL), 64);
	cr_expect_eq(sub_case_piece(c, 0, image, 64, len, NULL), 64);
	cr_expect_eq(sub_case_piece(c, 0, image, 64, len, sha), 64);
	sub_case_power_cut(c);
	cr_expect_eq(sub_case_piece(c, 0, image, 32, len, sha), 32);
}

Test(sub_device, wants_a_head_and_a_length_in_the_first_piece)
{
	AUTO(sub_case) struct sub_case *c = sub_case_new(&stock);
	size_t len = sub_case_image("1.1.0", 900, image);

	sub_case_piece(c, 0, image, 31, len, NULL);
	cr_expect_eq(sub_case_refusal(c), 22);
	sub_case_piece(c, 0, image, 32, 0, NULL);
	cr_expect_eq(sub_case_refusal(c), 21);
	cr_expect_eq(sub_case_piece(c, 0, image, 32, len, NULL), 32);
}

Test(sub_device, upgrades_tests_confirms)
{
	size_t len = 0;
	AUTO(sub_case) struct sub_case *c = staged(&stock, &len);

	cr_assert(sub_case_mark(c, sub_case_hash(image, len), false));
	cr_assert(memmem(c->map, c->map_len, "pending\xf5", 8));
	cr_assert(reset(c));
	cr_expect_str_eq(active(c), "1.0.0", "the old one answers a little longer");
	sub_case_wait(c, 0.3);
	cr_expect_str_eq(active(c), "", "it starts");
	sub_case_wait(c, 0.7);
	cr_expect_eq(c->device.state, SUB_DEVICE_STARTING, "a swap takes longer than a start");
	sub_case_wait(c, 0.7);
	cr_expect_str_eq(active(c), "1.1.0");
	cr_expect_not(c->flash.confirmed);
	cr_assert(sub_case_mark(c, NULL, true));
	cr_assert(c->flash.confirmed);
	sub_case_power_cut(c);
	cr_expect_str_eq(active(c), "1.1.0");
	cr_expect_eq(c->flash.reverts, 0);
}

Test(sub_device, a_power_cut_during_the_test_reverts)
{
	size_t len = 0;
	AUTO(sub_case) struct sub_case *c = staged(&stock, &len);

	cr_assert(sub_case_mark(c, sub_case_hash(image, len), false));
	sub_case_power_cut(c);
	cr_expect_str_eq(active(c), "1.1.0");
	sub_case_power_cut(c);
	cr_expect_str_eq(active(c), "1.0.0");
	cr_expect_eq(c->flash.reverts, 1);
}

/* What needs slot 1 is refused while it boots next, and while it is the way back. */
Test(sub_device, guards_slot_1_while_it_is_needed)
{
	size_t len = 0;
	AUTO(sub_case) struct sub_case *c = staged(&stock, &len);

	c->version = 0;
	cr_assert(sub_case_mark(c, sub_case_hash(image, len), false));
	for (int i = 0; i < 2; i++) {
		const uint8_t *other = c->flash.slot[1].hash, *runs = c->flash.slot[0].hash;
		uint8_t hash[2][32];

		memcpy(hash[0], runs, 32);
		memcpy(hash[1], other, 32);
		sub_case_piece(c, 0, image, 64, len, NULL);
		cr_expect_eq(sub_case_refusal(c), 5);
		cr_expect(sub_case_ask(c, 2, 1, 5, NULL, 0));
		cr_expect_eq(sub_case_refusal(c), 6);
		cr_expect_not(sub_case_mark(c, hash[1], false));
		cr_expect_eq(sub_case_refusal(c), 6);
		cr_expect_not(sub_case_mark(c, hash[0], false));
		cr_expect_eq(sub_case_refusal(c), 1);
		cr_expect(reset(c));
		sub_case_wait(c, 4);
	}
	cr_expect_eq(c->flash.boots, 3);
	cr_expect_str_eq(active(c), "1.0.0");
	cr_expect(sub_case_ask(c, 2, 1, 5, NULL, 0));
	cr_expect_eq(sub_case_refusal(c), 0);
	cr_expect_not(c->flash.slot[1].listed);
}

Test(sub_device, marks_only_what_it_holds)
{
	size_t len = 0;
	AUTO(sub_case) struct sub_case *c = staged(&stock, &len);
	uint8_t unknown[32] = {0};

	cr_expect_not(sub_case_mark(c, unknown, false));
	cr_expect_eq(sub_case_refusal(c), 8);
	cr_expect_not(sub_case_mark(c, NULL, false));
	cr_expect_eq(sub_case_refusal(c), 24);
	cr_expect(sub_case_ask(c, 2, 1, 0, "\xa1\x64hash\xf6", 7));
	cr_expect_eq(sub_case_refusal(c), 3);
	cr_expect_eq(c->flash.pending, SUB_FLASH_NONE);
}

Test(sub_device, a_sick_image_is_silent_and_its_watchdog_brings_the_old_one_back)
{
	struct sub_device_settings set = stock;
	size_t len = 0;

	set.sick = "1.1.0";
	set.sick_ns = 4000000000;
	AUTO(sub_case) struct sub_case *c = staged(&set, &len);
	cr_assert(sub_case_mark(c, sub_case_hash(image, len), false));
	cr_assert(reset(c));
	sub_case_wait(c, 3);
	cr_expect_str_eq(active(c), "");
	cr_expect_str_eq(c->device.running.version, "1.1.0");
	sub_case_wait(c, 8);
	cr_expect_str_eq(active(c), "1.0.0");
	cr_expect_eq(c->flash.reverts, 1);
}

Test(sub_device, can_deny_confirmation_and_fall_deaf)
{
	struct sub_device_settings set = stock;
	size_t len = 0;

	set.deny_confirm = true;
	set.deaf_after = 2000;
	AUTO(sub_case) struct sub_case *c = staged(&set, &len);
	cr_expect_not(sub_case_mark(c, NULL, true));
	cr_expect_eq(sub_case_refusal(c), 32);
	cr_expect_eq(sub_case_piece(c, 0, image, 256, len, NULL), 256);
	for (uint64_t off = 256; sub_case_piece(c, off, image + off, 256, 0, NULL) >= 0; off += 256)
		cr_assert(off < 1000);
	cr_expect_str_eq(active(c), "");
	cr_expect(c->device.smp.upload_bytes >= 2000);
}

/* Three requests and one answer fill four buffers; what comes then is dropped in silence. */
Test(sub_device, drops_in_silence_what_it_has_no_buffer_for)
{
	AUTO(sub_case) struct sub_case *c = sub_case_new(&stock);

	c->answers = 0;
	for (int i = 0; i < 5; i++)
		sub_case_send(c, 0, 0, 6, NULL, 0);
	sub_case_wait(c, 1);
	cr_expect_eq(c->answers, 3);
	cr_expect_eq(c->device.drops, 2);
	cr_expect_eq(c->device.used, 0);
	cr_expect(sub_case_ask(c, 0, 0, 6, NULL, 0));
}

Test(sub_device, a_buffer_is_free_again_only_when_the_answer_has_left)
{
	AUTO(sub_case) struct sub_case *c = sub_case_new(&stock);

	c->sent = 50000000;
	sub_case_send(c, 0, 0, 6, NULL, 0);
	sub_case_wait(c, 0.01);
	cr_expect_eq(c->device.used, 2);
	sub_case_wait(c, 0.1);
	cr_expect_eq(c->device.used, 0);
}

Test(sub_device, with_one_buffer_it_answers_one_at_a_time)
{
	struct sub_device_settings set = stock;

	set.buf_count = 1;
	AUTO(sub_case) struct sub_case *c = sub_case_new(&set);
	c->answers = 0;
	sub_case_send(c, 0, 0, 6, NULL, 0);
	sub_case_send(c, 0, 0, 6, NULL, 0);
	sub_case_wait(c, 1);
	cr_expect_eq(c->answers, 1);
	cr_expect(sub_case_ask(c, 0, 0, 6, NULL, 0));
}

Test(sub_device, flash_takes_its_time)
{
	AUTO(sub_case) struct sub_case *c = sub_case_new(&stock);
	size_t len = sub_case_image("1.1.0", 900, image);
	int64_t before = c->now;

	cr_assert_eq(sub_case_piece(c, 0, image, 256, 200 * 1024, NULL), 256);
	cr_expect(c->now - before >= 200000000, "erasing 200 KiB took %lld ns",
	    (long long)(c->now - before));
	cr_assert_eq(sub_case_piece(c, 0, image, 256, len, NULL), 256);
}

Test(sub_device, refuses_to_go_back_when_told_to_upgrade_only)
{
	AUTO(sub_case) struct sub_case *c = sub_case_new(&stock);
	uint8_t map[400];
	struct sub_cbor_out o = {.data = map, .size = sizeof(map)};
	size_t len = sub_case_image("1.0.0.9", 900, image);

	sub_cbor_map(&o);
	sub_cbor_key(&o, "off");
	sub_cbor_uint(&o, 0);
	sub_cbor_key(&o, "len");
	sub_cbor_uint(&o, len);
	sub_cbor_key(&o, "data");
	sub_cbor_bytes(&o, image, 64);
	sub_cbor_key(&o, "upgrade");
	sub_cbor_bool(&o, true);
	sub_cbor_end(&o);
	cr_assert(sub_case_ask(c, 2, 1, 1, map, o.len));
	cr_expect_eq(sub_case_refusal(c), 27);
}

Test(sub_device, prints_on_its_console_when_told_to)
{
	struct sub_device_settings set = stock;

	set.noise_ns = 100000000;
	AUTO(sub_case) struct sub_case *c = sub_case_new(&set);
	cr_expect(sub_case_ask(c, 0, 0, 6, NULL, 0));
	cr_expect_eq(c->reader.bad, 0);
	cr_expect(c->device.noise_at > c->now && c->device.noise_at <= c->now + 100000000);
}

Test(sub_device, rubbish_is_never_answered)
{
	AUTO(sub_case) struct sub_case *c = sub_case_new(&stock);
	uint64_t random = 1;

	c->answers = 0;
	for (int i = 0; i < 200000; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		sub_device_byte(&c->device, (uint8_t)(random >> 56), c->now);
	}
	sub_case_wait(c, 1);
	cr_expect_eq(c->answers, 0);
	sub_device_byte(&c->device, '\n', c->now);
	cr_expect(sub_case_ask(c, 0, 0, 6, NULL, 0));
}
