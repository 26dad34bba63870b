/*
 * System tests of sudden death: each process is killed at each phase of an upgrade in which it has
 * something to lose, and started again if nobody in the house does that. Every upgrade has to end
 * rightly without a person: the device runs the new version, the platform has recorded success,
 * and nothing that contradicts the device was ever reported.
 *
 * Phases are stretched so that a test can meet them: the platform answers late (OFFERED), the
 * package server is slow (FETCHING), the line is no faster than needed (FLASHING), the device takes
 * its time to boot (TESTING).
 */
#include <signal.h>
#include <string.h>

#include "house_case.h"
#include "house_look.h"
#include "json.h"

TestSuite(killed, .timeout = 120);

enum phase { OFFERED, FETCHING, FLASHING, TESTING, ENDING };

static bool
is_one_of(const char *state, const char *const list[])
{
	for (size_t i = 0; list[i]; i++)
		if (strcmp(state, list[i]) == 0)
			return true;
	return false;
}

static bool
is_offered(struct house *h, void *arg)
{
	static const char *const states[] = {"OFFERED", "CONFIRMED", NULL};
	char state[32];

	(void)arg;
	house_case_conversation(h, 0, state);
	return is_one_of(state, states);
}

static bool
is_testing(struct house *h, void *arg)
{
	static const char *const states[] = {"STAGED", "TESTING", NULL};
	char state[32];
	double done;

	(void)arg;
	house_case_flash(h, 0, state, &done);
	return is_one_of(state, states);
}

static bool
is_ending(struct house *h, void *arg)
{
	static const char *const states[] = {"CONFIRMED", "DONE", NULL};
	char state[32];
	double done;

	(void)arg;
	house_case_flash(h, 0, state, &done);
	return is_one_of(state, states);
}

/* A house whose upgrade has come to this phase. */
static struct house *
house_in(enum phase phase)
{
	static house_case_is *const is[] = {
	    is_offered, house_case_is_fetching, house_case_is_flashing, is_testing, is_ending};
	struct house *h = house_case_open(&(struct house_options){
	    .baud = phase == FLASHING ? 460800 : 0, .reset_ms = phase == TESTING ? 800 : 0});

	if (phase == OFFERED)
		house_case_fault(h, "delay", "300");
	if (phase == FETCHING)
		house_case_fault(h, "http_rate", "40000");
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, is[phase], NULL, "the phase in which to kill");
	return h;
}

/* What has to come of it, whatever was killed. */
static void
ends_rightly(struct house *h)
{
	double requests, bytes, size;

	house_case_upgraded(h, 0, HOUSE_NEW);
	AUTO(json) cJSON *own = house_look_device(h, 0);
	cr_expect_eq(json_number(own, "reverts"), 0);
	house_case_served(h, &requests, &bytes, &size);
	cr_expect_lt(bytes, size + 65536, "%.0f bytes fetched of a package of %.0f", bytes, size);
}

static void
kill_part(enum house_part p, enum phase phase)
{
	AUTO(house_case) struct house *h = house_in(phase);

	house_kill(h, p);
	HOUSE_MUST(h, house_start(h, p));
	ends_rightly(h);
}

/* Whatever the part runs as a child is killed; whoever notices may end, and is started again. */
static void
kill_child(enum house_part p, const char *program, enum phase phase)
{
	AUTO(house_case) struct house *h = house_in(phase);
	pid_t child = 0;

	for (int i = 0; i < 500 && !child; i++) {
		child = house_look_child(h, p, program);
		house_look_pause(1);
	}
	cr_assert_gt(child, 0, "%s is not running", program);
	cr_assert_eq(kill(child, SIGKILL), 0);
	ends_rightly(h);
}

/* The platform's server, away for as long as it takes to start it again. */
static void
kill_platform(enum phase phase)
{
	kill_part(HOUSE_DEVCENTER, phase);
}

/* clang-format off */
#define KILLED(name, ...) Test(killed, name) { __VA_ARGS__; }

KILLED(cloudd_killed_while_a_plan_is_offered,   kill_part(HOUSE_CLOUDD, OFFERED))
KILLED(cloudd_killed_in_mid_download,           kill_part(HOUSE_CLOUDD, FETCHING))
KILLED(cloudd_killed_in_mid_flash,              kill_part(HOUSE_CLOUDD, FLASHING))
KILLED(cloudd_killed_while_the_image_is_tested, kill_part(HOUSE_CLOUDD, TESTING))
KILLED(cloudd_killed_when_the_end_is_reported,  kill_part(HOUSE_CLOUDD, ENDING))

KILLED(dialer_killed_while_a_plan_is_offered,   kill_child(HOUSE_CLOUDD, "subota-dialer", OFFERED))
KILLED(dialer_killed_in_mid_flash,              kill_child(HOUSE_CLOUDD, "subota-dialer", FLASHING))

KILLED(fetchd_killed_while_a_plan_is_offered,   kill_part(HOUSE_FETCHD, OFFERED))
KILLED(fetchd_killed_in_mid_download,           kill_part(HOUSE_FETCHD, FETCHING))
KILLED(fetchd_killed_in_mid_flash,              kill_part(HOUSE_FETCHD, FLASHING))
KILLED(fetchd_killed_while_the_image_is_tested, kill_part(HOUSE_FETCHD, TESTING))
KILLED(fetchd_killed_when_the_end_is_reported,  kill_part(HOUSE_FETCHD, ENDING))

