/*
 * cloud_entry: the gateway's own secrets: which one signs the next CONNECT, and when one is
 * forgotten.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cloud_case.h"
#include "session.h"

/* What kind of password the next CONNECT bears: 0 registers, 1 signs. */
static char
next_kind(struct cloud_case *c)
{
	struct cloud_credentials who;

	cr_assert_eq(cloud_credentials(&c->cloud, &who), ERR_OK);
	return who.password[0];
}

Test(cloud_entry, registers_soon_when_its_secret_is_refused_and_tries_the_secret_again_after_that)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_lose(c);
	cr_expect_eq(next_kind(c), '1');
	cloud_on_down(&c->cloud, ERR_AUTH, DIALECT_CODE_SECRET);
	CLOUD_CASE_EXPECT(c, "offline");
	cloud_case_pass(c, 1000);
	cr_expect_eq(c->reconnects, 0);
	cloud_case_pass(c, 1000);
	cr_expect_eq(c->reconnects, 1);
	cr_assert_eq(next_kind(c), '0');
	cloud_on_ready(&c->cloud);
	cr_expect(!c->cloud.online, "it has a secret, but not the one it registers for");
	cloud_on_down(&c->cloud, ERR_PLATFORM, DIALECT_CODE_REGISTERED);
	cr_expect_eq(next_kind(c), '1');
	cr_expect_str_eq(c->cloud.outbox.gateway_secret, CLOUD_CASE_SECRET);
	cloud_on_ready(&c->cloud);
	cr_expect(c->cloud.online);
}

Test(cloud_entry, waits_for_half_an_hour_when_it_has_no_secret_and_may_not_register)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_new();

	cr_expect_eq(next_kind(c), '0');
	cloud_on_down(&c->cloud, ERR_AUTH, DIALECT_CODE_SECRET);
	cloud_case_pass(c, 1799000);
	cr_expect_eq(c->reconnects, 0);
	cloud_case_pass(c, 1000);
	cr_expect_eq(c->reconnects, 1);
}

Test(cloud_entry, keeps_the_secret_before_a_new_one_until_the_new_one_has_worked)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	uint8_t values[100];
	struct ttlv_writer w = TTLV_WRITER(values);
	static const char fresh[] = "0123456789abcdef0123456789abcdef";

	ttlv_put_text(&w, 10, fresh);
	cloud_case_down(c, false, DIALECT_CONFIGURE, &w);
	cloud_case_restart(c);
	cr_expect_str_eq(c->cloud.outbox.gateway_secret, fresh);
	cr_expect_str_eq(c->cloud.outbox.gateway_spare, CLOUD_CASE_SECRET);
	for (int i = 0; i < 2; i++) { /* the new one, then the registration */
		cr_expect_eq(next_kind(c), i ? '0' : '1');
		cloud_on_down(&c->cloud, ERR_AUTH, DIALECT_CODE_SECRET);
	}
	cr_expect_eq(next_kind(c), '1');
	cloud_on_ready(&c->cloud);
	cloud_case_restart(c);
	cr_expect_str_eq(c->cloud.outbox.gateway_secret, CLOUD_CASE_SECRET);
	cr_expect_str_empty(c->cloud.outbox.gateway_spare);
}

Test(cloud_entry, forgets_the_secret_before_a_new_one_when_the_new_one_has_worked)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	uint8_t values[100];
	struct ttlv_writer w = TTLV_WRITER(values);

	ttlv_put_text(&w, 10, "0123456789abcdef0123456789abcdef");
	cloud_case_down(c, false, DIALECT_CONFIGURE, &w);
	cloud_case_lose(c);
	cr_expect_str_eq(c->cloud.outbox.gateway_spare, CLOUD_CASE_SECRET);
	cloud_case_connect(c);
	cr_expect_str_empty(c->cloud.outbox.gateway_spare);
	cr_expect_eq(next_kind(c), '1');
}

Test(cloud_entry, registers_when_the_platform_wants_it_and_keeps_its_secret_until_then)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	uint8_t values[100];
	struct ttlv_writer w = TTLV_WRITER(values);

	ttlv_put_bool(&w, 9, true);
	cloud_case_down(c, false, DIALECT_CONFIGURE, &w);
	cr_expect_eq(c->reconnects, 1);
	cloud_on_down(&c->cloud, ERR_CANCELLED, 10475);
	cr_expect_eq(next_kind(c), '0');
	cloud_on_down(&c->cloud, ERR_PLATFORM, DIALECT_CODE_REGISTERED);
	cr_expect_eq(next_kind(c), '1');
}

Test(cloud_entry, keeps_its_secret_while_the_server_says_that_it_is_unavailable)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_lose(c);
	for (int i = 0; i < 6; i++) {
		cr_expect_eq(next_kind(c), '1', "%d", i);
		cloud_on_down(&c->cloud, ERR_OFFLINE, SESSION_CODE_UNAVAILABLE);
	}
	cr_expect_eq(next_kind(c), '0', "now as the platform's SDK");
	cloud_on_down(&c->cloud, ERR_OFFLINE, SESSION_CODE_UNAVAILABLE);
	cr_expect_eq(next_kind(c), '1');
	cloud_case_pass(c, 3600000);
	cr_expect_eq(c->reconnects, 0, "the connection's own back-off decides");
}

Test(cloud_entry, takes_a_new_secret_before_it_connects_again)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	uint8_t values[100];
	struct ttlv_writer w = TTLV_WRITER(values);

	ttlv_put_text(&w, 10, "0123456789abcdef0123456789abcdef");
	cloud_case_down(c, false, DIALECT_CONFIGURE, &w);
	cr_expect_eq(c->reconnects, 1);
	cloud_case_restart(c);
	cr_expect_str_eq(c->cloud.outbox.gateway_secret, "0123456789abcdef0123456789abcdef");
}
