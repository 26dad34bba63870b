/*
 * sub_wire: the simulated line keeps its rate exactly, in virtual time.
 */
#include "../subdevices/sub_wire.h"

#include <criterion/criterion.h>

static struct sub_wire w;
static const int64_t second = 1000000000;

static void
fill(uint8_t *p, size_t len, uint8_t b)
{
	memset(p, b, len);
}

/* Send `total` bytes as fast as the line takes them; when the last has arrived. */
static int64_t
pump(size_t total, size_t *arrived)
{
	uint8_t bytes[SUB_WIRE_QUEUE];
	int64_t now = 0;
	size_t put = 0;

	fill(bytes, sizeof(bytes), 'x');
	*arrived = 0;
	while (put < total || sub_wire_due(&w) != SUB_WIRE_NEVER) {
		size_t room = sub_wire_room(&w, now);
		size_t n = total - put < room ? total - put : room;

		sub_wire_put(&w, now, bytes, n);
		put += n;
		if (put < total) /* the sender looks often enough to keep the line busy */
			now += 1000000;
		else if (sub_wire_due(&w) != SUB_WIRE_NEVER)
			now = sub_wire_due(&w);
		for (size_t got = 1; got > 0; *arrived += got)
			got = sub_wire_get(&w, now, bytes, sizeof(bytes));
		fill(bytes, sizeof(bytes), 'x');
	}
	return now;
}

Test(sub_wire, takes_ten_bits_per_byte_without_rounding_errors)
{
	static const uint32_t rates[] = {9600, 57600, 115200, 921600, 1000000};

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		size_t arrived = 0;

		sub_wire_init(&w, rates[i], 0, 1);
		int64_t took = pump(rates[i], &arrived);
		cr_expect_eq(arrived, rates[i]);
		cr_expect(took <= 10 * second && took > 10 * second - 10,
		    "expected 10 s at %u baud, got %lld ns", rates[i], (long long)took);
	}
}

Test(sub_wire, a_byte_arrives_a_byte_time_and_a_latency_later)
{
	uint8_t b = 0;

	sub_wire_init(&w, 100000, 16000000, 1);
	sub_wire_put(&w, 500, "a", 1);
	cr_assert_eq(sub_wire_sent_at(&w), 500 + 100000);
	cr_assert_eq(sub_wire_due(&w), 500 + 100000 + 16000000);
	cr_assert_eq(sub_wire_get(&w, 500 + 16100000 - 1, &b, 1), 0);
	cr_assert_eq(sub_wire_get(&w, 500 + 16100000, &b, 1), 1);
	cr_assert_eq(b, 'a');
	cr_assert_eq(sub_wire_due(&w), SUB_WIRE_NEVER);
}

Test(sub_wire, a_byte_says_when_it_arrived_however_late_it_is_taken)
{
	int64_t at = 0, first = 0;
	uint8_t b = 0;

	sub_wire_init(&w, 9600, 1000, 1);
	sub_wire_put(&w, 0, "xy", 2);
	cr_expect_not(sub_wire_next(&w, 1000, &b, &at));
	cr_assert(sub_wire_next(&w, 1000000000, &b, &first));
	cr_expect_eq(b, 'x');
	cr_expect_eq(first, 10 * 1000000000LL / 9600 + 1000);
	cr_assert(sub_wire_next(&w, 1000000000, &b, &at));
	cr_expect_eq(b, 'y');
	cr_expect_leq(at - first - 10 * 1000000000LL / 9600, 1);
	cr_expect_not(sub_wire_next(&w, 1000000000, &b, &at));
}

Test(sub_wire, an_idle_line_saves_nothing_for_later)
{
	sub_wire_init(&w, 100000, 0, 1);
	sub_wire_put(&w, 0, "a", 1);
	sub_wire_put(&w, second, "bc", 2);
	cr_assert_eq(sub_wire_sent_at(&w), second + 200000);
}

Test(sub_wire, latency_does_not_lower_the_rate)
{
	size_t arrived = 0;

	sub_wire_init(&w, 115200, 50000000, 1);
	int64_t took = pump(115200, &arrived);
	cr_assert(took <= 10 * second + 50000000 && took > 10 * second + 49999990);
}

Test(sub_wire, is_worth_a_look_at_each_end_of_a_line)
{
	uint8_t out[8];

	sub_wire_init(&w, 100000, 0, 1);
	sub_wire_put(&w, 0, "ab\ncd", 5);
	cr_assert_eq(sub_wire_due(&w), 300000);
	cr_assert_eq(sub_wire_get(&w, 300000, out, sizeof(out)), 3);
	cr_assert_eq(sub_wire_due(&w), 500000);
}

Test(sub_wire, holds_a_sender_up_when_its_buffer_is_full)
{
	uint8_t bytes[SUB_WIRE_QUEUE];

	fill(bytes, sizeof(bytes), 0);
	sub_wire_init(&w, 100000, 0, 1);
	cr_assert_eq(sub_wire_room(&w, 0), SUB_WIRE_QUEUE);
	sub_wire_put(&w, 0, bytes, sizeof(bytes));
	cr_assert_eq(sub_wire_room(&w, 0), 0);
	cr_assert_eq(sub_wire_room(&w, 100 * 100000), 100);
}

Test(sub_wire, loses_and_flips_about_as_often_as_told_and_the_same_ones_each_time)
{
	size_t arrived[2] = {0};
	uint8_t b[1000];
	int wrong = 0;

	for (int i = 0; i < 2; i++) {
		sub_wire_init(&w, 1000000, 0, 7);
		w.loss = 0.01;
		pump(200000, &arrived[i]);
	}
	cr_assert_eq(arrived[0], arrived[1]);
	cr_assert(arrived[0] > 197000 && arrived[0] < 199000, "got %zu", arrived[0]);
	cr_assert_eq(w.taken, 200000);
	sub_wire_init(&w, 1000000, 0, 8);
	w.flip = 0.1;
	fill(b, sizeof(b), 0);
	sub_wire_put(&w, 0, b, sizeof(b));
	cr_assert_eq(sub_wire_get(&w, second, b, sizeof(b)), sizeof(b));
	for (size_t i = 0; i < sizeof(b); i++) {
		cr_assert((b[i] & (b[i] - 1)) == 0, "expected one bit at most, got %02x", b[i]);
		wrong += b[i] != 0;
	}
	cr_assert(wrong > 60 && wrong < 140, "got %d", wrong);
}

Test(sub_wire, a_cut_takes_what_is_under_way)
{
	uint8_t b = 0;

	sub_wire_init(&w, 100000, 5000000, 1);
	sub_wire_put(&w, 0, "abc", 3);
	sub_wire_cut(&w, 100000);
	cr_assert_eq(sub_wire_due(&w), SUB_WIRE_NEVER);
	cr_assert_eq(sub_wire_get(&w, second, &b, 1), 0);
	sub_wire_put(&w, 100000, "d", 1);
	cr_assert_eq(sub_wire_sent_at(&w), 200000);
}
