/*
 * System tests of the main job: a silent upgrade from the platform's plan to a device that runs the
 * new version, all processes real.
 */
#include <string.h>

#include "house_case.h"
#include "house_look.h"
#include "json.h"

TestSuite(upgrade, .timeout = 120);

/* rule: silent-flow plan-received silent-confirm policy-auto status-fields */
Test(upgrade, a_silent_plan_ends_with_the_new_version_and_the_platform_knows_it)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	double requests, bytes, size;

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	house_case_served(h, &requests, &bytes, &size);
	cr_expect_eq(requests, 1);
	cr_expect_eq(bytes, size);
	static const int statuses[] = {1, 2, 8, 9, 11};
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		cr_expect_eq(house_case_count(h, 0, statuses[i]), 1, "status %d", statuses[i]);
	AUTO(json) cJSON *own = house_look_device(h, 0);
	cr_expect_eq(json_number(own, "boots"), 2, "the first, and into the new image");
	cr_expect_eq(json_number(own, "reverts"), 0);
}

/* rule: model-product */
Test(upgrade, two_devices_of_one_package_need_one_download)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.devices = 2});
	double requests, bytes, size;

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	house_case_upgraded(h, 1, HOUSE_NEW);
	house_case_served(h, &requests, &bytes, &size);
	cr_expect_eq(requests, 1);
	cr_expect_eq(bytes, size);
}

Test(upgrade, one_upgrade_follows_another)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	house_case_plan(h, &(struct house_pack){
			       .name = "next", .version = "1.2.0", .sequence = 6, .counter = 3});
	house_case_upgraded(h, 0, "1.2.0");
}

Test(upgrade, the_processes_may_start_in_any_order)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});

	HOUSE_MUST(h, house_start(h, HOUSE_CLOUDD));
	HOUSE_MUST(h, house_start(h, HOUSE_FETCHD));
	HOUSE_MUST(h, house_start(h, HOUSE_FLASHD));
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
}

/* rule: gw-connect */
Test(upgrade, all_stopped_and_started_again_know_what_they_knew)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	for (enum house_part p = HOUSE_FLASHD; p <= HOUSE_CLOUDD; p++)
		HOUSE_MUST(h, house_stop(h, p));
	for (enum house_part p = HOUSE_FLASHD; p <= HOUSE_CLOUDD; p++)
		HOUSE_MUST(h, house_start(h, p));
	HOUSE_MUST(h, house_look_wait_version(h, 0, HOUSE_NEW));
	cr_expect_eq(house_case_count(h, 0, 11), 1, "the end is not told again");
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_FLASHD, "devices");
	const cJSON *d = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "devices"), 0);
	cr_expect_eq(json_number(d, "confirmed_sequence"), 5);
	cr_expect_eq(json_number(d, "confirmed_counter"), 2);
}

Test(upgrade, an_older_package_is_refused_afterwards)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_plan(h, &(struct house_pack){.sequence = 6, .counter = 3});
	house_case_upgraded(h, 0, HOUSE_NEW);
	AUTO(json) cJSON *before = house_look_device(h, 0);
	house_case_plan(h, &(struct house_pack){
			       .name = "old", .version = "1.0.5", .sequence = 5, .counter = 2});
	house_case_until_verdict(h, 0, "failed");
	AUTO(json) cJSON *after = house_look_device(h, 0);
	cr_expect_str_eq(json_text(after, "running"), HOUSE_NEW);
	cr_expect_eq(json_number(after, "upload_bytes"), json_number(before, "upload_bytes"));
}

/* How often the platform answered the first device that no plan fits. */
static int
refusals(struct house *h)
{
	struct tool_result r = HOUSE_DC(h, "log", HOUSE_PK "/METER1");
	int n = 0;

	for (const char *at = r.out; (at = strstr(at, "no plan fits")) != NULL; at++)
		n++;
	return n;
}

static bool
is_refused_again(struct house *h, void *arg)
{
	return refusals(h) > *(int *)arg;
}

/* rule: manual-0115 request-none */
Test(upgrade, a_manual_plan_waits_for_a_person)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	HOUSE_MUST(h, house_pack_publish(h, &(struct house_pack){0}));
	struct tool_result r = HOUSE_DC(h, "plan", "add", "ask", "--product", HOUSE_PK, "--package",
	    h->package, "--mode", "manual", "--text", "en=Better", "--activate");
	cr_assert_eq(r.status, 0, "%s", r.out);
	int before = refusals(h);
	house_case_until(h, is_refused_again, &before, "the device asks and gets no plan");
	cr_expect_eq(house_case_count(h, 0, 1), 0);
	r = HOUSE_DC(h, "plan", "confirm", "ask", "--device", HOUSE_PK "/METER1");
	cr_assert_eq(r.status, 0, "%s", r.out);
	house_case_upgraded(h, 0, HOUSE_NEW);
}
