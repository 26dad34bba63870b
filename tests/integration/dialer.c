/*
 * subota-dialer: the shipped program, jailed, with cloudd's end of it (dial, wire) and servers on
 * loopback, which are this test.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "couriers.h"
#include "loopback.h"
#include "sandbox.h"
#include "wire.h"

TestSuite(dialer, .timeout = 60);

enum { PATIENCE_MS = 20000, CLOUD_UID = 64021, MUCH = 3 << 20, SERVERS = 2 };

/* A dialer that knows the servers. */
struct scene {
	int listeners[SERVERS];
	unsigned ports[SERVERS];
	struct dial *dial;
	pid_t pid;
};

static void
open_scene(struct scene *s)
{
	struct directory list = {0};
	uid_t uid = geteuid() ? geteuid() : CLOUD_UID;
	const struct dial_setup setup = {.program = couriers_program("subota-dialer"),
	    .mode = "require",
	    .uid = uid,
	    .gid = geteuid() ? getegid() : uid};

	for (int i = 0; i < SERVERS; i++) {
		s->listeners[i] = loopback_listen(0, &s->ports[i]);
		cr_assert_geq(s->listeners[i], 0);
		cr_assert_eq(directory_add(&list, "127.0.0.1", (uint16_t)s->ports[i]), ERR_OK);
	}
	cr_assert_eq(dial_start(&setup, &list, &s->dial), ERR_OK);
	s->pid = dial_pid(s->dial);
}

/* It ends when its socket does. */
static void
close_scene(struct scene *s)
{
	int status = -1;

	dial_free(s->dial);
	cr_assert_eq(waitpid(s->pid, &status, 0), s->pid);
	cr_expect_eq(status, 0);
	for (int i = 0; i < SERVERS; i++)
		if (s->listeners[i] >= 0)
			close(s->listeners[i]);
}

static void
wait_ready(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	cr_assert_eq(poll(&p, 1, PATIENCE_MS), 1);
}

static enum err
connect_fully(struct wire *w)
{
	enum err e;

	while ((e = wire_step(w)) == ERR_AGAIN)
		wait_ready(wire_fd(w), wire_wants(w));
	return e;
}

static struct wire *
open_wire(struct scene *s, int server)
{
	struct wire *w = NULL;

	cr_assert_eq(wire_open(s->dial, "127.0.0.1", (uint16_t)s->ports[server], NULL, &w), ERR_OK);
	return w;
}

static struct wire *
open_fully(struct scene *s, int server)
{
	struct wire *w = open_wire(s, server);

	cr_assert_eq(connect_fully(w), ERR_OK, "%s", wire_why(w));
	return w;
}

static int
accept_one(struct scene *s, int server)
{
	wait_ready(s->listeners[server], POLLIN);
	int fd = accept4(s->listeners[server], NULL, NULL, SOCK_CLOEXEC);
	cr_assert_geq(fd, 0);
	return fd;
}

static void
expect_end(int fd)
{
	char byte;

	wait_ready(fd, POLLIN);
	cr_expect_leq(recv(fd, &byte, 1, 0), 0, "nobody speaks on it");
}

/* The next that is neither bytes nor ERR_AGAIN. */
static enum err
read_to_the_end(struct wire *w, size_t *sum)
{
	uint8_t data[4096];
	enum err e;

	for (;;) {
		size_t n = 0;

		e = wire_read(w, data, sizeof(data), &n);
		*sum += n;
		if (e == ERR_AGAIN)
			wait_ready(wire_fd(w), POLLIN);
		else if (e != ERR_OK)
			return e;
	}
}

/* --- a connection ----------------------------------------------------------------------------- */

Test(dialer, connects_to_a_listed_server_and_carries_what_both_say)
{
	struct scene s;
	char text[20] = "";
	uint8_t data[20];
	size_t n = 0;

	open_scene(&s);
	AUTO(wire) struct wire *w = open_fully(&s, 1);
	AUTO(fd) int server = accept_one(&s, 1);
	cr_assert_eq(wire_write(w, (const uint8_t *)"to you", 6, &n), ERR_OK);
	wait_ready(server, POLLIN);
	cr_expect_eq(recv(server, text, sizeof(text), 0), 6);
	cr_expect_str_eq(text, "to you");
	cr_expect_eq(wire_read(w, data, sizeof(data), &n), ERR_AGAIN);
	cr_assert_eq(send(server, "to me", 5, 0), 5);
	wait_ready(wire_fd(w), POLLIN);
	cr_expect_eq(wire_read(w, data, sizeof(data), &n), ERR_OK);
	cr_expect_eq(n, 5);
	wire_close(HAND_OVER(w));
	expect_end(server);
	close_scene(&s);
}

