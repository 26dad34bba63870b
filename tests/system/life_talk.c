/*
 * System tests of what gateway and platform say to each other apart from upgrades, and of what
 * either does when the other is wrong, silent, or forgetful.
 */
#include <signal.h>
#include <string.h>

#include "house_life.h"
#include "json.h"

TestSuite(life_talk, .timeout = 120);

/* Waits of seconds where the platform's are of minutes. */
#define SOON "profile = custom\n[cloudd.profile]\nrefused = 1 s\nreply = 2 s\nurl_wait = 60 s\n"

/* How often the platform let the device in. */
static unsigned
logins(struct house *h)
{
	return house_life_log(h, "METER1", "login through");
}

/* --- questions and exceptions ----------------------------------------------------------------- */

/* rule: gw-announce status-read info-read exception-down */
Test(life_talk, questions_are_answered_and_exceptions_end_nothing)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_life_until_log(h, HOUSE_GATEWAY_DK, "status report", 1);
	house_life_until_log(h, HOUSE_GATEWAY_DK, "info report", 1);
	house_life_say(h, HOUSE_GATEWAY_DK, "question", "status");
	house_life_until_log(h, HOUSE_GATEWAY_DK, "status report", 2);
	house_life_say(h, HOUSE_GATEWAY_DK, "question", "info");
	house_life_until_log(h, HOUSE_GATEWAY_DK, "info report", 2);
	unsigned before = house_life_log(h, "METER1", "info report");
	house_life_say(h, "METER1", "question", "info");
	house_life_until_log(h, "METER1", "info report: version " HOUSE_OLD, before + 1);
	house_life_say(h, HOUSE_GATEWAY_DK, "exception", "10404");
	house_life_say(h, HOUSE_GATEWAY_DK, "exception", "10428");
	house_life_say(h, "METER1", "exception", "10404");
	house_life_until_said(h, HOUSE_CLOUDD, "code 10428", 1);
	house_life_until_said(h, HOUSE_CLOUDD, "code 10404", 2);
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(house_life_events(h, "\"online\""), 1);
	cr_expect_eq(logins(h), 1);
}

/* rule: exception-up plan-bad */
Test(life_talk, a_plan_that_cannot_be_read_is_answered_with_an_exception_and_starts_nothing)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_life_say(h, "METER1", "junk", NULL);
	house_life_until_log(h, "METER1", "0x00a4 heard", 1);
	house_life_say(h, "METER1", "secret", "0123456789abcdef0123456789abcdef");
	house_life_until_log(h, "METER1", "0x00a4 heard", 2); /* 00B4 is not for a sub-device */
	cr_expect_eq(house_case_count(h, 0, 1), 0);
	cr_expect_eq(house_life_events(h, "plan_offered"), 0);
}

/* rule: frame-bad */
Test(life_talk, a_plan_in_a_spoilt_frame_is_asked_for_again)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_fault(h, "garble@0111", "1,1");
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	house_life_until_said(h, HOUSE_CLOUDD, "refused: ", 1);
	cr_expect_eq(house_case_count(h, 0, 1), 1);
}

/* rule: gw-key sub-key */
Test(life_talk, gateway_and_sub_device_have_a_key_each_and_all_is_encrypted)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.cloudd = "encrypt = yes"});
	char encrypted[64];

	house_life_status(h, "encrypted", encrypted);
	cr_expect_str_eq(encrypted, "true");
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(house_life_log(h, "METER1", "refused"), 0);
	cr_expect_eq(house_life_log(h, HOUSE_GATEWAY_DK, "refused"), 0);
}

/* --- getting in ------------------------------------------------------------------------------- */

/* rule: gw-refused */
Test(life_talk, a_refused_registration_closes_the_connection_and_is_tried_again_later)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});

	house_case_fault(h, "reject", "10431,1");
	HOUSE_MUST(h, house_start_all(h));
	cr_expect_eq(house_life_events(h, "gateway_refused"), 1);
	cr_expect_eq(house_life_log(h, HOUSE_GATEWAY_DK, "registered"), 1);
}

/* rule: gw-secret sub-link-lost */
Test(life_talk, a_gateway_whose_secret_is_refused_registers_and_brings_its_devices_in_again)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_fault(h, "mqtt_refuse", "4,1");
	struct tool_result r = HOUSE_DC(h, "device", "kick", HOUSE_GATEWAY_PK "/" HOUSE_GATEWAY_DK);
	cr_assert_eq(r.status, 0, "%s", r.out);
	house_life_until_log(h, HOUSE_GATEWAY_DK, "registered", 2);
	house_life_until_log(h, "METER1", "login through", 2);
	cr_expect_geq(house_life_log(h, "METER1", "offline"), 1);
}

