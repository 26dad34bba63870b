/*
 * sub_raw: the virtual sub-device without console lines, as strict as the servers it stands for.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "../subdevices/sub_raw.h"

static const uint8_t echo[] = {0x02, 0, 0, 6, 0, 0, 8, 0, 0xa1, 0x61, 'd', 0x62, 'h', 'i'};

static enum sub_frame_event
feed(struct sub_frame *f, const uint8_t *data, size_t len)
{
	enum sub_frame_event e = SUB_FRAME_NOTHING;

	for (size_t i = 0; i < len; i++)
		e = sub_raw_byte(f, data[i]);
	return e;
}

Test(sub_raw, packet_ends_where_its_length_says)
{
	struct sub_frame f;

	sub_frame_init(&f, 384);
	cr_expect_eq(sub_raw_byte(&f, echo[0]), SUB_FRAME_BEGINS);
	cr_expect_eq(feed(&f, echo + 1, sizeof(echo) - 1), SUB_FRAME_PACKET);
	cr_expect_eq(f.packet_len, sizeof(echo));
	cr_expect_arr_eq(f.body + 2, echo, sizeof(echo));
	cr_expect_eq(feed(&f, echo, sizeof(echo)), SUB_FRAME_PACKET);
}

Test(sub_raw, torn_packet_eats_the_next_one_unless_silence_comes_between)
{
	struct sub_frame f;

	sub_frame_init(&f, 384);
	feed(&f, echo, sizeof(echo) - 4);
	cr_expect_eq(feed(&f, echo, 4), SUB_FRAME_PACKET, "of two halves");
	feed(&f, echo, sizeof(echo) - 4);
	cr_expect(sub_raw_idle(&f));
	cr_expect_eq(feed(&f, echo, sizeof(echo)), SUB_FRAME_PACKET);
	cr_expect_arr_eq(f.body + 2, echo, sizeof(echo));
	cr_expect_not(sub_raw_idle(&f));
	cr_expect_eq(f.bad, 1u);
}

Test(sub_raw, what_is_longer_than_the_buffer_is_swallowed_until_silence)
{
	static const uint8_t huge[] = {0x02, 0, 0x40, 0, 0, 0, 8, 0};
	struct sub_frame f;

	sub_frame_init(&f, 384);
	cr_expect_eq(feed(&f, huge, sizeof(huge)), SUB_FRAME_BAD);
	cr_expect_eq(feed(&f, echo, sizeof(echo)), SUB_FRAME_NOTHING);
	sub_raw_idle(&f);
	cr_expect_eq(feed(&f, echo, sizeof(echo)), SUB_FRAME_PACKET);
}

Test(sub_raw, datagram_is_a_packet_when_its_length_fits)
{
	struct sub_frame f;

	sub_frame_init(&f, 384);
	cr_expect(sub_raw_datagram(&f, echo, sizeof(echo)));
	cr_expect_eq(f.packet_len, sizeof(echo));
	cr_expect_not(sub_raw_datagram(&f, echo, sizeof(echo) - 1));
	cr_expect_not(sub_raw_datagram(&f, echo, 7));
	sub_frame_init(&f, sizeof(echo));
	cr_expect_not(sub_raw_datagram(&f, echo, sizeof(echo)));
}
