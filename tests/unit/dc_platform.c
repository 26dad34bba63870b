/*
 * dc_platform: registration and connection of devices, and what malformed messages are answered
 * with.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_case.h"
#include "vectors.h"

/* --- devices --------------------------------------------------------------------------------- */

static const char *
password(int row)
{
	static char text[512];
	AUTO(vectors) cJSON *doc = vectors_load();

	snprintf(text, sizeof(text), "%s",
	    vectors_text(
		cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "passwords"), row), "password"));
	return text;
}

/* CONNACK code of a CONNECT. */
static int
connack(struct dc_line *l, const char *id, const char *pw)
{
	struct dc_mqtt_packet p;

	dc_line_connect(l, id, NULL, pw);
	cr_assert(dc_line_next(l, &p));
	cr_assert_eq(p.type, DC_MQTT_CONNACK);
	return p.body[1];
}

/* Register with a golden password and return the code of the 0x00A3, 0 for a device secret. */
static int64_t
registration(struct dc_case *c, const char *id, const char *pw)
{
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	char filter[100], ds[40];
	int64_t code = 0;

	cr_expect_eq(connack(l, id, pw), 0, "a registration is never refused by CONNACK");
	snprintf(filter, sizeof(filter), "q/1/d/%s/+", id);
	dc_line_subscribe(l, filter, 1);
	if (dc_line_frame(l, v) == 0x00A3) {
		cr_assert(dc_ttlv_int(v, 1, &code));
		return code;
	}
	cr_expect(dc_ttlv_text(v, 5, ds, sizeof(ds)));
	cr_expect_eq(strlen(ds), 32);
	cr_expect_eq(dc_db_int(c->db, 0, "SELECT count(*) FROM device WHERE ds = ?", "t", ds), 1);
	return 0;
}

Test(dc_platform, golden_passwords_register_and_connect)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);

	cr_expect_eq(connack(l, DC_CASE_EP, password(2)), 4, "it has not registered yet");
	cr_expect_eq(registration(c, DC_CASE_EP, password(0)), 0);
	cr_expect_eq(registration(c, DC_CASE_EP, password(1)), 0);
	dc_db_do(c->db, "UPDATE device SET ds = ? WHERE id = 1", "t", DC_CASE_DS);
	for (int row = 2; row < 4; row++) {
		AUTO(dc_line) struct dc_line *again = dc_case_connect(c);

		cr_expect_eq(connack(again, DC_CASE_EP, password(row)), 0);
	}
}

Test(dc_platform, a_registration_is_refused_with_the_code_of_its_fault)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();

	cr_expect_eq(registration(c, "qdp1115X860000000000002", password(0)), 10434, "other dk");
	cr_expect_eq(registration(c, "qdp2115X860000000000001", password(0)), 10434, "other pk");
	cr_expect_eq(registration(c, DC_CASE_EP, "0;0000;p1115X;QUJD"), 10424);
	cr_expect_eq(registration(c, DC_CASE_EP, "0;0002;p1115X;QUJD"), 10433);
	dc_db_do(c->db, "UPDATE product SET register = 'once'", "");
	cr_expect_eq(registration(c, DC_CASE_EP, password(0)), 0);
	cr_expect_eq(registration(c, DC_CASE_EP, password(0)), 10422);
	dc_db_do(c->db, "UPDATE product SET register = 'never'", "");
	cr_expect_eq(registration(c, DC_CASE_EP, password(0)), 10421);
	dc_db_do(c->db, "UPDATE product SET ps = 'd2c5Q1FsVWpwT1k4'", "");
	cr_expect_eq(registration(c, DC_CASE_EP, password(0)), 10424, "another secret");
	dc_fault_set(&c->dc->faults, DC_FAULT_REJECT, 10428, 1, 1);
	cr_expect_eq(registration(c, DC_CASE_EP, password(0)), 10428, "as ordered");
}

Test(dc_platform, an_unknown_device_registers_only_in_an_open_product)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();

	dc_db_do(c->db, "DELETE FROM device", "");
	cr_expect_eq(registration(c, DC_CASE_EP, password(0)), 10438);
	dc_db_do(c->db, "UPDATE product SET open = 1", "");
	cr_expect_eq(registration(c, DC_CASE_EP, password(0)), 0);
	dc_db_do(c->db, "DELETE FROM log", "");
	dc_db_do(c->db, "DELETE FROM device", "");
	dc_db_do(c->db, "DELETE FROM product", "");
	cr_expect_eq(registration(c, DC_CASE_EP, password(0)), 10423);
}

Test(dc_platform, a_known_device_with_a_wrong_password_gets_connack_4)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	static const char *const wrong[] = {
	    "1;0000;0123456789ABCDEF;5snDHM/OSkavflCsmvhARaZ0NpbgY4cv9jlS+1pu6Mp=", "1;0000;x;y",
	    "rubbish", "2;0000;a;b"};

	dc_db_do(c->db, "UPDATE device SET ds = ? WHERE id = 1", "t", DC_CASE_DS);
	for (size_t i = 0; i < 4; i++) {
		AUTO(dc_line) struct dc_line *l = dc_case_connect(c);

		cr_expect_eq(connack(l, DC_CASE_EP, wrong[i]), 4, "%s", wrong[i]);
		cr_expect(l->closed);
	}
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	cr_expect_eq(connack(l, "qdp1115X/../x", wrong[0]), 2, "an id of other characters");
}

