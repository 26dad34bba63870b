/*
 * move: where a move may lead, when it is accepted, and when given up; and how 00B4 says it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dialect.h"
#include "move.h"

static const struct move_place there = {"b.example", 8883, ""};

Test(move, is_on_trial_until_it_is_accepted)
{
	struct move m = {0};

	cr_expect(move_begin(&m, &there));
	cr_expect(m.trying);
	cr_expect_str_eq(move_place(&m)->host, "b.example");
	cr_expect_str_eq(m.now.host, "");
	cr_expect_not(move_begin(&m, &there), "on the way");
	cr_expect(move_accept(&m));
	cr_expect_not(move_accept(&m));
	cr_expect_str_eq(m.now.host, "b.example");
	cr_expect_not(move_begin(&m, &there), "there");
	for (int i = 0; i < 9; i++)
		cr_expect_not(move_fail(&m), "it has been accepted");
}

Test(move, is_given_up_after_three_failures_for_the_place_before)
{
	struct move m = {.now = {"a.example", 1, "p1"}};

	cr_assert(move_begin(&m, &there));
	cr_expect_not(move_fail(&m));
	cr_expect_not(move_fail(&m));
	cr_expect(move_fail(&m));
	cr_expect_not(m.trying);
	cr_expect_str_eq(move_place(&m)->host, "a.example");
	cr_expect_str_eq(move_place(&m)->product_key, "p1");
	cr_assert(move_begin(&m, &there));
	cr_expect_not(move_fail(&m), "it is counted anew");
}

Test(move, back_to_where_we_are_ends_a_trial)
{
	struct move m = {.now = {"a.example", 1, ""}}, home = {0};

	cr_assert(move_begin(&m, &there));
	cr_expect(move_begin(&m, &m.now));
	cr_expect_not(m.trying);
	cr_expect(move_begin(&m, &home.now), "to the configured one");
	cr_expect(m.trying);
}

Test(move, leads_only_to_what_is_listed_with_its_port)
{
	static const char list[] =
	    "a.example:8884, b.example ,[2001:db8::1]:99,2001:db8::2, 10.0.0.1:1";

	cr_expect(move_is_listed(list, "a.example", 8884));
	cr_expect(move_is_listed(list, "A.Example", 8884));
	cr_expect(move_is_listed(list, "b.example", MOVE_PORT));
	cr_expect(move_is_listed(list, "2001:db8::1", 99));
	cr_expect(move_is_listed(list, "2001:db8::2", MOVE_PORT));
	cr_expect(move_is_listed(list, "10.0.0.1", 1));
	cr_expect_not(move_is_listed(list, "a.example", 8883));
	cr_expect_not(move_is_listed(list, "a.exampl", 8884));
	cr_expect_not(move_is_listed(list, "xa.example", 8884));
	cr_expect_not(move_is_listed(list, "", 8883));
	cr_expect_not(move_is_listed("", "a.example", 8883));
}

Test(move, refuses_a_list_that_is_none)
{
	static const char lists[][40] = {"a.example:0", "a.example:65536", "a.example:x", ":1",
	    "a example", "a.example,", "[2001:db8::1", "[::1]x", "a/b", "a.example:1x", ","};
	char host[DIALECT_HOST_MAX + 1];
	uint16_t port;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		bool refused = false;

		for (const char *at = lists[i]; at;)
			refused |= move_next(&at, host, &port) != ERR_OK;
		cr_expect(refused, "%s", lists[i]);
	}
	char wide[400];
	memset(wide, 'a', sizeof(wide));
	wide[399] = '\0';
	const char *at = wide;
	cr_expect_eq(move_next(&at, host, &port), ERR_MALFORMED);
}

/* --- 00B4 ------------------------------------------------------------------------------------- */

struct said {
	const char *host, *address;
	int64_t port; /* -1: not said */
};

static enum err
parse(const struct said *s, struct dialect_configure *out)
{
	uint8_t data[700];
	struct ttlv_writer w = TTLV_WRITER(data);
	size_t len = 0;

	ttlv_put_struct(
	    &w, 1, (uint16_t)((s->host != NULL) + (s->address != NULL) + (s->port >= 0)));
	if (s->host)
		ttlv_put_text(&w, 2, s->host);
	if (s->address)
		ttlv_put_text(&w, 3, s->address);
	if (s->port >= 0)
		ttlv_put_int(&w, 4, s->port);
	cr_assert_eq(ttlv_put_end(&w, &len), ERR_OK);
	return dialect_parse_configure(data, len, out, NULL);
}

