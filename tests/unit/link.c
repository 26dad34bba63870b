/*
 * Links: what a port says, and the sockets behind it. Peers are sockets of the test on loopback.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <string.h>

#include "auto.h"
#include "link.h"

enum { PATIENCE_MS = 20000 };

struct scene {
	int peer; /* bound, for TCP listening */
	char port[64];
	struct link_sockets sockets;
	struct link link;
	struct tty_settings set;
	char why[WHY_SIZE];
};

/* A peer of that type on a free port of the loopback, and a link to it. */
static void
open_scene(struct scene *s, int type, int family)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in four = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bool is_four = family == AF_INET;
	struct sockaddr *at = is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six;
	socklen_t len = is_four ? sizeof(four) : sizeof(six);

	*s = (struct scene){.peer = socket(family, type | SOCK_CLOEXEC, 0)};
	cr_assert_eq(bind(s->peer, at, len), 0);
	cr_assert_eq(getsockname(s->peer, at, &len), 0);
	if (type == SOCK_STREAM)
		cr_assert_eq(listen(s->peer, 4), 0);
	snprintf(s->port, sizeof(s->port), "%s:%s:%u", type == SOCK_STREAM ? "tcp" : "udp",
	    is_four ? "127.0.0.1" : "[::1]", ntohs(is_four ? four.sin_port : six.sin6_port));
	s->set = (struct tty_settings){.path = s->port, .baud = 115200};
	cr_assert_eq(link_sockets_add(&s->sockets, s->port), ERR_OK);
	link_init(&s->link, link_sockets_find(&s->sockets, s->port));
}

static void
close_scene(struct scene *s)
{
	link_close(&s->link);
	link_sockets_fini(&s->sockets);
	close(s->peer);
}

static void
must_open(struct scene *s)
{
	cr_assert_eq(link_open(&s->link, &s->set, s->why), ERR_OK, "%s", s->why);
}

static bool
readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, PATIENCE_MS) == 1;
}

static void
expect_hears(int fd, const char *text)
{
	char in[64] = "";

	cr_assert(readable(fd));
	cr_expect_eq(read(fd, in, sizeof(in) - 1), (ssize_t)strlen(text));
	cr_expect_str_eq(in, text);
}

