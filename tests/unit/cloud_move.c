/*
 * cloud_move: 00B4 with another server or product, from the message to where the next connections
 * go, over restarts.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cloud_case.h"

#define NEW "b.example"

/* The operator allows one server. */
static struct cloud_case *
online(void)
{
	struct cloud_case *c = cloud_case_online();

	snprintf(c->identity.move_to, sizeof(c->identity.move_to), NEW ":8884");
	snprintf(c->identity.host, sizeof(c->identity.host), "a.example");
	c->identity.port = 8883;
	return c;
}

static void
put_server(struct ttlv_writer *w, const char *host, int64_t port)
{
	ttlv_put_struct(w, 1, 3);
	ttlv_put_text(w, 2, host);
	ttlv_put_text(w, 3, "192.0.2.1");
	ttlv_put_int(w, 4, port);
}

static void
send_server(struct cloud_case *c, const char *host, int64_t port)
{
	uint8_t values[200];
	struct ttlv_writer w = TTLV_WRITER(values);

	put_server(&w, host, port);
	cloud_case_down(c, false, DIALECT_CONFIGURE, &w);
}

static void
send_product(struct cloud_case *c, const char *key, const char *secret, const char *device_secret)
{
	uint8_t values[200];
	struct ttlv_writer w = TTLV_WRITER(values);

	ttlv_put_text(&w, 7, key);
	ttlv_put_text(&w, 8, secret);
	if (device_secret)
		ttlv_put_text(&w, 10, device_secret);
	cloud_case_down(c, false, DIALECT_CONFIGURE, &w);
}

/* The link goes down as uplink_reconnect has it; then it is up again. */
static void
reconnect(struct cloud_case *c)
{
	c->n_letters = 0;
	cloud_on_down(&c->cloud, ERR_CANCELLED, 10475);
	cloud_case_connect(c);
}

/* The next connection is tried and comes to nothing. */
static void
fail_once(struct cloud_case *c)
{
	cloud_on_down(&c->cloud, ERR_NETWORK, 10474);
}

static const char *
password(struct cloud_case *c, struct cloud_credentials *out)
{
	cr_assert_eq(cloud_credentials(&c->cloud, out), ERR_OK);
	return out->password;
}

Test(cloud_move, goes_to_a_server_that_the_operator_allows_and_stays_there_after_a_restart)
{
	AUTO(cloud_case) struct cloud_case *c = online();

	send_server(c, NEW, 8884);
	cr_expect_str_eq(c->last_event, "move_begun");
	cr_expect_eq(c->reconnects, 1);
	cr_expect_str_eq(c->host, NEW ":8884");
	reconnect(c);
	cr_expect(c->cloud.online);
	cr_expect_not(c->cloud.outbox.move.trying);
	c->host[0] = 0;
	cloud_case_restart(c);
	cr_expect_str_eq(c->host, NEW ":8884");
	cr_expect_not(c->cloud.outbox.move.trying);
}

Test(cloud_move, goes_nowhere_else)
{
	static const struct {
		char host[30];
		int port;
	} places[] = {{"evil.example", 8884}, {NEW, 8883}, {"192.0.2.1", 8884}, {NEW "x", 8884}};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		AUTO(cloud_case) struct cloud_case *c = online();

		send_server(c, places[i].host, places[i].port);
		cr_expect_str_eq(c->last_event, "move_refused", "%s", places[i].host);
		cr_expect_eq(c->reconnects, 0);
		cr_expect_str_eq(c->host, ":0");
		cr_expect(c->cloud.online);
		cr_expect_not(c->cloud.outbox.move.trying);
	}
}

Test(cloud_move, takes_nothing_else_from_a_message_whose_move_is_refused)
{
	AUTO(cloud_case) struct cloud_case *c = online();
	uint8_t values[200];
	struct ttlv_writer w = TTLV_WRITER(values);

	put_server(&w, "evil.example", 8884);
	ttlv_put_bool(&w, 9, true);
	ttlv_put_text(&w, 10, "ffffffffffffffffffffffffffffffff");
	cloud_case_down(c, false, DIALECT_CONFIGURE, &w);
	cr_expect_eq(c->reconnects, 0);
	cr_expect_str_eq(c->cloud.outbox.gateway_secret, CLOUD_CASE_SECRET);
	cr_expect_neq(c->cloud.entry.wish, ENTRY_REGISTER);
}

Test(cloud_move, falls_back_after_three_failures_also_when_it_was_restarted_between_them)
{
	AUTO(cloud_case) struct cloud_case *c = online();

	send_server(c, NEW, 8884);
	cloud_on_down(&c->cloud, ERR_CANCELLED, 10475);
	fail_once(c);
	fail_once(c);
	cr_expect_str_eq(c->host, NEW ":8884");
	cloud_case_restart(c);
	cr_expect_str_eq(c->host, NEW ":8884");
	fail_once(c);
	cr_expect_str_eq(c->last_event, "move_failed");
	cr_expect_str_eq(c->host, ":0");
	cloud_case_pass(c, 1);
	cr_expect_eq(c->reconnects, 2, "at once");
	cloud_case_restart(c);
	cr_expect_str_eq(c->host, ":0");
	cloud_case_connect(c);
	cr_expect(c->cloud.online);
}

