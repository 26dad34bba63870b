/*
 * call: the addresses of a name, one after the other. A list of addresses is put together from
 * literals, as a resolver would from a name that has several.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call.h"

enum { PATIENCE_MS = 20000, BACKLOG = 8 };

/* A listener at this address, on the port, which is chosen when it is 0. */
static int
listen_at(const char *address, uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(*port)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(inet_pton(AF_INET, address, &at.sin_addr), 1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, len), 0);
	cr_assert_eq(listen(fd, 0), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

/* Puts `list` behind the addresses of a literal. */
static struct addrinfo *
before(struct addrinfo *list, const char *address, uint16_t port)
{
	char why[CALL_WHY] = "";
	struct addrinfo *one = NULL;

	cr_assert_eq(call_resolve(address, port, &one, why), ERR_OK, "%s", why);
	cr_assert_null(one->ai_next);
	one->ai_next = list;
	return one;
}

static enum err
run(struct call *c, int *fd)
{
	struct mono end = mono_after(clock_now(), PATIENCE_MS);
	enum err e;

	while (
	    (e = call_step(c, clock_now(), fd)) == ERR_AGAIN && !mono_reached(clock_now(), end)) {
		struct pollfd p = {.fd = c->fd, .events = POLLOUT};
		int64_t ms = mono_between(clock_now(), c->due);

		poll(&p, 1, ms > 0 ? (int)ms : 0);
	}
	return e;
}

static void
expect_peer(int fd, const char *address)
{
	struct sockaddr_in at = {0};
	socklen_t len = sizeof(at);
	char text[INET_ADDRSTRLEN] = "";
	int one = 0;

	cr_assert_eq(getpeername(fd, (struct sockaddr *)&at, &len), 0);
	inet_ntop(AF_INET, &at.sin_addr, text, sizeof(text));
	cr_expect_str_eq(text, address);
	len = sizeof(one);
	cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, &len), 0);
	cr_expect_eq(one, 1, "small packets leave at once");
}

Test(call, passes_over_an_address_that_refuses)
{
	uint16_t port = 0;
	AUTO(fd) int server = listen_at("127.0.0.1", &port);
	struct call c;
	AUTO(fd) int fd = -1;

	call_init(&c, before(before(NULL, "127.0.0.1", port), "127.77.0.1", port), PATIENCE_MS,
	    clock_now());
	cr_expect_eq(run(&c, &fd), ERR_OK, "%s", c.why);
	expect_peer(fd, "127.0.0.1");
	call_fini(&c);
}

Test(call, takes_the_first_address_that_answers)
{
	uint16_t port = 0;
	AUTO(fd) int one = listen_at("127.77.0.1", &port);
	AUTO(fd) int other = listen_at("127.0.0.1", &port);
	struct call c;
	AUTO(fd) int fd = -1;

	call_init(&c, before(before(NULL, "127.0.0.1", port), "127.77.0.1", port), PATIENCE_MS,
	    clock_now());
	cr_expect_eq(run(&c, &fd), ERR_OK, "%s", c.why);
	expect_peer(fd, "127.77.0.1");
	call_fini(&c);
}

/* A listener whose queue is full answers to no SYN. */
static void
fill_queue(const char *address, uint16_t port, int held[BACKLOG])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};

	cr_assert_eq(inet_pton(AF_INET, address, &at.sin_addr), 1);
	for (int i = 0; i < BACKLOG; i++) {
		held[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(held[i], (struct sockaddr *)&at, sizeof(at));
	}
}

Test(call, passes_over_an_address_that_says_nothing)
{
	uint16_t port = 0;
	AUTO(fd) int dead = listen_at("127.77.0.1", &port);
	AUTO(fd) int server = listen_at("127.0.0.1", &port);
	struct call c;
	int held[BACKLOG];
	AUTO(fd) int fd = -1;

	fill_queue("127.77.0.1", port, held);
	call_init(&c, before(before(NULL, "127.0.0.1", port), "127.77.0.1", port), 50, clock_now());
	cr_expect_eq(call_step(&c, clock_now(), &fd), ERR_AGAIN);
	cr_expect_eq(run(&c, &fd), ERR_OK, "%s", c.why);
	expect_peer(fd, "127.0.0.1");
	call_fini(&c);
	for (int i = 0; i < BACKLOG; i++)
		close(held[i]);
}

Test(call, says_of_the_last_address_why_it_failed)
{
	uint16_t port = 0;
	AUTO(fd) int dead = listen_at("127.77.0.1", &port);
	struct call c;
	int held[BACKLOG], fd = -1;

	call_init(&c, before(before(NULL, "127.77.0.2", port), "127.77.0.3", port), PATIENCE_MS,
	    clock_now());
	cr_expect_eq(run(&c, &fd), ERR_NETWORK);
	cr_expect_str_eq(c.why, "connect to 127.77.0.2: Connection refused");
	cr_expect_eq(call_step(&c, clock_now(), &fd), ERR_NETWORK, "for ever");
	call_fini(&c);
	fill_queue("127.77.0.1", port, held);
	call_init(
	    &c, before(before(NULL, "127.77.0.1", port), "127.77.0.3", port), 1000, clock_now());
	while (call_step(&c, c.at == c.all ? clock_now() : c.due, &fd) == ERR_AGAIN)
		;
	cr_expect_eq(c.error, ERR_TIMEOUT);
	cr_expect_str_eq(c.why, "expected a connection within 1 s");
	cr_expect_eq(c.fd, -1);
	cr_expect_eq(fd, -1);
	call_fini(&c);
	for (int i = 0; i < BACKLOG; i++)
		close(held[i]);
}

Test(call, says_that_a_name_has_no_address)
{
	char why[CALL_WHY] = "";
	struct addrinfo *all = NULL;

	/* longer than a label can be: no server is asked for it */
	cr_expect_eq(
	    call_resolve("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
			 "example",
		1, &all, why),
	    ERR_NETWORK);
	cr_expect_eq(strncmp(why, "no address for this name: ", 26), 0, "%s", why);
	cr_expect_null(all);
}
