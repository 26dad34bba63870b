/*
 * The lives of plans as the platform's manual tells them (spec: developer center, section 13): what
 * can be edited and when, what suspension, termination and the end do to devices on their way, the
 * button for another try, and the cap of devices at once.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_make.h"
#include "dc_plan.h"
#include "dc_talk.h"
#include "dc_user.h"

enum { NONE = 0, RUNNING = 1, DONE = 2, FAILED = 3 };

static int
whole_state(struct dc_case *c)
{
	return (int)dc_user_device_state(c->db, 1, 2, (int64_t)*dc_case_clock());
}

static void
set_plan(struct dc_case *c, const char *state)
{
	dc_db_do(c->db, "UPDATE plan SET state = ?", "t", state);
}

/* Plan 1 of app 2.0.0, then net 3.0.0, pushed; the sub-device is logged in and runs 1.0.0. */
static struct dc_line *
two_components(struct dc_case *c)
{
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(c->db,
	    "INSERT INTO package (name, component, kind, target, path, scheme, size, md5, crc, "
	    "sha256, created) VALUES ('n', 'net', 0, '3.0.0', 'n', 'https', 7, '', '', '', 0)",
	    "");
	dc_db_do(c->db, "INSERT INTO plan_component VALUES (1, 1, 2, NULL)", "");
	dc_db_do(c->db, "UPDATE device SET version = '1.0.0'", "");
	return dc_talk_begin(c);
}

static enum err
change(struct dc_case *c, enum dc_make_verb verb)
{
	char why[DC_RULE_WHY] = "";

	return dc_make_change(c->db, 1, verb, (int64_t)*dc_case_clock(), why);
}

/* --- suspension, termination, the end --------------------------------------------------------- */

Test(dc_model, a_device_that_had_begun_goes_on_through_all_components_of_a_suspended_plan)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = two_components(c);

	dc_talk_heard(l);
	dc_talk_all(l, "app", (int[]){1, 2, 0});
	cr_expect_eq(change(c, DC_MAKE_SUSPEND), ERR_OK);
	dc_talk_all(l, "app", (int[]){4, 8, 9, 0});
	dc_talk_say(l, "app", 11, "2.0.0");
	dc_talk_say(l, "net", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "0113 0113");
	dc_talk_say(l, "net", 11, "3.0.0");
	cr_expect_eq(whole_state(c), DONE);
}

Test(dc_model, a_failed_try_is_repeated_in_a_suspended_plan_and_not_in_a_terminated_one)
{
	for (int terminated = 0; terminated < 2; terminated++) {
		AUTO(dc_case) struct dc_case *c = dc_case_new();
		dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
		AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

		dc_talk_heard(l);
		dc_talk_say(l, "app", 2, NULL);
		cr_expect_eq(change(c, terminated ? DC_MAKE_TERMINATE : DC_MAKE_SUSPEND), ERR_OK);
		cr_expect_eq(whole_state(c), RUNNING, "it goes on");
		dc_talk_say(l, "app", 12, NULL);
		dc_talk_heard(l);
		dc_talk_pass(c, 2000);
		cr_expect_str_eq(dc_talk_heard(l), terminated ? "" : "0111");
		cr_expect_eq(whole_state(c), terminated ? FAILED : RUNNING);
	}
}

Test(dc_model, a_running_component_of_a_terminated_plan_may_still_succeed)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = two_components(c);

	dc_talk_heard(l);
	dc_talk_say(l, "app", 2, NULL);
	cr_expect_eq(change(c, DC_MAKE_TERMINATE), ERR_OK);
	dc_talk_say(l, "app", 11, "2.0.0");
	cr_expect_eq(dc_db_int(c->db, 9, "SELECT state FROM progress WHERE seq = 0", ""), DONE);
	dc_talk_heard(l);
	dc_talk_say(l, "net", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "", "what had not begun does not");
	cr_expect_eq(whole_state(c), FAILED, "and counts as failed");
	cr_expect_eq(change(c, DC_MAKE_ACTIVATE), ERR_PHASE, "for good");
}

Test(dc_model, what_has_not_begun_when_a_plan_ends_counts_as_failed)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = two_components(c);

	dc_db_do(c->db, "UPDATE plan SET ends = ?", "i", (int64_t)*dc_case_clock() + 60000);
	dc_talk_heard(l);
	dc_talk_say(l, "app", 2, NULL);
	dc_talk_pass(c, 59999);
	cr_expect_eq(whole_state(c), RUNNING);
	dc_talk_pass(c, 1);
	dc_talk_say(l, "app", 11, "2.0.0");
	dc_talk_heard(l);
	dc_talk_say(l, "net", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "");
	cr_expect_eq(whole_state(c), FAILED);
}

