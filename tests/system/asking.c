/*
 * System tests of when a plan comes: asked for by the gateway, pushed by the platform, put off and
 * refused; and of what may be wrong with the address that follows. What the platform saw is read in
 * its log, in its own words. Its clock is put ahead where it waits for minutes.
 */
#include <string.h>
#include <time.h>

#include "house_conf.h"
#include "house_db.h"
#include "house_life.h"
#include "json.h"

#define SELDOM "request_interval = 1 h\nkeepalive = 10 s"
#define METER HOUSE_PK "/METER1"
#define FLASHD_DB "state/flashd/flashd.db"
#define ISSUED "upgrade plan issued"

TestSuite(asking, .timeout = 120);

static struct house *
open_seldom_asking(void)
{
	return house_case_open(&(struct house_options){.cloudd = SELDOM});
}

#define NEWER "1.2.0" /* than HOUSE_NEW */

/* A package `name` and an active plan of that name with more words. */
static void
plan(struct house *h, const char *name, const char *version, const char *const more[])
{
	const char *words[24] = {"plan", "add", name, "--product", HOUSE_PK, "--package", name};
	bool newer = strcmp(version, NEWER) == 0;
	size_t n = 7;

	HOUSE_MUST(h, house_pack_publish(h, &(struct house_pack){.name = name,
						.version = version,
						.sequence = newer ? 6 : 5,
						.counter = newer ? 3 : 2}));
	while (*more)
		words[n++] = *more++;
	words[n] = "--activate";
	struct tool_result r = house_devcenter(h, words);
	cr_assert_eq(r.status, 0, "%s", r.out);
}
#define PLAN(h, name, version, ...) plan(h, name, version, (const char *const[]){__VA_ARGS__, NULL})

static void
check(struct house *h)
{
	struct tool_result r = CTL(h->dir, "check", "--config", "subota.conf", METER);

	cr_assert_eq(r.status, 0, "%s", r.out);
}

static void
put_ahead(struct house *h, const char *seconds)
{
	struct tool_result r = HOUSE_DC(h, "clock", "--ahead", seconds);

	cr_assert_eq(r.status, 0, "%s", r.out);
}

/* In the log of the device, from the last `from` on, `first` comes before `second` does. */
static void
expect_before(struct house *h, const char *from, const char *first, const char *second)
{
	struct tool_result r = HOUSE_DC(h, "log", METER);
	const char *at = NULL;

	for (const char *next = r.out; (next = strstr(next, from)) != NULL; next++)
		at = next;
	cr_assert_not_null(at, "expected \"%s\" in: %s", from, r.out);
	const char *a = strstr(at, first), *b = strstr(at, second);
	cr_expect(a && (!b || a < b), "expected \"%s\" before \"%s\" in: %s", first, second, at);
}

/* --- asked for -------------------------------------------------------------------------------- */

/* rule: request-login request-version request-check request-none model-push-no */
Test(asking, a_plan_is_asked_for_at_login_after_a_version_and_when_a_person_wants_it)
{
	AUTO(house_case) struct house *h = open_seldom_asking();

	house_life_until_log(h, "METER1", "requests an upgrade plan", 1);
	expect_before(h, "login through", "requests", "issue");
	house_life_until_log(h, "METER1", "no plan fits", 1);
	PLAN(h, "quiet", HOUSE_NEW, "--no-push");
	check(h);
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(house_life_log(h, "METER1", ISSUED), 1);
	expect_before(h, "no plan fits", "no plan fits", "issue");
	house_life_until_log(h, "METER1", "requests an upgrade plan, version " HOUSE_NEW, 1);
	expect_before(h, "info report: version " HOUSE_NEW, "requests", "issue");
	cr_expect_eq(house_life_log(h, "METER1", "requests an upgrade plan, version " HOUSE_OLD), 2,
	    "at login and for the person");
}

/* --- pushed ----------------------------------------------------------------------------------- */

