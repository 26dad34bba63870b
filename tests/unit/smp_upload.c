/*
 * smp_upload: the window machine alone, row by row: what it sends next and when it gives up.
 */
#include "smp_upload.h"

#include <criterion/criterion.h>

enum { FIRST = 64, CHUNK = 96 };

static struct smp_upload u;
static uint8_t seq;
static struct mono now;

static void
begin(uint64_t size, unsigned window)
{
	struct smp_upload_limits l = {.first_chunk = FIRST,
	    .chunk = CHUNK,
	    .window = window,
	    .first_reply_ms = 40000,
	    .reply_ms = 2500,
	    .stalls = 5};

	smp_upload_init(&u, &l, size);
	seq = 0;
	now = (struct mono){1000};
}

/* Send all that may be sent; returns how many pieces. */
static unsigned
send_all(void)
{
	uint64_t off = 0;
	uint32_t len = 0;
	unsigned n = 0;

	while (smp_upload_want(&u, now, &off, &len)) {
		smp_upload_sent(&u, seq++, off, len, now);
		n++;
	}
	return n;
}

/* Answer the oldest piece well. */
static void
answer(void)
{
	struct smp_upload_piece p = u.flight[0];

	now.ms += 50;
	cr_assert_eq(smp_upload_answer(&u, p.seq, p.off + p.len, now), ERR_OK);
}

static void
warm_up(unsigned answers)
{
	for (unsigned i = 0; i < answers; i++) {
		send_all();
		answer();
	}
	send_all();
}

Test(smp_upload, starts_with_one_small_piece_and_grows_by_one)
{
	begin(100000, 3);
	cr_expect_eq(send_all(), 1);
	cr_expect_eq(u.flight[0].len, FIRST);
	answer();
	cr_expect_eq(send_all(), 2);
	cr_expect_eq(u.flight[0].len, CHUNK);
	answer();
	cr_expect_eq(send_all(), 2);
	cr_expect_eq(u.n, 3);
	answer();
	cr_expect_eq(send_all(), 1);
	cr_expect_eq(u.window, 3);
}

Test(smp_upload, sends_the_rest_as_it_is)
{
	begin(FIRST + CHUNK + 5, 1);
	warm_up(2);
	cr_expect_eq(u.flight[0].len, 5);
	cr_expect_not(smp_upload_done(&u));
	answer();
	cr_expect(smp_upload_done(&u));
	cr_expect_eq(send_all(), 0);
}

Test(smp_upload, rewinds_once_for_all_in_flight)
{
	begin(100000, 4);
	warm_up(8);
	cr_assert_eq(u.n, 4);
	struct smp_upload_piece old[4];
	uint64_t want = u.flight[0].off;

	memcpy(old, u.flight, sizeof(old));
	/* the first was dropped: the three others are answered with its offset */
	cr_expect_eq(smp_upload_answer(&u, old[1].seq, want, now), ERR_OK);
	cr_expect_eq(u.rewinds, 1);
	cr_expect_eq(send_all(), 1);
	cr_expect_eq(u.flight[0].off, want);
	for (int i = 2; i < 4; i++)
		cr_expect_eq(smp_upload_answer(&u, old[i].seq, want, now), ERR_OK);
	cr_expect_eq(u.rewinds, 1);
	cr_expect_eq(u.n, 1);
	cr_expect_eq(u.window, 1);
}

Test(smp_upload, sends_again_at_once_what_was_dropped_or_cut_short)
{
	begin(100000, 1);
	warm_up(3);
	for (uint32_t kept = 0; kept < CHUNK; kept += CHUNK / 2) {
		struct smp_upload_piece p = u.flight[0];

		cr_expect_eq(smp_upload_answer(&u, p.seq, p.off + kept, now), ERR_OK);
		cr_expect_eq(u.acked, p.off + kept);
		cr_expect_eq(send_all(), 1);
		cr_expect_eq(u.flight[0].off, p.off + kept);
	}
}

Test(smp_upload, takes_an_answer_for_all_before_it)
{
	begin(100000, 4);
	warm_up(8);
	struct smp_upload_piece last = u.flight[3];

	cr_expect_eq(smp_upload_answer(&u, last.seq, last.off + last.len, now), ERR_OK);
	cr_expect_eq(u.n, 0);
	cr_expect_eq(u.acked, last.off + last.len);
	cr_expect_eq(u.rewinds, 0);
}

