/*
 * told: whoever looks at a failed upgrade with `subotactl upgrades N` sees within one screen which
 * process said no to what, and why. One test for each kind of failure.
 */
#include <string.h>

#include "house_case.h"
#include "house_look.h"
#include "json.h"

TestSuite(told, .timeout = 120);

enum { SCREEN = 24 };

/* The number of the newest upgrade that some daemon knows. */
static void
newest(struct house *h, char number[24])
{
	struct tool_result r = CTL(h->dir, "upgrades", "--json", "--config", "subota.conf");
	AUTO(json) cJSON *list = cJSON_Parse(r.out);

	cr_assert(cJSON_GetArraySize(list) > 0, "%s", r.out);
	snprintf(number, 24, "%.0f", json_number(cJSON_GetArrayItem(list, 0), "upgrade"));
}

static struct tool_result
story(struct house *h)
{
	char number[24];

	newest(h, number);
	struct tool_result r = CTL(h->dir, "upgrades", number, "--config", "subota.conf");

	cr_assert_eq(r.status, 0, "%s", r.out);
	return r;
}

struct wanted {
	const char *sentence;
	struct tool_result last;
};

static bool
is_told(struct house *h, void *arg)
{
	struct wanted *w = arg;

	w->last = story(h);
	return strstr(w->last.out, w->sentence) != NULL;
}

/* The first line has the sentence, and all fits on a screen. */
static void
expect_story(struct house *h, const char *sentence)
{
	struct wanted w = {.sentence = sentence};
	int lines = 0;

	house_case_until(h, is_told, &w, sentence);
	cr_expect_lt(strstr(w.last.out, sentence), strchr(w.last.out, '\n'), "%s", w.last.out);
	for (const char *at = strchr(w.last.out, '\n'); at; at = strchr(at + 1, '\n'))
		lines++;
	cr_expect_leq(lines, SCREEN, "%s", w.last.out);
}

/* A plan with this package fails, and the story says so. */
static void
expect_failure(const struct house_options *o, const char *const args[2], const struct house_pack *p,
    const char *sentence)
{
	AUTO(house_case) struct house *h = house_case_new(o);

	if (args)
		house_device_args(h, 0, args[0], args[1]);
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, p);
	house_case_not_upgraded(h, 0, HOUSE_OLD);
	expect_story(h, sentence);
}

#define PLAIN &(struct house_options){0}, NULL

Test(told, a_forged_package)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *forger = kit_new(dir);

	expect_failure(PLAIN, &(struct house_pack){.signer = forger},
	    "fetchd refused it: not enough valid signatures (THRESHOLD): expected a role's "
	    "threshold of valid signatures, got 0 valid");
}

Test(told, a_package_for_another_model)
{
	expect_failure(PLAIN, &(struct house_pack){.model = "sensor-10"}, "flashd refused it: ");
}

Test(told, a_package_of_another_version_than_the_plan_says)
{
	expect_failure(PLAIN, &(struct house_pack){.planned = "1.1.1"}, "fetchd refused it: ");
}

Test(told, a_sick_image)
{
	static const char *const args[2] = {"--sick", HOUSE_NEW ":1"};

	expect_failure(&(struct house_options){0}, args, &(struct house_pack){0},
	    "flashd failed it: device went back to its old image (REVERTED): expected version "
	    "1.1.0 to run, got 1.0.0 again");
}

Test(told, a_bootloader_that_refuses_the_image)
{
	static const char *const args[2] = {"--refuse-boot", HOUSE_NEW};

	expect_failure(
	    &(struct house_options){0}, args, &(struct house_pack){0}, "flashd failed it: ");
}

Test(told, a_wrong_digest_from_the_platform)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_fault(h, "wrong_md5", "1");
	house_case_plan(h, &(struct house_pack){0});
	house_case_not_upgraded(h, 0, HOUSE_OLD);
	expect_story(h, "fetchd failed it: ");
}

Test(told, a_package_that_is_not_on_the_server)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_fault(h, "http_status", "404");
	house_case_plan(h, &(struct house_pack){0});
	house_case_not_upgraded(h, 0, HOUSE_OLD);
	expect_story(h, "fetchd failed it: ");
}

Test(told, an_older_package_than_the_device_confirmed)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	house_case_plan(h, &(struct house_pack){.name = "old", .version = "1.2.0", .sequence = 4});
	house_case_until_verdict(h, 0, "failed");
	expect_story(h, "flashd refused it: ");
}

Test(told, a_policy_that_says_never)
{
	AUTO(house_case)
	struct house *h = house_case_open(
	    &(struct house_options){.flashd = "ask_every = 2 s\n[flashd.policy no]\nmode = never"});

	house_case_plan(h, &(struct house_pack){0});
	for (int i = 0; i < 300 && house_case_count(h, 0, 3) == 0; i++)
		house_look_pause(100);
	expect_story(h, "flashd refused it: policy forbids it (POLICY)");
}

Test(told, a_person_who_says_no)
{
	AUTO(house_case)
	struct house *h = house_case_open(
	    &(struct house_options){.flashd = "ask_every = 2 s\n[flashd.policy ask]\nmode = ask"});
	char number[24];

	house_case_plan(h, &(struct house_pack){0});
	expect_story(h, "flashd puts it off: policy forbids it (POLICY): ");
	newest(h, number);
	CTL(h->dir, "reject", "--config", "subota.conf", number);
	for (int i = 0; i < 300 && house_case_count(h, 0, 3) == 0; i++)
		house_look_pause(100);
	expect_story(h, "flashd refused it: ");
}

/* A person of the operators' group, not root, may see what happened. */
Test(told, events_come_from_the_daemons_and_from_the_files_of_one_that_is_down)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	struct tool_result r = CTL(h->dir, "events", "--config", "subota.conf", "cloudd");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "  cloudd  online  "), "%s", r.out);
	HOUSE_MUST(h, house_stop(h, HOUSE_CLOUDD));
	struct tool_result files = CTL(h->dir, "events", "--config", "subota.conf", "cloudd");

	cr_expect_eq(files.status, 0, "%s", files.out);
	cr_expect_eq(strncmp(files.out, r.out, strcspn(r.out, "\n")), 0, "%s", files.out);
}
