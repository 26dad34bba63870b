/*
 * xmodem_send: the sender against a receiver made for the test, on a wire in virtual time whose
 * bytes can be lost or flipped by their position.
 */
#include "xmodem_send.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGE = 5000, FRAME = 1029, NEVER = -1 };

struct receiver {
	bool ymodem, sums;
	uint8_t frame[FRAME];
	size_t have;
	uint8_t number; /* of the last good block */
	bool began, named, ended, over, cancelled;
	uint8_t got[8192];
	size_t got_len;
	char name[128];
	unsigned blocks, cans, ends;
	bool mute_end; /* the answers to EOT are lost */
	bool purging;  /* garbage: until the line is quiet */
};

struct wire {
	struct xmodem_send s;
	struct receiver r;
	struct mono now;
	long sent, heard;                 /* bytes so far */
	long drop_out, flip_out, drop_in; /* positions, NEVER */
	uint8_t image[IMAGE];
	struct driver_image file;
	enum err read_error;
};

static enum err
read_image(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	struct wire *w = arg;

	cr_assert(offset + len <= w->file.size);
	memcpy(out, w->image + offset, len);
	return w->read_error;
}

static void
setup(struct wire *w, enum xmodem_mode mode, size_t size)
{
	struct xmodem_limits l = {
	    .mode = mode, .start_ms = 60000, .reply_ms = 10000, .eot_ms = 1500, .retries = 10};

	*w = (struct wire){.now = {1000}, .drop_out = NEVER, .flip_out = NEVER, .drop_in = NEVER};
	for (size_t i = 0; i < size; i++)
		w->image[i] = (uint8_t)(i * 31 ^ i >> 8);
	w->file = (struct driver_image){.size = size, .read = read_image, .arg = w};
	w->r.ymodem = mode == XMODEM_Y;
	xmodem_send_start(&w->s, &l, &w->file, w->now);
}

static void
answer(struct wire *w, uint8_t c)
{
	if (w->heard++ == w->drop_in)
		return;
	xmodem_send_bytes(&w->s, &c, 1, w->now);
}

static unsigned
crc(const uint8_t *p, size_t n)
{
	unsigned c = 0;

	for (size_t i = 0; i < n * 8; i++) {
		unsigned bit = (p[i / 8] >> (7 - i % 8) & 1u) ^ (c >> 15 & 1u);

		c = (c << 1 & 0xffff) ^ (bit ? 0x1021 : 0);
	}
	return c;
}

static void
take_block(struct wire *w, const uint8_t *data, size_t len)
{
	struct receiver *r = &w->r;

	r->blocks++;
	if (r->ymodem && !r->began && r->frame[1] == 0)
		r->named = false; /* once more: our answer was lost */
	if (r->ymodem && (!r->named || r->ended)) {
		snprintf(r->name, sizeof(r->name), "%s", (const char *)data);
		if (!r->named)
			cr_expect_eq(strtol((const char *)data + strlen(r->name) + 1, NULL, 10),
			    (long)w->file.size);
		r->over = r->ended;
		r->named = true;
		answer(w, 0x06);
		if (!r->over)
			answer(w, 'C');
		return;
	}
	if (w->r.frame[1] == (uint8_t)(r->number + 1)) {
		r->number++;
		cr_assert(r->got_len + len <= sizeof(r->got));
		memcpy(r->got + r->got_len, data, len);
		r->got_len += len;
	} else if (!r->began || r->frame[1] != r->number) {
		r->cancelled = true;
		answer(w, 0x18);
		answer(w, 0x18);
		return;
	}
	r->began = true;
	answer(w, 0x06);
}

static void
take_end(struct wire *w)
{
	if (w->r.mute_end)
		return;
	if (w->r.ends++ == 0) { /* it may be the number of a block whose first byte was lost */
		answer(w, 0x15);
		return;
	}
	w->r.ended = true;
	answer(w, 0x06);
	if (w->r.ymodem)
		answer(w, 'C');
	w->r.over |= !w->r.ymodem;
}

/* One byte at the receiver. */
static void
take(struct wire *w, uint8_t c)
{
	struct receiver *r = &w->r;
	size_t len = r->frame[0] == 2 ? 1024 : 128;

	if (r->purging)
		return;
	if (r->have == 0 && c == 0x04) {
		take_end(w);
		return;
	}
	r->cans = r->have == 0 && c == 0x18 ? r->cans + 1 : r->cans;
	if (r->have == 0 && c != 1 && c != 2) {
		r->purging = c != 0x18;
		return;
	}
	r->frame[r->have++] = c;
	if (r->have < (r->frame[0] == 2 ? 1029u : 133u))
		return;
	r->have = 0;
	len = r->frame[0] == 2 ? 1024 : 128;
	if ((r->frame[1] ^ r->frame[2]) != 0xff || crc(r->frame + 3, len + 2) != 0)
		answer(w, 0x15);
	else
		take_block(w, r->frame + 3, len);
}

