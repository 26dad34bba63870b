/*
 * System tests of rollouts: several devices, one version, and who gets it when; through all
 * daemons.
 */
#include <string.h>

#include "house_case.h"
#include "house_look.h"
#include "json.h"

TestSuite(rollout, .timeout = 120);

#define HASTY \
	"ask_every = 2 s\naway_retry = 20 s\nflash_deadline = 60 s\nreboot_deadline = 20 s\n" \
	"test_deadline = 20 s\nconfirm_deadline = 20 s\n"

static struct house *
open_house(unsigned devices, const char *flashd)
{
	return house_case_open(
	    &(struct house_options){.devices = devices, .hasty = true, .flashd = flashd});
}

static void
order(struct house *h, const char *what)
{
	struct tool_result r = CTL(h->dir, "rollout", "--config", "subota.conf", what, "all");

	cr_assert_eq(r.status, 0, "%s", r.out);
}

/* A member of the only rollout. */
static unsigned
count(const cJSON *doc, const char *key)
{
	const cJSON *r = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "rollouts"), 0);

	return (unsigned)json_number(r, key);
}

/* The one word for each device's upgrade, as `subotactl upgrades` has it. */
static void
status_of(struct house *h, int device, char out[32], char detail[300])
{
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_FLASHD, "upgrades");
	const cJSON *u = NULL;
	char dk[32];

	out[0] = detail[0] = 0;
	snprintf(dk, sizeof(dk), "METER%d", device + 1);
	cJSON_ArrayForEach(u, cJSON_GetObjectItem(doc, "upgrades"))
	{
		if (strcmp(json_text(u, "device_key"), dk) != 0)
			continue;
		snprintf(out, 32, "%s", json_text(u, "status"));
		snprintf(detail, 300, "%s", json_text(u, "detail"));
	}
}

struct wanted {
	int device;
	const char *status;
	char detail[300];
};

static bool
has_status(struct house *h, void *arg)
{
	struct wanted *w = arg;
	char seen[32];

	status_of(h, w->device, seen, w->detail);
	return strcmp(seen, w->status) == 0;
}

struct watch {
	unsigned devices, canary, most; /* most: under way at the same time */
};

/* Until all are done; on the way never more under way than may be. */
static bool
is_done_in_order(struct house *h, void *arg)
{
	const struct watch *w = arg;
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_FLASHD, "rollouts");
	unsigned done = count(doc, "done"), active = count(doc, "active");

	if (done < w->canary)
		cr_expect_leq(
		    done + active, w->canary, "canaries: %u done, %u active", done, active);
	cr_expect_leq(active, w->most, "%u under way", active);
	return done == w->devices;
}

Test(rollout, canary_first_and_then_the_rest_two_at_a_time)
{
	AUTO(house_case)
	struct house *h = open_house(4, HASTY "parallel = 2\n[flashd.policy all]\ncanary = 1");
	struct watch w = {.devices = 4, .canary = 1, .most = 2};

	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, is_done_in_order, &w, "four upgrades, the canary first");
	for (int i = 0; i < 4; i++)
		house_case_upgraded(h, i, HOUSE_NEW);
	struct tool_result r = CTL(h->dir, "rollout", "--config", "subota.conf");

	cr_expect_not_null(strstr(r.out, "OPEN"), "%s", r.out);
}

static bool
is_stopped(struct house *h, void *arg)
{
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_FLASHD, "rollouts");
	const cJSON *r = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "rollouts"), 0);

	(void)arg;
	return strcmp(json_text(r, "state"), "STOPPED") == 0;
}

Test(rollout, canary_that_goes_back_stops_it_and_a_person_lets_the_rest_through)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.devices = 2,
	    .hasty = true,
	    .flashd = HASTY "[flashd.policy all]\ncanary = 1\nstop_after = 1\n"
			    "[flashd.policy first]\ndevice = meter1\npriority = 100\n"
			    "canary = 1\nstop_after = 1"});
	char seen[32], detail[300];

	house_device_args(h, 0, "--refuse-boot", HOUSE_NEW);
	HOUSE_MUST(h, house_start_all(h));
	order(h, "pause"); /* until both are in the queue, so that priority decides */
	house_case_plan(h, &(struct house_pack){0});
	for (int i = 0; i < 2; i++)
		house_case_until(h, has_status, &(struct wanted){.device = i, .status = "queued"},
		    "in the queue");
	order(h, "resume");
	house_case_until(h, is_stopped, NULL, "a rollout that stops");
	status_of(h, 0, seen, detail);
	cr_expect_str_eq(seen, "reverted");
	status_of(h, 1, seen, detail);
	cr_expect_str_eq(seen, "queued");
	cr_expect_not_null(strstr(detail, "stopped after 1 failures"), "%s", detail);
	house_kill(h, HOUSE_FLASHD); /* it stays so */
	HOUSE_MUST(h, house_start(h, HOUSE_FLASHD));
	cr_expect(is_stopped(h, NULL));
	struct tool_result r = CTL(h->dir, "rollout", "--config", "subota.conf", "resume", "1");

	cr_expect_eq(r.status, 0, "%s", r.out);
	house_case_upgraded(h, 1, HOUSE_NEW);
}