Test(cloud_move, a_new_secret_of_a_server_that_came_to_nothing_is_forgotten)
{
	AUTO(cloud_case) struct cloud_case *c = online();
	static const char other[] = "ffffffffffffffffffffffffffffffff";
	uint8_t values[200];
	struct ttlv_writer w = TTLV_WRITER(values);
	struct cloud_credentials who;

	put_server(&w, NEW, 8884);
	ttlv_put_text(&w, 10, other);
	cloud_case_down(c, false, DIALECT_CONFIGURE, &w);
	cloud_on_down(&c->cloud, ERR_CANCELLED, 10475);
	cr_expect_eq(password(c, &who)[0], '1');
	cr_expect_str_eq(c->cloud.outbox.gateway_secret, other);
	for (int i = 0; i < 3; i++)
		fail_once(c);
	cr_expect_str_eq(c->cloud.outbox.gateway_secret, CLOUD_CASE_SECRET);
	cr_expect_str_eq(c->cloud.outbox.gateway_spare, "");
}

Test(cloud_move, an_empty_address_and_the_configured_one_lead_back)
{
	for (int named = 0; named < 2; named++) {
		AUTO(cloud_case) struct cloud_case *c = online();
		uint8_t values[200];
		struct ttlv_writer w = TTLV_WRITER(values);

		send_server(c, NEW, 8884);
		reconnect(c);
		if (named)
			put_server(&w, "a.example", 8883);
		else
			ttlv_put_struct(&w, 1, 0);
		cloud_case_down(c, false, DIALECT_CONFIGURE, &w);
		cr_expect_str_eq(c->host, ":0");
		reconnect(c);
		cr_expect_str_eq(c->cloud.outbox.move.now.host, "");
		cr_expect_not(c->cloud.outbox.move.trying);
	}
}

Test(cloud_move, what_is_not_allowed_any_more_at_a_start_is_forgotten)
{
	AUTO(cloud_case) struct cloud_case *c = online();

	send_server(c, NEW, 8884);
	reconnect(c);
	c->identity.move_to[0] = '\0';
	cloud_case_restart(c);
	cr_expect_str_eq(c->last_event, "move_refused");
	cr_expect_str_eq(c->host, ":0");
	snprintf(c->identity.move_to, sizeof(c->identity.move_to), NEW ":8884");
	cloud_case_restart(c);
	cr_expect_str_eq(c->host, ":0", "for good");
}

Test(cloud_move, a_message_with_half_an_address_changes_nothing)
{
	AUTO(cloud_case) struct cloud_case *c = online();
	uint8_t values[200];
	struct ttlv_writer w = TTLV_WRITER(values);

	ttlv_put_struct(&w, 1, 1);
	ttlv_put_text(&w, 2, NEW);
	ttlv_put_text(&w, 10, "ffffffffffffffffffffffffffffffff");
	cloud_case_down(c, false, DIALECT_CONFIGURE, &w);
	CLOUD_CASE_EXPECT(c, "00a4:5");
	cr_expect_eq(c->reconnects, 0);
	cr_expect_str_eq(c->cloud.outbox.gateway_secret, CLOUD_CASE_SECRET);
}

/* --- another product -------------------------------------------------------------------------- */

#define OTHER_SECRET "d2c5Q1FsVWpwT1k3"

Test(cloud_move, becomes_a_product_whose_secret_is_configured_and_registers_as_that)
{
	AUTO(cloud_case) struct cloud_case *c = online();
	struct cloud_credentials who;

	send_product(c, CLOUD_CASE_PK, OTHER_SECRET, NULL);
	cr_expect_str_eq(c->last_event, "move_begun");
	cr_expect_eq(c->reconnects, 1);
	cloud_on_down(&c->cloud, ERR_CANCELLED, 10475);
	cr_expect_eq(password(c, &who)[0], '0', "it has no secret there");
	cr_expect_str_eq(who.client_id, "qd" CLOUD_CASE_PK "gw");
	cloud_on_ready(&c->cloud);
	cloud_set_secret(&c->cloud, "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
	cloud_check_online(&c->cloud);
	cloud_settle(&c->cloud);
	cr_expect(c->cloud.online);
	cloud_case_restart(c);
	cr_expect_eq(password(c, &who)[0], '1', "it kept its secret there");
	cr_expect_str_eq(who.client_id, "qd" CLOUD_CASE_PK "gw");
	for (const struct subdevice *s = c->cloud.devices.first; s; s = s->next)
		cr_expect_str_eq(s->keys.device_key, CLOUD_CASE_DK, "no device came of it");
}

Test(cloud_move, goes_back_to_its_own_product_and_secret_when_the_other_comes_to_nothing)
{
	AUTO(cloud_case) struct cloud_case *c = online();
	struct cloud_credentials who;

	send_product(c, CLOUD_CASE_PK, OTHER_SECRET, "ffffffffffffffffffffffffffffffff");
	cloud_on_down(&c->cloud, ERR_CANCELLED, 10475);
	cr_expect_eq(password(c, &who)[0], '1', "a secret came with it");
	for (int i = 0; i < 3; i++)
		fail_once(c);
	cr_expect_eq(password(c, &who)[0], '1');
	cr_expect_str_eq(who.client_id, CLOUD_CASE_GATEWAY);
	cr_expect_str_eq(c->cloud.outbox.gateway_secret, CLOUD_CASE_SECRET);
}

Test(cloud_move, becomes_no_product_that_is_not_configured_or_has_another_secret)
{
	AUTO(cloud_case) struct cloud_case *c = online();
	struct cloud_credentials who;

	send_product(c, "p9", OTHER_SECRET, NULL);
	cr_expect_str_eq(c->last_event, "move_refused");
	c->last_event[0] = 0;
	send_product(c, CLOUD_CASE_PK, "another-secret-16", NULL);
	cr_expect_str_eq(c->last_event, "move_refused");
	cr_expect_eq(c->reconnects, 0);
	password(c, &who);
	cr_expect_str_eq(who.client_id, CLOUD_CASE_GATEWAY);
}
