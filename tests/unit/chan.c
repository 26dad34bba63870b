/*
 * chan: both ends of a socket pair in one thread: whole and partial messages, lengths over the
 * limit, violations, a peer that is gone, a reader that does not read.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "chan.h"
#include "golden.h"
#include "msg.h"

struct pair {
	struct chan *gate, *courier;
	int raw; /* the courier's end, when the test speaks for it */
};

static struct pair
open_pair(bool raw)
{
	struct pair p = {.raw = -1};
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	cr_assert_eq(chan_new(fds[0], WHO_FETCHD, WHO_COURIER, &p.gate), ERR_OK);
	if (raw)
		p.raw = fds[1];
	else
		cr_assert_eq(chan_new(fds[1], WHO_COURIER, WHO_FETCHD, &p.courier), ERR_OK);
	return p;
}

static void
close_pair(struct pair *p)
{
	chan_free(p->gate);
	chan_free(p->courier);
	if (p->raw >= 0)
		close(p->raw);
}

/* The canonical report of a courier as it goes over the wire. */
static size_t
frame_of(int kind, uint8_t out[GOLDEN_BYTES])
{
	struct golden g;
	size_t len = 0;

	golden_make(kind, &g);
	cr_assert_eq(msg_pack(&g.e, out + 4, GOLDEN_BYTES - 4, &len), ERR_OK);
	out[0] = out[1] = 0;
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
	return len + 4;
}

static enum err
recv_one(struct chan *c, int *kind)
{
	AUTO(msg) Pb__Envelope *e = NULL;
	enum err err = chan_recv(c, &e);

	*kind = e ? (int)e->body_case : 0;
	return err;
}

