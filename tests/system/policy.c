/*
 * System tests of policy: what a person on the gateway decides reaches the platform through all
 * daemons.
 */
#include <string.h>

#include "house_case.h"
#include "house_look.h"
#include "json.h"

TestSuite(policy, .timeout = 120);

#define HASTY "ask_every = 2 s\n"

/* Until flashd asks a person about an upgrade; its number as text. */
static void
wait_for_question(struct house *h, char number[24])
{
	for (int i = 0; i < 600; i++) {
		AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_FLASHD, "upgrades");
		const cJSON *u = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "upgrades"), 0);

		if (strcmp(json_text(u, "state"), "IDENTIFIED") == 0) {
			snprintf(number, 24, "%.0f", json_number(u, "upgrade"));
			return;
		}
		house_look_pause(100);
	}
	cr_assert_fail("nobody is asked");
}

static struct tool_result
order(struct house *h, const char *what, const char *argument)
{
	return CTL(h->dir, what, "--config", "subota.conf", argument);
}

/* rule: policy-ask */
Test(policy, an_upgrade_waits_for_a_yes_on_the_gateway_and_then_goes_through)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){
	    .hasty = true, .flashd = HASTY "[flashd.policy ask]\nmode = ask"});
	char number[24];

	house_case_plan(h, &(struct house_pack){0});
	wait_for_question(h, number);
	cr_expect_eq(house_case_count(h, 0, 2), 0, "nothing is confirmed yet");
	struct tool_result r = order(h, "confirm", number);

	cr_expect_eq(r.status, 0, "%s", r.out);
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(house_case_count(h, 0, 2), 1);
	cr_expect_eq(house_case_count(h, 0, 3), 0);
}

/* rule: policy-ask silent-reject */
Test(policy, a_no_on_the_gateway_is_a_refusal_on_the_platform)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){
	    .hasty = true, .flashd = HASTY "[flashd.policy ask]\nmode = ask"});
	char number[24];

	house_case_plan(h, &(struct house_pack){0});
	wait_for_question(h, number);
	cr_expect_eq(order(h, "reject", number).status, 0);
	for (int i = 0; i < 300 && house_case_count(h, 0, 3) == 0; i++)
		house_look_pause(100);
	cr_expect_eq(house_case_count(h, 0, 3), 1);
	cr_expect_eq(house_case_count(h, 0, 2), 0);
	struct tool_result r = order(h, "check", HOUSE_PK "/METER1");

	cr_expect_eq(r.status, 0, "%s", r.out);
}
