/*
 * cloud: whole upgrades between a fake platform and a fake gate. What each state does with each
 * event alone is in conversation.c.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cloud_case.h"
#include "dp.h"

#define ACCEPT(c) cloud_case_verdict(c, PB__VERDICT__VERDICT_ACCEPT, ERR_OK, 0)

Test(cloud, carries_a_silent_upgrade_from_the_plan_to_the_new_version)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_plan(c, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!plan_offered offer:2.0.0 s1");
	ACCEPT(c);
	CLOUD_CASE_EXPECT(c, "s2");
	cloud_case_firmware(c, "2.0.0");
	CLOUD_CASE_EXPECT(c, "order s4");
	cr_expect_eq(c->order_size, 4711);
	cloud_case_progress(c, PB__PHASE__PHASE_FETCHING);
	CLOUD_CASE_EXPECT(c, "s5");
	cloud_case_pass(c, 10000);
	CLOUD_CASE_EXPECT(c, "s5 s5");
	cloud_case_report(c, "fetchd", PB__PHASE__PHASE_FETCHED, ERR_OK, "");
	CLOUD_CASE_EXPECT(c, "s8 ack:fetchd:100");
	cloud_case_report(c, "fetchd", PB__PHASE__PHASE_VERIFIED, ERR_OK, "");
	CLOUD_CASE_EXPECT(c, "ack:fetchd:101");
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_FLASHING, ERR_OK, "");
	CLOUD_CASE_EXPECT(c, "s9 ack:flashd:102");
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!upgrade_ended s11:2.0.0 0044:2.0.0 ack:flashd:103");
	cr_expect_eq(cloud_case_state(c), CONVERSATION_IDLE);
	cr_expect_eq(cloud_case_device(c)->pending, 0);
}

/* --- what flashd says ------------------------------------------------------------------------- */

Test(cloud, says_refused_when_flashd_rejects)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OFFERED);
	cloud_case_verdict(c, PB__VERDICT__VERDICT_REJECT, ERR_BATTERY, 0);
	CLOUD_CASE_EXPECT(c, "!upgrade_ended s3");
	cloud_case_verdict(c, PB__VERDICT__VERDICT_REJECT, ERR_BATTERY, 0);
	ACCEPT(c);
	CLOUD_CASE_EXPECT(c, "");
}

Test(cloud, asks_again_when_the_time_has_come_that_flashd_deferred_to)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OFFERED);
	cloud_case_verdict(c, PB__VERDICT__VERDICT_DEFER, ERR_POLICY, c->wall + 60000);
	CLOUD_CASE_EXPECT(c, "!upgrade_ended s3");
	cloud_case_pass(c, 59000);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "0115");
	cloud_case_pass(c, 60000);
	CLOUD_CASE_EXPECT(c, "");
}

Test(cloud, gives_up_when_flashd_has_no_verdict_in_time)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OFFERED);
	cloud_case_pass(c, (int64_t)c->profile.offer_ms - 1000);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "!upgrade_ended cancel s3 0115");
}

Test(cloud, asks_for_upgrades_every_ten_minutes_while_nothing_is_under_way)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_pass(c, 539000);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_pass(c, 122000);
	CLOUD_CASE_EXPECT(c, "0115");
	cloud_case_drive(c, CONVERSATION_UPDATING);
	cloud_case_pass(c, 660000);
	CLOUD_CASE_EXPECT(c, "");
}

Test(cloud, asks_a_little_earlier_or_later_each_time)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	int64_t least = INT64_MAX, most = 0;

	for (int salt = 0; salt < 256; salt++) {
		c->random_salt = (uint8_t)salt;
		int64_t ms = mono_between(c->now, cloud_next_request(&c->cloud));

		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	cr_expect(least >= 540000 && least < 545000, "%lld", (long long)least);
	cr_expect(most <= 660000 && most > 655000, "%lld", (long long)most);
}

Test(cloud, announces_a_version_that_changed_and_asks_for_an_upgrade)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_reports_device(c, "1.0.0", PB__DEVICE_STATE__DEVICE_STATE_PRESENT);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_reports_device(c, "1.0.1", PB__DEVICE_STATE__DEVICE_STATE_PRESENT);
	CLOUD_CASE_EXPECT(c, "0044:1.0.1 0115");
}

