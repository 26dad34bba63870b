/*
 * smp_frame_raw: packets without marks on a stream, and in datagrams.
 */
#include "smp_frame.h"

#include <criterion/criterion.h>
#include <string.h>

static struct smp_tx tx;
static struct smp_rx rx;

/* An empty map in answer to the reading of a list, sequence 7; and an echo's answer. */
static const uint8_t list[] = {0x01, 0, 0, 2, 0, 1, 7, 0, 0xbf, 0xff};
static const uint8_t echo[] = {0x03, 0, 0, 6, 0, 0, 8, 0, 0xa1, 0x61, 'r', 0x62, 'h', 'i'};

/* Feed everything in pieces of `step`; the number of packets, the last one in `out`. */
static int
feed(const struct smp_framing *f, const void *data, size_t len, size_t step, uint8_t out[64],
    size_t *out_len)
{
	const uint8_t *bytes = data;
	int packets = 0;

	for (size_t at = 0; at < len;) {
		const uint8_t *packet = NULL;
		size_t n = 0, most = len - at < step ? len - at : step;

		at += f->feed(&rx, bytes + at, most, &packet, &n);
		if (!packet)
			continue;
		packets++;
		memcpy(out, packet, n < 64 ? n : 64);
		*out_len = n;
	}
	return packets;
}

Test(smp_frame_raw, packet_goes_out_as_it_is_in_any_pieces)
{
	for (size_t room = 1; room <= sizeof(echo); room++) {
		uint8_t out[64];
		size_t n = 0, more = 0;

		memcpy(smp_frame_raw.room(&tx), echo, sizeof(echo));
		smp_frame_raw.load(&tx, sizeof(echo));
		cr_expect(smp_frame_raw.at_line(&tx));
		while ((more = smp_frame_raw.output(&tx, out + n, room)) > 0)
			n += more;
		cr_assert_eq(n, sizeof(echo));
		cr_expect_arr_eq(out, echo, n);
		cr_expect(smp_frame_idle(&tx));
	}
}

Test(smp_frame_raw, packets_are_told_apart_by_their_length_in_any_pieces)
{
	uint8_t wire[sizeof(list) + sizeof(echo)], out[64];
	size_t n = 0;

	memcpy(wire, list, sizeof(list));
	memcpy(wire + sizeof(list), echo, sizeof(echo));
	for (size_t step = 1; step <= sizeof(wire); step++) {
		cr_expect_eq(feed(&smp_frame_raw, wire, sizeof(wire), step, out, &n), 2);
		cr_assert_eq(n, sizeof(echo));
		cr_expect_arr_eq(out, echo, n);
	}
}

Test(smp_frame_raw, junk_before_a_packet_is_stepped_over)
{
	static const char junk[] = "[00:00:01.2] <inf> app: hello\r\n\xff\x06\x09";
	uint8_t wire[100], out[64];
	size_t n = 0, len = sizeof(junk) - 1;

	memcpy(wire, junk, len);
	memcpy(wire + len, echo, sizeof(echo));
	cr_expect_eq(feed(&smp_frame_raw, wire, len + sizeof(echo), 5, out, &n), 1);
	cr_expect_arr_eq(out, echo, sizeof(echo));
	cr_expect_eq(rx.count.junk_bytes, len);
}

Test(smp_frame_raw, torn_packet_ends_with_a_fresh_start)
{
	uint8_t out[64];
	size_t n = 0;

	cr_expect_eq(feed(&smp_frame_raw, echo, sizeof(echo) - 3, 64, out, &n), 0);
	smp_frame_reset(&tx, &rx);
	cr_expect_eq(feed(&smp_frame_raw, list, sizeof(list), 64, out, &n), 1);
	cr_expect_arr_eq(out, list, sizeof(list));
}

Test(smp_frame_raw, length_that_cannot_be_is_no_header)
{
	static const uint8_t huge[] = {0x03, 0, 0xff, 0xff, 0, 0, 8, 0};
	uint8_t out[64];
	size_t n = 0;

	cr_expect_eq(feed(&smp_frame_raw, huge, sizeof(huge), 64, out, &n), 0);
	cr_expect_eq(feed(&smp_frame_raw, huge, sizeof(huge), 1, out, &n), 0);
	cr_expect_lt(rx.have, 16u);
}

Test(smp_frame_raw, datagram_is_a_packet_or_nothing)
{
	uint8_t out[64], longer[sizeof(echo) + 1] = {0};
	size_t n = 0;

	memcpy(longer, echo, sizeof(echo));
	for (size_t len = 1; len < sizeof(echo); len++)
		cr_expect_eq(feed(&smp_frame_datagram, echo, len, 64, out, &n), 0, "%zu", len);
	cr_expect_eq(feed(&smp_frame_datagram, longer, sizeof(longer), 64, out, &n), 0);
	cr_expect_eq(feed(&smp_frame_datagram, echo, sizeof(echo), 64, out, &n), 1);
	cr_expect_arr_eq(out, echo, sizeof(echo));
}
