/*
 * Links whose peer means harm, or is of another version. What each can reach at most: its own link
 * goes down.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "bus_case.h"
#include "msg.h"

enum { NOBODY = 65534, SILENCE_TURNS = 60 };

static struct bus_counters
seen(struct bus_case *c)
{
	return bus_counters(c->server.link);
}

static void
turn_for_a_while(struct bus_case *c)
{
	for (int i = 0; i < SILENCE_TURNS; i++)
		bus_case_turn(c);
}

/* A bare peer, knocking and greeted: the link is up. */
static void
greet(struct bus_case *c, struct bus_raw *r)
{
	unsigned ups = c->server.ups;

	bus_raw_hello(r, "cloudd", 1, 1);
	BUS_WAIT(c, c->server.ups == ups + 1);
}

/* trust: 44 */
Test(bus_hostile, a_peer_of_another_uid_delivers_nothing)
{
	struct bus_case c;
	struct bus_raw r;

	bus_case_open(&c);
	bus_case_server(&c, geteuid() + 1); /* so we are the stranger */
	bus_raw_open(&r, c.path, NULL);
	bus_raw_hello(&r, "cloudd", 1, 1);
	BUS_WAIT(&c, seen(&c).strangers > 0);
	turn_for_a_while(&c);
	cr_expect_eq(seen(&c).received, 0);
	cr_expect_eq(c.server.ups, 0);
	bus_raw_close(&r);
	bus_case_close(&c);
}

/* In a child that is another user: connect, greet, and report whether anything came back. */
static int
greet_as_nobody(const char *path)
{
	struct bus_raw r;
	int pid = fork();

	if (pid != 0)
		return pid;
	if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		_exit(2);
	bus_raw_open(&r, path, NULL);
	bus_raw_hello(&r, "cloudd", 1, 1);
	for (;;)
		pause();
}

/* trust: 44 */
Test(bus_hostile, a_process_of_another_user_is_refused_even_if_the_file_lets_it_in)
{
	struct bus_case c;

	if (geteuid() != 0)
		cr_skip_test("needs root to be somebody else");
	bus_case_open(&c);
	bus_case_server(&c, 0);
	cr_assert_eq(chmod(c.path, 0666), 0);
	int pid = greet_as_nobody(c.path);
	cr_assert_gt(pid, 0);
	BUS_WAIT(&c, seen(&c).strangers > 0);
	turn_for_a_while(&c);
	cr_expect_eq(seen(&c).received, 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	bus_case_client(&c);
	BUS_WAIT(&c, bus_is_up(c.server.link));
	bus_case_close(&c);
}

Test(bus_hostile, bytes_of_old_protocols_are_never_messages)
{
	/* clang-format off */
	static const struct {
		size_t len;
		char bytes[40];
	} rows[] = {
		{4,  "\x01\x00\x01\x00"},                              /* ZMTP 1: empty id */
		{10, "\x01\x00\x03\x00hi\x03\x00" "hi"},               /* ... and messages */
		{14, "\xff\0\0\0\0\0\0\0\x01\x7f\x01\x05\0\0"},        /* ZMTP 2, a DEALER */
		{20, "\xff\0\0\0\0\0\0\0\x01\x7f\x01\x05\0\0\0\x04" "abcd"},
		{12, "GET / HTTP/1"},
	};
	/* clang-format on */
	struct bus_case c;
	int fd[sizeof(rows) / sizeof(rows[0])];
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	bus_case_open(&c);
	bus_case_server(&c, geteuid());
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", c.path);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		cr_assert_eq(connect(fd[i], (struct sockaddr *)&a, sizeof(a)), 0);
		cr_assert_eq(
		    send(fd[i], rows[i].bytes, rows[i].len, MSG_NOSIGNAL), (ssize_t)rows[i].len);
	}
	turn_for_a_while(&c);
	cr_expect_eq(seen(&c).received, 0);
	bus_case_client(&c);
	BUS_WAIT(&c, bus_is_up(c.server.link));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		close(fd[i]);
	bus_case_close(&c);
}

