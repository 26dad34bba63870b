/*
 * System tests of the manual upgrade: an app sees the plan by the platform's OpenAPI and a person
 * decides; only then the platform sends it to the gateway, which still decides by itself.
 */
#include <string.h>

#include "app.h"
#include "house_case.h"
#include "house_look.h"
#include "json.h"

enum { HOUR_MS = 3600 * 1000, HOUR_S = 3600 };
enum { FAILED = 3, DONE = 2 };

TestSuite(manual, .timeout = 120);

/* A manual plan for the one device, published and activated. */
static void
plan_manually(struct house *h)
{
	HOUSE_MUST(h, house_pack_publish(h, &(struct house_pack){0}));
	struct tool_result r = HOUSE_DC(h, "plan", "add", "ask", "--product", HOUSE_PK, "--package",
	    h->package, "--mode", "manual", "--text", "en=Better", "--retries", "0", "--activate");
	cr_assert_eq(r.status, 0, "%s", r.out);
}

static unsigned
asked_in_vain(struct house *h)
{
	struct tool_result r = HOUSE_DC(h, "log", HOUSE_PK "/METER1");
	unsigned n = 0;

	for (const char *at = r.out; (at = strstr(at, "no plan fits")) != NULL; at++)
		n++;
	return n;
}

static bool
has_asked_again(struct house *h, void *arg)
{
	return asked_in_vain(h) > *(unsigned *)arg;
}

/* The device asks at least once more and is not given the plan. */
static void
expect_no_plan(struct house *h)
{
	unsigned before = asked_in_vain(h);

	house_case_until(h, has_asked_again, &before, "a request without a plan");
	cr_expect_eq(house_case_count(h, 0, 1), 0, "no plan for the gateway");
}

static int64_t
platform_now(struct house *h)
{
	struct tool_result r = HOUSE_DC(h, "clock");
	AUTO(json) cJSON *doc = cJSON_Parse(r.out);

	cr_assert_gt(json_number(doc, "now"), 0, "%s", r.out);
	return (int64_t)json_number(doc, "now");
}

static double
device_status(const struct app *a)
{
	AUTO(json) cJSON *d = app_details(a, "METER1");

	return json_number(d, "deviceStatus");
}

/* rule: manual-ask manual-now manual-details manual-0115 */
Test(manual, an_app_sees_the_plan_and_a_persons_yes_starts_it)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	struct app a;

	plan_manually(h);
	app_sign_in(h, &a);
	AUTO(json) cJSON *plan = app_plan(&a, "METER1");
	cr_assert_not_null(plan);
	cr_expect_eq(json_number(plan, "userConfirmStatus"), 0);
	cr_expect_str_eq(json_text(plan, "upgradeVersionInfo"), "Better");
	const cJSON *k = cJSON_GetArrayItem(cJSON_GetObjectItem(plan, "comVerList"), 0);
	cr_expect_str_eq(json_text(k, "cver"), HOUSE_OLD);
	cr_expect_str_eq(json_text(k, "tver"), HOUSE_NEW);
	expect_no_plan(h);
	cr_expect(app_confirm(&a, "METER1", APP_NOW, 0, 0));
	house_case_upgraded(h, 0, HOUSE_NEW);
	AUTO(json) cJSON *end = app_details(&a, "METER1");
	cr_expect_eq(json_number(end, "deviceStatus"), DONE);
	cr_expect_eq(json_number(end, "upgradeProgress"), 1);
}

/* rule: manual-appointment manual-appointment-bad */
Test(manual, an_appointment_is_kept_and_one_that_cannot_be_is_refused)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	struct app a;

	plan_manually(h);
	app_sign_in(h, &a);
	int64_t now = platform_now(h), year = INT64_C(366) * 24 * HOUR_MS;
	cr_expect_not(app_confirm(&a, "METER1", APP_APPOINT, now + HOUR_MS, now + HOUR_MS * 3 / 2),
	    "half an hour");
	cr_expect_not(app_confirm(&a, "METER1", APP_APPOINT, now + year, now + year + 2 * HOUR_MS),
	    "after the plan");
	cr_expect(
	    app_confirm(&a, "METER1", APP_APPOINT, now + HOUR_MS, now + INT64_C(4) * HOUR_MS));
	expect_no_plan(h);
	struct tool_result r = HOUSE_DC(h, "clock", "--ahead", "5400");
	cr_assert_eq(r.status, 0, "%s", r.out);
	house_case_upgraded(h, 0, HOUSE_NEW);
}

