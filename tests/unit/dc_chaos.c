/*
 * dc_chaos: misbehaviour by kind of message: how it is named, what is drawn from a seed, and what
 * becomes of messages to and from a sub-device.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_late.h"
#include "dc_ota.h"
#include "dc_talk.h"

enum { RUNNING = 1 };

Test(dc_chaos, a_fault_of_a_kind_is_a_name_and_a_command_or_a_direction)
{
	static const struct {
		const char *text;
		bool good;
		enum dc_chaos_what what;
		unsigned kind;
	} rows[] = {{"lose@0113", true, DC_CHAOS_LOSE, 0x0113},
	    {"slow@00c3", true, DC_CHAOS_SLOW, 0xc3},
	    {"delay@down", true, DC_CHAOS_DELAY, DC_CHAOS_DOWN},
	    {"reject@up", true, DC_CHAOS_REJECT, DC_CHAOS_UP}, {"lose", false, 0, 0},
	    {"lose@", false, 0, 0}, {"lose@113", false, 0, 0}, {"lose@01134", false, 0, 0},
	    {"lose@0001", false, 0, 0}, {"lose@011g", false, 0, 0}, {"los@0113", false, 0, 0},
	    {"@0113", false, 0, 0}, {"", false, 0, 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum dc_chaos_what what;
		unsigned kind;
		bool good = dc_chaos_parse(rows[i].text, &what, &kind);

		cr_expect_eq(good, rows[i].good, "%s", rows[i].text);
		cr_expect(
		    !good || (what == rows[i].what && kind == rows[i].kind), "%s", rows[i].text);
	}
}

/* Which of 64 messages are lost, as bits. */
static uint64_t
lost_of_64(int64_t seed, int64_t percent)
{
	struct dc_chaos c = {0};
	uint64_t bits = 0;

	dc_chaos_seed(&c, seed);
	dc_chaos_begin(&c);
	cr_assert(dc_chaos_set(&c, DC_CHAOS_LOSE, 0x0114, 1, 0, percent, 1));
	dc_chaos_end(&c);
	for (int i = 0; i < 64; i++)
		bits |= (uint64_t)dc_chaos_draw(&c, 0x0114, true).lose << i;
	return bits;
}

Test(dc_chaos, the_same_seed_strikes_the_same_messages)
{
	cr_expect_eq(lost_of_64(7, 30), lost_of_64(7, 30));
	cr_expect_neq(lost_of_64(7, 30), lost_of_64(8, 30));
	cr_expect_eq(lost_of_64(7, 100), UINT64_MAX);
	int n = __builtin_popcountll(lost_of_64(7, 30));
	cr_expect(n > 8 && n < 32, "about 30 of 100, got %d of 64", n);
}

Test(dc_chaos, a_rule_keeps_its_times_until_it_is_set_anew_and_ends_with_its_name)
{
	struct dc_chaos c = {0};

	for (int round = 0; round < 2; round++) {
		dc_chaos_begin(&c);
		cr_assert(dc_chaos_set(&c, DC_CHAOS_CUT, DC_CHAOS_DOWN, 1, 2, 100, 5));
		dc_chaos_end(&c);
		cr_expect(dc_chaos_draw(&c, 0x0111, false).cut);
		cr_expect_not(dc_chaos_draw(&c, 0x0111, true).cut, "the other direction");
	}
	cr_expect_not(dc_chaos_draw(&c, 0x0111, false).cut, "twice");
	dc_chaos_begin(&c);
	cr_assert(dc_chaos_set(&c, DC_CHAOS_CUT, DC_CHAOS_DOWN, 1, 2, 100, 6));
	dc_chaos_end(&c);
	cr_expect(dc_chaos_draw(&c, 0x0111, false).cut, "another one");
	dc_chaos_begin(&c);
	dc_chaos_end(&c);
	cr_expect_not(dc_chaos_draw(&c, 0x0111, false).cut, "it is not named any more");
	dc_chaos_begin(&c);
	for (unsigned i = 0; i < DC_CHAOS_RULES; i++)
		cr_assert(dc_chaos_set(&c, DC_CHAOS_CUT, 0x0100 + i, 1, 0, 100, 1));
	cr_expect_not(dc_chaos_set(&c, DC_CHAOS_LOSE, 0x0100, 1, 0, 100, 1), "no room");
}

/* --- on a platform ---------------------------------------------------------------------------- */

static void
set(struct dc_case *c, enum dc_chaos_what what, unsigned kind, int64_t value, int64_t times)
{
	cr_assert(dc_chaos_set(&c->dc->chaos, what, kind, value, times, 100, 0));
}