static void
carry(struct wire *w)
{
	uint8_t out[300];
	size_t n = 0;

	while ((n = xmodem_send_output(&w->s, out, sizeof(out), w->now)) > 0)
		for (size_t i = 0; i < n; i++, w->sent++) {
			uint8_t c = w->sent == w->flip_out ? out[i] ^ 0x40 : out[i];

			if (w->sent != w->drop_out)
				take(w, c);
		}
}

/* To the end; the receiver asks, and clears its half block when the line is quiet. */
static enum err
run(struct wire *w)
{
	for (int i = 0; i < 2000 && w->s.state != XMODEM_OVER; i++) {
		carry(w);
		bool asks = w->r.ymodem ? !w->r.named || (!w->r.began && w->r.blocks == 1)
					: !w->r.began;

		if ((w->r.have > 0 || w->r.purging) && i % 3 == 2) {
			w->r.have = 0;
			w->r.purging = false;
			answer(w, 0x15);
		} else if (asks && !w->r.ended)
			answer(w, w->r.sums ? 0x15 : 'C');
		carry(w);
		w->now.ms += 700;
		xmodem_send_time(&w->s, w->now);
	}
	cr_assert_eq(w->s.state, XMODEM_OVER);
	return w->s.error;
}

static void
expect_whole(struct wire *w, enum err e)
{
	cr_assert_eq(e, ERR_OK, "%s: %s", err_name(e), w->s.detail);
	cr_expect_geq(w->r.got_len, w->file.size);
	cr_expect_lt(w->r.got_len, w->file.size + 1024);
	cr_expect_eq(memcmp(w->r.got, w->image, w->file.size), 0);
	for (size_t i = w->file.size; i < w->r.got_len; i++)
		cr_expect_eq(w->r.got[i], 0x1a);
	cr_expect_eq(w->s.acked, w->file.size);
	cr_expect_eq(w->s.crc32, xmodem_send_crc32(0, w->image, w->file.size));
}

Test(xmodem_send, crc32_is_the_one_everybody_has)
{
	cr_expect_eq(xmodem_send_crc32(0, (const uint8_t *)"123456789", 9), 0xcbf43926);
	uint32_t half = xmodem_send_crc32(0, (const uint8_t *)"1234", 4);
	cr_expect_eq(xmodem_send_crc32(half, (const uint8_t *)"56789", 5), 0xcbf43926);
}

Test(xmodem_send, images_around_the_sizes_of_blocks_arrive_whole_in_every_mode)
{
	static const size_t sizes[] = {1, 127, 128, 129, 1023, 1024, 1025, 1152, 1153, IMAGE};

	for (int mode = XMODEM_CRC; mode <= XMODEM_Y; mode++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct wire w;

			setup(&w, (enum xmodem_mode)mode, sizes[i]);
			expect_whole(&w, run(&w));
			cr_expect(w.r.over);
			cr_expect_eq(w.s.resent, 1); /* its end */
		}
}

Test(xmodem_send, block_numbers_wrap)
{
	struct wire w;

	setup(&w, XMODEM_CRC, IMAGE);
	w.s.number = w.r.number = 250;
	expect_whole(&w, run(&w));
}

Test(xmodem_send, a_byte_lost_or_flipped_anywhere_costs_time_and_nothing_else)
{
	for (int mode = XMODEM_CRC; mode <= XMODEM_Y; mode++)
		for (long at = 0; at < 1600; at += 7) {
			struct wire w;

			setup(&w, (enum xmodem_mode)mode, 1200);
			w.drop_out = at;
			expect_whole(&w, run(&w));
			setup(&w, (enum xmodem_mode)mode, 1200);
			w.flip_out = at;
			expect_whole(&w, run(&w));
		}
}

Test(xmodem_send, an_answer_lost_anywhere_before_the_end_costs_time_and_nothing_else)
{
	for (int mode = XMODEM_CRC; mode <= XMODEM_Y; mode++)
		for (long at = 0; at < 9; at++) {
			struct wire w;

			setup(&w, (enum xmodem_mode)mode, 1200);
			w.drop_in = at;
			expect_whole(&w, run(&w));
		}
}

