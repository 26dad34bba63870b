/*
 * dc_sys: registration, login, logout and de-registration of sub-devices behind a gateway.
 */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

#include "dc_case.h"

static int64_t
answer_code(struct dc_line *l, unsigned cmd)
{
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	int64_t code = -1;

	cr_assert_eq(dc_line_frame(l, v), cmd);
	cr_assert(dc_ttlv_int(v, 1, &code));
	return code;
}

/* The sealed part of a registration. */
static const char *
blob_of(const char *ps, const char *dk, const char *random)
{
	static char text[300];
	char sign[DC_SIGN_LEN + 1], plain[200];
	uint8_t sealed[220];
	size_t n;

	dc_secret_sign(dk, ps, random, sign);
	snprintf(plain, sizeof(plain), "%s;%s;%s", dk, random, sign);
	cr_assert_eq(dc_secret_encrypt(ps, strlen(ps), plain, strlen(plain), sealed, &n), ERR_OK);
	EVP_EncodeBlock((unsigned char *)text, sealed, (int)n);
	return text;
}

/* Register the sub-device with a blob; the code of the answer. */
static int64_t
sub_registration(struct dc_line *l, const char *blob, struct dc_ttlv *v)
{
	struct dc_ttlv_out o = {0};
	int64_t code = -1;

	dc_ttlv_put_text(&o, 7, DC_CASE_SUB_PK);
	dc_ttlv_put_text(&o, 20, blob);
	dc_line_command(l, DC_CASE_EP, "sys", 0x00C0, &o);
	cr_assert_eq(dc_line_frame(l, v), 0x00C1);
	cr_expect(dc_ttlv_int(v, 1, &code));
	return code;
}

Test(dc_sys, a_sub_device_registers_and_its_secret_comes_wrapped)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	char text[200], want[80];

	dc_line_login(l, 0);
	cr_expect_eq(
	    sub_registration(l, blob_of(DC_CASE_SUB_PS, DC_CASE_SUB_DK, "0123456789ABCDEF"), v),
	    10200);
	cr_expect(dc_ttlv_text(v, 4, text, sizeof(text)));
	cr_expect_str_eq(text, DC_CASE_SUB_DK);
	cr_assert(dc_ttlv_text(v, 5, text, sizeof(text)));
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(c->db, "SELECT ds FROM device WHERE id = 2", "");
	cr_assert(dc_query_next(q));
	cr_assert_eq(
	    dc_secret_wrap_ds(DC_CASE_SUB_PS, dc_query_text(q, 0), want, sizeof(want)), ERR_OK);
	cr_expect_str_eq(text, want);
	cr_expect_str_neq(dc_query_text(q, 0), DC_CASE_SUB_DS, "a new one");
}

Test(dc_sys, a_sub_device_registration_is_refused_with_the_code_of_its_fault)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));

	dc_line_login(l, 0);
	cr_expect_eq(sub_registration(l, "QUJD", v), 10424);
	cr_expect_eq(
	    sub_registration(l, blob_of("ponmlkjihgfedcba", DC_CASE_SUB_DK, "0123456789ABCDEF"), v),
	    10424, "another product secret");
	cr_expect_eq(
	    sub_registration(l, blob_of(DC_CASE_SUB_PS, "SUBDEV09", "0123456789ABCDEF"), v), 10438);
	dc_db_do(c->db, "UPDATE device SET gateway = NULL WHERE id = 2", "");
	cr_expect_eq(
	    sub_registration(l, blob_of(DC_CASE_SUB_PS, DC_CASE_SUB_DK, "0123456789ABCDEF"), v),
	    10440);
	cr_expect_eq(
	    dc_db_int(c->db, 0, "SELECT count(*) FROM device WHERE ds = ?", "t", DC_CASE_SUB_DS), 1,
	    "nothing has changed");
}

Test(dc_sys, a_registration_with_an_illegal_random_part_gets_10427)
{
	cr_expect_eq(dc_secret_check_register(DC_CASE_SUB_PS, DC_CASE_SUB_DK,
			 blob_of(DC_CASE_SUB_PS, DC_CASE_SUB_DK, "0123456789ABCDE!")),
	    10427);
	cr_expect_eq(dc_secret_check_register(DC_CASE_SUB_PS, DC_CASE_SUB_DK,
			 blob_of(DC_CASE_SUB_PS, DC_CASE_SUB_DK, "0123456789ABCDE")),
	    10427);
}

