/*
 * System tests of the platform's model of plans, where the gateway takes part: what is edited,
 * suspended, terminated, over, black, specified, repeated by a person. The devices ask once an
 * hour, so that nothing comes but what is pushed or asked for here.
 */
#include <string.h>

#include "house_case.h"
#include "house_look.h"
#include "json.h"

TestSuite(center, .timeout = 150);

enum { MINUTES_A_DAY = 1440, HOUR_MS = 3600000 };

static const struct house_options one = {.devices = 1, .asks = "1 h"};
static const struct house_options two = {.devices = 2, .asks = "1 h"};

static void
must(const struct tool_result *r, const char *what)
{
	cr_assert_eq(r->status, 0, "%s: %s", what, r->out);
}

#define MUST(h, ...) \
	do { \
		struct tool_result r_ = HOUSE_DC(h, __VA_ARGS__); \
		must(&r_, #__VA_ARGS__); \
	} while (0)

/* The Developer Center refuses it and says why. */
#define REFUSED(h, says, ...) \
	do { \
		struct tool_result r_ = HOUSE_DC(h, __VA_ARGS__); \
		cr_expect(r_.status == 1 && strstr(r_.out, says), "expected '%s', got %d: %s", \
		    says, r_.status, r_.out); \
	} while (0)

static struct house *
open_with_package(const struct house_options *o)
{
	struct house *h = house_case_open(o);

	HOUSE_MUST(h, house_pack_publish(h, &(struct house_pack){0}));
	return h;
}

/* A plan "p" of the published package, not active; more options up to a NULL. */
static void
add_plan(struct house *h, const char *const more[])
{
	const char *words[24] = {
	    "plan", "add", "p", "--product", HOUSE_PK, "--package", h->package};
	unsigned n = 7;

	for (unsigned i = 0; more[i]; i++)
		words[n++] = more[i];
	struct tool_result r = house_devcenter(h, words);
	must(&r, "plan add");
}

#define PLAN(h, ...) add_plan(h, (const char *const[]){__VA_ARGS__, NULL})

/* How often a device's log has this text. */
static unsigned
said(struct house *h, const char *device, const char *text)
{
	struct tool_result r = HOUSE_DC(h, "log", device);
	unsigned n = 0;

	for (const char *at = r.out; (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

struct line {
	const char *device, *text;
	unsigned more_than;
};

static bool
is_said(struct house *h, void *arg)
{
	const struct line *l = arg;

	return said(h, l->device, l->text) > l->more_than;
}

/* The device asks for a plan now, until the platform has heard it. */
static void
ask(struct house *h, const char *device)
{
	struct line l = {
	    device, "requests an upgrade plan", said(h, device, "requests an upgrade plan")};
	struct tool_result r = CTL(h->dir, "check", "--config", "subota.conf", device);

	must(&r, "check");
	house_case_until(h, is_said, &l, "the device asks");
}

/* The same, and there is no plan for it. */
static void
expect_none(struct house *h, const char *device)
{
	struct line l = {device, "no plan fits", said(h, device, "no plan fits")};

	ask(h, device);
	house_case_until(h, is_said, &l, "no plan fits");
}

static void
until_said(struct house *h, const char *device, const char *text, unsigned more_than)
{
	struct line l = {device, text, more_than};

	house_case_until(h, is_said, &l, text);
}

/* The newest plan: a text, and how many devices are in a state. */
static void
plan_text(struct house *h, const char *field, char out[64])
{
	AUTO(json) cJSON *doc = house_look_platform(h);
	const cJSON *plans = cJSON_GetObjectItem(doc, "plans");
	const cJSON *p = cJSON_GetArrayItem(plans, cJSON_GetArraySize(plans) - 1);

	snprintf(out, 64, "%.63s", json_text(p, field));
}

static void
expect_life(struct house *h, const char *life)
{
	char is[64];

	plan_text(h, "life", is);
	cr_expect_str_eq(is, life);
}

static int
count_of(struct house *h, const char *state)
{
	AUTO(json) cJSON *doc = house_look_platform(h);
	const cJSON *plans = cJSON_GetObjectItem(doc, "plans");
	const cJSON *p = cJSON_GetArrayItem(plans, cJSON_GetArraySize(plans) - 1);

	return (int)json_number(cJSON_GetObjectItem(p, "counts"), state);
}

#define METER1 HOUSE_PK "/METER1"
#define METER2 HOUSE_PK "/METER2"

/* rule: model-edit model-white model-states */
Test(center, a_plan_is_edited_before_it_is_active_and_then_carried_out_as_edited)
{
	AUTO(house_case) struct house *h = open_with_package(&one);

	PLAN(h, "--white", "NOBODY", "--retries", "5");
	expect_life(h, "Inactivated");
	MUST(h, "plan", "edit", "p", "--white", "METER1", "--retries", "0");
	MUST(h, "plan", "activate", "p");
	house_case_upgraded(h, 0, HOUSE_NEW);
	expect_life(h, "Upgrading");
	REFUSED(h, "only those can be edited", "plan", "edit", "p", "--retries", "1");
	REFUSED(h, "expected a plan that is", "plan", "delete", "p");
	MUST(h, "plan", "suspend", "p");
	expect_life(h, "Suspended");
	MUST(h, "plan", "terminate", "p");
	expect_life(h, "Terminated");
}

/* rule: model-retry-person download-failed model-device */
Test(center, a_person_repeats_a_silent_plan_on_a_device_that_failed)
{
	AUTO(house_case) struct house *h = open_with_package(&one);

	house_case_fault(h, "http_status", "404");
	PLAN(h, "--retries", "0", "--activate");
	house_case_until_verdict(h, 0, "failed");
	cr_expect_eq(house_case_count(h, 0, 6), 1);
	MUST(h, "fault", "clear");
	expect_none(h, METER1);
	MUST(h, "plan", "retry", "p", "--device", METER1);
	house_case_until_verdict(h, 0, "success");
	cr_expect_eq(house_case_count(h, 0, 11), 1);
	REFUSED(h, "expected a device state of 3", "plan", "retry", "p", "--device", METER1);
}

/* rule: model-retries download-again */
Test(center, a_failed_plan_comes_again_as_often_as_its_strategy_says)
{
	AUTO(house_case) struct house *h = open_with_package(&one);

	house_case_fault(h, "http_status", "404,2");
	PLAN(h, "--retries", "2", "--retry-ms", "200", "--activate");
	house_case_until_verdict(h, 0, "success");
	cr_expect_eq(house_case_count(h, 0, 6), 2);
	cr_expect_eq(house_case_count(h, 0, 2), 3);
}

/* METER1 downloads slowly; METER2 has not asked. */
static void
begin_slowly(struct house *h)
{
	house_case_fault(h, "http_rate", "20000");
	PLAN(h, "--no-push", "--retries", "0", "--activate");
	cr_expect_eq(house_case_count(h, 0, 1), 0, "it is not pushed");
	ask(h, METER1);
	until_said(h, METER1, "status 5", 0);
}

/* rule: model-suspend model-push-no request-check */
Test(center, a_plan_suspended_in_the_middle_stops_who_has_not_begun)
{
	AUTO(house_case) struct house *h = open_with_package(&two);

	begin_slowly(h);
	MUST(h, "plan", "suspend", "p");
	expect_none(h, METER2);
	MUST(h, "fault", "clear");
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(count_of(h, "not_upgraded"), 1);
	MUST(h, "plan", "activate", "p");
	ask(h, METER2);
	house_case_upgraded(h, 1, HOUSE_NEW);
}

/* rule: model-terminate model-rate */
Test(center, a_plan_terminated_in_the_middle_fails_who_has_not_begun)
{
	AUTO(house_case) struct house *h = open_with_package(&two);

	begin_slowly(h);
	MUST(h, "plan", "terminate", "p");
	MUST(h, "fault", "clear");
	expect_none(h, METER2);
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(count_of(h, "upgraded"), 1);
	cr_expect_eq(count_of(h, "failed"), 1, "METER2");
	AUTO(json) cJSON *doc = house_look_platform(h);
	const cJSON *p = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "plans"), 0);
	cr_expect_eq(json_number(p, "success_rate"), 50);
}

/* rule: model-black model-versions model-needless model-ended limit-devices */
Test(center, only_the_devices_that_a_plan_means_get_it_and_only_in_its_time)
{
	AUTO(house_case) struct house *h = open_with_package(&two);

	PLAN(h, "--no-push", "--white", "METER1", "--black", "METER1", "--activate");
	expect_none(h, METER1);
	MUST(h, "plan", "terminate", "p");
	MUST(h, "plan", "add", "versions", "--product", HOUSE_PK, "--package", h->package,
	    "--no-push", "--versions", "0.9;0.8", "--activate");
	expect_none(h, METER1);
	MUST(h, "plan", "terminate", "versions");
	MUST(h, "plan", "add", "over", "--product", HOUSE_PK, "--package", h->package, "--no-push",
	    "--activate");
	MUST(h, "clock", "--ahead", "31622400");
	expect_life(h, "Ended");
	expect_none(h, METER1);
	MUST(h, "clock", "--ahead", "0");
	MUST(h, "plan", "terminate", "over");
	HOUSE_MUST(
	    h, house_pack_publish(h, &(struct house_pack){.name = "old", .planned = HOUSE_OLD}));
	MUST(h, "plan", "add", "needless", "--product", HOUSE_PK, "--package", h->package,
	    "--activate");
	house_case_until_verdict(h, 0, "no update required");
	cr_expect_eq(house_case_count(h, 0, 1), 0, "no notice was sent at any time");
}

/* Minutes of the day now, in UTC, by the platform's clock. */
static int
minute_now(struct house *h)
{
	struct tool_result r = HOUSE_DC(h, "clock");
	AUTO(json) cJSON *doc = cJSON_Parse(r.out);

	return (int)((int64_t)json_number(doc, "now") / 60000 % MINUTES_A_DAY);
}

/* rule: model-push-period model-zone */
Test(center, a_plan_is_pushed_when_its_period_begins_in_its_time_zone)
{
	AUTO(house_case) struct house *h = open_with_package(&one);
	char from[16], to[16];
	/* the zone is three hours east: a period that begins three to four hours from now */
	int hour = minute_now(h) / 60 + 3 + 3 + 1;

	snprintf(from, sizeof(from), "%d", hour % 24 * 60);
	snprintf(to, sizeof(to), "%d", (hour + 1) % 24 * 60);
	PLAN(h, "--zone", "180", "--push-from", from, "--push-to", to, "--activate");
	MUST(h, "clock", "--ahead", "7200");
	cr_expect_eq(said(h, METER1, "issue upgrade plan"), 0);
	MUST(h, "clock", "--ahead", "14400");
	house_case_upgraded(h, 0, HOUSE_NEW);
}

/* rule: timer-reject policy-never silent-reject */
Test(center, a_refused_plan_is_left_alone_for_its_rejection_time)
{
	AUTO(house_case)
	struct house *h = open_with_package(&(struct house_options){
	    .devices = 1, .asks = "1 d", .flashd = "[flashd.policy never]\nmode = never"});

	PLAN(h, "--reject-min", "10", "--activate");
	until_said(h, METER1, "status 3", 0);
	MUST(h, "clock", "--ahead", "590");
	MUST(h, "plan", "suspend", "p");
	MUST(h, "plan", "activate", "p");
	cr_expect_eq(said(h, METER1, "issue upgrade plan"), 1);
	MUST(h, "clock", "--ahead", "660");
	until_said(h, METER1, "status 3", 1);
	cr_expect_eq(house_case_count(h, 0, 2), 0);
}

/* rule: timer-push silent-push-login */
Test(center, a_plan_that_was_lost_on_its_way_is_pushed_again_after_ten_minutes)
{
	AUTO(house_case) struct house *h = open_with_package(&one);

	house_case_fault(h, "lose@0111", "1,1");
	PLAN(h, "--activate");
	until_said(h, METER1, "0x0111 lost, as ordered", 0);
	MUST(h, "clock", "--ahead", "590");
	cr_expect_eq(said(h, METER1, "issue upgrade plan"), 1);
	MUST(h, "clock", "--ahead", "610");
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(said(h, METER1, "issue upgrade plan"), 2);
}

/* rule: duplicate status-order */
Test(center, an_upgrade_comes_through_messages_that_are_late_repeated_and_out_of_order)
{
	AUTO(house_case) struct house *h = open_with_package(&two);

	MUST(h, "fault", "seed", "11");
	MUST(h, "fault", "set", "repeat@down", "1", "--percent", "40");
	MUST(h, "fault", "set", "reorder@down", "1", "--percent", "30");
	MUST(h, "fault", "set", "delay@0113", "1500");
	MUST(h, "fault", "set", "slow@00a3", "300");
	MUST(h, "fault", "set", "repeat@up", "1", "--percent", "30");
	PLAN(h, "--retries", "0", "--activate");
	for (int i = 0; i < 2; i++)
		house_case_until_verdict(h, i, "success");
	cr_expect_geq(said(h, METER1, "0x0113 held back, as ordered"), 1);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(house_case_count(h, i, 12), 0);
		cr_expect_eq(house_case_count(h, i, 6), 0);
	}
}

/* rule: download-again */
Test(center, a_lie_about_the_package_costs_one_try_and_harms_nothing)
{
	AUTO(house_case) struct house *h = open_with_package(&one);

	house_case_fault(h, "wrong_sha256", "1,1");
	house_case_fault(h, "wrong_md5", "1,1");
	PLAN(h, "--retries", "1", "--retry-ms", "200", "--activate");
	house_case_until_verdict(h, 0, "success");
	cr_expect_eq(house_case_count(h, 0, 2), 2);
	cr_expect_eq(house_case_count(h, 0, 11), 1);
}

/* rule: limit-name limit-version limit-component limit-format limit-size model-package */
Test(center, the_platform_keeps_its_limits_of_packages)
{
	AUTO(house_case) struct house *h = house_case_new(&one);
	static const char *const files[] = {"bad.exe", "a.bin", "b.bin"};
	char long_text[130];

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	for (size_t i = 0; i < 3; i++) {
		char path[400];

		snprintf(path, sizeof(path), "%s/%s", h->dir, files[i]);
		FILE *f = fopen(path, "we");
		cr_assert_not_null(f);
		fprintf(f, "x");
		fclose(f);
	}
#define PACKAGE(h, ...) "package", "add", "--component", "app", "--target", "2", __VA_ARGS__
	REFUSED(h, "suffixes", PACKAGE(h, "--file", "bad.exe"));
	REFUSED(h, "1 to 100 characters", PACKAGE(h, "--file", "a.bin", "--name", long_text));
	REFUSED(h, "1 to 64 letters", PACKAGE(h, "--file", "a.bin", "--target", "2 beta"));
	REFUSED(h, "1 to 32 letters", PACKAGE(h, "--file", "a.bin", "--component", long_text));
	REFUSED(
	    h, "another version than the target", PACKAGE(h, "--file", "a.bin", "--source", "2"));
	REFUSED(h, "1 to 5 files, got 6",
	    PACKAGE(h, "--file", "a.bin", "--file", "a.bin", "--file", "a.bin", "--file", "a.bin",
		"--file", "a.bin", "--file", "a.bin"));
	struct tool_result r = TOOL(h->dir, "sh", "-c", "head -c 104857601 /dev/zero >b.bin");
	must(&r, "a large file");
	REFUSED(h, "at most 100 MiB", PACKAGE(h, "--file", "b.bin"));
	MUST(h, PACKAGE(h, "--file", "a.bin"));
}

/* rule: limit-components limit-specified limit-push limit-reject limit-strategy model-texts */
Test(center, the_platform_keeps_its_limits_of_plans)
{
	AUTO(house_case) struct house *h = house_case_new(&one);

	HOUSE_MUST(h, house_pack_publish(h, &(struct house_pack){0}));
	static const struct {
		const char *option, *says;
	} rows[] = {{"--reject-min=9", "10 to 1440"}, {"--reject-min=1441", "0 to 1440"},
	    {"--retries=6", "0 to 5"}, {"--min-signal=-114", "-113 to 0"},
	    {"--min-battery=101", "0 to 100"}, {"--push-from=30", "whole hours"},
	    {"--versions=1;2;3;4;5;6;7;8;9", "at most 8"}, {"--mode=manual", "text in zh or en"},
	    {"--zone=900", "-720 to 840"}, {"--ends=5", "ends: expected a time after"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		REFUSED(h, rows[i].says, "plan", "add", "p", "--product", HOUSE_PK, "--package",
		    h->package, rows[i].option);
	REFUSED(h, "each component once", "plan", "add", "p", "--product", HOUSE_PK, "--package",
	    h->package, "--package", h->package);
	char package[100]; /* "--package=fw": the words of a command are limited, too */
	const char *many[28] = {"plan", "add", "p", "--product", HOUSE_PK};
	snprintf(package, sizeof(package), "--package=%s", h->package);
	for (unsigned i = 0; i < 21; i++)
		many[5 + i] = package;
	struct tool_result r = house_devcenter(h, many);
	cr_expect(strstr(r.out, "expected 1 to 20, got 21"), "%s", r.out);
}

/* rule: model-verify model-log */
Test(center, a_package_is_verified_on_one_device_and_its_log_is_the_platforms)
{
	AUTO(house_case) struct house *h = open_with_package(&two);
	static const char *const order[] = {"issue upgrade plan verification 1",
	    "upgrade plan issued", "Plan Received", "Upgrade Confirmed", "issue URL", "URL issued",
	    "Ready to Download", "Download Succeeded", "Upgrading",
	    "equals target version " HOUSE_NEW};

	MUST(h, "package", "verify", h->package, "--device", METER1);
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(said(h, METER2, "issue upgrade plan"), 0);
	struct tool_result r = HOUSE_DC(h, "log", METER1, "--component", "app");
	const char *at = r.out;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const char *next = strstr(at, order[i]);

		cr_assert(next, "expected '%s' in: %s", order[i], at);
		at = next;
	}
	REFUSED(
	    h, "no such device", "package", "verify", h->package, "--device", HOUSE_PK "/NONE1");
}