Test(xmodem_send, an_end_without_any_answer_is_unknown_not_failed)
{
	struct wire w;

	setup(&w, XMODEM_1K, 2000);
	w.r.mute_end = true;
	cr_expect_eq(run(&w), ERR_AMBIGUOUS);
	cr_expect_eq(w.s.acked, 2000);
	cr_expect(
	    strstr(w.s.detail, "expected an answer to the end of 2000 bytes"), "%s", w.s.detail);
}

Test(xmodem_send, a_cancel_ends_it_only_when_it_comes_twice_in_a_row)
{
	static const uint8_t once[] = {0x18, 'x', 0x18}, twice[] = {0x18};
	struct wire w;

	setup(&w, XMODEM_CRC, 1000);
	xmodem_send_bytes(&w.s, once, sizeof(once), w.now);
	cr_expect_neq(w.s.state, XMODEM_OVER);
	xmodem_send_bytes(&w.s, twice, 1, w.now);
	cr_expect_eq(w.s.state, XMODEM_OVER);
	cr_expect_eq(w.s.error, ERR_DEVICE_REJECTED);
}

Test(xmodem_send, a_receiver_of_sums_is_told_to_stop)
{
	struct wire w;

	setup(&w, XMODEM_CRC, 1000);
	w.r.sums = true;
	cr_expect_eq(run(&w), ERR_DEVICE_PROTO);
	cr_expect_eq(w.r.cans, 8);
	cr_expect_eq(w.r.got_len, 0);
}

Test(xmodem_send, silence_ends_it_in_every_state_and_nothing_is_claimed)
{
	struct wire w;
	uint8_t out[2000];

	setup(&w, XMODEM_CRC, 1000);
	for (int i = 0; i < 100 && w.s.state != XMODEM_OVER; i++) {
		w.now = xmodem_send_deadline(&w.s);
		xmodem_send_time(&w.s, w.now);
	}
	cr_expect_eq(w.s.error, ERR_TIMEOUT);
	cr_expect_leq(w.now.ms, 61000);
	setup(&w, XMODEM_CRC, 1000);
	xmodem_send_bytes(&w.s, (const uint8_t *)"C", 1, w.now);
	for (int i = 0; i < 100 && w.s.state != XMODEM_OVER; i++) {
		while (xmodem_send_output(&w.s, out, sizeof(out), w.now) > 0)
			;
		w.now = w.s.state == XMODEM_OVER ? w.now : xmodem_send_deadline(&w.s);
		xmodem_send_time(&w.s, w.now);
	}
	cr_expect_eq(w.s.state, XMODEM_OVER);
	cr_expect_eq(w.s.error, ERR_TIMEOUT);
	cr_expect_eq(w.s.acked, 0);
}

Test(xmodem_send, an_image_that_cannot_be_read_ends_it_and_tells_the_receiver)
{
	struct wire w;

	setup(&w, XMODEM_Y, 1000);
	w.read_error = ERR_TOCTOU;
	cr_expect_eq(run(&w), ERR_TOCTOU);
	cr_expect_eq(w.r.cans, 8);
	cr_expect_eq(w.r.got_len, 0);
}

Test(xmodem_send, an_answer_that_comes_too_early_or_twice_is_not_taken_for_the_next_block)
{
	static const uint8_t ask = 'C', ack = 0x06;
	struct wire w;
	uint8_t out[200];

	setup(&w, XMODEM_CRC, 1000);
	xmodem_send_bytes(&w.s, &ask, 1, w.now);
	xmodem_send_bytes(&w.s, &ack, 1, w.now); /* the block is not out yet */
	cr_expect_eq(w.s.acked, 0);
	cr_assert_eq(xmodem_send_output(&w.s, out, sizeof(out), w.now), 133);
	w.now.ms += 10000;
	xmodem_send_time(&w.s, w.now);
	cr_assert_eq(xmodem_send_output(&w.s, out, sizeof(out), w.now), 133);
	xmodem_send_bytes(&w.s, &ack, 1, w.now); /* late, of the first time */
	cr_expect_eq(w.s.acked, 128);
	cr_expect_eq(xmodem_send_output(&w.s, out, sizeof(out), w.now), 0, "quiet first");
	xmodem_send_bytes(&w.s, &ack, 1, w.now); /* of the second */
	cr_expect_eq(w.s.acked, 128);
	w.now = xmodem_send_deadline(&w.s);
	xmodem_send_time(&w.s, w.now);
	cr_assert_eq(xmodem_send_output(&w.s, out, sizeof(out), w.now), 133);
	cr_expect_eq(w.s.acked, 128);
}
