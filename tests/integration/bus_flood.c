/*
 * bus_flood: what a flooded link leaves to the others, in messages and turns, not in time.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <unistd.h>

#include "bus_case.h"

enum { BATCH = 8, BYTES = 4096 };

/* Somebody else on the loop: a descriptor that is always readable, a timer that is always due. */
struct waiting {
	struct bus_case *c;
	int fd;
	unsigned turns, seen, most; /* messages: at its last turn; at most between two */
	struct loop_timer timer;
};

static void
note(struct waiting *w)
{
	unsigned since = w->c->server.messages - w->seen;

	w->turns++;
	w->seen = w->c->server.messages;
	w->most = since > w->most ? since : w->most;
}

static void
on_byte(void *arg, short revents)
{
	struct waiting *w = arg;
	char byte = 0;

	(void)revents;
	cr_assert_eq(read(w->fd, &byte, 1), 1);
	note(w);
}

static void
on_time(void *arg)
{
	struct waiting *w = arg;

	note(w);
	loop_timer_set(w->c->server.loop, &w->timer, clock_now(), on_time, w);
}

/* As many as the queues between the two take, before the server hears one; how many. */
static unsigned
fill(struct bus_case *c)
{
	struct bus_node *client = &c->client;
	unsigned n = 0, idle = 0;

	while (idle < 50) {
		if (bus_case_say(client, 1) == ERR_OK) {
			n++;
			idle = 0;
		} else {
			idle++;
			(void)loop_once(client->loop, 1); /* libzmq's thread moves some on */
		}
	}
	return n;
}

Test(bus_flood, whoever_waits_beside_a_flood_has_a_turn_after_eight_messages)
{
	struct bus_case c;
	struct waiting fd = {.c = &c}, timer = {.c = &c};
	int pair[2];
	static char bytes[BYTES];

	bus_case_open(&c);
	bus_case_both(&c);
	cr_assert_eq(pipe(pair), 0);
	cr_assert_eq(write(pair[1], bytes, BYTES), BYTES);
	unsigned n = fill(&c);
	cr_assert_gt(n, 20 * BATCH);
	fd.fd = pair[0];
	fd.seen = timer.seen = c.server.messages;
	cr_assert_eq(loop_watch_fd(c.server.loop, fd.fd, POLLIN, on_byte, &fd), ERR_OK);
	on_time(&timer);
	BUS_WAIT(&c, c.server.messages >= n);
	cr_expect_leq(fd.most, BATCH);
	cr_expect_leq(timer.most, BATCH);
	cr_expect_geq(fd.turns, n / BATCH);
	cr_expect_geq(timer.turns, n / BATCH);
	loop_unwatch_fd(c.server.loop, fd.fd);
	loop_timer_clear(c.server.loop, &timer.timer);
	close(pair[0]);
	close(pair[1]);
	bus_case_close(&c);
}