Test(cloud, announces_no_version_during_an_upgrade)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_UPDATING);
	cloud_case_reports_device(c, "2.0.0", PB__DEVICE_STATE__DEVICE_STATE_BUSY);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!upgrade_ended s11:2.0.0 0044:2.0.0 ack:flashd:102 0115");
}

Test(cloud, says_what_runs_now_when_an_upgrade_fails)
{
	static const int ends[] = {PB__PHASE__PHASE_REVERTED, PB__PHASE__PHASE_FAILED,
	    PB__PHASE__PHASE_REFUSED, PB__PHASE__PHASE_CANCELLED};

	for (size_t i = 0; i < 4; i++) {
		AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

		cloud_case_drive(c, CONVERSATION_UPDATING);
		cloud_case_report(c, "flashd", ends[i], ERR_REVERTED, "1.0.0");
		CLOUD_CASE_EXPECT(c, "!upgrade_ended s12:1.0.0 ack:flashd:102");
	}
}

Test(cloud, says_download_error_five_times_and_failure_the_sixth)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	for (int i = 1; i <= 6; i++) {
		cloud_case_drive(c, CONVERSATION_DOWNLOADING);
		cloud_case_report(c, "fetchd", PB__PHASE__PHASE_FAILED, ERR_HTTP, "");
		const char *trace = cloud_case_trace(c);
		cr_expect(strstr(trace, i < 6 ? " s6 " : " s12:1.0.0 "), "%d: %s", i, trace);
		cr_expect(strstr(trace, "cancel"), "flashd waits for an image: %s", trace);
	}
}

/* --- timers ----------------------------------------------------------------------------------- */

/* rule: timer-url */
Test(cloud, gives_up_thirty_seconds_after_the_platform_has_heard_the_confirmation)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OFFERED);
	c->mute = true;
	ACCEPT(c);
	cloud_case_pass(c, 120000);
	CLOUD_CASE_EXPECT(c, "s2");
	c->mute = false;
	cloud_case_confirm_all(c);
	cloud_case_pass(c, 29000);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "!upgrade_ended cancel s12:1.0.0");
	cr_expect_eq(cloud_case_device(c)->conversation.error, ERR_NO_URL);
}

/* rule: timer-status5 */
Test(cloud, says_downloading_every_five_seconds_but_never_twice_in_a_row_unheard)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_DOWNLOADING);
	cloud_case_pass(c, 20000);
	CLOUD_CASE_EXPECT(c, "s5 s5 s5 s5");
	c->mute = true;
	cloud_case_pass(c, 60000);
	CLOUD_CASE_EXPECT(c, "s5");
	cr_expect_eq(cloud_case_device(c)->pending, 1);
}

/* rule: timer-update */
Test(cloud, cancels_a_device_that_is_silent_for_twenty_minutes_and_waits_for_the_truth)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_UPDATING);
	cloud_case_pass(c, 20 * 60000 - 1000);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "cancel");
	cr_expect_eq(cloud_case_state(c), CONVERSATION_OVERDUE);
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!upgrade_ended s11:2.0.0 0044:2.0.0 ack:flashd:102 0115");
}

Test(cloud, starts_the_twenty_minutes_anew_with_each_sign_of_life)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_UPDATING);
	for (int i = 0; i < 5; i++) {
		cloud_case_pass(c, 19 * 60000);
		cloud_case_progress(c, PB__PHASE__PHASE_FLASHING);
	}
	cr_expect_eq(cloud_case_state(c), CONVERSATION_UPDATING);
}

Test(cloud, leaves_an_upgrade_alone_that_waits_for_its_turn_for_days_and_says_so)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_FETCHED);
	for (int i = 0; i < 20; i++) {
		cloud_case_pass(c, 5 * 3600000);
		cloud_case_progress(c, PB__PHASE__PHASE_VERIFIED);
	}
	CLOUD_CASE_EXPECT(c, "");
	cr_expect_eq(cloud_case_state(c), CONVERSATION_FETCHED);
	cloud_case_pass(c, 6 * 3600000);
	CLOUD_CASE_EXPECT(c, "cancel");
	cr_expect_eq(cloud_case_state(c), CONVERSATION_OVERDUE);
}

Test(cloud, takes_no_sign_of_life_for_the_report_that_it_must_have)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_DOWNLOADING);
	cloud_case_progress(c, PB__PHASE__PHASE_VERIFIED);
	cr_expect_eq(cloud_case_state(c), CONVERSATION_DOWNLOADING);
}