/* rule: silent-push-login */
Test(asking, a_plan_is_pushed_when_the_device_logs_in)
{
	AUTO(house_case) struct house *h = open_seldom_asking();

	HOUSE_MUST(h, house_stop(h, HOUSE_CLOUDD));
	PLAN(h, "pushed", HOUSE_NEW, "--retries", "0");
	HOUSE_MUST(h, house_start(h, HOUSE_CLOUDD));
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(house_life_log(h, "METER1", "login through"), 2);
	expect_before(h, "login through", ISSUED, "info report");
}

/* rule: silent-push-report model-versions */
Test(asking, a_plan_is_pushed_when_a_reported_version_makes_it_fit)
{
	AUTO(house_case) struct house *h = open_seldom_asking();

	PLAN(h, "second", NEWER, "--versions", HOUSE_NEW);
	check(h);
	house_life_until_log(h, "METER1", "no plan fits", 2);
	PLAN(h, "first", HOUSE_NEW, "--versions", HOUSE_OLD);
	house_case_until_verdict(h, 0, "success");
	house_life_until_log(h, "METER1", "info report: version " NEWER, 1);
	expect_before(
	    h, "plan first, component app: success", "issue upgrade plan second", "requests");
}

/* --- put off ---------------------------------------------------------------------------------- */

/* A window of local time from so many hours from now on, two hours long. */
static const char *
window(int hours, char out[200])
{
	time_t from = time(NULL) + hours * 3600, to = from + 2 * 3600;
	struct tm a, b;

	localtime_r(&from, &a);
	localtime_r(&to, &b);
	snprintf(out, 200,
	    "ask_every = 2 s\n[flashd.policy night]\nwindows = mon-sun %02d:%02d-%02d:%02d",
	    a.tm_hour, a.tm_min, b.tm_hour, b.tm_min);
	return out;
}

/* rule: policy-window policy-defer policy-reason timer-reject */
Test(asking, what_is_put_off_to_a_window_comes_after_the_rejection_time_and_goes_through_in_it)
{
	char later[200], now[200];
	AUTO(house_case)
	struct house *h = house_case_open(
	    &(struct house_options){.cloudd = SELDOM, .flashd = window(5, later)});

	PLAN(h, "later", HOUSE_NEW, "--reject-min", "10");
	house_life_until_log(h, "METER1", "status 3", 1);
	cr_expect_eq(house_case_count(h, 0, 2), 0);
	put_ahead(h, "560");
	cr_expect_eq(house_life_log(h, "METER1", ISSUED), 1, "it is left alone");
	HOUSE_MUST(h, house_stop(h, HOUSE_FLASHD));
	h->options.flashd = window(-1, now);
	HOUSE_MUST(h, house_conf_write(h));
	HOUSE_MUST(h, house_start(h, HOUSE_FLASHD));
	put_ahead(h, "605");
	house_case_until_verdict(h, 0, "success");
	cr_expect_eq(house_case_count(h, 0, 3), 1);
	cr_expect_eq(house_life_log(h, "METER1", ISSUED), 2);
}

static bool
waits_for_a_person(struct house *h, void *arg)
{
	char state[32];
	double done = 0;

	(void)arg;
	house_case_flash(h, 0, state, &done);
	return strcmp(state, "IDENTIFIED") == 0;
}

/* rule: model-minima */
Test(asking, the_minima_of_a_plan_reach_the_one_who_decides)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){
	    .cloudd = SELDOM, .flashd = "ask_every = 2 s\n[flashd.policy ask]\nmode = ask"});

	PLAN(h, "frugal", HOUSE_NEW, "--min-battery", "42", "--min-signal", "-77");
	house_case_until(h, waits_for_a_person, NULL, "a question");
	cr_expect_eq(house_db_ask_of(h, FLASHD_DB, "SELECT min_battery FROM upgrade"), 42);
	cr_expect_eq(house_db_ask_of(h, FLASHD_DB, "SELECT min_signal FROM upgrade"), -77);
}