/* A pushed plan; the line has heard it. */
static struct dc_line *
offered(struct dc_case *c)
{
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	struct dc_line *l = dc_talk_begin(c);

	cr_assert_str_eq(dc_talk_heard(l), "00c3 0111");
	return l;
}

Test(dc_chaos, one_kind_of_message_to_a_device_is_lost_and_the_others_are_not)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	set(c, DC_CHAOS_LOSE, 0x0113, 1, 1);
	AUTO(dc_line) struct dc_line *l = offered(c);

	dc_talk_say(l, "app", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "");
	dc_talk_say(l, "app", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "0113", "once");
}

Test(dc_chaos, one_kind_of_message_is_repeated)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	set(c, DC_CHAOS_REPEAT, 0x0113, 2, 0);
	AUTO(dc_line) struct dc_line *l = offered(c);

	dc_talk_say(l, "app", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "0113 0113 0113");
}

Test(dc_chaos, a_delayed_message_is_late_by_the_platform_s_clock_and_overtaken)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	set(c, DC_CHAOS_DELAY, 0x0113, 86400000, 1);
	AUTO(dc_line) struct dc_line *l = offered(c);

	dc_talk_say(l, "app", 2, NULL);
	dc_talk_say(l, "app", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "0113", "the second");
	dc_talk_say(l, "app", 5, NULL);
	dc_talk_pass(c, 86399999);
	cr_expect_null(strstr(dc_talk_heard(l), "0113"));
	dc_talk_pass(c, 1);
	cr_expect(strstr(dc_talk_heard(l), "0113"));
}

Test(dc_chaos, a_reordered_message_follows_the_next_one_or_the_next_tick)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	dc_case_plan(c, DC_CASE_SUB_PK, "app", 0, NULL, "2.0.0", true);
	set(c, DC_CHAOS_REORDER, 0x00C3, 1, 0);
	AUTO(dc_line) struct dc_line *l = dc_talk_begin(c);

	cr_expect_str_eq(dc_talk_heard(l), "0111 00c3");
	set(c, DC_CHAOS_REORDER, 0x0113, 1, 0);
	dc_talk_say(l, "app", 2, NULL);
	cr_expect_str_eq(dc_talk_heard(l), "");
	dc_talk_pass(c, 1);
	cr_expect_str_eq(dc_talk_heard(l), "0113");
}

Test(dc_chaos, a_cut_ends_the_connection_before_the_message)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	set(c, DC_CHAOS_CUT, 0x0113, 1, 1);
	AUTO(dc_line) struct dc_line *l = offered(c);

	dc_talk_say(l, "app", 2, NULL);
	cr_expect(l->closed);
	cr_expect_str_eq(dc_talk_heard(l), "");
	cr_expect_str_eq(dc_case_statuses(c, DC_CASE_SUB_DK), "2", "that was heard before");
}

Test(dc_chaos, a_garbled_frame_has_a_wrong_sum_and_a_lie_a_right_one)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = offered(c);
	AUTO(mem) struct dc_dp *f = calloc(1, sizeof(*f));
	struct dc_mqtt_publish m;
	uint8_t honest[600];

	dc_talk_say(l, "app", 2, NULL);
	cr_assert(dc_line_message(l, &m));
	cr_assert_eq(dc_dp_parse(m.payload, m.len, f), ERR_OK);
	size_t n = f->len;
	cr_assert_leq(n, sizeof(honest));
	memcpy(honest, f->payload, n);
	set(c, DC_CHAOS_GARBLE, 0x0113, 1, 1);
	dc_talk_say(l, "app", 2, NULL);
	cr_assert(dc_line_message(l, &m));
	cr_expect_eq(dc_dp_parse(m.payload, m.len, f), ERR_FRAME_SUM);
	set(c, DC_CHAOS_LIE, 0x0113, 1, 1);
	dc_talk_say(l, "app", 2, NULL);
	cr_assert(dc_line_message(l, &m));
	cr_assert_eq(dc_dp_parse(m.payload, m.len, f), ERR_OK);
	unsigned differs = 0;
	for (size_t i = 0; i < n && f->len == n; i++)
		differs += honest[i] != f->payload[i];
	cr_expect_eq(differs, 1, "got %u bytes that differ", differs);
}

/* --- what comes up ---------------------------------------------------------------------------- */

Test(dc_chaos, a_status_that_is_not_heard_changes_nothing)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	set(c, DC_CHAOS_LOSE, 0x0114, 1, 1);
	AUTO(dc_line) struct dc_line *l = offered(c);

	dc_talk_all(l, "app", (int[]){1, 2, 0});
	cr_expect_str_eq(dc_talk_heard(l), "0113");
	cr_expect_str_eq(dc_case_statuses(c, DC_CASE_SUB_DK), "2");
}

