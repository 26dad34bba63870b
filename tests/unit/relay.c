/*
 * relay: bytes between two sockets, by itself: what stands for the server is a socket pair, too.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auto.h"
#include "loopback.h"
#include "relay.h"

enum { MANY = 4 << 20, STEPS = 100000 };

struct ends {
	struct relay relay;
	int server, cloudd; /* the other ends */
};

static void
open_ends(struct ends *e)
{
	int a[2], b[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, a), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, b), 0);
	relay_init(&e->relay, a[0], b[0]);
	e->server = a[1];
	e->cloudd = b[1];
}

static void
close_ends(struct ends *e)
{
	relay_fini(&e->relay);
	close(e->server);
	if (e->cloudd >= 0)
		close(e->cloudd);
}

static enum err
step(struct ends *e, int64_t ms)
{
	return relay_step(&e->relay, (struct mono){ms});
}

static void
expect_text(int fd, const char *text)
{
	char got[100] = "";
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

	cr_expect_eq(n, (ssize_t)strlen(text), "got %zd bytes", n);
	cr_expect_str_eq(got, text);
}

static void
say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

Test(relay, carries_what_either_side_says)
{
	struct ends e;

	open_ends(&e);
	cr_expect_eq(step(&e, 0), ERR_AGAIN);
	say(e.server, "down");
	say(e.cloudd, "up");
	cr_expect_eq(step(&e, 0), ERR_AGAIN);
	expect_text(e.cloudd, "down");
	expect_text(e.server, "up");
	cr_expect_eq(e.relay.due.ms, MONO_NEVER.ms, "nobody has ended");
	close_ends(&e);
}

Test(relay, passes_on_the_last_words_of_a_server_that_closes)
{
	struct ends e;

	open_ends(&e);
	say(e.server, "goodbye");
	shutdown(e.server, SHUT_WR);
	cr_expect_eq(step(&e, 0), ERR_AGAIN);
	expect_text(e.cloudd, "goodbye");
	cr_expect_eq(step(&e, 1), ERR_CLOSED);
	close_ends(&e);
}

Test(relay, passes_on_the_last_words_of_cloudd)
{
	struct ends e;

	open_ends(&e);
	say(e.cloudd, "goodbye");
	say(e.server, "for nobody");
	close(e.cloudd);
	e.cloudd = -1;
	cr_expect_eq(step(&e, 0), ERR_AGAIN);
	cr_expect_eq(step(&e, 1), ERR_CLOSED);
	expect_text(e.server, "goodbye");
	close_ends(&e);
}

/* Fill until nothing fits. */
static size_t
stuff(int fd)
{
	static const char block[4096];
	size_t sum = 0;
	ssize_t n;

	while ((n = send(fd, block, sizeof(block), MSG_NOSIGNAL)) > 0)
		sum += (size_t)n;
	return sum;
}

Test(relay, waits_for_a_server_that_takes_nothing_but_not_for_ever)
{
	struct ends e;
	struct pollfd p[2];

	open_ends(&e);
	stuff(e.relay.up.to);
	say(e.cloudd, "goodbye");
	close(e.cloudd);
	e.cloudd = -1;
	cr_expect_eq(step(&e, 0), ERR_AGAIN);
	relay_wants(&e.relay, p);
	cr_expect_eq(p[0].events, POLLOUT);
	cr_expect_eq(p[1].fd, -1, "its end is known");
	cr_expect_eq(step(&e, RELAY_LAST_MS - 1), ERR_AGAIN);
	cr_expect_eq(step(&e, RELAY_LAST_MS), ERR_CLOSED);
	close_ends(&e);
}

/* One side speaks without end, the other listens slowly: nothing is lost, and no more than a buffer
 * is held. */
static void
flood(int from, int to, struct ends *e)
{
	unsigned char out[5000], in[3000];
	size_t sent = 0, got = 0;

	for (int i = 0; i < STEPS && got < MANY; i++) {
		for (size_t k = 0; k < sizeof(out); k++)
			out[k] = (unsigned char)((sent + k) % 251);
		ssize_t n = sent < MANY ? send(from, out, sizeof(out), MSG_NOSIGNAL) : 0;

		sent += n > 0 ? (size_t)n : 0;
		cr_assert_eq(step(e, 0), ERR_AGAIN);
		if (i % 2)
			continue;
		n = recv(to, in, sizeof(in), 0);
		for (ssize_t k = 0; k < n; k++)
			cr_assert_eq(in[k], (got + (size_t)k) % 251, "byte %zu", got + (size_t)k);
		got += n > 0 ? (size_t)n : 0;
	}
	cr_expect_geq(got, MANY);
}

Test(relay, loses_nothing_when_one_side_is_slow)
{
	struct ends e;

	open_ends(&e);
	flood(e.server, e.cloudd, &e);
	close_ends(&e);
	open_ends(&e);
	flood(e.cloudd, e.server, &e);
	close_ends(&e);
}

Test(relay, waits_for_nothing_that_cannot_come)
{
	struct ends e;
	struct pollfd p[2];

	open_ends(&e);
	relay_wants(&e.relay, p);
	cr_expect_eq(p[0].events, POLLIN);
	cr_expect_eq(p[1].events, POLLIN);
	stuff(e.relay.down.to);
	say(e.server, "x");
	cr_expect_eq(step(&e, 0), ERR_AGAIN);
	relay_wants(&e.relay, p);
	cr_expect_eq(p[0].fd, -1, "no room for more of the server's");
	cr_expect_eq(p[1].events, POLLIN | POLLOUT);
	close_ends(&e);
}

/* A TCP connection by loopback. */
static void
connect_pair(int out[2])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	unsigned port = 0;
	AUTO(fd) int listener = loopback_listen(0, &port);

	cr_assert_geq(listener, 0);
	at.sin_port = htons((uint16_t)port);
	out[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(out[0], (struct sockaddr *)&at, sizeof(at)), 0);
	out[1] = accept(listener, NULL, NULL);
	cr_assert_geq(out[1], 0);
}

Test(relay, says_what_broke_the_servers_connection)
{
	const struct linger at_once = {.l_onoff = 1};
	struct ends e;
	int tcp[2], pair[2];

	connect_pair(tcp);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	relay_init(&e.relay, tcp[0], pair[0]);
	cr_assert_eq(setsockopt(tcp[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	close(tcp[1]);
	cr_expect_eq(step(&e, 0), ERR_NETWORK);
	cr_expect_eq(e.relay.error, ECONNRESET);
	relay_fini(&e.relay);
	close(pair[1]);
}