Test(dc_model, no_address_is_given_once_the_plans_end_is_past)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	dc_db_do(c->db, "UPDATE plan SET ends = ?", "i", (int64_t)*dc_case_clock());
	dc_talk_heard(l);
	dc_talk_say(l, "app", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "");
	cr_expect_eq(whole_state(c), FAILED);
}

Test(dc_model, black_wins_over_white)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	const char *both[] = {DC_CASE_SUB_DK};
	struct dc_make_plan p = {.rule = dc_rule_plan_defaults(0),
	    .pk = DC_CASE_SUB_PK,
	    .packages = {"fw2.0.0"},
	    .white = both,
	    .black = both,
	    .n_white = 1,
	    .n_black = 1};
	char why[DC_RULE_WHY];
	int64_t id;

	p.rule.name = "both";
	cr_assert_eq(
	    dc_make_plan(c->db, &p, (int64_t)*dc_case_clock(), &id, why), ERR_OK, "%s", why);
	dc_db_do(c->db, "UPDATE plan SET state = 'terminated' WHERE id = 1", "");
	dc_db_do(c->db, "UPDATE plan SET state = 'activated', ends = ? WHERE id = ?", "ii",
	    INT64_MAX, id);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);
	dc_talk_heard(l);
	dc_talk_ask(l, "1.0.0", NULL);
	cr_expect_str_eq(dc_talk_heard(l), "");
	dc_db_do(c->db, "UPDATE plan_device SET list = 'white'", "");
	dc_talk_ask(l, "1.0.0", NULL);
	cr_expect_str_eq(dc_talk_heard(l), "0111");
}

/* --- another try ------------------------------------------------------------------------------ */

static enum err
retry(struct dc_case *c, const char *says)
{
	char why[DC_RULE_WHY] = "";
	enum err err = dc_user_retry(c->db, 1, 2, (int64_t)*dc_case_clock(), why);

	cr_expect(strstr(why, says), "expected '%s' in '%s'", says, why);
	return err;
}

/* A plan without retries that failed on the device, which ran 1.0.0. */
static struct dc_line *
failed_once(struct dc_case *c)
{
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(c->db, "UPDATE plan SET retries = 0", "");
	dc_db_do(c->db, "UPDATE device SET version = '1.0.0'", "");
	struct dc_line *l = dc_talk_begin(c);
	dc_talk_all(l, "app", (int[]){1, 2, 12, 0});
	dc_talk_heard(l);
	cr_expect_eq(whole_state(c), FAILED);
	return l;
}

Test(dc_model, a_person_may_repeat_a_failed_silent_plan_and_it_comes_at_once)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = failed_once(c);

	dc_db_do(c->db, "UPDATE plan SET push = 0", ""); /* asking alone would bring nothing */
	dc_talk_pass(c, 86400000);
	cr_expect_str_eq(dc_talk_heard(l), "", "it stays failed by itself");
	cr_expect_eq(retry(c, ""), ERR_OK);
	cr_expect_eq(whole_state(c), NONE);
	dc_talk_pass(c, 1);
	cr_expect_str_eq(dc_talk_heard(l), "0111");
	dc_talk_pass(c, 1);
	cr_expect_str_eq(dc_talk_heard(l), "", "once");
	dc_talk_all(l, "app", (int[]){1, 2, 0});
	cr_expect_str_eq(dc_talk_heard(l), "0113");
	dc_talk_say(l, "app", 11, "2.0.0");
	cr_expect_eq(whole_state(c), DONE);
	cr_expect_eq(retry(c, "expected a device state of 3"), ERR_PHASE);
}

Test(dc_model, a_retry_for_a_device_that_is_away_waits_for_its_login)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_line_free(failed_once(c));

	cr_expect_eq(retry(c, ""), ERR_OK);
	dc_talk_pass(c, 1000);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);
	cr_expect_str_eq(dc_talk_heard(l), "00c3 0111");
}