Test(dc_sys, commands_about_sub_devices_come_from_the_gateway_itself)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	struct dc_ttlv_out o = {0};
	int64_t code = 0;

	dc_line_login(l, 0);
	dc_line_sub_login(l, false);
	cr_assert_eq(dc_line_frame(l, v), 0x00C3);
	dc_ttlv_put_text(&o, 3, DC_CASE_SUB_PK);
	dc_ttlv_put_text(&o, 4, DC_CASE_SUB_DK);
	dc_line_command(l, DC_CASE_SUB_EP, "sys", 0x00C4, &o);
	cr_assert_eq(dc_line_frame(l, v), 0x00A3);
	cr_expect(dc_ttlv_int(v, 1, &code) && code == 4);
}

Test(dc_sys, a_sub_device_of_another_gateway_gets_10440)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);

	dc_db_do(c->db, "UPDATE device SET gateway = NULL", "");
	dc_line_login(l, 0);
	dc_line_sub_login(l, false);
	cr_expect_eq(answer_code(l, 0x00C3), 10440);
	cr_expect_eq(dc_db_int(c->db, -1, "SELECT online FROM device WHERE id = 2", ""), 0);
}

Test(dc_sys, a_second_login_is_10441_and_a_wrong_secret_10437)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);

	dc_line_login(l, 0);
	dc_line_sub_login(l, false);
	cr_expect_eq(answer_code(l, 0x00C3), 10200);
	cr_expect_eq(dc_db_int(c->db, -1, "SELECT online FROM device WHERE id = 2", ""), 1);
	dc_line_sub_login(l, false);
	cr_expect_eq(answer_code(l, 0x00C3), 10441);
	dc_db_do(c->db, "UPDATE device SET ds = ? WHERE id = 2", "t", DC_CASE_DS);
	dc_line_sub_login(l, false);
	cr_expect_eq(answer_code(l, 0x00C3), 10437);
}

Test(dc_sys, a_sub_device_that_is_not_logged_in_is_told_10442)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	struct dc_ttlv_out o = {0};
	char dk[33];
	int64_t code;

	dc_line_login(l, 0);
	dc_ttlv_put_text(&o, 2, "1.0.0");
	dc_line_command(l, DC_CASE_SUB_EP, "sys", 0x0044, &o);
	cr_assert_eq(dc_line_frame(l, v), 0x00A3);
	cr_expect(dc_ttlv_int(v, 1, &code) && code == 10442);
	cr_expect(dc_ttlv_text(v, 4, dk, sizeof(dk)));
	cr_expect_str_eq(dk, DC_CASE_SUB_DK);
	dc_line_command(l, "qdnobody", "sys", 0x0044, &o);
	cr_expect_eq(dc_line_frame(l, v), 0, "nobody knows that one");
}

Test(dc_sys, what_a_sub_device_hears_needs_no_subscription_and_ends_with_its_logout)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	struct dc_mqtt_publish m;
	struct dc_ttlv_out o = {0};

	dc_line_login(l, 0);
	dc_broker_publish(c->dc->broker, "q/1/d/" DC_CASE_SUB_EP "/ota", NULL, 0, 1);
	cr_expect_not(dc_line_message(l, &m), "not before the login");
	dc_line_sub_login(l, false);
	cr_expect_eq(answer_code(l, 0x00C3), 10200);
	dc_broker_publish(c->dc->broker, "q/1/d/" DC_CASE_SUB_EP "/ota", NULL, 0, 1);
	cr_expect(dc_line_message(l, &m));
	dc_ttlv_put_text(&o, 3, DC_CASE_SUB_PK);
	dc_ttlv_put_text(&o, 4, DC_CASE_SUB_DK);
	dc_line_command(l, DC_CASE_EP, "sys", 0x00C4, &o);
	cr_expect_eq(answer_code(l, 0x00C5), 10200);
	dc_broker_publish(c->dc->broker, "q/1/d/" DC_CASE_SUB_EP "/ota", NULL, 0, 1);
	cr_expect_not(dc_line_message(l, &m), "not after the logout");
	dc_line_command(l, DC_CASE_EP, "sys", 0x00C4, &o);
	cr_expect_eq(answer_code(l, 0x00C5), 10442);
}

