/*
 * System tests of 0x00B4: the platform moves the gateway, or makes it somebody else; and what the
 * operator lets it.
 */
#include <string.h>

#include "house_conf.h"
#include "house_life.h"

TestSuite(life_move, .timeout = 120);

struct scene {
	struct house *h;
	struct house_life_twin twin;
	char server[40], cloudd[80];
	unsigned there; /* logins of the device at the second platform, so far */
};

/* A second platform, and a gateway that may be moved to it (`port` 0), or to another port. */
static void
open_scene(struct scene *s, unsigned port)
{
	*s = (struct scene){0};
	s->h = house_case_new(&(struct house_options){0});
	house_life_twin_start(s->h, &s->twin);
	port = port ? port : s->twin.port;
	snprintf(s->server, sizeof(s->server), "127.0.0.1,127.0.0.1,%u", port);
	snprintf(s->cloudd, sizeof(s->cloudd), "move_to = 127.0.0.1:%u", port);
	s->h->options.cloudd = s->cloudd;
	HOUSE_MUST(s->h, house_conf_write(s->h));
	HOUSE_MUST(s->h, house_start_all(s->h));
}

static void
close_scene(struct scene *s)
{
	house_life_twin_end(&s->twin);
	house_case_close(s->h);
}

static bool
is_in_twin(struct house *h, void *arg)
{
	struct scene *s = arg;

	(void)h;
	return house_life_twin_log(&s->twin, "METER1", "login through") > s->there;
}

static bool
is_here_again(struct house *h, void *arg)
{
	return house_life_log(h, "METER1", "login through") > *(unsigned *)arg;
}

/* rule: config-server */
Test(life_move, the_gateway_goes_to_a_server_that_the_operator_allows_and_finds_it_after_a_restart)
{
	struct scene s;

	open_scene(&s, 0);
	house_life_say(s.h, HOUSE_GATEWAY_DK, "server", s.server);
	house_case_until(s.h, is_in_twin, &s, "the second platform has the device");
	house_life_until_event(s.h, "\"moved\"", 1);
	unsigned before = house_life_log(s.h, HOUSE_GATEWAY_DK, "online");
	HOUSE_MUST(s.h, house_stop(s.h, HOUSE_CLOUDD));
	s.there = house_life_twin_log(&s.twin, "METER1", "login through");
	HOUSE_MUST(s.h, house_start(s.h, HOUSE_CLOUDD));
	house_life_until_event(s.h, "\"online\"", 3);
	house_case_until(s.h, is_in_twin, &s, "the second platform has it again");
	cr_expect_eq(house_life_log(s.h, HOUSE_GATEWAY_DK, "online"), before, "not here again");
	close_scene(&s);
}

/* rule: config-fallback */
Test(life_move, a_server_that_three_tries_do_not_reach_is_given_up_for_the_one_before)
{
	struct scene s;

	open_scene(&s, 1); /* nobody listens there */
	unsigned before = house_life_log(s.h, "METER1", "login through");
	house_life_say(s.h, HOUSE_GATEWAY_DK, "server", s.server);
	house_life_until_event(s.h, "move_begun", 1);
	house_life_until_event(s.h, "move_failed", 1);
	house_case_until(s.h, is_here_again, &before, "the first platform has the device again");
	cr_expect_eq(house_life_said(s.h, HOUSE_CLOUDD, "uplink 127.0.0.1:1: down"), 3);
	close_scene(&s);
}

/* rule: config-fallback tls-verify */
Test(life_move, a_listed_server_that_cannot_prove_itself_is_given_up_and_hears_nothing)
{
	struct scene s;

	open_scene(&s, 0);
	house_life_twin_end(&s.twin);
	house_life_twin_stranger(s.h, &s.twin); /* another authority, on the same port */
	unsigned before = house_life_log(s.h, "METER1", "login through");
	house_life_say(s.h, HOUSE_GATEWAY_DK, "server", s.server);
	house_life_until_event(s.h, "move_failed", 1);
	house_case_until(s.h, is_here_again, &before, "the first platform has the device again");
	cr_expect_eq(house_life_said(s.h, HOUSE_CLOUDD, "down: TLS"), 3);
	cr_expect_eq(house_life_twin_said(&s.twin, HOUSE_GATEWAY_DK), 0);
	close_scene(&s);
}

