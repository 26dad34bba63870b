/*
 * Links between daemons that mean well: greeting, restarts, silence, high-water marks.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "bus_case.h"

static enum err
progress(struct bus_node *n)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Progress p = PB__PROGRESS__INIT;
	Pb__Device d = PB__DEVICE__INIT;

	d.product_key = (char *)(uintptr_t) "p1";
	d.device_key = (char *)(uintptr_t) "meter-1";
	p.device = &d;
	p.phase = PB__PHASE__PHASE_FETCHING;
	e.upgrade = 1;
	e.body_case = PB__ENVELOPE__BODY_PROGRESS;
	e.progress = &p;
	return bus_send(n->link, &e);
}

Test(bus, a_link_is_up_when_both_have_greeted_and_carries_messages_in_order)
{
	struct bus_case c;

	bus_case_open(&c);
	bus_case_both(&c);
	cr_expect_eq(c.server.ups, 1);
	cr_expect_eq(c.client.ups, 1);
	for (uint64_t i = 1; i <= 20; i++) {
		cr_assert_eq(bus_case_say(&c.client, i), ERR_OK);
		BUS_WAIT(&c, c.server.messages == i);
		cr_expect_eq(c.server.last_upgrade, i);
	}
	cr_expect_eq(c.server.last_kind, PB__ENVELOPE__BODY_LINK_STATE);
	cr_expect_geq(c.server.last_seq, 21, "the greeting counts, too");
	cr_expect_eq(bus_counters(c.server.link).refused, 0);
	cr_expect_eq(bus_counters(c.client.link).refused, 0);
	cr_expect_eq(bus_peer(c.server.link), WHO_CLOUDD);
	bus_case_close(&c);
}

Test(bus, a_client_that_starts_first_is_up_when_the_server_comes)
{
	struct bus_case c;

	bus_case_open(&c);
	bus_case_client(&c);
	for (int i = 0; i < 5; i++)
		bus_case_turn(&c);
	cr_expect_eq(bus_case_say(&c.client, 1), ERR_OFFLINE);
	bus_case_server(&c, geteuid());
	BUS_WAIT(&c, bus_is_up(c.server.link) && bus_is_up(c.client.link));
	bus_case_close(&c);
}

Test(bus, server_restarted_is_greeted_again_by_the_same_client)
{
	struct bus_case c;

	bus_case_open(&c);
	bus_case_both(&c);
	bus_case_stop(&c.server);
	bus_case_server(&c, geteuid());
	BUS_WAIT(&c, bus_is_up(c.server.link) && c.client.ups == 2 && bus_is_up(c.client.link));
	cr_expect_eq(c.client.downs, 1);
	cr_assert_eq(bus_case_say(&c.client, 7), ERR_OK);
	BUS_WAIT(&c, c.server.last_upgrade == 7);
	bus_case_close(&c);
}

Test(bus, client_restarted_takes_over_from_its_former_self)
{
	struct bus_case c;

	bus_case_open(&c);
	bus_case_both(&c);
	bus_case_stop(&c.client);
	bus_case_client(&c);
	BUS_WAIT(&c, c.server.ups == 2 && bus_is_up(c.client.link));
	cr_expect_eq(c.server.downs, 1);
	cr_assert_eq(bus_case_say(&c.client, 8), ERR_OK);
	BUS_WAIT(&c, c.server.last_upgrade == 8);
	bus_case_close(&c);
}

/* Both up, and no ping will find out that a peer is gone. */
static void
be_patient(struct bus_case *c)
{
	const struct bus_pace slow = {60000, 3, 20, 500};

	bus_case_server(c, geteuid());
	bus_set_pace(c->server.bus, &slow);
	bus_case_client(c);
	bus_set_pace(c->client.bus, &slow);
	BUS_WAIT(c, bus_is_up(c->server.link) && bus_is_up(c->client.link));
}

/* So that what was said has left, and whoever is not hung has heard it. */
static void
turn(struct bus_case *c)
{
	for (int i = 0; i < 30; i++)
		bus_case_turn(c);
}