Test(cloud, fails_an_upgrade_whose_outcome_nobody_tells)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OVERDUE);
	cloud_case_pass(c, 3 * 20 * 60000);
	CLOUD_CASE_EXPECT(c, "cancel cancel !upgrade_ended s12:1.0.0 0115");
}

/* --- duplicates ------------------------------------------------------------------------------- */

Test(cloud, ignores_a_plan_that_the_network_repeats)
{
	for (int s = CONVERSATION_OFFERED; s < CONVERSATION_STATES; s++) {
		AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
		uint16_t plan = dp_next_package(c->down_package);

		cloud_case_drive(c, s);
		c->down_package = plan;
		cloud_case_plan_again(c, "2.0.0");
		CLOUD_CASE_EXPECT(c, "");
		cr_expect_eq(cloud_case_state(c), s);
	}
}

Test(cloud, answers_a_plan_that_the_platform_repeats_only_while_it_is_not_confirmed)
{
	for (int s = CONVERSATION_OFFERED; s < CONVERSATION_STATES; s++) {
		AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

		cloud_case_drive(c, s);
		cloud_case_plan(c, "2.0.0");
		CLOUD_CASE_EXPECT(c, s == CONVERSATION_OFFERED ? "offer:2.0.0 s1" : "");
		cr_expect_eq(cloud_case_state(c), s);
	}
}

Test(cloud, stays_with_the_upgrade_under_way_when_another_plan_comes)
{
	for (int s = CONVERSATION_CONFIRMED; s < CONVERSATION_STATES; s++) {
		AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

		cloud_case_drive(c, s);
		cloud_case_plan(c, "3.0.0");
		CLOUD_CASE_EXPECT(c, "");
		cr_expect_eq(cloud_case_state(c), s);
	}
}

Test(cloud, orders_once_however_often_the_firmware_comes)
{
	for (int s = CONVERSATION_ORDERED; s < CONVERSATION_STATES; s++) {
		AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

		cloud_case_drive(c, s);
		cloud_case_firmware(c, "2.0.0");
		cloud_case_firmware(c, "3.0.0");
		cloud_case_bad_firmware(c);
		CLOUD_CASE_EXPECT(c, "");
		cr_expect_eq(cloud_case_state(c), s);
	}
}

Test(cloud, asks_flashd_about_a_firmware_that_came_without_a_plan)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_firmware(c, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!plan_offered offer:2.0.0");
	ACCEPT(c);
	CLOUD_CASE_EXPECT(c, "order s4");
}

Test(cloud, fails_a_firmware_that_lacks_something)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_bad_firmware(c);
	CLOUD_CASE_EXPECT(c, "s12:1.0.0");
	cloud_case_drive(c, CONVERSATION_CONFIRMED);
	cloud_case_bad_firmware(c);
	CLOUD_CASE_EXPECT(c, "!upgrade_ended cancel s12:1.0.0");
}

Test(cloud, takes_each_report_once_and_acknowledges_it_as_often_as_it_comes)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_UPDATING);
	uint64_t id = cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
	cloud_case_trace(c);
	for (int i = 0; i < 3; i++) {
		cloud_case_report_again(c, "flashd", id, PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
		CLOUD_CASE_EXPECT(c, "ack:flashd:102");
	}
}

Test(cloud, acknowledges_a_report_only_after_the_platform_has_what_it_caused)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_UPDATING);
	c->mute = true;
	uint64_t id = cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!upgrade_ended s11:2.0.0");
	cloud_case_report_again(c, "flashd", id, PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_confirm(c);
	CLOUD_CASE_EXPECT(c, "0044:2.0.0");
	cloud_case_confirm(c);
	CLOUD_CASE_EXPECT(c, "ack:flashd:102");
}

Test(cloud, acknowledges_a_report_about_an_upgrade_that_it_does_not_know)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	c->upgrade = 12345;
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
	CLOUD_CASE_EXPECT(c, "ack:flashd:100");
}

Test(cloud, does_not_begin_anew_what_the_platform_has_not_heard_the_end_of)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_UPDATING);
	c->mute = true;
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
	cloud_case_plan(c, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!upgrade_ended s11:2.0.0");
	c->mute = false;
	cloud_case_confirm_all(c);
	CLOUD_CASE_EXPECT(c, "0044:2.0.0 ack:flashd:102");
}