Test(bus_hostile, more_than_64_kib_ends_the_connection_and_is_not_delivered)
{
	static uint8_t big[ROUTE_BUS_MAX + 1];
	struct bus_case c;
	struct bus_raw r;

	bus_case_open(&c);
	bus_case_server(&c, geteuid());
	bus_raw_open(&r, c.path, NULL);
	greet(&c, &r);
	uint64_t before = seen(&c).received;
	bus_raw_send(&r, big, sizeof(big), false);
	BUS_WAIT(&c, c.server.downs == 1);
	cr_expect_leq(seen(&c).received, before + 1, "a knock at most");
	cr_expect_eq(seen(&c).refused, 0, "it did not even get here");
	cr_expect_eq(c.server.messages, 0);
	bus_raw_close(&r);
	bus_case_close(&c);
}

Test(bus_hostile, a_message_of_many_parts_is_thrown_away_whole_and_in_bounded_steps)
{
	struct bus_case c;
	struct bus_raw r;

	bus_case_open(&c);
	bus_case_server(&c, geteuid());
	bus_raw_open(&r, c.path, NULL);
	greet(&c, &r);
	for (int i = 0; i < 1000; i++)
		bus_raw_send(&r, "part", 4, true);
	bus_raw_send(&r, "last", 4, false);
	BUS_WAIT(&c, seen(&c).refused == 1);
	cr_expect_eq(seen(&c).last_refusal, ERR_MALFORMED);
	cr_expect_eq(c.server.downs, 1);
	bus_case_client(&c); /* 1000 parts later the socket is in step again */
	BUS_WAIT(&c, bus_is_up(c.server.link));
	cr_expect_eq(seen(&c).refused, 1, "no part was taken for a message");
	bus_raw_close(&r);
	bus_case_close(&c);
}

Test(bus_hostile, a_routing_id_that_is_taken_gives_nothing_and_takes_nothing)
{
	struct bus_case c;
	struct bus_raw first, second;

	bus_case_open(&c);
	bus_case_server(&c, geteuid());
	bus_raw_open(&first, c.path, "cloudd");
	greet(&c, &first);
	uint64_t before = seen(&c).received;
	bus_raw_open(&second, c.path, "cloudd");
	bus_raw_hello(&second, "cloudd", 1, 1);
	turn_for_a_while(&c);
	cr_expect_eq(seen(&c).received, before);
	cr_expect_eq(c.server.downs, 0);
	bus_raw_close(&second);
	bus_raw_close(&first);
	bus_case_close(&c);
}

static void
refused_hello(const char *who, unsigned min, unsigned max, enum err expected)
{
	struct bus_case c;
	struct bus_raw r;

	bus_case_open(&c);
	bus_case_server(&c, geteuid());
	bus_raw_open(&r, c.path, NULL);
	bus_raw_hello(&r, who, min, max);
	BUS_WAIT(&c, seen(&c).refused == 1);
	cr_expect_eq(
	    seen(&c).last_refusal, expected, "%s", err_name((unsigned)seen(&c).last_refusal));
	cr_expect_eq(c.server.ups, 0);
	Pb__Envelope *hello = bus_raw_wait(&c, &r); /* so the other side can say so, too */
	cr_expect_eq(hello->body_case, PB__ENVELOPE__BODY_HELLO);
	msg_free(hello);
	bus_raw_close(&r);
	bus_case_close(&c);
}

Test(bus_hostile, no_common_version_no_link)
{
	refused_hello("cloudd", 2, 9, ERR_VERSION);
}

Test(bus_hostile, a_greeting_in_another_name_is_refused)
{
	refused_hello("flashd", 1, 1, ERR_PEER);
}