Test(bus, what_a_client_said_before_it_was_restarted_is_never_heard_after_its_new_greeting)
{
	struct bus_case c;

	bus_case_open(&c);
	be_patient(&c);
	c.server.hung = true;
	for (uint64_t i = 1; i <= 60; i++)
		cr_assert_eq(bus_case_say(&c.client, i), ERR_OK);
	turn(&c);
	bus_case_stop(&c.client);
	bus_case_client(&c);
	turn(&c);
	c.server.hung = false;
	BUS_WAIT(&c, c.server.ups == 2 && bus_is_up(c.client.link));
	turn(&c);
	cr_expect_eq(c.server.messages, c.server.before);
	cr_expect_lt(c.server.messages, 60, "the greeting overtook none of them");
	cr_assert_eq(bus_case_say(&c.client, 1000), ERR_OK);
	BUS_WAIT(&c, c.server.last_upgrade == 1000);
	bus_case_close(&c);
}

Test(bus, what_a_client_had_not_read_when_its_server_was_restarted_is_never_heard_after_that)
{
	struct bus_case c;

	bus_case_open(&c);
	be_patient(&c);
	c.client.hung = true;
	for (int i = 0; i < 60; i++)
		cr_assert_eq(progress(&c.server), ERR_OK);
	turn(&c);
	bus_case_stop(&c.server);
	bus_case_server(&c, geteuid());
	turn(&c);
	c.client.hung = false;
	BUS_WAIT(&c, c.client.ups == 2 && bus_is_up(c.server.link));
	turn(&c);
	cr_expect_eq(c.client.messages, 0);
	cr_assert_eq(progress(&c.server), ERR_OK);
	BUS_WAIT(&c, c.client.messages == 1);
	bus_case_close(&c);
}

Test(bus, server_gone_for_good_takes_the_link_down)
{
	struct bus_case c;

	bus_case_open(&c);
	bus_case_both(&c);
	bus_case_stop(&c.server);
	BUS_WAIT(&c, c.client.downs == 1);
	cr_expect_eq(bus_case_say(&c.client, 1), ERR_OFFLINE);
	bus_case_close(&c);
}

Test(bus, client_gone_is_noticed_before_any_ping_is_missed)
{
	struct bus_case c;

	bus_case_open(&c);
	bus_case_both(&c);
	bus_case_stop(&c.client);
	/* what the server says meanwhile may already have nowhere to go */
	BUS_WAIT(&c, c.server.downs == 1);
	cr_expect_eq(bus_counters(c.server.link).refused, 0);
	bus_case_close(&c);
}

Test(bus, client_hung_is_noticed_by_pings_and_greets_again_when_it_wakes)
{
	struct bus_case c;

	bus_case_open(&c);
	bus_case_both(&c);
	c.client.hung = true; /* its I/O thread lives and answers heartbeats */
	BUS_WAIT(&c, c.server.downs == 1);
	cr_expect_eq(bus_case_say(&c.server, 1), ERR_OFFLINE);
	c.client.hung = false;
	BUS_WAIT(&c, c.server.ups == 2 && bus_is_up(c.client.link));
	cr_assert_eq(bus_case_say(&c.client, 9), ERR_OK);
	BUS_WAIT(&c, c.server.last_upgrade == 9);
	bus_case_close(&c);
}

Test(bus, server_hung_is_noticed_by_pings_and_found_again_when_it_wakes)
{
	struct bus_case c;

	bus_case_open(&c);
	bus_case_both(&c);
	c.server.hung = true;
	BUS_WAIT(&c, c.client.downs == 1);
	c.server.hung = false;
	BUS_WAIT(&c, bus_is_up(c.server.link) && bus_is_up(c.client.link));
	cr_assert_eq(bus_case_say(&c.client, 9), ERR_OK);
	BUS_WAIT(&c, c.server.last_upgrade == 9);
	bus_case_close(&c);
}