Test(dc_model, a_retry_needs_a_silent_active_plan_and_the_version_from_before)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = failed_once(c);

	dc_talk_report(l, "1.5.0");
	cr_expect_eq(retry(c, "still reports version 1.0.0 of app, got 1.5.0"), ERR_PHASE);
	dc_talk_report(l, "1.0.0");
	set_plan(c, "suspended");
	cr_expect_eq(retry(c, "a plan that is active"), ERR_PHASE);
	set_plan(c, "activated");
	dc_db_do(c->db, "UPDATE plan SET mode = 'manual'", "");
	cr_expect_eq(retry(c, "a silent plan"), ERR_PHASE);
	dc_db_do(c->db, "UPDATE plan SET mode = 'silent', ends = 5", "");
	cr_expect_eq(retry(c, "a plan that is active"), ERR_PHASE);
	dc_db_do(c->db, "UPDATE plan SET pk = ?", "t", DC_CASE_PK);
	cr_expect_eq(retry(c, "a plan of the device's product"), ERR_NOT_FOUND);
}

/* --- editing ---------------------------------------------------------------------------------- */

/* A loaded plan 1, to be changed and written back. */
static struct dc_make_loaded
loaded(struct dc_case *c)
{
	struct dc_make_loaded l;

	cr_assert_eq(dc_make_load(c->db, 1, &l), ERR_OK);
	return l;
}

static enum err
edit(struct dc_case *c, struct dc_make_loaded *l, const char *says)
{
	char why[DC_RULE_WHY] = "";

	l->plan.rule.name = l->name;
	l->plan.rule.remark = l->remark[0] ? l->remark : NULL;
	enum err err = dc_make_edit(c->db, 1, &l->plan, why);

	cr_expect(strstr(why, says), "expected '%s' in '%s'", says, why);
	return err;
}

static struct dc_case *
with_plan(const char *state)
{
	struct dc_case *c = dc_case_new();

	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(c->db, "UPDATE plan SET state = ?, ends = 9000000000000, min_signal = -100", "t",
	    state);
	return c;
}

Test(dc_model, everything_but_the_product_can_be_edited_before_activation)
{
	AUTO(dc_case) struct dc_case *c = with_plan("inactivated");
	struct dc_make_loaded l = loaded(c);
	const char *white[] = {"NOBODY"}, *text[] = {"en=Better"};

	cr_expect_str_eq(l.name, "plan 2.0.0");
	snprintf(l.name, sizeof(l.name), "another name");
	snprintf(l.remark, sizeof(l.remark), "why not");
	l.plan.manual = true;
	l.plan.rule.min_battery = 77;
	l.plan.rule.retries = 1;
	l.plan.rule.zone_min = 120;
	l.plan.white = white;
	l.plan.n_white = 1;
	l.plan.keeps_lists = l.plan.keeps_texts = false;
	l.plan.texts = text;
	l.plan.n_texts = 1;
	l.plan.pk = DC_CASE_SUB_PK;
	cr_expect_eq(edit(c, &l, ""), ERR_OK);
	cr_expect_eq(
	    dc_db_int(c->db, 0,
		"SELECT count(*) FROM plan WHERE name = 'another name' AND mode = 'manual' "
		"AND min_battery = 77 AND retries = 1 AND remark = 'why not' AND zone = 120 "
		"AND min_signal = -100 AND state = 'inactivated'",
		""),
	    1);
	cr_expect_eq(dc_db_int(c->db, 0, "SELECT count(*) FROM plan_component", ""), 1, "kept");
	cr_expect_eq(
	    dc_db_int(c->db, 0, "SELECT count(*) FROM plan_device WHERE dk = 'NOBODY'", ""), 1);
	l.plan.pk = DC_CASE_PK;
	cr_expect_eq(edit(c, &l, "the plan's own product, which is fixed"), ERR_INVALID);
}

Test(dc_model, only_an_inactivated_plan_can_be_edited_or_deleted)
{
	static const char *const states[] = {"activated", "suspended", "terminated"};

	for (size_t i = 0; i < 3; i++) {
		AUTO(dc_case) struct dc_case *c = with_plan(states[i]);
		struct dc_make_loaded l = loaded(c);

		cr_expect_eq(edit(c, &l, "only those can be edited"), ERR_PHASE, "%s", states[i]);
		cr_expect_eq(change(c, DC_MAKE_DELETE), ERR_PHASE, "%s", states[i]);
	}
}