Test(dc_sys, a_sub_device_may_have_a_session_key_of_its_own)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	uint8_t key[48], frame[200], sealed[220];
	struct dc_ttlv_out o = {0};
	size_t n;

	dc_line_login(l, 0);
	dc_line_sub_login(l, true);
	cr_assert_eq(dc_line_frame(l, v), 0x00C3);
	const struct dc_ttlv_element *e = dc_ttlv_find(v, 6);
	cr_assert(e && e->count == 32);
	cr_assert_eq(dc_secret_decrypt(DC_CASE_SUB_DS, 32, e->bytes, e->count, key, &n), ERR_OK);
	cr_assert_eq(n, 16);
	dc_ttlv_put_text(&o, 2, "1.0.0");
	cr_assert_eq(dc_dp_format(1, 0x0044, o.data, o.len, frame, sizeof(frame), &n), ERR_OK);
	cr_assert_eq(dc_secret_encrypt(key, 16, frame, n, sealed, &n), ERR_OK);
	dc_line_publish(l, "q/2/d/" DC_CASE_SUB_EP "/sys", sealed, n, 1, 1);
	cr_expect_eq(
	    dc_db_int(c->db, 0, "SELECT version = '1.0.0' FROM device WHERE id = 2", ""), 1);
}

Test(dc_sys, de_registration_wipes_the_secret)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	struct dc_ttlv_out o = {0};
	char sign[DC_SIGN_LEN + 1];

	dc_line_login(l, 0);
	dc_secret_sign(DC_CASE_SUB_DS, DC_CASE_SUB_PS, "0123456789ABCDEF", sign);
	dc_ttlv_put_text(&o, 3, DC_CASE_SUB_PK);
	dc_ttlv_put_text(&o, 4, DC_CASE_SUB_DK);
	dc_ttlv_put_text(&o, 21, "0123456789ABCDEF");
	dc_ttlv_put_text(&o, 22, sign);
	dc_line_command(l, DC_CASE_EP, "sys", 0x00C6, &o);
	cr_expect_eq(answer_code(l, 0x00C7), 10200);
	cr_expect_eq(dc_db_int(c->db, 0, "SELECT ds IS NULL FROM device WHERE id = 2", ""), 1);
	dc_line_sub_login(l, false);
	cr_expect_eq(answer_code(l, 0x00C3), 10437);
}

Test(dc_sys, a_lost_connection_takes_everybody_offline_and_a_new_one_is_not_disturbed)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	struct dc_line *old = dc_case_connect(c);
	AUTO(dc_line) struct dc_line *new = NULL;

	dc_line_login(old, 0);
	dc_line_sub_login(old, false);
	new = dc_case_connect(c);
	dc_line_login(new, 0);
	cr_expect(old->closed, "taken over");
	cr_expect_eq(dc_db_int(c->db, -1, "SELECT online FROM device WHERE id = 2", ""), 0);
	dc_line_free(old);
	cr_expect_eq(dc_db_int(c->db, -1, "SELECT online FROM device WHERE id = 1", ""), 1);
	dc_line_sub_login(new, false);
	cr_expect_eq(answer_code(new, 0x00C3), 10200);
}

Test(dc_sys, a_kick_from_the_command_line_is_0x00c8)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	struct dc_db *other = NULL;

	dc_line_login(l, 0);
	dc_line_sub_login(l, false);
	cr_expect_eq(answer_code(l, 0x00C3), 10200);
	cr_assert_eq(dc_db_open(c->dir, false, &other), ERR_OK);
	dc_db_do(other, "INSERT INTO command (what, device) VALUES ('kick', 2)", "");
	dc_platform_tick(c->dc, (struct mono){0});
	cr_expect_eq(answer_code(l, 0x00C8), 10442);
	dc_db_do(other, "INSERT INTO command (what, device) VALUES ('kick', 1)", "");
	dc_platform_tick(c->dc, (struct mono){0});
	cr_expect(l->closed);
	dc_db_close(other);
}
