/*
 * smp_frame: console framing against known bytes, noise, cuts and endless lines. Expected frames
 * were computed apart from the code (base64 and CRC of Python's binascii).
 */
#include "smp_frame.h"

#include <criterion/criterion.h>

static struct smp_tx tx;
static struct smp_rx rx;

/* Frame a packet whole; the length. */
static size_t
frame(const uint8_t *packet, size_t len, uint8_t *out, size_t size)
{
	size_t n = 0, at = 0;

	memcpy(smp_frame_console.room(&tx), packet, len);
	smp_frame_console.load(&tx, len);
	while ((n = smp_frame_console.output(&tx, out + at, size - at)) > 0)
		at += n;
	return at;
}

/* Feed everything; the number of packets, the last one in `out`. */
static int
feed(const uint8_t *data, size_t len, uint8_t *out, size_t *out_len)
{
	int packets = 0;

	for (size_t at = 0; at < len;) {
		const uint8_t *packet = NULL;
		size_t n = 0;

		at += smp_frame_console.feed(&rx, data + at, len - at, &packet, &n);
		if (!packet)
			continue;
		packets++;
		memcpy(out, packet, n);
		*out_len = n;
	}
	return packets;
}

static void
fill(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 7 + (i >> 8));
}

Test(smp_frame, sums_like_xmodem)
{
	cr_assert_eq(smp_frame_crc((const uint8_t *)"123456789", 9), 0x31c3);
}

Test(smp_frame, writes_the_known_echo_frame)
{
	/* {"d": "hi"} to OS echo, sequence 66 */
	static const uint8_t packet[] = {
	    2, 0, 0, 6, 0, 0, 0x42, 0, 0xa1, 0x61, 'd', 0x62, 'h', 'i'};
	uint8_t out[256];
	size_t n = frame(packet, sizeof(packet), out, sizeof(out));

	cr_assert_eq(n, strlen("\x06\x09"
			       "ABACAAAGAABCAKFhZGJoaXBh\n"));
	cr_assert_arr_eq(out,
	    "\x06\x09"
	    "ABACAAAGAABCAKFhZGJoaXBh\n",
	    n);
}

Test(smp_frame, brings_every_length_back)
{
	static uint8_t packet[SMP_PACKET_MAX], out[2 * SMP_PACKET_MAX], back[SMP_PACKET_MAX];

	fill(packet, sizeof(packet));
	for (size_t len = 8; len <= SMP_PACKET_MAX; len += len < 300 ? 1 : 97) {
		size_t got = 0, n = frame(packet, len, out, sizeof(out));

		cr_assert_eq(feed(out, n, back, &got), 1, "%zu bytes", len);
		cr_assert_eq(got, len);
		cr_assert_arr_eq(back, packet, len);
	}
}

Test(smp_frame, keeps_lines_within_127_bytes)
{
	static uint8_t packet[600], out[2000];
	size_t n = 0, line = 0, lines = 0;

	n = frame(packet, sizeof(packet), out, sizeof(out));
	for (size_t i = 0; i < n; i++) {
		line++;
		cr_assert_leq(line, SMP_LINE_MAX);
		if (out[i] != '\n')
			continue;
		lines++;
		line = 0;
	}
	cr_assert_eq(lines, (2 + 600 + 2 + 92) / 93);
	cr_assert_eq(line, 0);
}

Test(smp_frame, hands_out_one_byte_at_a_time)
{
	static uint8_t packet[300], whole[600], pieces[600];
	size_t n = frame(packet, sizeof(packet), whole, sizeof(whole)), at = 0;

	memcpy(smp_frame_console.room(&tx), packet, sizeof(packet));
	smp_frame_console.load(&tx, sizeof(packet));
	while (!smp_frame_idle(&tx))
		at += smp_frame_console.output(&tx, pieces + at, 1);
	cr_assert_eq(at, n);
	cr_assert_arr_eq(whole, pieces, n);
}