Test(dc_model, an_edit_that_breaks_a_rule_changes_nothing)
{
	AUTO(dc_case) struct dc_case *c = with_plan("inactivated");
	struct dc_make_loaded l = loaded(c);

	l.plan.rule.retries = 6;
	cr_expect_eq(edit(c, &l, "retries: expected 0 to 5, got 6"), ERR_INVALID);
	l = loaded(c);
	l.plan.keeps_components = false;
	l.plan.packages[0] = "no such";
	cr_expect_eq(edit(c, &l, "there is no such package"), ERR_NOT_FOUND);
	cr_expect_eq(dc_db_int(c->db, 0, "SELECT count(*) FROM plan_component", ""), 1);
	l = loaded(c);
	l.plan.manual = true;
	cr_expect_eq(edit(c, &l, "text in zh or en"), ERR_INVALID);
	cr_expect_eq(dc_db_int(c->db, 0, "SELECT count(*) FROM plan WHERE mode = 'silent'", ""), 1);
}

Test(dc_model, versions_are_specified_per_component_and_each_component_stands_once)
{
	AUTO(dc_case) struct dc_case *c = with_plan("inactivated");
	struct dc_make_loaded l = loaded(c);

	dc_db_do(c->db,
	    "INSERT INTO package (name, component, kind, target, source, path, scheme, size, md5, "
	    "crc, sha256, created) VALUES ('n', 'net', 0, '3', NULL, 'n', 'https', 7, '', '', '', "
	    "0), ('d', 'dsp', 0, '3', '2', 'd', 'https', 7, '', '', '', 0)",
	    "");
	l.plan.keeps_components = false;
	l.plan.rule.components = 3;
	l.plan.packages[0] = "n";
	l.plan.packages[1] = "fw2.0.0";
	l.plan.packages[2] = "d";
	l.plan.versions[1] = "1.0;1.1";
	cr_expect_eq(edit(c, &l, ""), ERR_OK);
	cr_expect_eq(dc_db_int(c->db, 0,
			 "SELECT count(*) FROM plan_component WHERE (seq = 1) = "
			 "(coalesce(versions, '') = '1.0;1.1')",
			 ""),
	    3);
	l.plan.versions[2] = "2";
	cr_expect_eq(edit(c, &l, "which has a source version"), ERR_INVALID);
	l.plan.versions[2] = NULL;
	l.plan.versions[0] = "1;2;3;4;5;6;7;8;9";
	cr_expect_eq(edit(c, &l, "at most 8"), ERR_INVALID);
	l.plan.versions[0] = NULL;
	l.plan.packages[2] = "n";
	cr_expect_eq(edit(c, &l, "each component once"), ERR_INVALID);
}

/* --- how many --------------------------------------------------------------------------------- */

Test(dc_model, ten_thousand_devices_are_upgraded_at_once_and_no_more)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(c->db,
	    "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 10099) "
	    "INSERT INTO device (id, pk, dk, gateway) SELECT i, ?, 'MANY' || i, 1 FROM n",
	    "t", DC_CASE_SUB_PK);
	dc_db_do(c->db,
	    "INSERT INTO progress (plan, seq, device, state) "
	    "SELECT 1, 0, id, 1 FROM device WHERE id >= 100",
	    "");
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	cr_expect_str_eq(dc_talk_heard(l), "00c3", "10000 are at it");
	dc_db_do(c->db, "UPDATE progress SET state = 2 WHERE device = 100", "");
	dc_talk_pass(c, 599999);
	cr_expect_str_eq(dc_talk_heard(l), "");
	dc_talk_pass(c, 1);
	cr_expect_str_eq(dc_talk_heard(l), "0111", "one has ended");
}

Test(dc_model, devices_that_may_not_be_pushed_now_do_not_stand_in_the_way_of_others)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();

	dc_db_do(c->db, "UPDATE device SET id = 999 WHERE id = 2", "");
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	dc_db_do(c->db,
	    "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 300) "
	    "INSERT INTO device (id, pk, dk, gateway, online) SELECT i, ?, 'MANY' || i, 1, 1 FROM "
	    "n",
	    "t", DC_CASE_SUB_PK);
	dc_db_do(c->db,
	    "INSERT INTO progress (plan, seq, device, due) SELECT 1, 0, id, 1 "
	    "FROM device WHERE id >= 100",
	    "");
	dc_talk_heard(l);
	for (int i = 0; i < 5; i++)
		dc_talk_pass(c, 1);
	cr_expect_str_eq(dc_talk_heard(l), "0111");
}