/* rule: config-whole exception-up */
Test(life_move, half_a_message_changes_nothing_and_a_server_that_is_not_listed_is_refused)
{
	struct scene s;
	char moved[64];

	open_scene(&s, 0);
	unsigned online = house_life_log(s.h, HOUSE_GATEWAY_DK, "online");
	house_life_say(s.h, HOUSE_GATEWAY_DK, "server", "127.0.0.1,127.0.0.1");
	house_life_until_log(s.h, HOUSE_GATEWAY_DK, "0x00a4 heard", 1);
	house_life_say(s.h, HOUSE_GATEWAY_DK, "product", "nosuchproduct");
	house_life_until_log(s.h, HOUSE_GATEWAY_DK, "0x00a4 heard", 2);
	house_life_say(s.h, HOUSE_GATEWAY_DK, "server", "127.0.0.1,127.0.0.1,1");
	house_life_until_event(s.h, "move_refused", 1);
	house_life_status(s.h, "moving", moved);
	cr_expect_str_eq(moved, "false");
	cr_expect_eq(house_life_log(s.h, HOUSE_GATEWAY_DK, "online"), online);
	close_scene(&s);
}

/* rule: config-secret gw-connect */
Test(life_move, a_new_device_secret_is_used_at_once_and_after_a_restart)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	unsigned before = house_life_log(h, "METER1", "login through");

	house_life_say(h, HOUSE_GATEWAY_DK, "secret", "0123456789abcdef0123456789abcdef");
	house_case_until(h, is_here_again, &before, "in with the new secret");
	before++;
	HOUSE_MUST(h, house_stop(h, HOUSE_CLOUDD));
	HOUSE_MUST(h, house_start(h, HOUSE_CLOUDD));
	house_case_until(h, is_here_again, &before, "in with it once more");
	cr_expect_eq(house_life_log(h, HOUSE_GATEWAY_DK, "registered"), 1);
}

/* rule: config-reauth gw-register */
Test(life_move, authenticate_again_is_another_registration)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	unsigned before = house_life_log(h, "METER1", "login through");

	cr_expect_eq(house_life_log(h, HOUSE_GATEWAY_DK, "registered"), 1);
	house_life_say(h, HOUSE_GATEWAY_DK, "again", NULL);
	house_life_until_log(h, HOUSE_GATEWAY_DK, "registered", 2);
	house_case_until(h, is_here_again, &before, "in again");
}

/* rule: config-key */
Test(life_move, a_session_key_is_used_from_the_next_message_on)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	char encrypted[64];

	house_life_say(h, HOUSE_GATEWAY_DK, "key", NULL);
	house_life_say(h, HOUSE_GATEWAY_DK, "question", "info");
	house_life_until_log(h, HOUSE_GATEWAY_DK, "info report", 2);
	house_life_status(h, "encrypted", encrypted);
	cr_expect_str_eq(encrypted, "true");
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(house_life_log(h, HOUSE_GATEWAY_DK, "refused"), 0);
}

/* rule: config-product */
Test(life_move, the_gateway_becomes_another_product_only_when_its_secret_is_configured)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	char path[300];

	cr_assert_eq(HOUSE_DC(h, "product", "add", "others", "--ps", "0123456789ABCDEF").status, 0);
	cr_assert_eq(HOUSE_DC(h, "gateway", "add", "others/" HOUSE_GATEWAY_DK).status, 0);
	house_life_say(h, HOUSE_GATEWAY_DK, "product", "others");
	house_life_until_event(h, "move_refused", 1);
	snprintf(path, sizeof(path), "%s/secrets", h->dir);
	AUTO(file) FILE *f = fopen(path, "ae");
	cr_assert(f && fprintf(f, "[product others]\nsecret = 0123456789ABCDEF\n") > 0);
	fclose(HAND_OVER(f));
	HOUSE_MUST(h, house_stop(h, HOUSE_CLOUDD));
	HOUSE_MUST(h, house_start(h, HOUSE_CLOUDD));
	house_life_until_event(h, "\"online\"", 2);
	house_life_say(h, HOUSE_GATEWAY_DK, "product", "others");
	house_life_until_event(h, "\"moved\"", 1);
	house_life_until_log(h, "others/" HOUSE_GATEWAY_DK, "registered", 1);
}