Test(link, port_is_a_path_or_a_numeric_address)
{
	static const struct {
		const char *text;
		enum err want;
		const struct link_kind *kind;
		unsigned port;
	} rows[] = {
	    {"/dev/ttyUSB0", ERR_OK, &link_tty, 0},
	    {"udp", ERR_OK, &link_tty, 0},
	    {"udp:192.0.2.7:1337", ERR_OK, &link_udp, 0},
	    {"tcp:192.0.2.7:4001", ERR_OK, &link_tcp, 4001},
	    {"tcp:[2001:db8::7]:65535", ERR_OK, &link_tcp, 65535},
	    {"udp:device.example:1337", ERR_CONFIG, NULL, 0},
	    {"udp:192.0.2.7", ERR_CONFIG, NULL, 0},
	    {"udp:192.0.2.7:", ERR_CONFIG, NULL, 0},
	    {"udp:192.0.2.7:0", ERR_CONFIG, NULL, 0},
	    {"udp:192.0.2.7:65536", ERR_CONFIG, NULL, 0},
	    {"udp:192.0.2.7:13 37", ERR_CONFIG, NULL, 0},
	    {"udp:192.0.2:1337", ERR_CONFIG, NULL, 0},
	    {"udp:2001:db8::7:1337", ERR_CONFIG, NULL, 0},
	    {"tcp:[2001:db8::7:1337", ERR_CONFIG, NULL, 0},
	    {"tcp:[2001:db8::7]1337", ERR_CONFIG, NULL, 0},
	    {"tcp:", ERR_CONFIG, NULL, 0},
	    {"tcp:[]:1", ERR_CONFIG, NULL, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct link_place p;
		char why[WHY_SIZE] = "";

		cr_expect_eq(link_parse(rows[i].text, &p, why), rows[i].want, "%s", rows[i].text);
		if (rows[i].want != ERR_OK) {
			cr_expect(strstr(why, "in numbers"), "%s: %s", rows[i].text, why);
			continue;
		}
		cr_expect_eq(p.kind, rows[i].kind, "%s", rows[i].text);
		cr_expect_eq(p.port, rows[i].port, "%s", rows[i].text);
	}
}

Test(link, no_socket_is_made_for_a_serial_line_and_one_for_each_address)
{
	struct link_sockets s = {0};

	cr_expect_eq(link_sockets_add(&s, "/dev/ttyUSB0"), ERR_OK);
	cr_expect_eq(s.n, 0u);
	cr_expect_eq(link_sockets_add(&s, "udp:127.0.0.1:9"), ERR_OK);
	cr_expect_eq(link_sockets_add(&s, "udp:127.0.0.1:9"), ERR_OK);
	cr_expect_eq(link_sockets_add(&s, "tcp:127.0.0.1:9"), ERR_OK);
	cr_expect_eq(s.n, 2u);
	cr_expect(fcntl(s.list[0].fd, F_GETFD) & FD_CLOEXEC);
	cr_expect_eq(link_sockets_find(&s, "/dev/ttyUSB0"), -1);
	link_sockets_fini(&s);
}

Test(link, datagrams_go_to_the_device_and_only_it_is_heard)
{
	struct scene s;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char in[8];

	open_scene(&s, SOCK_DGRAM, AF_INET);
	must_open(&s);
	cr_assert_eq(write(s.link.fd, "ask", 3), 3);
	cr_assert_eq(recvfrom(s.peer, in, sizeof(in), 0, (struct sockaddr *)&from, &len), 3);

	AUTO(fd) int stranger = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(sendto(stranger, "evil", 4, 0, (struct sockaddr *)&from, len), 4);
	cr_assert_eq(sendto(s.peer, "answer", 6, 0, (struct sockaddr *)&from, len), 6);
	expect_hears(s.link.fd, "answer");
	cr_expect_eq(read(s.link.fd, in, sizeof(in)), -1);
	cr_expect_eq(errno, EAGAIN);
	close_scene(&s);
}

Test(link, stale_datagrams_and_refusals_are_gone_when_it_is_opened_again)
{
	struct scene s;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char in[8];

	open_scene(&s, SOCK_DGRAM, AF_INET);
	must_open(&s);
	cr_assert_eq(write(s.link.fd, "ask", 3), 3);
	cr_assert_eq(recvfrom(s.peer, in, sizeof(in), 0, (struct sockaddr *)&from, &len), 3);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(sendto(s.peer, "stale", 5, 0, (struct sockaddr *)&from, len), 5);
	cr_assert(readable(s.link.fd));
	must_open(&s);
	cr_expect_eq(read(s.link.fd, in, sizeof(in)), -1);
	cr_expect_eq(errno, EAGAIN);
	close_scene(&s);
}

Test(link, stream_connects_in_the_background_by_either_family)
{
	static const int families[] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < 2; i++) {
		struct scene s;

		open_scene(&s, SOCK_STREAM, families[i]);
		must_open(&s);
		AUTO(fd) int end = accept(s.peer, NULL, NULL);
		cr_assert_eq(write(end, "hello", 5), 5);
		expect_hears(s.link.fd, "hello");
		close_scene(&s);
	}
}

Test(link, stream_that_ended_is_connected_anew_by_the_same_socket)
{
	struct scene s;

	open_scene(&s, SOCK_STREAM, AF_INET);
	for (int i = 0; i < 3; i++) {
		must_open(&s);
		AUTO(fd) int end = accept(s.peer, NULL, NULL);
		cr_assert_eq(write(end, "last words", 10), 10);
		close(hand_over_fd(&end));
		cr_assert(readable(s.link.fd));
	}
	must_open(&s);
	AUTO(fd) int end = accept(s.peer, NULL, NULL);
	cr_assert_eq(write(end, "hello", 5), 5);
	expect_hears(s.link.fd, "hello");
	cr_expect_eq(s.sockets.n, 1u);
	close_scene(&s);
}

