/*
 * dc_say: what the platform is made to say, as a device hears it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_case.h"
#include "dc_say.h"

enum { GATEWAY = 1, SUB = 2 }; /* rows of the devices in a dc_case */

/* Whether the next message is this command; its values in v. */
static bool
hears(struct dc_line *l, unsigned cmd, struct dc_ttlv *v)
{
	return dc_line_frame(l, v) == cmd;
}

Test(dc_say, knows_its_words_and_which_of_them_have_a_value)
{
	cr_expect(dc_say_is_known("server", true));
	cr_expect(dc_say_is_known("key", false));
	cr_expect_not(dc_say_is_known("server", false));
	cr_expect_not(dc_say_is_known("key", true));
	cr_expect_not(dc_say_is_known("serve", true));
	cr_expect_not(dc_say_is_known("", false));
}

Test(dc_say, a_server_has_as_many_parts_as_were_given)
{
	static const struct {
		char text[50];
		unsigned parts;
	} said[] = {{"server b.example,192.0.2.1,8883", 3}, {"server b.example,192.0.2.1", 2},
	    {"server b.example", 1}, {"server none", 0}};
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));

	dc_line_login(l, 0);
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		dc_say(c->dc, GATEWAY, said[i].text);
		cr_assert(hears(l, 0x00B4, v), "%s", said[i].text);
		cr_expect_not_null(dc_ttlv_find(v, 1));
		cr_expect_eq(v->n, 1 + said[i].parts, "%s: %u", said[i].text, v->n);
	}
}

Test(dc_say, a_new_secret_is_the_one_that_counts_from_then_on)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	char text[40];

	dc_line_login(l, 0);
	dc_say(c->dc, GATEWAY, "secret 0123456789abcdef0123456789abcdef");
	cr_assert(hears(l, 0x00B4, v));
	cr_expect(dc_ttlv_text(v, 10, text, sizeof(text)));
	cr_expect_str_eq(text, "0123456789abcdef0123456789abcdef");
	cr_expect_eq(dc_db_int(c->db, 0, "SELECT count(*) FROM device WHERE ds = ?", "t", text), 1);
}

Test(dc_say, half_a_product_is_said_when_the_platform_has_none_of_it)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));

	dc_line_login(l, 0);
	dc_say(c->dc, GATEWAY, "product " DC_CASE_SUB_PK);
	cr_assert(hears(l, 0x00B4, v));
	cr_expect(dc_ttlv_find(v, 7) && dc_ttlv_find(v, 8));
	dc_say(c->dc, GATEWAY, "product nosuch");
	cr_assert(hears(l, 0x00B4, v));
	cr_expect(dc_ttlv_find(v, 7) && !dc_ttlv_find(v, 8));
}

Test(dc_say, a_sub_device_that_is_forgotten_hears_nothing_and_is_not_logged_in)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	struct dc_mqtt_publish m;

	dc_line_login(l, 0);
	dc_line_sub_login(l, false);
	cr_assert(hears(l, 0x00C3, v));
	dc_say(c->dc, SUB, "nothing");
	cr_expect_not(dc_line_message(l, &m));
	cr_expect_null(dc_peer_of(c->dc, SUB));
	dc_say(c->dc, SUB, "question info");
	cr_expect_not(dc_line_message(l, &m), "it is not connected");
}