Test(bus_hostile, a_newer_peer_that_still_speaks_our_version_is_welcome)
{
	struct bus_case c;
	struct bus_raw r;

	bus_case_open(&c);
	bus_case_server(&c, geteuid());
	bus_raw_open(&r, c.path, NULL);
	bus_raw_hello(&r, "cloudd", 1, 99);
	BUS_WAIT(&c, bus_is_up(c.server.link));
	bus_raw_close(&r);
	bus_case_close(&c);
}

/* trust: 45 */
Test(bus_hostile, nothing_is_heard_before_a_greeting)
{
	struct bus_case c;
	struct bus_raw r;
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__LinkState s = PB__LINK_STATE__INIT;

	bus_case_open(&c);
	bus_case_server(&c, geteuid());
	bus_raw_open(&r, c.path, NULL);
	e.proto = 1;
	e.body_case = PB__ENVELOPE__BODY_LINK_STATE;
	e.link_state = &s;
	bus_raw_envelope(&r, &e);
	BUS_WAIT(&c, seen(&c).refused == 1);
	cr_expect_eq(seen(&c).last_refusal, ERR_PHASE);
	cr_expect_eq(c.server.messages, 0);
	bus_raw_close(&r);
	bus_case_close(&c);
}

/* One envelope that must be refused with `err`, and take the link down. */
static void
send_bad(struct bus_case *c, struct bus_raw *r, const Pb__Envelope *e, enum err err)
{
	uint64_t before = seen(c).refused;
	unsigned downs = c->server.downs;

	greet(c, r);
	bus_raw_envelope(r, e);
	BUS_WAIT(c, seen(c).refused > before);
	cr_expect_eq(seen(c).last_refusal, err, "expected %s, got %s", err_name(err),
	    err_name((unsigned)seen(c).last_refusal));
	cr_expect_eq(c->server.downs, downs + 1);
	uint64_t said = seen(c).sent;
	for (bool invited = false; !invited;) { /* after a while it asks for a new greeting */
		Pb__Envelope *hello = bus_raw_wait(c, r);
		invited = hello->body_case == PB__ENVELOPE__BODY_HELLO && hello->seq > said;
		msg_free(hello);
	}
}

Test(bus_hostile, each_bad_envelope_is_counted_and_costs_the_greeting)
{
	struct bus_case c;
	struct bus_raw r;
	Pb__FlashOrder order = PB__FLASH_ORDER__INIT;
	Pb__PlanOffer offer = PB__PLAN_OFFER__INIT;
	Pb__LinkState s = PB__LINK_STATE__INIT;

	bus_case_open(&c);
	bus_case_server(&c, geteuid());
	bus_raw_open(&r, c.path, NULL);
	Pb__Envelope rows[3] = {PB__ENVELOPE__INIT, PB__ENVELOPE__INIT, PB__ENVELOPE__INIT};
	static const enum err errs[3] = {ERR_ROUTE, ERR_MESSAGE, ERR_VERSION};
	rows[0].body_case = PB__ENVELOPE__BODY_FLASH_ORDER; /* cloudd may not say that */
	rows[0].flash_order = &order;
	rows[1].body_case = PB__ENVELOPE__BODY_PLAN_OFFER; /* without a device */
	rows[1].plan_offer = &offer;
	rows[2].body_case = PB__ENVELOPE__BODY_LINK_STATE;
	rows[2].link_state = &s;
	for (size_t i = 0; i < 3; i++) {
		rows[i].proto = i == 2 ? 77 : 1;
		send_bad(&c, &r, &rows[i], errs[i]);
	}
	cr_expect_eq(c.server.messages, 0);
	bus_raw_close(&r);
	bus_case_client(&c);
	BUS_WAIT(&c, bus_is_up(c.server.link));
	bus_case_close(&c);
}