Test(rollout, device_that_is_away_delays_nobody_and_is_taken_up_when_it_comes_back)
{
	AUTO(house_case) struct house *h = open_house(3, HASTY);
	struct wanted w = {.device = 0, .status = "away"};

	order(h, "pause");
	house_case_plan(h, &(struct house_pack){0});
	for (int i = 0; i < 3; i++)
		house_case_until(h, has_status, &(struct wanted){.device = i, .status = "queued"},
		    "in the queue");
	house_kill(h, HOUSE_DEVICE);
	house_kill(h, HOUSE_CLOUDD); /* the rest goes on without the cloud, too */
	order(h, "resume");
	house_case_until(h, has_status, &w, "a device that is away");
	for (int i = 1; i < 3; i++)
		house_case_until(
		    h, has_status, &(struct wanted){.device = i, .status = "done"}, "done");
	cr_expect_neq(w.detail[0], 0, "it says why");
	struct tool_result r = CTL(h->dir, "devices", "--config", "subota.conf");

	cr_expect_not_null(strstr(r.out, " done "), "devices say it, too: %s", r.out);
	HOUSE_MUST(h, house_start(h, HOUSE_DEVICE));
	HOUSE_MUST(h, house_start(h, HOUSE_CLOUDD));
	for (int i = 0; i < 3; i++)
		house_case_upgraded(h, i, HOUSE_NEW);
}

Test(rollout, flashd_killed_again_and_again_keeps_the_queue_in_order)
{
	AUTO(house_case)
	struct house *h = open_house(3, HASTY "parallel = 1\n[flashd.policy all]\ncanary = 1");
	struct watch w = {.devices = 3, .canary = 1, .most = 1};

	house_case_plan(h, &(struct house_pack){0});
	for (int i = 0; i < 6; i++) {
		house_look_pause(300);
		house_kill(h, HOUSE_FLASHD);
		HOUSE_MUST(h, house_start(h, HOUSE_FLASHD));
	}
	house_case_until_alive(h, is_done_in_order, &w, "three upgrades, one at a time");
	for (int i = 0; i < 3; i++)
		house_case_upgraded(h, i, HOUSE_NEW);
}

/* --- order and groups ------------------------------------------------------------------------- */

/* What only some devices shall have is edited into the file before the daemons start. */
static struct house *
open_edited(unsigned devices, const char *flashd, const char *script)
{
	struct house *h = house_case_new(
	    &(struct house_options){.devices = devices, .hasty = true, .flashd = flashd});
	struct tool_result r = TOOL(h->dir, "sed", "-i", script, "subota.conf");

	cr_assert_eq(r.status, 0, "%s", r.out);
	return h;
}

Test(rollout, device_waits_for_the_one_before_it)
{
	AUTO(house_case)
	struct house *h = open_edited(
	    2, HASTY, "s/^\\[flashd.device meter1\\]/&\\nafter = meter2/");
	char seen[32], detail[300];

	HOUSE_MUST(h, house_start_all(h));
	order(h, "pause");
	house_case_plan(h, &(struct house_pack){0});
	for (int i = 0; i < 2; i++)
		house_case_until(h, has_status, &(struct wanted){.device = i, .status = "queued"},
		    "in the queue");
	order(h, "resume");
	do {
		char other[32], why[300];

		status_of(h, 0, other, why); /* before the other one, which may end in between */
		status_of(h, 1, seen, detail);
		if (strcmp(seen, "done") != 0)
			cr_expect(strcmp(other, "queued") == 0 && strstr(why, "meter2"), "%s: %s",
			    other, why);
		house_look_pause(50);
	} while (strcmp(seen, "done") != 0);
	house_case_upgraded(h, 0, HOUSE_NEW);
}