Test(dc_platform, a_device_may_hear_and_say_only_what_is_its_own)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	struct dc_mqtt_packet p;
	struct dc_mqtt_publish m;

	dc_line_login(l, 0);
	dc_line_subscribe(l, "#", 1);
	cr_assert(dc_line_next(l, &p));
	cr_expect_eq(p.body[2], 0x80);
	dc_line_subscribe(l, "q/1/d/qdp1115X860000000000002/+", 1);
	cr_assert(dc_line_next(l, &p));
	cr_expect_eq(p.body[2], 0x80);
	dc_broker_publish(c->dc->broker, "q/1/d/qdp1115X860000000000002/ota", NULL, 0, 1);
	dc_line_publish(l, "q/1/d/" DC_CASE_EP "/ota", "x", 1, 0, 0);
	cr_expect_not(dc_line_message(l, &m), "not even to itself");
	dc_broker_publish(c->dc->broker, "q/1/d/" DC_CASE_EP "/bus/app7", NULL, 0, 1);
	cr_expect(dc_line_message(l, &m), "a third level is pushed without SUBSCRIBE");
}

Test(dc_platform, a_session_key_comes_in_clear_and_then_everything_is_encrypted)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	struct dc_mqtt_publish m;
	uint8_t plain[200];
	size_t n;

	dc_line_login(l, 1);
	cr_assert_eq(dc_line_frame(l, v), 0x00B4);
	const struct dc_ttlv_element *key = dc_ttlv_find(v, 6);
	cr_assert(key && key->count == 16);
	cr_expect_null(dc_ttlv_find(v, 5), "a known device gets no new secret");
	dc_line_publish(l, "q/2/d/" DC_CASE_EP "/sys", "not a cipher text", 17, 0, 0);
	cr_assert(dc_line_message(l, &m));
	cr_assert_eq(dc_secret_decrypt(key->bytes, 16, m.payload, m.len, plain, &n), ERR_OK);
	cr_expect_eq(plain[7] << 8 | plain[8], 0x00A3);
}

/* --- malformed ------------------------------------------------------------------------------- */

/* The platform's exception to a raw payload on a level; 0 when there is none. */
static int64_t
exception(struct dc_case *c, const char *level, const void *payload, size_t len, int64_t *pkg)
{
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	char topic[100];
	int64_t code = 0;

	dc_line_login(l, 0);
	snprintf(topic, sizeof(topic), "q/2/d/%s/%s", DC_CASE_EP, level);
	dc_line_publish(l, topic, payload, len, 0, 0);
	if (dc_line_frame(l, v) != 0x00A3)
		return 0;
	cr_expect(dc_ttlv_int(v, 1, &code));
	*pkg = 0;
	(void)dc_ttlv_int(v, 2, pkg);
	return code;
}

Test(dc_platform, malformed_frames_are_answered_with_their_exception)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	int64_t pkg;

	cr_expect_eq(exception(c, "ota", "", 0, &pkg), 1);
	cr_expect_eq(exception(c, "ota", "hello, platform", 15, &pkg), 1);
	cr_expect_eq(exception(c, "ota", "\xAA\xAA\x00\x06\x17\x00\x01\x01\x15", 9, &pkg), 2);
	cr_expect_eq(exception(c, "ota", "\xAA\xAA\x00\x05\x18\x00\x01\x01\x15", 9, &pkg), 3);
	cr_expect_eq(pkg, 1);
	cr_expect_eq(
	    exception(c, "ota", "\xAA\xAA\x00\x05\x16\x00\x01\x01\x14", 9, &pkg), 5, "no values");
	cr_expect_eq(
	    exception(c, "sys", "\xAA\xAA\x00\x05\x16\x00\x01\x01\x14", 9, &pkg), 4, "wrong level");
	cr_expect_eq(
	    exception(c, "ota", "\xAA\xAA\x00\x05\x78\x00\x01\x01\x76", 9, &pkg), 4, "unknown");
	cr_expect_eq(exception(c, "otax", "\xAA\xAA\x00\x05\x16\x00\x01\x01\x14", 9, &pkg), 4);
}

Test(dc_platform, a_status_without_its_values_or_with_an_unknown_number_is_refused)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	int64_t code;

	dc_line_login(l, 0);
	for (int left_out = 0; left_out < 5; left_out++) {
		struct dc_ttlv_out o = {0};

		if (left_out != 0)
			dc_ttlv_put_int(&o, 13, left_out == 4 ? 7 : 1);
		if (left_out != 1)
			dc_ttlv_put_text(&o, 14, "REVICEPLAN");
		if (left_out != 2)
			dc_ttlv_put_int(&o, 7, 1);
		if (left_out != 3)
			dc_ttlv_put_text(&o, 4, "MCU1");
		dc_line_command(l, DC_CASE_EP, "ota", 0x0114, &o);
		cr_assert_eq(dc_line_frame(l, v), 0x00A3, "case %d", left_out);
		cr_expect(dc_ttlv_int(v, 1, &code) && code == 5);
	}
	cr_expect_str_eq(dc_case_statuses(c, DC_CASE_DK), "");
}

Test(dc_platform, a_repeated_frame_counts_once)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	struct dc_ttlv_out o = {0};

	dc_line_login(l, 0);
	dc_ttlv_put_int(&o, 13, 5);
	dc_ttlv_put_text(&o, 14, "DOWNLOADING");
	dc_ttlv_put_int(&o, 7, 1);
	dc_ttlv_put_text(&o, 4, "MCU1");
	for (int i = 0; i < 3; i++) {
		dc_line_command(l, DC_CASE_EP, "ota", 0x0114, &o);
		l->next_pkg--;
	}
	cr_expect_str_eq(dc_case_statuses(c, DC_CASE_DK), "5");
	l->next_pkg++;
	dc_line_command(l, DC_CASE_EP, "ota", 0x0114, &o);
	cr_expect_str_eq(dc_case_statuses(c, DC_CASE_DK), "5 5");
}
