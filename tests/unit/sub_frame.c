/*
 * sub_frame and sub_cbor: the virtual sub-device's framing, as strict as a stock server's. Known
 * frames were computed apart from the code.
 */
#include "../subdevices/sub_frame.h"

#include <criterion/criterion.h>

#include "../subdevices/sub_cbor.h"

static struct sub_frame f;

#define ECHO_LINE \
	"\x06\x09" \
	"ABACAAAGAABCAKFhZGJoaXBh\n"

/* Feed text; the number of whole packets. */
static int
feed(const char *text, size_t len)
{
	int packets = 0;

	for (size_t i = 0; i < len; i++) {
		enum sub_frame_event e = sub_frame_byte(&f, (uint8_t)text[i]);

		if (e == SUB_FRAME_BEGINS)
			e = sub_frame_go_on(&f);
		packets += e == SUB_FRAME_PACKET;
	}
	return packets;
}

Test(sub_frame, sums_like_xmodem)
{
	cr_assert_eq(sub_frame_sum((const uint8_t *)"123456789", 9), 0x31c3);
}

Test(sub_frame, reads_and_writes_the_known_echo_frame)
{
	static const uint8_t packet[] = {
	    2, 0, 0, 6, 0, 0, 0x42, 0, 0xa1, 0x61, 'd', 0x62, 'h', 'i'};
	char out[SUB_FRAME_TEXT];

	cr_assert_eq(sub_frame_format(packet, sizeof(packet), out), strlen(ECHO_LINE));
	cr_assert_arr_eq(out, ECHO_LINE, strlen(ECHO_LINE));
	sub_frame_init(&f, 384);
	cr_assert_eq(feed(ECHO_LINE, strlen(ECHO_LINE)), 1);
	cr_assert_eq(f.packet_len, sizeof(packet));
	cr_assert_arr_eq(f.body + 2, packet, sizeof(packet));
}

Test(sub_frame, brings_every_length_back_that_fits_and_drops_the_next_one)
{
	static uint8_t packet[400];
	static char out[SUB_FRAME_TEXT];

	for (size_t i = 0; i < sizeof(packet); i++)
		packet[i] = (uint8_t)(i * 7);
	sub_frame_init(&f, 384);
	for (size_t len = 8; len <= 380; len++) {
		size_t n = sub_frame_format(packet, len, out);

		cr_assert_eq(feed(out, n), 1, "%zu bytes", len);
		cr_assert_eq(f.packet_len, len);
		cr_assert_arr_eq(f.body + 2, packet, len);
	}
	cr_assert_eq(f.bad, 0);
	cr_assert_eq(feed(out, sub_frame_format(packet, 381, out)), 0);
	cr_assert_eq(f.bad, 1);
}

Test(sub_frame, ignores_the_console_around_the_frames)
{
	const char text[] = "uart:~$ hello\r\n\n\x04\x14"
			    "QUJD\n" ECHO_LINE "[00:01] <inf>\r\n";

	sub_frame_init(&f, 384);
	cr_assert_eq(feed(text, sizeof(text) - 1), 1);
	cr_assert_eq(f.bad, 0);
}

Test(sub_frame, drops_without_a_word_what_is_damaged_and_reads_the_next_one)
{
	char text[200] = ECHO_LINE;
	size_t n = strlen(ECHO_LINE);

	sub_frame_init(&f, 384);
	for (size_t i = 2; i < n - 1; i++) {
		memcpy(text, ECHO_LINE, n + 1);
		text[i] = text[i] == 'B' ? 'C' : 'B';
		cr_expect_eq(feed(text, n), 0, "byte %zu", i);
		cr_expect_eq(feed(ECHO_LINE, n), 1, "after byte %zu", i);
	}
	for (size_t i = 0; i < n - 1; i++) {
		memcpy(text, ECHO_LINE, i);
		memcpy(text + i, ECHO_LINE + i + 1, n - i);
		cr_expect_eq(feed(text, n - 1), 0, "without byte %zu", i);
		cr_expect_eq(feed(ECHO_LINE, n), 1, "after that without byte %zu", i);
	}
}

/* The sum over packet, sum and two zero bytes is 0 as well: only the length tells. */
Test(sub_frame, a_body_longer_than_it_says_is_dropped)
{
	static const char longer[] = "\x06\x09"
				     "ABACAAAGAABCAKFhZGJoaXBhAAA=\n";

	sub_frame_init(&f, 384);
	cr_assert_eq(feed(longer, sizeof(longer) - 1), 0);
	cr_assert_eq(f.bad, 1);
}

Test(sub_frame, takes_a_line_of_128_bytes_and_not_one_more)
{
	static uint8_t packet[200];
	static char out[SUB_FRAME_TEXT], longer[SUB_FRAME_TEXT];
	size_t n = sub_frame_format(packet, 89, out);

	cr_assert_eq(n, 127);
	sub_frame_init(&f, 384);
	cr_assert_eq(feed(out, n), 1);
	/* two lines in one: all of it is base64, the line is too long */
	n = sub_frame_format(packet, 180, out);
	memcpy(longer, out, 126);
	memcpy(longer + 126, out + 129, n - 129);
	cr_assert_eq(feed(longer, n - 3), 0);
	cr_assert_eq(f.bad, 1);
}

