/*
 * System tests of going back: a package whose counter is below the confirmed one is refused alike,
 * whoever asks for it and however often: a plan, its repetition, a person's consent, an
 * installation by hand.
 */
#include <string.h>

#include "house_case.h"
#include "house_look.h"
#include "json.h"

TestSuite(downgrade, .timeout = 180);

/* How often flashd has refused for that reason. */
static unsigned
refusals(struct house *h)
{
	struct tool_result r = CTL(h->dir, "events", "flashd", "--config", "subota.conf");
	unsigned n = 0;

	for (const char *at = r.out; (at = strstr(at, "ROLLBACK")); at++)
		n++;
	return n;
}

/* A device that runs and has confirmed 1.2.0, sequence 7, counter 3. */
static void
upgrade(struct house *h)
{
	house_case_plan(h, &(struct house_pack){.version = "1.2.0", .sequence = 7, .counter = 3});
}

/* A newer sequence, and a counter below. */
static void
plan_back(struct house *h, const char *name)
{
	house_case_plan(
	    h, &(struct house_pack){.name = name, .version = "1.1.0", .sequence = 8, .counter = 2});
}

static void
expect_untouched(struct house *h, double uploaded)
{
	AUTO(json) cJSON *own = house_look_device(h, 0);

	cr_expect_str_eq(json_text(own, "running"), "1.2.0");
	cr_expect_eq(json_number(own, "upload_bytes"), uploaded, "no byte has reached it");
}

static double
uploaded(struct house *h)
{
	AUTO(json) cJSON *own = house_look_device(h, 0);

	return json_number(own, "upload_bytes");
}

/* trust: 50 */
Test(downgrade, is_refused_in_a_plan_in_its_repetition_and_by_hand)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	upgrade(h);
	house_case_upgraded(h, 0, "1.2.0");
	double bytes = uploaded(h);

	plan_back(h, "back");
	house_case_until_verdict(h, 0, "failed");
	expect_untouched(h, bytes);
	unsigned once = refusals(h);

	cr_expect_gt(once, 0);
	plan_back(h, "again");
	house_case_until_verdict(h, 0, "failed");
	expect_untouched(h, bytes);
	unsigned twice = refusals(h);

	cr_expect_gt(twice, once);
	struct tool_result r = CTL(
	    h->dir, "install", "--config", "subota.conf", "--device", "meter1", "back.bin");
	cr_expect_eq(r.status, 1, "%s", r.out);
	cr_expect(strstr(r.out, "refused"), "%s", r.out);
	cr_expect_gt(refusals(h), twice);
	expect_untouched(h, bytes);
}

struct question {
	char number[24];
};

static bool
is_asked(struct house *h, void *arg)
{
	struct question *q = arg;
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_FLASHD, "upgrades");
	const cJSON *u = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "upgrades"), 0);

	snprintf(q->number, sizeof(q->number), "%.0f", json_number(u, "upgrade"));
	return strcmp(json_text(u, "state"), "IDENTIFIED") == 0;
}

static void
consent(struct house *h)
{
	struct question q;

	house_case_until(h, is_asked, &q, "a question to a person");
	struct tool_result r = CTL(h->dir, "confirm", "--config", "subota.conf", q.number);

	cr_expect_eq(r.status, 0, "%s", r.out);
}

/* trust: 50 */
Test(downgrade, is_refused_though_a_person_has_said_yes)
{
	AUTO(house_case)
	struct house *h = house_case_open(
	    &(struct house_options){.flashd = "ask_every = 2 s\n[flashd.policy ask]\nmode = ask"});

	upgrade(h);
	consent(h);
	house_case_upgraded(h, 0, "1.2.0");
	double bytes = uploaded(h);

	plan_back(h, "back");
	consent(h);
	house_case_until_verdict(h, 0, "failed");
	cr_expect_gt(refusals(h), 0);
	expect_untouched(h, bytes);
}