static void
write_raw(const struct pair *p, const void *data, size_t len)
{
	cr_assert_eq(send(p->raw, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

Test(chan, order_and_report_cross_with_version_and_numbers_filled_in)
{
	struct pair p = open_pair(false);
	struct golden order, report;
	AUTO(msg) Pb__Envelope *e = NULL;
	AUTO(msg) Pb__Envelope *second = NULL;

	golden_make(PB__ENVELOPE__BODY_COURIER_ORDER, &order);
	golden_make(PB__ENVELOPE__BODY_COURIER_REPORT, &report);
	order.e.proto = report.e.proto = 0;
	cr_assert_eq(chan_send(p.gate, &order.e), ERR_OK);
	cr_assert_eq(chan_recv(p.courier, &e), ERR_OK);
	cr_expect_eq(e->proto, ROUTE_PROTO_MAX);
	cr_expect_eq(e->seq, 1);
	cr_expect_str_eq(e->courier_order->hosts[1], "mirror.example");
	cr_assert_eq(chan_send(p.courier, &report.e), ERR_OK);
	cr_assert_eq(chan_send(p.courier, &report.e), ERR_OK);
	int kind = 0;
	cr_expect_eq(recv_one(p.gate, &kind), ERR_OK);
	cr_assert_eq(chan_recv(p.gate, &second), ERR_OK);
	cr_expect_eq(second->seq, 2);
	cr_expect_eq(recv_one(p.gate, &kind), ERR_AGAIN);
	close_pair(&p);
}

Test(chan, message_that_comes_byte_by_byte_is_put_together)
{
	struct pair p = open_pair(true);
	uint8_t frame[GOLDEN_BYTES];
	size_t n = frame_of(PB__ENVELOPE__BODY_COURIER_REPORT, frame);
	int kind = 0;

	for (size_t i = 0; i < n; i++) {
		cr_expect_eq(recv_one(p.gate, &kind), ERR_AGAIN, "after %zu bytes", i);
		write_raw(&p, frame + i, 1);
	}
	cr_expect_eq(recv_one(p.gate, &kind), ERR_OK);
	cr_expect_eq(kind, PB__ENVELOPE__BODY_COURIER_REPORT);
	close_pair(&p);
}

Test(chan, two_messages_in_one_piece_are_two)
{
	struct pair p = open_pair(true);
	uint8_t frame[2 * GOLDEN_BYTES];
	size_t n = frame_of(PB__ENVELOPE__BODY_COURIER_REPORT, frame);
	int kind = 0;

	memcpy(frame + n, frame, n);
	write_raw(&p, frame, 2 * n);
	cr_expect_eq(recv_one(p.gate, &kind), ERR_OK);
	cr_expect_eq(recv_one(p.gate, &kind), ERR_OK);
	cr_expect_eq(recv_one(p.gate, &kind), ERR_AGAIN);
	close_pair(&p);
}

/* What a peer announces or says, and the answer, which stays. */
static void
expect_violation(const void *data, size_t len, enum err want)
{
	struct pair p = open_pair(true);
	uint8_t frame[GOLDEN_BYTES];
	size_t n = frame_of(PB__ENVELOPE__BODY_COURIER_REPORT, frame);
	int kind = 0;

	write_raw(&p, data, len);
	write_raw(&p, frame, n);
	cr_expect_eq(recv_one(p.gate, &kind), want);
	cr_expect_eq(recv_one(p.gate, &kind), want, "nothing is believed after a violation");
	close_pair(&p);
}

Test(chan, length_over_the_limit_of_this_peer_is_refused_before_any_of_it_came)
{
	/* a courier may say 2048 bytes at most */
	expect_violation("\0\0\x08\x01", 4, ERR_LIMIT);
	expect_violation("\xff\xff\xff\xff", 4, ERR_LIMIT);
}

Test(chan, length_at_the_limit_is_waited_for)
{
	struct pair p = open_pair(true);
	int kind = 0;

	write_raw(&p, "\0\0\x08\0", 4);
	cr_expect_eq(recv_one(p.gate, &kind), ERR_AGAIN);
	close_pair(&p);
}

Test(chan, bytes_that_are_no_envelope_are_a_violation)
{
	expect_violation("\0\0\0\x02\xff\xff", 6, ERR_MESSAGE);
	expect_violation("\0\0\0\0", 4, ERR_VERSION); /* an empty envelope has no version */
}

Test(chan, kind_that_this_peer_may_not_say_is_a_violation)
{
	uint8_t frame[GOLDEN_BYTES];

	expect_violation(frame, frame_of(PB__ENVELOPE__BODY_COURIER_ORDER, frame), ERR_ROUTE);
	expect_violation(frame, frame_of(PB__ENVELOPE__BODY_REPORT, frame), ERR_ROUTE);
	expect_violation(frame, frame_of(PB__ENVELOPE__BODY_HELLO, frame), ERR_ROUTE);
}

Test(chan, peer_that_closes_is_seen_after_what_it_said)
{
	struct pair p = open_pair(true);
	uint8_t frame[GOLDEN_BYTES];
	size_t n = frame_of(PB__ENVELOPE__BODY_COURIER_REPORT, frame);
	int kind = 0;

	write_raw(&p, frame, n);
	close(p.raw);
	p.raw = -1;
	cr_expect_eq(recv_one(p.gate, &kind), ERR_OK);
	cr_expect_eq(recv_one(p.gate, &kind), ERR_CLOSED);
	close_pair(&p);
}

Test(chan, peer_that_dies_in_mid_message_has_closed)
{
	struct pair p = open_pair(true);
	uint8_t frame[GOLDEN_BYTES];
	size_t n = frame_of(PB__ENVELOPE__BODY_COURIER_REPORT, frame);
	int kind = 0;

	write_raw(&p, frame, n - 1);
	close(p.raw);
	p.raw = -1;
	cr_expect_eq(recv_one(p.gate, &kind), ERR_CLOSED);
	close_pair(&p);
}

Test(chan, sending_to_a_peer_that_is_gone_says_so_and_kills_nobody)
{
	struct pair p = open_pair(true);
	struct golden g;

	close(p.raw);
	p.raw = -1;
	golden_make(PB__ENVELOPE__BODY_COURIER_ORDER, &g);
	cr_expect_eq(chan_send(p.gate, &g.e), ERR_CLOSED);
	close_pair(&p);
}

Test(chan, what_the_table_does_not_admit_is_not_sent)
{
	struct pair p = open_pair(false);
	struct golden g;
	int kind = 0;

	golden_make(PB__ENVELOPE__BODY_COURIER_REPORT, &g);
	cr_expect_eq(chan_send(p.gate, &g.e), ERR_ROUTE);
	golden_make(PB__ENVELOPE__BODY_COURIER_ORDER, &g);
	g.body.courier_order.url = golden_text("");
	cr_expect_eq(chan_send(p.gate, &g.e), ERR_MESSAGE);
	cr_expect_eq(recv_one(p.courier, &kind), ERR_AGAIN);
	close_pair(&p);
}

/* --- a slow reader ---------------------------------------------------------------------------- */

enum { BIG = 900000, SMALL = 32 };

struct line {
	struct chan *flash, *session;
	size_t got[2]; /* bytes of digests in the messages that came, in order */
};

static void
open_line(struct line *l)
{
	int fds[2];

	*l = (struct line){0};
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	cr_assert_eq(chan_new(fds[0], WHO_FLASHD, WHO_SESSION, &l->flash), ERR_OK);
	cr_assert_eq(chan_new(fds[1], WHO_SESSION, WHO_FLASHD, &l->session), ERR_OK);
}

static void
close_line(struct line *l)
{
	chan_free(l->flash);
	chan_free(l->session);
}

static enum err
send_digests(struct chan *c, size_t len)
{
	AUTO(mem) uint8_t *digests = calloc(1, len);
	struct golden g;

	golden_make(PB__ENVELOPE__BODY_SESSION_ORDER, &g);
	g.body.session_order.chunk_digests = (ProtobufCBinaryData){len, digests};
	return chan_send(c, &g.e);
}

static void *
read_two(void *arg)
{
	struct line *l = arg;

	for (int i = 0; i < 2; i++) {
		AUTO(msg) Pb__Envelope *e = NULL;

		if (chan_wait(l->session, 20000, &e) != ERR_OK)
			break;
		l->got[i] = e->session_order->chunk_digests.len;
	}
	return NULL;
}

Test(chan, message_larger_than_the_socket_waits_for_a_reader_and_arrives_whole)
{
	struct line l;
	pthread_t reader;

	open_line(&l);
	cr_assert_eq(pthread_create(&reader, NULL, read_two, &l), 0);
	cr_expect_eq(send_digests(l.flash, BIG), ERR_OK);
	cr_expect_eq(send_digests(l.flash, SMALL), ERR_OK);
	pthread_join(reader, NULL);
	cr_expect_eq(l.got[0], BIG);
	cr_expect_eq(l.got[1], SMALL);
	close_line(&l);
}

/* Takes the five seconds that are promised. */
Test(chan, reader_that_does_not_read_is_given_up_and_what_it_had_begun_goes_first_later)
{
	struct line l;
	pthread_t reader;

	open_line(&l);
	cr_expect_eq(send_digests(l.flash, BIG), ERR_TIMEOUT);
	cr_assert_eq(pthread_create(&reader, NULL, read_two, &l), 0);
	cr_expect_eq(send_digests(l.flash, SMALL), ERR_OK);
	pthread_join(reader, NULL);
	cr_expect_eq(l.got[0], BIG);
	cr_expect_eq(l.got[1], SMALL);
	close_line(&l);
}

Test(chan, progress_is_dropped_where_any_other_message_would_wait)
{
	int fds[2], room = 0;
	struct chan *flash = NULL;
	struct golden g;
	char junk[256] = "";

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	cr_assert_eq(chan_new(fds[0], WHO_FLASHD, WHO_FETCHD, &flash), ERR_OK);
	while (send(fds[0], junk, sizeof(junk), MSG_NOSIGNAL) > 0)
		room++;
	cr_assert_gt(room, 0);
	golden_make(PB__ENVELOPE__BODY_PROGRESS, &g);
	cr_expect_eq(chan_send(flash, &g.e), ERR_OK);
	chan_free(flash);
	close(fds[1]);
}

/* --- waiting ---------------------------------------------------------------------------------- */

Test(chan, waiting_ends_with_the_message_with_the_end_or_with_the_time)
{
	struct pair p = open_pair(true);
	uint8_t frame[GOLDEN_BYTES];
	size_t n = frame_of(PB__ENVELOPE__BODY_COURIER_REPORT, frame);
	AUTO(msg) Pb__Envelope *e = NULL;
	Pb__Envelope *none = NULL;

	cr_expect_eq(chan_wait(p.gate, 0, &none), ERR_TIMEOUT);
	cr_expect_eq(chan_wait(p.gate, 1, &none), ERR_TIMEOUT);
	write_raw(&p, frame, n);
	cr_expect_eq(chan_wait(p.gate, -1, &e), ERR_OK);
	close(p.raw);
	p.raw = -1;
	cr_expect_eq(chan_wait(p.gate, -1, &none), ERR_CLOSED);
	close_pair(&p);
}

Test(chan, descriptor_that_is_none_stays_the_callers)
{
	struct chan *c = NULL;

	cr_expect_eq(chan_new(-1, WHO_FETCHD, WHO_COURIER, &c), ERR_SYSTEM);
	cr_expect_null(c);
	chan_free(NULL);
}