/* rule: sub-offline */
Test(life_talk, a_device_that_the_platform_puts_offline_comes_back_later)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.cloudd = SOON});
	struct tool_result r = HOUSE_DC(h, "device", "kick", HOUSE_PK "/METER1");

	cr_assert_eq(r.status, 0, "%s", r.out);
	house_life_until_event(h, "put_offline", 1);
	house_life_until_log(h, "METER1", "login through", 2);
	cr_expect_eq(house_life_log(h, "METER1", "register through"), 1);
}

/* rule: login-10440 */
Test(life_talk, a_device_that_is_not_associated_is_told_apart_by_name_and_asked_for_later)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.cloudd = SOON, .devices = 2});

	house_case_fault(h, "reject@00c2", "10440,1");
	HOUSE_MUST(h, house_start_all(h));
	cr_expect_eq(house_life_events(h, "login_refused"), 1);
	cr_expect_eq(house_life_events(h, "NOT_ASSOCIATED"), 1);
	cr_expect_eq(house_life_log(h, "METER1", "register through"), 1);
	cr_expect_eq(house_life_log(h, "METER2", "register through"), 1);
}

/* rule: login-10441 */
Test(life_talk, logged_in_already_is_success)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){.cloudd = SOON});

	house_case_fault(h, "lose@00c3", "1,1");
	HOUSE_MUST(h, house_start_all(h));
	cr_expect_eq(house_life_log(h, HOUSE_GATEWAY_DK, "login: 10441"), 1);
	cr_expect_eq(house_life_events(h, "login_refused"), 0);
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
}

/* rule: login-secret */
Test(life_talk, a_device_whose_secret_is_not_the_platforms_any_more_registers_anew)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_life_say(h, "METER1", "secret", "0123456789abcdef0123456789abcdef");
	HOUSE_MUST(h, house_stop(h, HOUSE_CLOUDD));
	HOUSE_MUST(h, house_start(h, HOUSE_CLOUDD));
	house_life_until_log(h, "METER1", "register through", 2);
	house_life_until_log(h, "METER1", "login through", 2);
}

struct flashing {
	int device;
};

static bool
is_updating(struct house *h, void *arg)
{
	return house_case_count(h, ((struct flashing *)arg)->device, 9) > 0;
}

/* rule: login-10442 */
Test(life_talk, a_status_of_a_device_that_is_not_logged_in_is_said_again_after_a_new_login)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.baud = 115200});
	struct flashing f = {0};

	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, is_updating, &f, "the device is flashed");
	house_life_say(h, "METER1", "nothing", NULL);
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_geq(house_life_log(h, HOUSE_GATEWAY_DK, "not logged in here: 10442"), 1);
	cr_expect_eq(house_case_count(h, 0, 11), 1);
	cr_expect_geq(logins(h), 2);
	cr_expect_eq(house_life_log(h, "METER1", "register through"), 1);
}

/* --- coming and going ------------------------------------------------------------------------- */

/* rule: sub-logout sub-keepalive */
Test(life_talk, a_device_from_which_nothing_comes_is_logged_out_until_it_is_back)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	HOUSE_MUST(h, house_stop(h, HOUSE_DEVICE));
	house_life_until_log(h, "METER1", "offline: logged out", 1);
	HOUSE_MUST(h, house_start(h, HOUSE_DEVICE));
	house_life_until_log(h, "METER1", "login through", 2);
	cr_expect_eq(house_life_log(h, "METER1", "register through"), 1);
}

Test(life_talk, a_gateway_that_is_silent_is_put_offline_and_comes_back)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	kill(h->process[HOUSE_CLOUDD].pid, SIGSTOP);
	struct tool_result r = HOUSE_DC(h, "clock", "--ahead", "60", "--connections");
	cr_assert_eq(r.status, 0, "%s", r.out);
	house_life_until_log(h, HOUSE_GATEWAY_DK, "offline", 1);
	house_life_until_log(h, "METER1", "offline", 1);
	kill(h->process[HOUSE_CLOUDD].pid, SIGCONT);
	house_life_until_log(h, "METER1", "login through", 2);
	cr_expect_eq(house_life_log(h, HOUSE_GATEWAY_DK, "registered"), 1);
}

