/*
 * dc_ota: plans, offers, statuses and their consequences, for a sub-device behind a gateway.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_ota.h"
#include "dc_talk.h"

enum { FAILED = 3, DONE = 2, RUNNING = 1, NEEDLESS = 4 };

Test(dc_ota, a_plan_is_pushed_at_login_and_the_upgrade_runs_to_success)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	cr_expect_str_eq(dc_talk_heard(l), "00c3 0111");
	dc_talk_report(l, "1.0.0");
	cr_expect_str_eq(dc_talk_heard(l), "", "the same plan was offered just now");
	dc_talk_say(l, "app", 1, NULL);
	dc_talk_say(l, "app", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "0113");
	cr_expect_eq(dc_case_state(c, DC_CASE_SUB_DK), RUNNING);
	dc_talk_say(l, "app", 4, NULL);
	dc_talk_say(l, "app", 5, NULL);
	dc_talk_say(l, "app", 8, NULL);
	dc_talk_say(l, "app", 9, NULL);
	dc_talk_say(l, "app", 11, "2.0.0");
	cr_expect_str_eq(dc_talk_heard(l), "");
	cr_expect_eq(dc_case_state(c, DC_CASE_SUB_DK), DONE);
	cr_expect_str_eq(dc_case_statuses(c, DC_CASE_SUB_DK), "1 2 4 5 8 9 11");
	dc_talk_ask(l, "2.0.0", NULL);
	cr_expect_str_eq(dc_talk_heard(l), "", "nothing is left to do");
}

Test(dc_ota, a_plan_is_pushed_when_a_version_report_makes_it_fit)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, "1.0.0", "2.0.0", true);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	cr_expect_str_eq(dc_talk_heard(l), "00c3", "its version is not known yet");
	dc_talk_report(l, "0.9.0");
	cr_expect_str_eq(dc_talk_heard(l), "", "another source version");
	dc_talk_report(l, "1.0.0");
	cr_expect_str_eq(dc_talk_heard(l), "0111");
}

Test(dc_ota, the_plan_and_the_address_carry_what_was_planned)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, "1.0.0", "2.0.0", false);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	char text[100];
	int64_t n;

	cr_expect_str_eq(dc_talk_heard(l), "00c3", "it is not pushed");
	dc_talk_ask(l, "1.0.0", NULL);
	cr_assert_eq(dc_line_frame(l, v), 0x0111);
	cr_expect(dc_ttlv_text(v, 4, text, sizeof(text)) && strcmp(text, "app") == 0);
	cr_expect(dc_ttlv_text(v, 5, text, sizeof(text)) && strcmp(text, "1.0.0") == 0);
	cr_expect(dc_ttlv_text(v, 6, text, sizeof(text)) && strcmp(text, "2.0.0") == 0);
	cr_expect(dc_ttlv_int(v, 7, &n) && n == 0);
	cr_expect(dc_ttlv_int(v, 8, &n) && n == 30);
	cr_expect(dc_ttlv_int(v, 9, &n) && n == 5000);
	cr_expect(dc_ttlv_int(v, 10, &n) && n == -110);
	dc_talk_say(l, "app", 2, NULL);
	cr_assert_eq(dc_line_frame(l, v), 0x0113);
	cr_expect(dc_ttlv_text(v, 1, text, sizeof(text)));
	cr_expect_str_eq(text, "https://127.0.0.1:8443/packages/fw2.0.0");
	cr_expect_null(dc_ttlv_find(v, 16), "sha256 only when asked for");
}

Test(dc_ota, sha256_comes_when_it_was_asked_for_and_lies_on_request)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	struct dc_ttlv_out o = {0};
	char text[100];
	int64_t size;

	dc_fault_set(&c->dc->faults, DC_FAULT_WRONG_SHA256, 1, 1, 1);
	dc_fault_set(&c->dc->faults, DC_FAULT_WRONG_MD5, 1, 1, 1);
	dc_fault_set(&c->dc->faults, DC_FAULT_WRONG_SIZE, -10, 1, 1);
	dc_talk_heard(l);
	dc_ttlv_put_int(&o, 13, 2);
	dc_ttlv_put_text(&o, 14, "SUBMITOTA");
	dc_ttlv_put_int(&o, 7, 0);
	dc_ttlv_put_text(&o, 4, "app");
	dc_ttlv_put_text(&o, 19, "sha256");
	for (int lie = 1; lie >= 0; lie--) {
		dc_line_command(l, DC_CASE_SUB_EP, "ota", 0x0114, &o);
		cr_assert_eq(dc_line_frame(l, v), 0x0113);
		cr_assert(dc_ttlv_text(v, 16, text, sizeof(text)));
		cr_expect_eq(text[0], lie ? '0' : '3');
		cr_assert(dc_ttlv_text(v, 3, text, sizeof(text)));
		cr_expect_eq(text[0], lie ? '0' : '3');
		cr_expect(dc_ttlv_int(v, 2, &size) && size == (lie ? 4990 : 5000));
	}
}

Test(dc_ota, a_version_report_that_equals_the_target_is_success)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	dc_talk_say(l, "app", 2, NULL);
	dc_talk_say(l, "app", 9, NULL);
	dc_talk_report(l, "1.0.0");
	cr_expect_eq(dc_case_state(c, DC_CASE_SUB_DK), RUNNING);
	dc_talk_report(l, "2.0.0");
	cr_expect_eq(dc_case_state(c, DC_CASE_SUB_DK), DONE);
}

Test(dc_ota, success_with_another_version_is_a_failure)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(c->db, "UPDATE plan SET retries = 0", "");
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	dc_talk_say(l, "app", 2, NULL);
	dc_talk_say(l, "app", 11, "1.9.9");
	cr_expect_eq(dc_case_state(c, DC_CASE_SUB_DK), FAILED);
	dc_talk_report(l, "2.0.0");
	cr_expect_eq(dc_case_state(c, DC_CASE_SUB_DK), DONE, "the truth wins");
}

Test(dc_ota, a_device_at_the_target_needs_no_update)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", false);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	dc_talk_heard(l);
	dc_talk_ask(l, "2.0.0", NULL);
	cr_expect_str_eq(dc_talk_heard(l), "");
	cr_expect_eq(dc_case_state(c, DC_CASE_SUB_DK), NEEDLESS);
}

Test(dc_ota, failures_are_tried_again_until_the_plan_has_enough)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(c->db, "UPDATE plan SET retries = 2", "");
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);
	static const int failure[] = {6, 12, 12};

	cr_expect_str_eq(dc_talk_heard(l), "00c3 0111");
	for (int i = 0; i < 3; i++) {
		dc_talk_say(l, "app", 2, NULL);
		cr_expect_str_eq(dc_talk_heard(l), "0113");
		dc_talk_say(l, "app", failure[i], NULL);
		dc_talk_say(l, "app", failure[i], NULL); /* the same failure, told twice */
		dc_talk_pass(c, 500);
		cr_expect_str_eq(dc_talk_heard(l), "", "not yet");
		dc_talk_pass(c, 600);
		cr_expect_str_eq(dc_talk_heard(l), i < 2 ? "0111" : "");
	}
	cr_expect_eq(dc_case_state(c, DC_CASE_SUB_DK), FAILED);
	dc_talk_ask(l, "1.0.0", NULL);
	cr_expect_str_eq(dc_talk_heard(l), "", "no more");
}