/* trust: 54 */
Test(rollout, circle_of_devices_is_refused_with_its_names)
{
	AUTO(house_case)
	struct house *h = open_edited(2, HASTY,
	    "s/^\\[flashd.device meter1\\]/&\\nafter = meter2/;"
	    "s/^\\[flashd.device meter2\\]/&\\nafter = meter1/");
	char program[340];

	snprintf(program, sizeof(program), "%s/subota-flashd", h->programs);
	struct tool_result r = TOOL(h->dir, program, "--config", "subota.conf", "--check");

	cr_expect_neq(r.status, 0);
	cr_expect_not_null(strstr(r.out, "meter1 -> meter2 -> meter1"), "%s", r.out);
}

Test(rollout, group_gets_the_new_version_together)
{
	AUTO(house_case)
	struct house *h = open_edited(
	    2, HASTY "parallel = 1", "s/^\\[flashd.device meter[12]\\]/&\\ntogether = pair/");

	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	for (int i = 0; i < 2; i++)
		house_case_upgraded(h, i, HOUSE_NEW);
}

/* trust: 55 */
Test(rollout, group_of_which_one_fails_is_back_on_the_old_version)
{
	AUTO(house_case)
	struct house *h = open_edited(
	    2, HASTY, "s/^\\[flashd.device meter[12]\\]/&\\ntogether = pair/");

	house_device_args(h, 1, "--refuse-boot", HOUSE_NEW);
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	for (int i = 0; i < 2; i++)
		house_case_not_upgraded(h, i, HOUSE_OLD);
}

/* --- the last good image ---------------------------------------------------------------------- */

static bool
runs(struct house *h, void *arg)
{
	AUTO(json) cJSON *own = house_look_device(h, 0);

	return strcmp(json_text(own, "running"), arg) == 0 &&
	       cJSON_IsTrue(cJSON_GetObjectItem(own, "confirmed"));
}

static void
swap_module(struct house *h)
{
	house_kill(h, HOUSE_DEVICE);
	struct tool_result r = TOOL(
	    h->dir, "rm", "-f", "device1/slot0.bin", "device1/slot1.bin", "device1/state");

	cr_assert_eq(r.status, 0, "%s", r.out);
	HOUSE_MUST(h, house_start(h, HOUSE_DEVICE));
}

Test(rollout, swapped_module_is_brought_to_the_version_that_was_confirmed)
{
	AUTO(house_case)
	struct house *h = open_house(1, HASTY "[flashd.policy all]\nrestore = yes");

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	order(h, "pause");
	swap_module(h);
	house_case_until(h, runs, (void *)(uintptr_t)HOUSE_OLD, "another module");
	order(h, "resume");
	house_case_until(h, runs, (void *)(uintptr_t)HOUSE_NEW, "the confirmed version again");
	cr_expect_eq(house_case_count(h, 0, 11), 1, "the platform hears of no further plan");
	cr_expect_eq(house_case_count(h, 0, 12), 0);
}

Test(rollout, swapped_module_is_left_alone_where_policy_does_not_say_so)
{
	AUTO(house_case) struct house *h = open_house(1, HASTY);
	char seen[32], detail[300];

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	swap_module(h);
	house_case_until(h, runs, (void *)(uintptr_t)HOUSE_OLD, "another module");
	for (int i = 0; i < 40; i++) { /* twice the time in which it is asked */
		status_of(h, 0, seen, detail);
		cr_assert_str_eq(seen, "done");
		house_look_pause(100);
	}
	cr_expect(runs(h, (void *)(uintptr_t)HOUSE_OLD));
}

#define LAST "1.2.0"

Test(rollout, device_that_has_nothing_to_run_gets_the_last_good_image_again)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.loader = "gecko",
	    .hasty = true,
	    .flashd = "ask_every = 2 s\naway_retry = 10 s\nflash_deadline = 10 s\n"
		      "reboot_deadline = 5 s\ntest_deadline = 5 s\nconfirm_deadline = 5 s\n"
		      "[flashd.policy all]\nrestore = yes"});

	house_device_args(h, 0, "--refuse-boot", LAST);
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){.size = 20000});
	house_case_until(h, runs, (void *)(uintptr_t)HOUSE_NEW, "a good image");
	house_case_until_verdict(h, 0, "success");
	house_case_plan(
	    h, &(struct house_pack){.name = "fw2", .version = LAST, .sequence = 6, .size = 20000});
	house_case_until_verdict(h, 0, "failed");
	house_case_until(h, runs, (void *)(uintptr_t)HOUSE_NEW, "the good image again");
	cr_expect_eq(house_case_count(h, 0, 11), 1);
}