KILLED(courier_killed_in_mid_download,   kill_child(HOUSE_FETCHD, "subota-courier", FETCHING))
KILLED(nursery_killed_while_offered,     kill_child(HOUSE_FETCHD, "subota-nursery", OFFERED))
KILLED(nursery_killed_in_mid_download,   kill_child(HOUSE_FETCHD, "subota-nursery", FETCHING))
KILLED(nursery_killed_in_mid_flash,      kill_child(HOUSE_FETCHD, "subota-nursery", FLASHING))

KILLED(flashd_killed_while_a_plan_is_offered,   kill_part(HOUSE_FLASHD, OFFERED))
KILLED(flashd_killed_in_mid_download,           kill_part(HOUSE_FLASHD, FETCHING))
KILLED(flashd_killed_in_mid_flash,              kill_part(HOUSE_FLASHD, FLASHING))
KILLED(flashd_killed_while_the_image_is_tested, kill_part(HOUSE_FLASHD, TESTING))
KILLED(flashd_killed_when_the_end_is_reported,  kill_part(HOUSE_FLASHD, ENDING))

KILLED(session_killed_in_mid_flash,      kill_child(HOUSE_FLASHD, "subota-session", FLASHING))
KILLED(session_killed_while_the_device_resets, kill_child(HOUSE_FLASHD, "subota-session", TESTING))
KILLED(flashds_nursery_killed_while_offered,   kill_child(HOUSE_FLASHD, "subota-nursery", OFFERED))
KILLED(flashds_nursery_killed_in_mid_flash,    kill_child(HOUSE_FLASHD, "subota-nursery", FLASHING))
KILLED(flashds_nursery_killed_while_the_device_resets, kill_child(HOUSE_FLASHD, "subota-nursery", TESTING))

KILLED(platform_killed_while_a_plan_is_offered,   kill_platform(OFFERED))
KILLED(platform_killed_in_mid_download,           kill_platform(FETCHING))
KILLED(platform_killed_in_mid_flash,              kill_platform(FLASHING))
KILLED(platform_killed_while_the_image_is_tested, kill_platform(TESTING))
KILLED(platform_killed_when_the_end_is_reported,  kill_platform(ENDING))
/* clang-format on */

/* It has the plan, but has not even looked at it: nobody but cloudd knows of it durably. */
/* rule: restart-goes-on */
Test(killed, flashd_killed_with_an_unread_plan)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	cr_assert_eq(kill(h->process[HOUSE_FLASHD].pid, SIGSTOP), 0);
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, is_offered, NULL, "a plan on its way to flashd");
	house_kill(h, HOUSE_FLASHD);
	HOUSE_MUST(h, house_start(h, HOUSE_FLASHD));
	ends_rightly(h);
}

/* rule: restart-goes-on status-kept */
Test(killed, platform_gone_from_mid_flash_until_all_is_over_hears_of_it_later)
{
	AUTO(house_case) struct house *h = house_in(FLASHING);

	house_kill(h, HOUSE_DEVCENTER);
	house_case_until(h, is_ending, NULL, "an end without the platform");
	HOUSE_MUST(h, house_start(h, HOUSE_DEVCENTER));
	ends_rightly(h);
}

/* What was a failure stays one, whoever dies before it is told. */
static void
kill_before_bad_news(enum house_part p)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.reset_ms = 800});

	house_device_args(h, 0, "--sick", HOUSE_NEW ":1");
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, is_testing, NULL, "the phase in which to kill");
	house_kill(h, p);
	HOUSE_MUST(h, house_start(h, p));
	house_case_not_upgraded(h, 0, HOUSE_OLD);
	cr_expect_eq(house_case_count(h, 0, 12), 1, "told once");
}

Test(killed, cloudd_killed_before_the_device_goes_back)
{
	kill_before_bad_news(HOUSE_CLOUDD);
}

Test(killed, fetchd_killed_before_the_device_goes_back)
{
	kill_before_bad_news(HOUSE_FETCHD);
}

Test(killed, flashd_killed_before_the_device_goes_back)
{
	kill_before_bad_news(HOUSE_FLASHD);
}

/* rule: restart-goes-on */
/* trust: 56 */
Test(killed, all_three_killed_at_once_in_mid_flash)
{
	AUTO(house_case) struct house *h = house_in(FLASHING);

	for (enum house_part p = HOUSE_FLASHD; p <= HOUSE_CLOUDD; p++)
		house_kill(h, p);
	for (enum house_part p = HOUSE_FLASHD; p <= HOUSE_CLOUDD; p++)
		HOUSE_MUST(h, house_start(h, p));
	ends_rightly(h);
}

Test(killed, no_child_outlives_its_daemon)
{
	AUTO(house_case) struct house *h = house_in(FETCHING);

	cr_assert_gt(house_look_child(h, HOUSE_FETCHD, "subota-nursery"), 0);
	house_kill(h, HOUSE_FETCHD);
	cr_expect_eq(h->process[HOUSE_FETCHD].orphans, 0);
}

Test(killed, no_session_outlives_flashd)
{
	AUTO(house_case) struct house *h = house_in(FLASHING);

	cr_assert_gt(house_look_child(h, HOUSE_FLASHD, "subota-session"), 0);
	house_kill(h, HOUSE_FLASHD);
	cr_expect_eq(h->process[HOUSE_FLASHD].orphans, 0);
}