Test(sub_frame, a_new_first_line_ends_an_unfinished_packet)
{
	static uint8_t packet[200];
	static char out[SUB_FRAME_TEXT];

	sub_frame_format(packet, 180, out);
	sub_frame_init(&f, 384);
	cr_assert_eq(feed(out, 127), 0);
	cr_assert_eq(feed(ECHO_LINE, strlen(ECHO_LINE)), 1);
	cr_assert_eq(f.bad, 1);
}

/* --- CBOR ------------------------------------------------------------------------------------ */

Test(sub_cbor, finds_keys_in_counted_and_open_maps)
{
	static const uint8_t counted[] = {0xa3, 0x63, 'o', 'f', 'f', 0x19, 1, 0, 0x61, 'x', 0x82, 1,
	    0xa1, 1, 0xf6, 0x61, 'b', 0xf5};
	static const uint8_t open[] = {0xbf, 0x61, 'x', 0x9f, 1, 0xff, 0x61, 'd', 0x42, 7, 8, 0xff};

	cr_assert(sub_cbor_is_map(counted, sizeof(counted)));
	cr_assert_eq(sub_cbor_get(counted, sizeof(counted), "off").number, 256);
	cr_assert_eq(sub_cbor_get(counted, sizeof(counted), "b").kind, SUB_CBOR_BOOL);
	cr_assert_eq(sub_cbor_get(counted, sizeof(counted), "b").number, 1);
	cr_assert_eq(sub_cbor_get(counted, sizeof(counted), "x").kind, SUB_CBOR_OTHER);
	cr_assert_eq(sub_cbor_get(counted, sizeof(counted), "y").kind, SUB_CBOR_NONE);
	cr_assert(sub_cbor_is_map(open, sizeof(open)));
	struct sub_cbor_value d = sub_cbor_get(open, sizeof(open), "d");
	cr_assert_eq(d.kind, SUB_CBOR_BYTES);
	cr_assert_eq(d.len, 2);
	cr_assert_eq(d.data[1], 8);
	for (size_t n = 0; n < sizeof(open); n++)
		cr_expect_not(sub_cbor_is_map(open, n), "cut to %zu", n);
	for (size_t n = 0; n < sizeof(counted); n++)
		cr_expect_not(sub_cbor_is_map(counted, n), "cut to %zu", n);
}

Test(sub_cbor, refuses_bombs_and_nonsense)
{
	static const uint8_t huge[] = {0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t list[] = {0x80}, behind[] = {0xa0, 0};
	static const uint8_t lie[] = {0xa1, 0x61, 'd', 0x5a, 0xff, 0xff, 0xff, 0xff, 1};
	uint8_t deep[43], flat[9] = {0xbf, 0x61, 'a', 0x9f, 0x9f, 0x9f, 0xff, 0xff, 0xff};

	/* {"a": [[[...]]]}, well formed and too deep; flat lacks one end */
	memset(deep, 0x9f, sizeof(deep));
	memcpy(deep,
	    "\xbf\x61"
	    "a",
	    3);
	memset(deep + 22, 0xff, 21);
	deep[22] = 0;
	cr_assert_not(sub_cbor_is_map(flat, sizeof(flat)));
	cr_assert_not(sub_cbor_is_map(huge, sizeof(huge)));
	cr_assert_not(sub_cbor_is_map(list, sizeof(list)));
	cr_assert_not(sub_cbor_is_map(behind, sizeof(behind)));
	cr_assert_not(sub_cbor_is_map(lie, sizeof(lie)));
	cr_assert_not(sub_cbor_is_map(deep, sizeof(deep)));
}

Test(sub_cbor, writes_open_maps_with_numbers_of_every_size)
{
	static const uint8_t want[] = {0xbf, 0x61, 'a', 0x17, 0x61, 'b', 0x18, 0x18, 0x61, 'c',
	    0x19, 1, 0, 0x61, 'd', 0x1a, 0, 1, 0, 0, 0x61, 'e', 0xf4, 0xff};
	uint8_t data[sizeof(want)];
	struct sub_cbor_out o = {.data = data, .size = sizeof(data)};
	static const uint64_t numbers[] = {23, 24, 256, 65536};

	sub_cbor_map(&o);
	for (int i = 0; i < 4; i++) {
		sub_cbor_key(&o, (char[]){(char)('a' + i), 0});
		sub_cbor_uint(&o, numbers[i]);
	}
	sub_cbor_key(&o, "e");
	sub_cbor_bool(&o, false);
	sub_cbor_end(&o);
	cr_assert_not(o.full);
	cr_assert_eq(o.len, sizeof(want));
	cr_assert_arr_eq(data, want, sizeof(want));
	sub_cbor_end(&o);
	cr_assert(o.full);
}