Test(bus, a_client_that_was_refused_is_let_in_when_that_was_a_mistake)
{
	struct bus_case c;

	bus_case_open(&c);
	bus_case_server(&c, geteuid() + 1);
	bus_case_client(&c);
	BUS_WAIT(&c, bus_counters(c.server.link).strangers > 0);
	cr_expect_eq(c.client.ups, 0);
	bus_case_stop(&c.server);
	bus_case_server(&c, geteuid());
	BUS_WAIT(&c, bus_is_up(c.server.link) && bus_is_up(c.client.link));
	bus_case_close(&c);
}

Test(bus, at_the_high_water_mark_a_message_is_refused_and_a_droppable_one_dropped)
{
	struct bus_case c;
	enum err e = ERR_OK;
	unsigned n = 0;

	bus_case_open(&c);
	bus_case_both(&c);
	c.client.hung = true;
	while ((e = progress(&c.server)) == ERR_OK && bus_counters(c.server.link).dropped == 0)
		cr_assert_lt(++n, 1000000);
	cr_expect_eq(e, ERR_OK);
	cr_expect_eq(bus_counters(c.server.link).dropped, 1);
	Pb__Envelope plan = PB__ENVELOPE__INIT;
	Pb__PlanVerdict v = PB__PLAN_VERDICT__INIT;
	v.verdict = PB__VERDICT__VERDICT_ACCEPT;
	plan.upgrade = 1;
	plan.body_case = PB__ENVELOPE__BODY_PLAN_VERDICT;
	plan.plan_verdict = &v;
	cr_expect_eq(bus_send(c.server.link, &plan), ERR_AGAIN);
	c.client.hung = false;
	BUS_WAIT(&c, c.client.messages > 100);
	bus_case_close(&c);
}

Test(bus, does_not_send_what_the_route_table_does_not_allow)
{
	struct bus_case c;
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__FlashOrder o = PB__FLASH_ORDER__INIT;

	bus_case_open(&c);
	bus_case_both(&c);
	e.body_case = PB__ENVELOPE__BODY_FLASH_ORDER;
	e.flash_order = &o;
	cr_expect_eq(bus_send(c.client.link, &e), ERR_ROUTE);
	cr_expect(bus_is_up(c.client.link));
	bus_case_close(&c);
}

/* trust: 62 */
Test(bus, a_socket_file_of_a_dead_daemon_is_replaced_and_has_mode_0660)
{
	struct bus_case c;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct stat st;

	bus_case_open(&c);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", c.path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	bus_case_both(&c);
	cr_assert_eq(stat(c.path, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0660, "0%o", (unsigned)st.st_mode);
	bus_case_close(&c);
}

/* trust: 62 */
Test(bus, a_file_that_is_no_socket_is_left_alone)
{
	struct bus_case c;
	AUTO(loop) struct loop *loop = NULL;
	struct bus_handler h = {0};
	struct bus_link *link = NULL;
	struct bus *bus = NULL;

	bus_case_open(&c);
	FILE *f = fopen(c.path, "w");
	cr_assert_not_null(f);
	fclose(f);
	cr_assert_eq(loop_new(&loop), ERR_OK);
	cr_assert_eq(bus_new(loop, WHO_FETCHD, &bus), ERR_OK);
	cr_expect_eq(bus_bind(bus, WHO_CLOUDD, geteuid(), c.path, &h, &link), ERR_EXISTS);
	bus_free(bus);
	cr_expect_eq(unlink(c.path), 0, "it is still there");
	bus_case_close(&c);
}

Test(bus, refuses_a_path_that_does_not_fit_into_an_address)
{
	AUTO(loop) struct loop *loop = NULL;
	struct bus_handler h = {0};
	struct bus_link *link = NULL;
	struct bus *bus = NULL;
	char path[200] = "/tmp/";

	memset(path + 5, 'x', 150);
	cr_assert_eq(loop_new(&loop), ERR_OK);
	cr_assert_eq(bus_new(loop, WHO_FETCHD, &bus), ERR_OK);
	cr_expect_eq(bus_bind(bus, WHO_CLOUDD, geteuid(), path, &h, &link), ERR_LIMIT);
	cr_expect_eq(bus_bind(bus, WHO_CLOUDD, geteuid(), "here", &h, &link), ERR_INVALID);
	bus_free(bus);
}