Test(dc_chaos, statuses_are_heard_twice_late_or_out_of_order)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = offered(c);

	set(c, DC_CHAOS_REPEAT, 0x0114, 1, 1);
	dc_talk_say(l, "app", 1, NULL);
	cr_expect_str_eq(dc_case_statuses(c, DC_CASE_SUB_DK), "1 1");
	set(c, DC_CHAOS_REPEAT, 0x0114, 1, 1);
	c->dc->chaos = (struct dc_chaos){0};
	set(c, DC_CHAOS_REORDER, 0x0114, 1, 1);
	dc_talk_all(l, "app", (int[]){2, 4, 0});
	cr_expect_str_eq(dc_case_statuses(c, DC_CASE_SUB_DK), "1 1 4 2");
	set(c, DC_CHAOS_DELAY, 0x0114, 5000, 1);
	dc_talk_all(l, "app", (int[]){5, 8, 0});
	cr_expect_str_eq(dc_case_statuses(c, DC_CASE_SUB_DK), "1 1 4 2 8");
	dc_talk_pass(c, 5000);
	cr_expect_str_eq(dc_case_statuses(c, DC_CASE_SUB_DK), "1 1 4 2 8 5");
}

Test(dc_chaos, what_was_held_back_is_nothing_to_a_device_that_has_gone)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	struct dc_line *l = offered(c);

	set(c, DC_CHAOS_DELAY, DC_CHAOS_UP, 5000, 1);
	dc_talk_say(l, "app", 2, NULL);
	set(c, DC_CHAOS_DELAY, DC_CHAOS_DOWN, 5000, 1);
	dc_talk_say(l, "app", 2, NULL);
	dc_line_free(l);
	dc_talk_pass(c, 5000);
	cr_expect_str_eq(dc_case_statuses(c, DC_CASE_SUB_DK), "2");
	cr_expect_null(c->dc->late);
}

Test(dc_chaos, at_most_so_many_messages_are_held)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = offered(c);

	set(c, DC_CHAOS_DELAY, 0x0115, 5000, 0);
	for (int i = 0; i < DC_LATE_MAX + 10; i++)
		dc_talk_ask(l, "1.0.0", NULL);
	dc_db_do(c->db, "UPDATE plan SET state = 'terminated'", "");
	dc_db_do(c->db, "DELETE FROM log", "");
	dc_talk_pass(c, 5000);
	cr_expect_eq(
	    dc_db_int(c->db, 0, "SELECT count(*) FROM log WHERE text LIKE 'device requests%'", ""),
	    DC_LATE_MAX);
}

/* Code and command of the answer that is heard next. */
static int
answered(struct dc_line *l, unsigned want)
{
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	int64_t code = 0;
	unsigned cmd = dc_line_frame(l, v);

	cr_expect_eq(cmd, want, "expected %04x, got %04x", want, cmd);
	(void)dc_ttlv_int(v, 1, &code);
	return (int)code;
}

Test(dc_chaos, a_kind_is_rejected_with_any_code_in_the_answer_of_its_own)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = offered(c);

	set(c, DC_CHAOS_REJECT, 0x0114, 10442, 1);
	dc_talk_say(l, "app", 2, NULL);
	cr_expect_eq(answered(l, 0x00A3), 10442);
	cr_expect_str_eq(dc_case_statuses(c, DC_CASE_SUB_DK), "");
	set(c, DC_CHAOS_REJECT, 0x00C2, 10428, 1);
	dc_line_sub_login(l, false);
	cr_expect_eq(answered(l, 0x00C3), 10428);
	set(c, DC_CHAOS_GARBLE, 0x0115, 1, 1);
	dc_talk_ask(l, "1.0.0", NULL);
	cr_expect_eq(answered(l, 0x00A3), 3, "a wrong sum");
	set(c, DC_CHAOS_CUT, 0x0115, 1, 1);
	dc_talk_ask(l, "1.0.0", NULL);
	cr_expect(l->closed);
}

Test(dc_chaos, a_slow_message_waits_on_its_connection)
{
	AUTO(dc_case) struct dc_case *c = dc_case_new();
	AUTO(dc_line) struct dc_line *l = offered(c);

	set(c, DC_CHAOS_SLOW, 0x0113, 1234, 1);
	c->dc->slow_ms = 0;
	l->slow_of = &c->dc->slow_ms;
	dc_talk_say(l, "app", 2, NULL);
	cr_expect_eq(l->slowest, 1234);
	cr_expect_eq(c->dc->slow_ms, 0, "only this one");
}