/* rule: timer-reject */
Test(dc_ota, a_refusal_is_left_alone_for_the_rejection_time)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	dc_talk_heard(l);
	dc_talk_say(l, "app", 3, NULL);
	dc_talk_pass(c, 119 * 60000);
	dc_talk_report(l, "1.0.0");
	cr_expect_str_eq(dc_talk_heard(l), "");
	dc_talk_ask(l, "1.0.0", NULL);
	cr_expect_str_eq(dc_talk_heard(l), "0111", "whoever asks is answered");
	dc_talk_say(l, "app", 3, NULL);
	dc_talk_pass(c, 120 * 60000);
	cr_expect_str_eq(dc_talk_heard(l), "0111");
}

/* rule: timer-push */
Test(dc_ota, an_unanswered_plan_is_pushed_again_after_ten_minutes)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	dc_talk_heard(l);
	dc_talk_pass(c, 599999);
	cr_expect_str_eq(dc_talk_heard(l), "");
	dc_talk_pass(c, 1);
	cr_expect_str_eq(dc_talk_heard(l), "0111");
	dc_talk_say(l, "app", 5, NULL);
	dc_talk_pass(c, 600000);
	cr_expect_str_eq(dc_talk_heard(l), "", "a running upgrade is not disturbed");
}

Test(dc_ota, a_plan_is_pushed_when_its_time_or_its_period_has_come)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);
	int64_t now = (int64_t)*dc_case_clock();

	dc_db_do(c->db, "DELETE FROM progress", "");
	dc_db_do(c->db, "UPDATE plan SET starts = ?", "i", now + 3600000);
	dc_talk_heard(l);
	dc_talk_pass(c, 3599999);
	cr_expect_str_eq(dc_talk_heard(l), "");
	dc_talk_pass(c, 600000);
	cr_expect_str_eq(dc_talk_heard(l), "0111", "ten minutes later at the latest");
	dc_db_do(c->db, "DELETE FROM progress", "");
	/* it is 17:10 UTC */
	dc_db_do(c->db, "UPDATE plan SET push_from = 1080, push_to = 1140", "");
	dc_talk_pass(c, 2399999);
	cr_expect_str_eq(dc_talk_heard(l), "");
	dc_talk_pass(c, 1200000);
	cr_expect_str_eq(dc_talk_heard(l), "0111");
}