Test(life_talk, a_platform_that_does_not_answer_pings_is_left_and_found_again)
{
	AUTO(house_case)
	struct house *h = house_case_open(
	    &(struct house_options){.cloudd = "request_interval = 1 h\nkeepalive = 10 s"});

	kill(h->process[HOUSE_DEVCENTER].pid, SIGSTOP);
	house_life_until_said(h, HOUSE_CLOUDD, "code 10473", 1);
	kill(h->process[HOUSE_DEVCENTER].pid, SIGCONT);
	house_life_until_log(h, "METER1", "login through", 2);
	cr_expect_eq(house_life_log(h, HOUSE_GATEWAY_DK, "registered"), 1);
}

/* --- plans at odd times ----------------------------------------------------------------------- */

static const char asks[] = "device requests an upgrade plan";

/* rule: request-interval */
Test(life_talk, plans_are_asked_for_again_and_again)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_life_until_log(h, "METER1", asks, 3);
	cr_expect_eq(logins(h), 1);
}

/* rule: request-login request-version request-check */
Test(life_talk, plans_are_asked_for_at_login_on_order_and_with_each_new_version)
{
	AUTO(house_case)
	struct house *h = house_case_open(
	    &(struct house_options){.cloudd = "request_interval = 1 h"});

	house_life_until_log(h, "METER1", asks, 1);
	struct tool_result r = CTL(h->dir, "check", "--config", "subota.conf", HOUSE_PK "/METER1");
	cr_assert_eq(r.status, 0, "%s", r.out);
	house_life_until_log(h, "METER1", asks, 2);
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	house_life_until_log(h, "METER1", "upgrade plan, version " HOUSE_NEW, 1);
}

static bool
is_done_while_plans_come(struct house *h, void *arg)
{
	char verdict[32];

	house_life_say(h, "METER1", "plan", NULL);
	++*(unsigned *)arg;
	house_case_verdict(h, 0, verdict);
	return strcmp(verdict, "success") == 0;
}

/* rule: plan-repeated */
Test(life_talk, a_plan_that_is_repeated_in_every_state_begins_no_second_upgrade)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.baud = 115200});
	double requests, bytes, size;
	unsigned said = 0;

	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, is_done_while_plans_come, &said, "an upgrade in a hail of plans");
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_geq(said, 5);
	cr_expect_eq(house_case_count(h, 0, 2), 1);
	cr_expect_eq(house_case_count(h, 0, 9), 1);
	cr_expect_eq(house_case_count(h, 0, 11), 1);
	house_case_served(h, &requests, &bytes, &size);
	cr_expect_eq(requests, 1);
	AUTO(json) cJSON *own = house_look_device(h, 0);
	cr_expect_eq(json_number(own, "boots"), 2);
}

static bool
is_refused(struct house *h, void *arg)
{
	(void)arg;
	return house_case_count(h, 0, 3) > 0;
}

/* rule: url-unasked */
Test(life_talk, an_address_without_a_plan_is_judged_as_if_it_had_one)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){
	    .flashd = "ask_every = 2 s\n[flashd.policy frozen]\nmode = never"});
	double requests, bytes, size;

	house_case_fault(h, "no_0111", "1");
	house_case_plan(h, &(struct house_pack){0});
	house_life_say(h, "METER1", "address", NULL);
	house_case_until(h, is_refused, NULL, "flashd's no");
	house_case_served(h, &requests, &bytes, &size);
	cr_expect_eq(requests, 0);
	cr_expect_eq(house_case_count(h, 0, 2), 0);
}

/* rule: url-unasked */
Test(life_talk, an_address_without_a_plan_is_fetched_and_flashed_when_the_policy_says_yes)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_fault(h, "no_0111", "1");
	house_case_plan(h, &(struct house_pack){0});
	house_life_say(h, "METER1", "address", NULL);
	HOUSE_MUST(h, house_look_wait_version(h, 0, HOUSE_NEW));
	static const int statuses[] = {4, 8, 9, 11};
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		cr_expect_eq(house_case_count(h, 0, statuses[i]), 1, "status %d", statuses[i]);
}

/* rule: result-by-version */
Test(life_talk, success_is_recorded_from_the_version_report_alone)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.baud = 115200});
	struct flashing f = {0};

	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, is_updating, &f, "the device is flashed");
	house_case_fault(h, "lose@0114", "1");
	house_case_until_verdict(h, 0, "success");
	cr_expect_eq(house_case_count(h, 0, 11), 0);
	HOUSE_MUST(h, house_look_wait_version(h, 0, HOUSE_NEW));
}
