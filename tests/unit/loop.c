/*
 * The loop: descriptors, sockets, timers, signals, and what callbacks may do
 * meanwhile.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "loop.h"

enum { WAIT_MS = 10000 };

/* One pipe under watch, and what its callback saw and shall do. */
struct tap {
	struct loop *loop;
	int in, out;
	unsigned calls;
	short revents;
	bool keep;         /* do not read */
	struct tap *other; /* stop watching it, and watch `instead` */
	struct tap *instead;
};

static void
on_tap(void *arg, short revents)
{
	struct tap *t = arg;
	char c;

	t->calls++;
	t->revents = revents;
	if (!t->keep && (revents & POLLIN))
		(void)!read(t->in, &c, 1);
	if (t->other)
		loop_unwatch_fd(t->loop, t->other->in);
	if (t->other && t->instead)
		cr_assert_eq(
		    loop_watch_fd(t->loop, t->instead->in, POLLIN, on_tap, t->instead), ERR_OK);
	t->other = NULL;
}

static void
tap_open(struct tap *t, struct loop *loop, bool watched)
{
	int p[2];

	cr_assert_eq(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	*t = (struct tap){.loop = loop, .in = p[0], .out = p[1]};
	if (watched)
		cr_assert_eq(loop_watch_fd(loop, t->in, POLLIN, on_tap, t), ERR_OK);
}

static void
tap_close(struct tap *t)
{
	loop_unwatch_fd(t->loop, t->in);
	close(t->in);
	if (t->out >= 0)
		close(t->out);
}

static void
poke(const struct tap *t)
{
	cr_assert_eq(write(t->out, "x", 1), 1);
}

static struct loop *
make(void)
{
	struct loop *loop = NULL;

	cr_assert_eq(loop_new(&loop), ERR_OK);
	return loop;
}

Test(loop, calls_back_for_what_is_ready_and_only_for_that)
{
	AUTO(loop) struct loop *loop = make();
	struct tap a, b;

	tap_open(&a, loop, true);
	tap_open(&b, loop, true);
	poke(&b);
	cr_assert(loop_once(loop, WAIT_MS));
	cr_expect_eq(a.calls, 0);
	cr_expect_eq(b.calls, 1);
	cr_expect_eq(b.revents, POLLIN);
	cr_assert(loop_once(loop, 0));
	cr_expect_eq(b.calls, 1);
	tap_close(&a);
	tap_close(&b);
}

Test(loop, tells_of_the_other_sides_end_even_when_nothing_was_asked_for)
{
	AUTO(loop) struct loop *loop = make();
	struct tap a;

	tap_open(&a, loop, true);
	loop_change_fd(loop, a.in, 0);
	poke(&a);
	cr_assert(loop_once(loop, 0));
	cr_expect_eq(a.calls, 0, "nothing was asked for");
	close(a.out);
	a.out = -1;
	cr_assert(loop_once(loop, WAIT_MS));
	cr_expect_eq(a.calls, 1);
	cr_expect(a.revents & POLLERR);
	tap_close(&a);
}

Test(loop, says_when_a_descriptor_can_be_written)
{
	AUTO(loop) struct loop *loop = make();
	struct tap a;

	tap_open(&a, loop, false);
	cr_assert_eq(loop_watch_fd(loop, a.out, 0, on_tap, &a), ERR_OK);
	cr_assert(loop_once(loop, 0));
	cr_expect_eq(a.calls, 0);
	loop_change_fd(loop, a.out, POLLOUT);
	cr_assert(loop_once(loop, WAIT_MS));
	cr_expect_eq(a.revents, POLLOUT);
	loop_unwatch_fd(loop, a.out);
	tap_close(&a);
}

Test(loop, does_not_call_a_watch_that_was_removed_in_the_same_round_nor_its_successor)
{
	AUTO(loop) struct loop *loop = make();
	struct tap a, b, c;

	tap_open(&a, loop, true);
	tap_open(&b, loop, true);
	tap_open(&c, loop, false);
	a.other = &b;
	a.instead = &c; /* takes b's place in the table */
	poke(&a);
	poke(&b);
	cr_assert(loop_once(loop, WAIT_MS));
	cr_expect_eq(a.calls, 1);
	cr_expect_eq(b.calls, 0);
	cr_expect_eq(c.calls, 0);
	poke(&c);
	cr_assert(loop_once(loop, WAIT_MS));
	cr_expect_eq(b.calls, 0);
	cr_expect_eq(c.calls, 1);
	tap_close(&a);
	tap_close(&b);
	tap_close(&c);
}

Test(loop, lets_a_watch_remove_itself)
{
	AUTO(loop) struct loop *loop = make();
	struct tap a;

	tap_open(&a, loop, true);
	a.other = &a;
	a.keep = true;
	poke(&a);
	cr_assert(loop_once(loop, WAIT_MS));
	cr_assert(loop_once(loop, 0));
	cr_expect_eq(a.calls, 1);
	tap_close(&a);
}

Test(loop, refuses_what_it_watches_already_and_what_is_no_descriptor)
{
	AUTO(loop) struct loop *loop = make();
	struct tap a;

	tap_open(&a, loop, true);
	cr_expect_eq(loop_watch_fd(loop, a.in, POLLIN, on_tap, &a), ERR_EXISTS);
	cr_expect_eq(loop_watch_fd(loop, -1, POLLIN, on_tap, &a), ERR_INVALID);
	tap_close(&a);
	loop_unwatch_fd(loop, a.in); /* a second time: nothing */
}

Test(loop, has_room_for_512_watches_and_no_more)
{
	AUTO(loop) struct loop *loop = make();
	struct tap a;
	int copy[512];

	tap_open(&a, loop, false);
	for (int i = 0; i < 512; i++) {
		copy[i] = fcntl(a.out, F_DUPFD_CLOEXEC, 0);
		cr_assert_eq(loop_watch_fd(loop, copy[i], 0, on_tap, &a), ERR_OK, "%d", i);
	}
	cr_expect_eq(loop_watch_fd(loop, a.in, POLLIN, on_tap, &a), ERR_LIMIT);
	loop_unwatch_fd(loop, copy[100]);
	cr_expect_eq(loop_watch_fd(loop, a.in, POLLIN, on_tap, &a), ERR_OK);
	for (int i = 0; i < 512; i++) {
		loop_unwatch_fd(loop, copy[i]);
		close(copy[i]);
	}
	tap_close(&a);
}

Test(loop, calls_hundreds_that_are_ready_at_once_and_none_of_them_twice_before_all)
{
	AUTO(loop) struct loop *loop = make();
	struct tap t[200];
	unsigned called = 0;

	for (int i = 0; i < 200; i++) {
		tap_open(&t[i], loop, true);
		t[i].keep = true; /* stays ready */
		poke(&t[i]);
	}
	for (int round = 0; round < 4; round++)
		cr_assert(loop_once(loop, WAIT_MS));
	for (int i = 0; i < 200; i++) {
		called += t[i].calls > 0;
		cr_expect_leq(t[i].calls, 2);
		tap_close(&t[i]);
	}
	cr_expect_eq(called, 200);
}

Test(loop, watches_the_descriptor_that_took_the_number_of_one_that_was_closed)
{
	AUTO(loop) struct loop *loop = make();
	struct tap a, b;

	tap_open(&a, loop, true);
	tap_open(&b, loop, false);
	close(a.in);
	cr_assert_eq(dup2(b.in, a.in), a.in);
	loop_change_fd(loop, a.in, POLLIN);
	poke(&b);
	cr_assert(loop_once(loop, WAIT_MS));
	cr_expect_eq(a.calls, 1);
	tap_close(&a);
	tap_close(&b);
}

/* --- ZeroMQ ---------------------------------------------------------------------------------- */

struct mailbox {
	void *socket;
	unsigned calls;
};

static void
on_mail(void *arg, short revents)
{
	struct mailbox *m = arg;
	char c;

	cr_expect_eq(revents, POLLIN);
	m->calls++;
	cr_assert_eq(zmq_recv(m->socket, &c, 1, ZMQ_DONTWAIT), 1);
}

static void
on_flag(void *arg)
{
	*(bool *)arg = true;
}

Test(loop, calls_again_as_long_as_a_socket_has_something_to_read)
{
	AUTO(loop) struct loop *loop = make();
	void *ctx = zmq_ctx_new();
	void *a = zmq_socket(ctx, ZMQ_PAIR);
	struct mailbox b = {.socket = zmq_socket(ctx, ZMQ_PAIR)};

	cr_assert_eq(zmq_bind(b.socket, "inproc://loop"), 0);
	cr_assert_eq(zmq_connect(a, "inproc://loop"), 0);
	cr_assert_eq(loop_watch_socket(loop, b.socket, on_mail, &b), ERR_OK);
	cr_expect_eq(loop_watch_socket(loop, b.socket, on_mail, &b), ERR_EXISTS);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(zmq_send(a, "x", 1, 0), 1);
	for (unsigned i = 1; i <= 3; i++) {
		cr_assert(loop_once(loop, WAIT_MS));
		cr_expect_eq(b.calls, i, "one callback a round");
	}
	loop_unwatch_socket(loop, b.socket);
	cr_assert_eq(zmq_send(a, "x", 1, 0), 1);
	cr_assert(loop_once(loop, 0));
	cr_expect_eq(b.calls, 3);
	zmq_close(a);
	zmq_close(b.socket);
	zmq_ctx_term(ctx);
}

Test(loop, a_flood_on_one_watch_starves_neither_another_watch_nor_a_timer)
{
	AUTO(loop) struct loop *loop = make();
	struct loop_timer t = {0};
	struct tap flood, other;
	bool fired = false;

	tap_open(&flood, loop, true);
	tap_open(&other, loop, true);
	flood.keep = true; /* always ready */
	poke(&flood);
	poke(&other);
	loop_timer_set(loop, &t, clock_now(), on_flag, &fired);
	cr_assert(loop_once(loop, WAIT_MS));
	cr_expect_eq(flood.calls, 1);
	cr_expect_eq(other.calls, 1);
	cr_expect(fired);
	tap_close(&flood);
	tap_close(&other);
}

/* --- timers ---------------------------------------------------------------------------------- */

struct bell {
	struct loop *loop;
	struct loop_timer timer;
	char *log; /* of a whole test */
	char name;
	struct bell *clear; /* this one when it rings */
	bool again;
};

static void
on_bell(void *arg)
{
	struct bell *b = arg;
	size_t n = strlen(b->log);

	b->log[n] = b->name;
	b->log[n + 1] = '\0';
	if (b->clear)
		loop_timer_clear(b->loop, &b->clear->timer);
	if (b->again)
		loop_timer_set(b->loop, &b->timer, clock_now(), on_bell, b);
}

Test(loop, fires_timers_in_the_order_of_their_due_times_and_once)
{
	AUTO(loop) struct loop *loop = make();
	char log[8] = "";
	struct bell a = {loop, {0}, log, 'a', NULL, false};
	struct bell b = {loop, {0}, log, 'b', NULL, false};
	struct bell c = {loop, {0}, log, 'c', NULL, false};
	struct mono now = clock_now();

	loop_timer_set(loop, &c.timer, mono_after(now, 3), on_bell, &c);
	loop_timer_set(loop, &a.timer, mono_after(now, 1), on_bell, &a);
	loop_timer_set(loop, &b.timer, MONO_NEVER, on_bell, &b);
	loop_timer_set(loop, &b.timer, mono_after(now, 2), on_bell, &b);
	while (strlen(log) < 3)
		cr_assert(loop_once(loop, WAIT_MS));
	cr_expect_str_eq(log, "abc");
	cr_expect(!a.timer.set && !b.timer.set && !c.timer.set);
	loop_timer_set(loop, &a.timer, mono_after(now, 3600000), on_bell, &a);
	loop_timer_set(loop, &b.timer, now, on_bell, &b);
	cr_assert(loop_once(loop, 0));
	cr_expect_str_eq(log, "abcb", "and not before");
	loop_timer_clear(loop, &a.timer);
}

Test(loop, a_timer_may_clear_another_that_is_due_in_the_same_round)
{
	AUTO(loop) struct loop *loop = make();
	char log[8] = "";
	struct bell b = {loop, {0}, log, 'b', NULL, false};
	struct bell a = {loop, {0}, log, 'a', &b, false};
	struct mono now = clock_now();

	loop_timer_set(loop, &a.timer, mono_after(now, -2), on_bell, &a);
	loop_timer_set(loop, &b.timer, mono_after(now, -1), on_bell, &b);
	cr_assert(loop_once(loop, 0));
	cr_expect_str_eq(log, "a");
	loop_timer_clear(loop, &b.timer);
}

Test(loop, a_timer_that_sets_itself_for_now_waits_for_the_next_round)
{
	AUTO(loop) struct loop *loop = make();
	char log[8] = "";
	struct bell a = {loop, {0}, log, 'a', NULL, true};
	struct tap t;

	tap_open(&t, loop, true);
	poke(&t);
	loop_timer_set(loop, &a.timer, clock_now(), on_bell, &a);
	cr_assert(loop_once(loop, 0));
	cr_expect_str_eq(log, "a");
	cr_assert(loop_once(loop, 0));
	cr_expect_str_eq(log, "aa");
	cr_expect_eq(t.calls, 1);
	loop_timer_clear(loop, &a.timer);
	tap_close(&t);
}

/* --- stopping, signals ----------------------------------------------------------------------- */

static void
on_stop(void *arg)
{
	loop_stop(arg);
}

Test(loop, runs_until_it_is_stopped)
{
	AUTO(loop) struct loop *loop = make();
	struct loop_timer t = {0};

	loop_timer_set(loop, &t, clock_now(), on_stop, loop);
	cr_expect_eq(loop_run(loop), 0);
	cr_expect_eq(loop_run(loop), 0, "and stays stopped");
	cr_expect_not(loop_once(loop, 0));
}

Test(loop, stops_on_the_two_signals_that_end_a_daemon_and_says_which)
{
	static const int rows[] = {SIGTERM, SIGINT};

	for (size_t i = 0; i < 2; i++) {
		AUTO(loop) struct loop *loop = make();
		raise(rows[i]);
		cr_expect_eq(loop_run(loop), rows[i]);
	}
}

Test(loop, leaves_children_alone)
{
	AUTO(loop) struct loop *loop = make();
	int status = 0;
	int pid = fork();
	siginfo_t info;

	if (pid == 0)
		_exit(7);
	cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	cr_assert(loop_once(loop, 0));
	cr_expect_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(WEXITSTATUS(status), 7);
}

Test(loop, survives_a_reader_that_went_away)
{
	AUTO(loop) struct loop *loop = make();
	struct tap a;

	tap_open(&a, loop, false);
	close(a.in);
	cr_expect_eq(write(a.out, "x", 1), -1);
	close(a.out);
	cr_assert(loop_once(loop, 0));
}