Test(dc_ota, only_devices_that_a_plan_means_are_offered_it)
{
	static const struct {
		const char *sql;
		bool offered;
	} rows[] = {
	    {"UPDATE plan SET state = 'activated'", true},
	    {"UPDATE plan SET state = 'inactivated'", false},
	    {"UPDATE plan SET state = 'suspended'", false},
	    {"UPDATE plan SET state = 'terminated'", false},
	    {"UPDATE plan SET mode = 'manual'", false},
	    {"UPDATE plan SET starts = 1764000000001", false},
	    {"UPDATE plan SET ends = 1764000000000", false},
	    {"UPDATE plan SET ends = 1764000000001", true},
	    {"UPDATE plan SET pk = 'p1115X'", false},
	    {"INSERT INTO plan_device SELECT id, 'SUBDEV01', 'black' FROM plan", false},
	    {"INSERT INTO plan_device SELECT id, 'SUBDEV01', 'white' FROM plan", true},
	    {"INSERT INTO plan_device SELECT id, 'SUBDEV02', 'white' FROM plan", false},
	    {"INSERT INTO plan_device SELECT id, 'SUBDEV02', 'black' FROM plan", true},
	    {"UPDATE package SET source = '0.9.0'", false},
	    {"UPDATE package SET source = '1.0.0'", true},
	    {"UPDATE plan_component SET versions = '0.9;1.0.0'", true},
	    {"UPDATE plan_component SET versions = '0.9;1.0.0.1'", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO(dc_case) struct dc_case *c = dc_case_new();
		AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

		dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", false);
		dc_db_do(c->db, rows[i].sql, "");
		dc_talk_heard(l);
		dc_talk_ask(l, "1.0.0", NULL);
		cr_expect_str_eq(
		    dc_talk_heard(l), rows[i].offered ? "0111" : "", "%s", rows[i].sql);
	}
}

Test(dc_ota, a_plan_is_pushed_in_its_period_only)
{
	static const struct {
		int from, to;
		bool offered;
	} rows[] = {{0, 0, true}, {959, 961, true}, {960, 961, true}, {961, 959, false},
	    {959, 960, false}, {1000, 961, true}, {0, 1, false}};

	/* 1764000000000 is 16:00 UTC, minute 960. */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO(dc_case) struct dc_case *c = dc_case_new();

		dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
		dc_db_do(c->db, "UPDATE plan SET push_from = ?, push_to = ?", "ii",
		    (int64_t)rows[i].from, (int64_t)rows[i].to);
		AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);
		cr_expect_str_eq(dc_talk_heard(l), rows[i].offered ? "00c3 0111" : "00c3",
		    "%d to %d", rows[i].from, rows[i].to);
	}
}

Test(dc_ota, activation_reaches_devices_that_are_online)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);
	struct dc_db *other = NULL;

	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(c->db, "UPDATE plan SET state = 'inactivated'", "");
	cr_assert_eq(dc_db_open(c->dir, false, &other), ERR_OK);
	dc_talk_heard(l);
	dc_talk_pass(c, 100);
	cr_expect_str_eq(dc_talk_heard(l), "");
	dc_db_do(other, "UPDATE plan SET state = 'activated'", "");
	dc_db_do(other, "INSERT INTO command (what, device) VALUES ('plan', 0)", "");
	dc_talk_pass(c, 100);
	cr_expect_str_eq(dc_talk_heard(l), "0111");
	dc_db_close(other);
}

Test(dc_ota, a_suspended_plan_gives_no_address_but_a_running_one_goes_on)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	dc_talk_heard(l);
	dc_db_do(c->db, "UPDATE plan SET state = 'suspended'", "");
	dc_talk_say(l, "app", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "");
	dc_db_do(c->db, "UPDATE plan SET state = 'activated'", "");
	dc_talk_say(l, "app", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "0113");
	dc_db_do(c->db, "UPDATE plan SET state = 'suspended'", "");
	dc_talk_say(l, "app", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "0113", "it had begun");
}

Test(dc_ota, components_run_in_the_order_of_the_list)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_PK, "MCU1", 1, NULL, "2.0.0", false);
	dc_db_do(c->db,
	    "INSERT INTO package (name, component, kind, target, path, scheme, size, md5, crc, "
	    "sha256, created) VALUES ('b', 'MCU2', 1, '3.0.0', 'b', 'https', 1, '', '', '', 0)",
	    "");
	dc_db_do(c->db, "INSERT INTO plan_component VALUES (1, 1, 2, NULL)", "");
	AUTO(dc_line) struct dc_line *l = dc_case_connect(c);
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	struct dc_ttlv_out o = {0};
	char text[40];

	dc_line_login(l, 0);
	dc_talk_heard(l);
	dc_ttlv_put_text(&o, 25, "gw1");
	dc_ttlv_put_text(&o, 26, "MCU1:2.0.0;MCU2:1.0.0");
	dc_line_command(l, DC_CASE_EP, "ota", 0x0115, &o);
	cr_assert_eq(dc_line_frame(l, v), 0x0111);
	cr_expect(dc_ttlv_text(v, 4, text, sizeof(text)));
	cr_expect_str_eq(text, "MCU2", "the first needs nothing");
}

Test(dc_ota, a_status_without_a_plan_is_recorded_and_nothing_more)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	dc_talk_heard(l);
	dc_talk_say(l, "app", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "");
	cr_expect_str_eq(dc_case_statuses(c, DC_CASE_SUB_DK), "2");
	cr_expect_eq(dc_case_state(c, DC_CASE_SUB_DK), -1);
}