/* --- order ------------------------------------------------------------------------------------ */

Test(cloud, sends_one_status_of_a_device_at_a_time_with_qos_two)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_DOWNLOADING);
	c->mute = true;
	cloud_case_report(c, "fetchd", PB__PHASE__PHASE_FETCHED, ERR_OK, "");
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_FLASHING, ERR_OK, "");
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_DONE, ERR_OK, "2.0.0");
	CLOUD_CASE_EXPECT(c, "s8 !upgrade_ended");
	cr_expect_eq(c->last.qos, 2);
	cr_expect_str_eq(c->last.topic, "q/2/d/" CLOUD_CASE_DEVICE "/ota");
	cloud_case_confirm(c);
	CLOUD_CASE_EXPECT(c, "ack:fetchd:100 s9");
	cloud_case_confirm(c);
	CLOUD_CASE_EXPECT(c, "ack:flashd:101 s11:2.0.0");
}

Test(cloud, waits_when_the_connection_is_full_and_goes_on_later)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	c->publish_error = ERR_AGAIN;
	cloud_case_plan(c, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!plan_offered offer:2.0.0");
	c->publish_error = ERR_OK;
	ACCEPT(c);
	CLOUD_CASE_EXPECT(c, "s1 s2");
}

Test(cloud, waits_for_a_gate_that_is_busy)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	c->gate_error = ERR_AGAIN;
	cloud_case_plan(c, "2.0.0");
	CLOUD_CASE_EXPECT(c, "!plan_offered s1");
	c->gate_error = ERR_OK;
	cloud_case_pass(c, 1000);
	CLOUD_CASE_EXPECT(c, "offer:2.0.0");
}

Test(cloud, tells_a_gate_that_comes_back_what_it_may_have_missed)
{
	static const char *const want[CONVERSATION_STATES] = {"online", "online offer:2.0.0",
	    "online offer:2.0.0", "online order", "online order", "online order", "online order",
	    "online cancel order"};

	for (int s = 0; s < CONVERSATION_STATES; s++) {
		AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

		cloud_case_drive(c, s);
		cloud_on_gate_down(&c->cloud);
		cloud_on_gate_up(&c->cloud);
		CLOUD_CASE_EXPECT(c, want[s]);
	}
}

Test(cloud, cancels_until_the_end_has_been_reported)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OVERDUE);
	cloud_case_restart(c);
	cloud_on_gate_up(&c->cloud);
	CLOUD_CASE_EXPECT(c, "offline cancel order");
	cloud_case_report(c, "flashd", PB__PHASE__PHASE_CANCELLED, ERR_CANCELLED, "1.0.0");
	cloud_on_gate_down(&c->cloud);
	cloud_on_gate_up(&c->cloud);
	CLOUD_CASE_EXPECT(c, "!upgrade_ended offline");
}

Test(cloud, waits_as_long_as_flashd_waits_for_a_person)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();
	const int64_t hour = 3600000;

	cloud_case_drive(c, CONVERSATION_OFFERED);
	cloud_case_verdict(c, PB__VERDICT__VERDICT_ASKED, ERR_POLICY, c->wall + 5 * 3600000);
	cloud_case_pass(c, 5 * hour);
	CLOUD_CASE_EXPECT(c, "");
	cr_expect_eq(cloud_case_state(c), CONVERSATION_OFFERED);
	cloud_case_verdict(c, PB__VERDICT__VERDICT_ACCEPT, ERR_OK, 0);
	CLOUD_CASE_EXPECT(c, "s2");
}

Test(cloud, refuses_a_plan_about_which_flashd_asked_a_person_and_then_fell_silent)
{
	AUTO(cloud_case) struct cloud_case *c = cloud_case_online();

	cloud_case_drive(c, CONVERSATION_OFFERED);
	cloud_case_verdict(c, PB__VERDICT__VERDICT_ASKED, ERR_POLICY, c->wall + 3600000);
	cloud_case_pass(c, 3600000 + (int64_t)c->profile.offer_ms - 1000);
	CLOUD_CASE_EXPECT(c, "");
	cloud_case_pass(c, 2000);
	CLOUD_CASE_EXPECT(c, "!upgrade_ended cancel s3 0115");
}