/* rule: manual-cancel */
Test(manual, a_persons_no_is_the_end_of_the_plan_for_the_device)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	struct app a;

	plan_manually(h);
	app_sign_in(h, &a);
	cr_expect(app_confirm(&a, "METER1", APP_CANCEL, 0, 0));
	expect_no_plan(h);
	cr_expect_eq(device_status(&a), FAILED);
	cr_expect_not(app_confirm(&a, "METER1", APP_NOW, 0, 0), "nothing follows a cancellation");
	cr_expect_eq(house_case_count(h, 0, 1), 0);
}

/* rule: manual-retry */
Test(manual, a_failed_upgrade_is_tried_again_when_a_person_wants_it)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});
	struct app a;

	house_device_args(h, 0, "--refuse-boot", HOUSE_NEW);
	HOUSE_MUST(h, house_start_all(h));
	plan_manually(h);
	app_sign_in(h, &a);
	cr_expect(app_confirm(&a, "METER1", APP_NOW, 0, 0));
	house_case_not_upgraded(h, 0, HOUSE_OLD);
	cr_expect_eq(device_status(&a), FAILED);
	HOUSE_MUST(h, house_stop(h, HOUSE_DEVICE));
	house_device_args(h, 0, "", NULL);
	HOUSE_MUST(h, house_start(h, HOUSE_DEVICE));
	cr_expect(app_confirm(&a, "METER1", APP_RETRY, 0, 0));
	house_case_until_verdict(h, 0, "success");
	cr_expect_eq(house_case_count(h, 0, 12), 1);
	cr_expect_eq(house_case_count(h, 0, 11), 1);
}

/* Whether auto-confirm is on after this call. */
static bool
switch_says(const struct app *a, const char *call)
{
	char path[200];

	snprintf(path, sizeof(path), "enduserapi/%s?pk=" HOUSE_PK "&dk=METER1", call);
	AUTO(json) cJSON *doc = app_get(a, path);
	cr_assert_eq(json_number(doc, "code"), APP_OK);
	return cJSON_IsTrue(cJSON_GetObjectItem(doc, "data"));
}

/* rule: manual-auto api-auto api-delete */
Test(manual, with_auto_confirm_on_a_plan_follows_the_request)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	struct app a;

	app_sign_in(h, &a);
	cr_expect(switch_says(&a, "setAutoUpgradeSwitch"));
	cr_expect(switch_says(&a, "getAutoUpgradeSwitch"));
	plan_manually(h);
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_not(switch_says(&a, "deleteDeviceUpgrade"));
	cr_expect_not(switch_says(&a, "getAutoUpgradeSwitch"));
}

static bool
has_refused(struct house *h, void *arg)
{
	(void)arg;
	return house_case_count(h, 0, 3) > 0;
}

/* rule: manual-gateway policy-never policy-reason silent-reject */
Test(manual, after_a_persons_yes_the_gateway_still_decides_by_itself)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){
	    .flashd = "ask_every = 2 s\n[flashd.policy never]\nmode = never"});
	char path[300], line[2048], seen[2048] = "";
	struct app a;

	plan_manually(h);
	app_sign_in(h, &a);
	cr_expect(app_confirm(&a, "METER1", APP_NOW, 0, 0));
	house_case_until(h, has_refused, NULL, "a refusal");
	cr_expect_eq(house_case_count(h, 0, 2), 0);
	double requests, bytes, size;
	house_case_served(h, &requests, &bytes, &size);
	cr_expect_eq(requests, 0, "nothing is fetched");
	snprintf(path, sizeof(path), "%s/state/flashd/events.jsonl", h->dir);
	AUTO(file) FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "plan_refused"))
			snprintf(seen, sizeof(seen), "%s", line);
	cr_expect(strstr(seen, "never"), "expected the reason, got: %s", seen);
}