/* What cloudd holds is no socket of a network. */
Test(dialer, hands_over_no_network_socket)
{
	struct scene s;
	int domain = 0;
	socklen_t len = sizeof(domain);

	open_scene(&s);
	AUTO(wire) struct wire *w = open_fully(&s, 0);
	cr_assert_eq(getsockopt(wire_fd(w), SOL_SOCKET, SO_DOMAIN, &domain, &len), 0);
	cr_expect_eq(domain, AF_UNIX);
	wire_close(HAND_OVER(w));
	close_scene(&s);
}

Test(dialer, loses_nothing_of_a_server_that_says_much_and_closes)
{
	static const char block[65536];
	struct scene s;
	size_t sum = 0;

	open_scene(&s);
	AUTO(wire) struct wire *w = open_fully(&s, 0);
	int server = accept_one(&s, 0);
	pid_t pid = fork(); /* it blocks until somebody listens */
	if (pid == 0) {
		size_t sent = 0;

		while (sent < MUCH)
			sent += (size_t)send(server, block, sizeof(block), 0);
		_exit(0);
	}
	close(server);
	cr_expect_eq(read_to_the_end(w, &sum), ERR_CLOSED);
	cr_expect_eq(sum, MUCH);
	waitpid(pid, NULL, 0);
	wire_close(HAND_OVER(w));
	close_scene(&s);
}