Test(bus_hostile, noise_is_counted_and_the_next_greeting_works)
{
	struct bus_case c;
	struct bus_raw r;
	uint8_t noise[200];

	bus_case_open(&c);
	bus_case_server(&c, geteuid());
	bus_raw_open(&r, c.path, NULL);
	greet(&c, &r);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * 2654435761u >> 11 | 7);
	for (size_t n = 1; n < sizeof(noise); n += 9)
		bus_raw_send(&r, noise, n, false);
	BUS_WAIT(&c, seen(&c).refused == 23);
	cr_expect_eq(c.server.messages, 0);
	cr_expect_eq(c.server.downs, 1);
	bus_raw_close(&r);
	bus_case_client(&c);
	BUS_WAIT(&c, bus_is_up(c.server.link));
	bus_case_close(&c);
}

/* trust: 45 */
Test(bus_hostile, a_greeted_peer_that_knocks_again_must_greet_again)
{
	struct bus_case c;
	struct bus_raw r;

	bus_case_open(&c);
	bus_case_server(&c, geteuid());
	bus_raw_open(&r, c.path, NULL);
	greet(&c, &r);
	bus_raw_send(&r, "", 0, false);
	BUS_WAIT(&c, c.server.downs == 1);
	cr_expect_eq(seen(&c).last_refusal, ERR_MESSAGE);
	bus_raw_close(&r);
	bus_case_close(&c);
}

Test(bus_hostile, a_second_process_that_never_greets_does_not_disturb_the_first)
{
	struct bus_case c;
	struct bus_raw r;

	bus_case_open(&c);
	bus_case_both(&c);
	bus_raw_open(&r, c.path, NULL);
	bus_raw_send(&r, "noise", 5, false);
	BUS_WAIT(&c, seen(&c).refused == 1);
	cr_expect_eq(c.server.downs, 0);
	cr_assert_eq(bus_case_say(&c.client, 5), ERR_OK);
	BUS_WAIT(&c, c.server.last_upgrade == 5);
	bus_raw_close(&r);
	bus_case_close(&c);
}

static void
on_other_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	(void)from;
	(void)e;
	++*(unsigned *)arg;
}

static void
on_other_link(void *arg, struct bus_link *link)
{
	(void)arg;
	(void)link;
}

Test(bus_hostile, a_flood_on_one_link_does_not_starve_another)
{
	enum { FLOOD = 1000 };
	struct bus_case c;
	struct bus_raw flood, other;
	unsigned n = 0;
	struct bus_handler h = {on_other_message, on_other_link, on_other_link, &n};
	struct bus_link *link = NULL;
	Pb__Envelope e = PB__ENVELOPE__INIT;

	bus_case_open(&c);
	bus_case_server(&c, geteuid());
	cr_assert_eq(bus_bind(c.server.bus, WHO_FLASHD, geteuid(), c.control, &h, &link), ERR_OK);
	bus_raw_open(&flood, c.path, NULL);
	greet(&c, &flood);
	bus_raw_open(&other, c.control, NULL);
	bus_raw_hello(&other, "flashd", 1, 1);
	BUS_WAIT(&c, bus_is_up(link));
	for (int k = 0; k < FLOOD; k++)
		bus_raw_send(&flood, "flood", 5, false);
	Pb__DeviceReport r = PB__DEVICE_REPORT__INIT;
	Pb__Device d = PB__DEVICE__INIT;
	d.product_key = (char *)(uintptr_t) "p1";
	d.device_key = (char *)(uintptr_t) "meter-1";
	r.device = &d;
	r.component = (char *)(uintptr_t) "app";
	r.state = PB__DEVICE_STATE__DEVICE_STATE_PRESENT;
	r.battery_percent = 101;
	e.proto = 1;
	e.body_case = PB__ENVELOPE__BODY_DEVICE_REPORT;
	e.device_report = &r;
	bus_raw_envelope(&other, &e);
	BUS_WAIT(&c, n == 1);
	cr_expect_lt(seen(&c).refused, FLOOD, "the flood is not over");
	cr_expect(bus_is_up(link));
	bus_raw_close(&other);
	bus_raw_close(&flood);
	bus_case_close(&c);
}