Test(link, stream_that_still_stands_is_kept_and_its_stale_bytes_are_dropped)
{
	struct scene s;

	open_scene(&s, SOCK_STREAM, AF_INET);
	must_open(&s);
	AUTO(fd) int end = accept(s.peer, NULL, NULL);
	cr_assert_eq(write(end, "stale", 5), 5);
	cr_assert(readable(s.link.fd));
	must_open(&s);
	cr_assert_eq(write(end, "fresh", 5), 5);
	expect_hears(s.link.fd, "fresh");
	close_scene(&s);
}

Test(link, silence_is_not_believed_on_a_stream)
{
	struct scene s;
	char in[8];

	open_scene(&s, SOCK_STREAM, AF_INET);
	must_open(&s);
	AUTO(fd) int end = accept(s.peer, NULL, NULL);
	link_doubt(&s.link);
	cr_assert(readable(end));
	cr_expect_leq(read(end, in, sizeof(in)), 0); /* it was let go */
	must_open(&s);
	AUTO(fd) int again = accept(s.peer, NULL, NULL);
	cr_assert_eq(write(again, "hello", 5), 5);
	expect_hears(s.link.fd, "hello");
	close_scene(&s);
}

Test(link, refusal_of_a_stream_is_found_by_whoever_reads_and_does_not_last)
{
	struct scene s;
	char in[8];

	open_scene(&s, SOCK_STREAM, AF_INET);
	close(s.peer);
	for (int i = 0; i < 2; i++) {
		if (link_open(&s.link, &s.set, s.why) != ERR_OK)
			continue;
		cr_assert(readable(s.link.fd));
		cr_expect_leq(read(s.link.fd, in, sizeof(in)), 0);
		link_close(&s.link);
	}
	struct link_place p;
	cr_assert_eq(link_parse(s.port, &p, s.why), ERR_OK);
	s.peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(setsockopt(s.peer, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), 0);
	cr_assert_eq(bind(s.peer, (struct sockaddr *)&p.to, p.to_len), 0);
	cr_assert_eq(listen(s.peer, 4), 0);
	must_open(&s);
	AUTO(fd) int end = accept(s.peer, NULL, NULL);
	cr_assert_eq(write(end, "hello", 5), 5);
	expect_hears(s.link.fd, "hello");
	close_scene(&s);
}

Test(link, without_a_socket_a_network_link_is_an_error_not_a_crash)
{
	struct tty_settings set = {.path = "udp:127.0.0.1:9", .baud = 115200};
	struct link l;
	char why[WHY_SIZE] = "";

	link_init(&l, -1);
	cr_expect_eq(link_open(&l, &set, why), ERR_LINK);
	cr_expect(strstr(why, "expected a socket"), "%s", why);
}

Test(link, serial_line_is_opened_again_only_for_other_settings)
{
	AUTO(fd) int master = -1;
	AUTO(fd) int keep = -1;
	char path[64], why[WHY_SIZE] = "";
	struct link l;

	cr_assert_eq(openpty(&master, &keep, path, NULL, NULL), 0);
	struct tty_settings set = {.path = path, .baud = 115200};
	link_init(&l, -1);
	cr_assert_eq(link_open(&l, &set, why), ERR_OK, "%s", why);
	int first = l.fd;
	AUTO(fd) int between = dup(master); /* takes the next number, should it be closed */
	cr_assert_eq(link_open(&l, &set, why), ERR_OK);
	cr_expect_eq(l.fd, first);
	link_doubt(&l);
	cr_expect_eq(l.fd, first);
	set.baud = 9600;
	cr_assert_eq(link_open(&l, &set, why), ERR_OK);
	link_close(&l);
	cr_expect_eq(l.fd, -1);
}