Test(smp_upload, goes_on_where_the_device_is)
{
	begin(100000, 4);
	send_all();
	cr_expect_eq(smp_upload_answer(&u, 0, 32000, now), ERR_OK); /* resumed */
	cr_expect_eq(u.acked, 32000);
	send_all();
	cr_expect_eq(u.flight[0].off, 32000);
	/* and all the way back after its reset */
	cr_expect_eq(smp_upload_answer(&u, u.flight[0].seq, 0, now), ERR_OK);
	cr_expect_eq(send_all(), 1);
	cr_expect_eq(u.flight[0].off, 0);
	cr_expect_eq(u.flight[0].len, FIRST);
}

Test(smp_upload, uses_a_late_answer_and_does_not_send_twice)
{
	begin(100000, 1);
	warm_up(3);
	struct smp_upload_piece p = u.flight[0];

	now = smp_upload_deadline(&u);
	cr_expect_eq(smp_upload_time(&u, now), ERR_OK);
	cr_expect_eq(u.n, 0);
	cr_expect_eq(smp_upload_answer(&u, p.seq, p.off + p.len, now), ERR_OK);
	cr_expect_eq(u.acked, p.off + p.len);
	send_all();
	cr_expect_eq(u.flight[0].off, p.off + p.len);
	/* an old answer never moves it back */
	cr_expect_eq(smp_upload_answer(&u, p.seq, 0, now), ERR_OK);
	cr_expect_eq(u.acked, p.off + p.len);
}

Test(smp_upload, waits_long_first_and_short_later)
{
	begin(100000, 1);
	send_all();
	cr_expect_eq(mono_between(now, smp_upload_deadline(&u)), 40000);
	answer();
	send_all();
	cr_expect_eq(mono_between(now, smp_upload_deadline(&u)), 2500);
	answer();
	send_all();
	cr_expect_eq(mono_between(now, smp_upload_deadline(&u)), 2 * 50 + 200);
}

Test(smp_upload, gives_up_after_so_many_silences)
{
	begin(100000, 1);
	warm_up(2);
	for (int i = 0; i < 4; i++) {
		now = smp_upload_deadline(&u);
		cr_expect_eq(smp_upload_time(&u, now), ERR_OK);
		cr_expect_eq(send_all(), 1);
	}
	now = smp_upload_deadline(&u);
	cr_expect_eq(smp_upload_time(&u, now), ERR_DEVICE_AWAY);
}

Test(smp_upload, does_not_rewind_for_ever)
{
	enum err e = ERR_OK;
	int n = 0;

	begin(100000, 4);
	for (n = 0; n < 1000 && !e; n++) {
		send_all();
		e = smp_upload_answer(&u, u.flight[0].seq, n % 2 ? 0 : FIRST, now);
	}
	cr_expect_eq(e, ERR_DEVICE_PROTO);
	cr_expect_lt(n, 100);
}

Test(smp_upload, refuses_an_offset_past_the_end)
{
	begin(1000, 1);
	send_all();
	cr_expect_eq(smp_upload_answer(&u, 0, 1001, now), ERR_DEVICE_PROTO);
}

Test(smp_upload, pauses_when_the_device_is_busy)
{
	begin(100000, 4);
	warm_up(8);
	uint64_t off = u.flight[2].off;

	cr_expect_eq(smp_upload_refused(&u, u.flight[2].seq, now), ERR_OK);
	cr_expect_eq(u.n, 2); /* the two before it may be answered yet */
	cr_expect_eq(send_all(), 0);
	answer();
	answer();
	now.ms += 100;
	cr_expect_geq(send_all(), 1);
	cr_expect_eq(u.flight[0].off, off);
}

Test(smp_upload, blames_the_window_for_a_loss_soon_after_it_grew)
{
	begin(1000000, 4);
	warm_up(2); /* window 3 */
	cr_assert_eq(u.window, 3);
	cr_expect_eq(smp_upload_answer(&u, u.flight[1].seq, u.flight[0].off, now), ERR_OK);
	cr_expect_eq(u.ceiling, 2);
	warm_up(20);
	cr_expect_eq(u.window, 2);
	warm_up(300);
	cr_expect_eq(u.window, 3); /* tried again */
}

Test(smp_upload, blames_the_wire_for_a_loss_long_after)
{
	begin(1000000, 4);
	warm_up(200);
	cr_expect_eq(smp_upload_answer(&u, u.flight[1].seq, u.flight[0].off, now), ERR_OK);
	cr_expect_eq(u.ceiling, 4);
	cr_expect_eq(u.window, 1);
	warm_up(4);
	cr_expect_eq(u.window, 4);
}