Test(move, server_is_host_address_and_port_or_nothing_at_all)
{
	static const char long_host[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	const struct said half[] = {{"b.example", NULL, 8883}, {"b.example", "10.0.0.1", -1},
	    {NULL, "10.0.0.1", 8883}, {"b.example", "", 8883}, {"", "10.0.0.1", 8883},
	    {"b.example", "10.0.0.1", 0}, {"b.example", "10.0.0", 8883},
	    {"b.example", "b.example", 8883}, {"b.example", "10.0.0.1", 65536},
	    {"b example", "10.0.0.1", 1}, {"b.example/x", "10.0.0.1", 1},
	    {long_host, "10.0.0.1", 1}, {NULL, NULL, 8883}};
	const struct said none[] = {{NULL, NULL, -1}, {"", "", 0}, {"", NULL, -1}};
	struct dialect_configure c;

	cr_assert_eq(parse(&(struct said){"b.example", "10.0.0.1", 8884}, &c), ERR_OK);
	cr_expect(c.has_server && strcmp(c.host, "b.example") == 0 && c.port == 8884);
	cr_assert_eq(parse(&(struct said){"b.example", "2001:db8::1", 1}, &c), ERR_OK);
	for (size_t i = 0; i < sizeof(half) / sizeof(half[0]); i++)
		cr_expect_neq(parse(&half[i], &c), ERR_OK, "%zu", i);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		cr_expect_eq(parse(&none[i], &c), ERR_OK, "%zu", i);
		cr_expect(c.has_server && !c.host[0] && !c.port, "%zu", i);
	}
}

Test(move, port_may_come_as_text)
{
	uint8_t data[100];
	struct ttlv_writer w = TTLV_WRITER(data);
	struct dialect_configure c;
	size_t len = 0;

	ttlv_put_struct(&w, 1, 3);
	ttlv_put_text(&w, 2, "b.example");
	ttlv_put_text(&w, 3, "10.0.0.1");
	ttlv_put_text(&w, 4, "8884");
	cr_assert_eq(ttlv_put_end(&w, &len), ERR_OK);
	cr_assert_eq(dialect_parse_configure(data, len, &c, NULL), ERR_OK);
	cr_expect_eq(c.port, 8884);
	data[len - 1] = 'x';
	cr_expect_neq(dialect_parse_configure(data, len, &c, NULL), ERR_OK);
}

static enum err
parse_product(const char *key, const char *secret, struct dialect_configure *out, char *why)
{
	uint8_t data[200];
	struct ttlv_writer w = TTLV_WRITER(data);
	size_t len = 0;

	if (key)
		ttlv_put_text(&w, 7, key);
	if (secret)
		ttlv_put_text(&w, 8, secret);
	cr_assert_eq(ttlv_put_end(&w, &len), ERR_OK);
	return dialect_parse_configure(data, len, out, why);
}

Test(move, product_is_key_and_secret_or_nothing_at_all)
{
	struct dialect_configure c;
	char why[WHY_SIZE] = "";

	cr_assert_eq(parse_product("p2", "d2c5Q1FsVWpwT1k3", &c, why), ERR_OK);
	cr_expect(c.has_product && strcmp(c.product_key, "p2") == 0);
	cr_expect_neq(parse_product("p2", NULL, &c, why), ERR_OK);
	cr_expect_neq(parse_product(NULL, "d2c5Q1FsVWpwT1k3", &c, why), ERR_OK);
	cr_expect_null(strstr(why, "d2c5"), "a secret is not printed: %s", why);
	cr_expect_neq(parse_product("p 2", "d2c5Q1FsVWpwT1k3", &c, why), ERR_OK);
	cr_expect_neq(parse_product("p2", "d2c5Q1FsVWpwT1k3d2c5Q1FsVWpwT1k3d", &c, why), ERR_OK);
	cr_expect_null(strstr(why, "d2c5"), "%s", why);
	cr_expect_eq(parse_product("", "", &c, why), ERR_OK);
	cr_expect(c.has_product && !c.product_key[0]);
}