Test(smp_frame, ignores_logs_prompts_and_half_markers)
{
	static uint8_t packet[200], out[600], wire[2000], back[SMP_PACKET_MAX];
	static const char *const noise[] = {
	    "[00:01] <inf> app: hello\r\n", "uart:~$ ", "\x06", "\x04", "\x06\x06", "a\x09"};
	size_t got = 0;

	fill(packet, sizeof(packet));
	size_t n = frame(packet, sizeof(packet), out, sizeof(out));

	for (size_t k = 0; k < sizeof(noise) / sizeof(noise[0]); k++) {
		size_t at = 0;

		for (size_t i = 0; i < n; i++) { /* noise before every line */
			if (i == 0 || out[i - 1] == '\n') {
				memcpy(wire + at, noise[k], strlen(noise[k]));
				at += strlen(noise[k]);
			}
			wire[at++] = out[i];
		}
		cr_assert_eq(feed(wire, at, back, &got), 1, "noise %zu", k);
		cr_assert_eq(got, sizeof(packet));
		cr_assert_arr_eq(back, packet, got);
	}
}

Test(smp_frame, drops_a_packet_with_any_flipped_bit_and_takes_the_next)
{
	static uint8_t packet[150], out[600], back[SMP_PACKET_MAX];
	size_t n = 0, got = 0;

	fill(packet, sizeof(packet));
	n = frame(packet, sizeof(packet), out, sizeof(out));
	for (size_t bit = 0; bit < n * 8; bit++) {
		out[bit / 8] ^= (uint8_t)(1u << bit % 8);
		int packets = feed(out, n, back, &got);

		out[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert(packets == 0 || (got == sizeof(packet) && memcmp(back, packet, got) == 0),
		    "bit %zu changed a packet unseen", bit);
		cr_assert_geq(feed(out, n, back, &got), 1, "bit %zu: next packet lost", bit);
		cr_assert_arr_eq(back, packet, sizeof(packet));
	}
	cr_assert_gt(rx.count.bad_sums, 0);
	cr_assert_gt(rx.count.bad_lines, 0);
}

Test(smp_frame, survives_endless_lines)
{
	static uint8_t junk[65536], packet[64], out[200], back[SMP_PACKET_MAX];
	size_t got = 0, n = frame(packet, sizeof(packet), out, sizeof(out));

	memset(junk, 'A', sizeof(junk));
	junk[0] = 0x06;
	junk[1] = 0x09;
	for (int i = 0; i < 16; i++)
		cr_assert_eq(feed(junk, sizeof(junk), back, &got), 0);
	cr_assert_eq(feed(out, n, back, &got), 1); /* its marker ends the endless line */
}

Test(smp_frame, refuses_impossible_lengths_and_stray_lines)
{
	static const char *const bad[] = {
	    "\x04\x14"
	    "AAAA\n", /* continuation without a start */
	    "\x06\x09"
	    "\n", /* empty */
	    "\x06\x09"
	    "AAA\n", /* not a multiple of 4 */
	    "\x06\x09"
	    "AA==\n", /* one byte: no length */
	    "\x06\x09"
	    "AAIAAA==\n", /* length 2: no header */
	    "\x06\x09"
	    "//8AAAAA\n", /* length 65535 */
	    "\x06\x09"
	    "AAoAAAAAAAAAAAAAAAAAAA==\n", /* more bytes than announced */
	    "\x06\x09"
	    "A=AA\n", /* padding inside */
	};
	uint8_t back[SMP_PACKET_MAX];
	size_t got = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t before = rx.count.bad_lines + rx.count.overruns;

		cr_expect_eq(feed((const uint8_t *)bad[i], strlen(bad[i]), back, &got), 0);
		cr_expect_eq(rx.count.bad_lines + rx.count.overruns, before + 1, "row %zu", i);
	}
}

Test(smp_frame, forgets_half_a_packet_when_the_link_breaks)
{
	static uint8_t packet[200], out[600], back[SMP_PACKET_MAX];
	size_t got = 0, n = frame(packet, sizeof(packet), out, sizeof(out));

	cr_assert_eq(feed(out, n / 2, back, &got), 0);
	smp_frame_reset(&tx, &rx);
	cr_assert_eq(feed(out + n / 2, n - n / 2, back, &got), 0);
	cr_assert_eq(feed(out, n, back, &got), 1);
}