Test(dialer, says_what_broke_a_connection)
{
	const struct linger at_once = {.l_onoff = 1};
	struct scene s;
	size_t sum = 0;

	open_scene(&s);
	AUTO(wire) struct wire *w = open_fully(&s, 0);
	int server = accept_one(&s, 0);
	cr_assert_eq(setsockopt(server, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	close(server);
	cr_expect_eq(read_to_the_end(w, &sum), ERR_NETWORK);
	cr_expect_str_eq(wire_why(w), "socket: Connection reset by peer");
	wire_close(HAND_OVER(w));
	close_scene(&s);
}

Test(dialer, says_why_there_is_no_connection)
{
	struct scene s;

	open_scene(&s);
	close(s.listeners[0]);
	s.listeners[0] = -1;
	AUTO(wire) struct wire *w = open_wire(&s, 0);
	cr_expect_eq(connect_fully(w), ERR_NETWORK);
	cr_expect_str_eq(wire_why(w), "connect to 127.0.0.1: Connection refused");
	cr_expect_not(wire_is_through(w));
	wire_close(HAND_OVER(w));
	close_scene(&s);
}

/* --- what is not listed ----------------------------------------------------------------------- */

/* A request as a cloudd that was taken over may make it; what came of it. */
static struct dialer_note
request(struct scene *s, struct dialer_request r)
{
	struct dialer_note note = {0};
	int fd = -1;

	cr_assert_eq(send(dial_fd(s->dial), &r, sizeof(r), 0), (ssize_t)sizeof(r));
	wait_ready(dial_fd(s->dial), POLLIN);
	cr_assert_eq(dial_read(s->dial, &note, &fd), ERR_OK);
	cr_expect_eq(fd >= 0, note.error == 0);
	if (fd >= 0)
		close(fd);
	return note;
}

Test(dialer, refuses_a_place_that_is_not_in_its_list)
{
	static const uint32_t places[] = {SERVERS, SERVERS + 1, 0x7fffffff, 0x80000000, 0xffffffff};
	struct scene s;

	open_scene(&s);
	for (uint32_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct dialer_note n = request(
		    &s, (struct dialer_request){DIALER_ASK, 7 + i, places[i]});

		cr_expect_eq(n.kind, DIALER_ANSWER);
		cr_expect_eq(n.id, 7 + i);
		cr_expect_eq(n.error, ERR_DENIED);
		cr_expect_str_eq(n.why, "not a server of the configuration");
	}
	cr_expect_eq(request(&s, (struct dialer_request){DIALER_ASK, 99, SERVERS - 1}).error, 0);
	close_scene(&s);
}

Test(dialer, is_not_asked_for_a_name_that_is_not_listed)
{
	struct scene s;
	struct wire *w = NULL;

	open_scene(&s);
	cr_expect_eq(wire_open(s.dial, "localhost", (uint16_t)s.ports[0], NULL, &w), ERR_DENIED);
	cr_expect_eq(wire_open(s.dial, "127.0.0.1", 22, NULL, &w), ERR_DENIED);
	cr_expect_null(w);
	close_scene(&s);
}

Test(dialer, makes_few_connections_at_a_time)
{
	struct scene s;
	struct dialer_note n = {0};
	int fds[DIALER_CALLS];

	open_scene(&s);
	for (uint32_t i = 0; i < DIALER_CALLS; i++) {
		const struct dialer_request r = {DIALER_ASK, i + 1, 0};

		cr_assert_eq(send(dial_fd(s.dial), &r, sizeof(r), 0), (ssize_t)sizeof(r));
		wait_ready(dial_fd(s.dial), POLLIN);
		cr_assert_eq(dial_read(s.dial, &n, &fds[i]), ERR_OK);
		cr_assert_eq(n.error, 0, "%s", n.why);
	}
	cr_expect_eq(request(&s, (struct dialer_request){DIALER_ASK, 99, 0}).error, ERR_LIMIT);
	close(fds[0]);
	AUTO(fd) int first = accept_one(&s, 0);
	expect_end(first);
	cr_expect_eq(request(&s, (struct dialer_request){DIALER_ASK, 100, 0}).error, 0);
	for (int i = 1; i < DIALER_CALLS; i++)
		close(fds[i]);
	close_scene(&s);
}

/* --- what is not wanted any more -------------------------------------------------------------- */

Test(dialer, late_answer_for_an_abandoned_connection_is_for_nobody)
{
	struct scene s;

	open_scene(&s);
	struct wire *abandoned = open_wire(&s, 0);
	wait_ready(dial_fd(s.dial), POLLIN); /* the answer is there, and nobody has read it */
	AUTO(fd) int first = accept_one(&s, 0);
	wire_close(abandoned);
	expect_end(first);
	AUTO(wire) struct wire *w = open_fully(&s, 1);
	AUTO(fd) int second = accept_one(&s, 1);
	cr_assert_eq(send(second, "x", 1, 0), 1);
	wait_ready(wire_fd(w), POLLIN);
	wire_close(HAND_OVER(w));
	expect_end(second);
	close_scene(&s);
}

/* The dialer stands still until both requests have been made. */
Test(dialer, request_that_is_taken_back_before_it_is_heard_leaves_nothing)
{
	struct scene s;

	open_scene(&s);
	cr_assert_eq(kill(s.pid, SIGSTOP), 0);
	wire_close(open_wire(&s, 0));
	struct wire *w = open_wire(&s, 1);
	cr_expect_eq(wire_step(w), ERR_AGAIN);
	cr_assert_eq(kill(s.pid, SIGCONT), 0);
	cr_expect_eq(connect_fully(w), ERR_OK, "%s", wire_why(w));
	AUTO(fd) int first = accept_one(&s, 0);
	AUTO(fd) int second = accept_one(&s, 1);
	expect_end(first);
	wire_close(w);
	expect_end(second);
	close_scene(&s);
}

/* --- its end ---------------------------------------------------------------------------------- */

static void
kill_dialer(struct scene *s)
{
	cr_assert_eq(kill(s->pid, SIGKILL), 0);
	cr_assert_eq(waitpid(s->pid, NULL, 0), s->pid);
}

static void
leave(struct scene *s)
{
	dial_free(s->dial);
	for (int i = 0; i < SERVERS; i++)
		close(s->listeners[i]);
}

Test(dialer, killed_while_it_is_connected_ends_the_connection_for_good)
{
	struct scene s;
	size_t sum = 0;
	struct wire *none = NULL;

	open_scene(&s);
	struct wire *w = open_fully(&s, 0);
	kill_dialer(&s);
	cr_expect_eq(read_to_the_end(w, &sum), ERR_DIALER);
	cr_expect_str_eq(wire_why(w), "the dialer died");
	wire_close(w);
	cr_expect_eq(wire_open(s.dial, "127.0.0.1", (uint16_t)s.ports[0], NULL, &none), ERR_DIALER);
	cr_expect_null(none);
	leave(&s);
}

Test(dialer, killed_before_it_answers_is_noticed)
{
	struct scene s;

	open_scene(&s);
	cr_assert_eq(kill(s.pid, SIGSTOP), 0);
	struct wire *w = open_wire(&s, 0);
	kill_dialer(&s);
	cr_expect_eq(connect_fully(w), ERR_DIALER);
	cr_expect_str_eq(wire_why(w), "the dialer died");
	wire_close(w);
	leave(&s);
}

Test(dialer, starts_for_nobody_else)
{
	static const char *const rows[][6] = {{NULL}, {"require", NULL},
	    {"require", "1", "1", NULL}, {"require", "1", "1", "no-port", NULL},
	    {"none", "x", "1", "a 1", NULL}, {"anything", "1", "1", "a 1", NULL}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *argv[8] = {(char[]){"subota-dialer"}};
		int status = -1, fd = -1;
		pid_t pid = 0;

		for (size_t k = 0; rows[i][k]; k++)
			argv[1 + k] = (char *)(uintptr_t)rows[i][k];
		cr_assert_geq(fd = open("/dev/null", O_RDWR | O_CLOEXEC), 0);
		cr_assert_eq(
		    sandbox_spawn(couriers_program("subota-dialer"), argv, &fd, 1, &pid), ERR_OK);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_expect_eq(status, 64 << 8, "row %zu: %d", i, status);
		close(fd);
	}
}