/* rule: policy-busy */
Test(asking, a_device_that_is_being_upgraded_gets_no_second_upgrade_before_the_first_has_ended)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){.baud = 230400});
	char statuses[200], said[32];
	double done = 0;

	PLAN(h, "one", HOUSE_NEW, "--retries", "0");
	for (int i = 0; i < 2000 && done == 0; i++) {
		house_case_flash(h, 0, said, &done);
		house_look_pause(5);
	}
	PLAN(h, "two", NEWER, "--retries", "0");
	house_life_until_log(h, "METER1", "info report: version " NEWER, 1);
	house_db_list(h, "SELECT code FROM status WHERE code NOT IN (1, 5) ORDER BY id", statuses,
	    sizeof(statuses));
	cr_expect_str_eq(statuses, "2 4 8 9 11 2 4 8 9 11");
}

/* rule: policy-space policy-reason */
Test(asking, a_package_for_which_the_device_has_no_room_is_refused)
{
	AUTO(house_case)
	struct house *h = house_case_open(
	    &(struct house_options){.cloudd = SELDOM, .device = "space = 1000"});
	double requests, bytes, size;

	PLAN(h, "large", HOUSE_NEW, "--retries", "0");
	house_life_until_log(h, "METER1", "status 3", 1);
	house_case_served(h, &requests, &bytes, &size);
	cr_expect_eq(requests, 0);
}

/* --- the address, the download ---------------------------------------------------------------- */

/* rule: url-bad */
Test(asking, an_address_that_cannot_be_used_ends_the_upgrade_as_failed)
{
	AUTO(house_case) struct house *h = open_seldom_asking();

	house_case_fault(h, "wrong_size", "-100000000");
	PLAN(h, "sizeless", HOUSE_NEW, "--retries", "0");
	house_case_not_upgraded(h, 0, HOUSE_OLD);
	cr_expect_eq(house_case_count(h, 0, 12), 1);
	cr_expect_eq(house_case_count(h, 0, 4), 0);
}

/* rule: download-failed download-again */
Test(asking, a_package_that_is_not_there_is_status_6_and_the_plan_comes_again)
{
	AUTO(house_case) struct house *h = open_seldom_asking();

	house_case_fault(h, "http_status", "404,1");
	PLAN(h, "gone", HOUSE_NEW, "--retries", "5");
	house_life_until_log(h, "METER1", "status 6", 1);
	put_ahead(h, "605");
	house_case_until_verdict(h, 0, "success");
	cr_expect_eq(house_case_count(h, 0, 6), 1);
	cr_expect_eq(house_case_count(h, 0, 1), 2);
	cr_expect_eq(
	    house_life_log(h, "METER1", "requests an upgrade plan, version " HOUSE_OLD), 1);
}

/* rule: status-sha256 */
Test(asking, a_sha256_is_asked_for_and_one_that_is_wrong_stops_the_package)
{
	AUTO(house_case)
	struct house *h = house_case_open(
	    &(struct house_options){.cloudd = SELDOM "\nask_sha256 = yes"});

	house_case_fault(h, "wrong_sha256", "1");
	PLAN(h, "wrong", HOUSE_NEW, "--retries", "0");
	house_life_until_log(h, "METER1", "status 6", 1);
	AUTO(json) cJSON *own = house_look_device(h, 0);
	cr_expect_eq(json_number(own, "upload_bytes"), 0);
	cr_expect_eq(house_db_ask(h, "SELECT sha256 FROM progress"), 1, "it was asked for");
}

static bool
has_said_twice(struct house *h, void *arg)
{
	(void)arg;
	return house_case_count(h, 0, 5) >= 2;
}

/* rule: timer-status5 */
Test(asking, downloading_is_said_again_while_it_lasts)
{
	AUTO(house_case) struct house *h = open_seldom_asking();

	house_case_fault(h, "http_rate", "3000");
	PLAN(h, "slow", HOUSE_NEW, "--retries", "0");
	house_case_until(h, has_said_twice, NULL, "two of status 5");
	cr_expect_eq(house_case_count(h, 0, 8), 0, "and it still lasts");
}
