/*
 * System tests of what is done on the gateway itself, without the platform: the dry run.
 */
#include <string.h>

#include "bus_client.h"
#include "house_case.h"
#include "house_look.h"
#include "json.h"

TestSuite(offline, .timeout = 120);

#define HASTY \
	"ask_every = 2 s\naway_retry = 20 s\nflash_deadline = 60 s\nreboot_deadline = 20 s\n" \
	"test_deadline = 20 s\nconfirm_deadline = 20 s\n"

static struct house *
open_house(unsigned devices, const char *flashd)
{
	return house_case_open(
	    &(struct house_options){.devices = devices, .hasty = true, .flashd = flashd});
}

/* A signed package in DIR/NAME, which the platform knows nothing of. */
static void
make_bundle(struct house *h, const char *name, const char *version, unsigned sequence)
{
	struct bundle_bytes image = house_pack_image(version, 2, 30000);
	struct kit_spec spec = {.vendor = HOUSE_VENDOR,
	    .model = HOUSE_MODEL,
	    .version = version,
	    .sequence = sequence,
	    .security_counter = 2,
	    .payload = image.data,
	    .payload_len = image.len};
	struct bundle_bytes file = kit_bundle(h->kit, &spec);

	kit_write(h->dir, name, file.data, file.len);
	free(file.data);
	free(image.data);
}

static struct tool_result
plan(struct house *h, const char *bundle, const char *device)
{
	return CTL(h->dir, "plan", "--config", "subota.conf", bundle, device);
}

/* --- plan ------------------------------------------------------------------------------------- */

Test(offline, plan_says_of_every_check_what_it_expects_and_what_it_got)
{
	AUTO(house_case) struct house *h = open_house(1, HASTY);

	make_bundle(h, "good.bin", HOUSE_NEW, 5);
	struct tool_result r = plan(h, "good.bin", "meter1");

	cr_expect_eq(r.status, 0, "%s", r.out);
	static const char *const words[] = {"TRUST_SIGNED", "target", "driver", "rollback",
	    "depends", "battery", "window", "space", "turn", HOUSE_OLD " -> " HOUSE_NEW,
	    "would begin now"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		cr_expect_not_null(strstr(r.out, words[i]), "%s in %s", words[i], r.out);
	r = CTL(
	    h->dir, "plan", "--json", "--config", "subota.conf", "good.bin", HOUSE_PK "/METER1");
	AUTO(json) cJSON *doc = cJSON_Parse(r.out);

	cr_expect_str_eq(json_text(doc, "verdict"), "begin", "%s", r.out);
	AUTO(json) cJSON *own = house_look_device(h, 0);
	AUTO(json) cJSON *upgrades = house_look_ask(h, HOUSE_FLASHD, "upgrades");

	cr_expect_eq(json_number(own, "upload_bytes"), 0, "nothing was done");
	cr_expect_eq(cJSON_GetArraySize(cJSON_GetObjectItem(upgrades, "upgrades")), 0);
	r = plan(h, "good.bin", "meter9");
	cr_expect_neq(r.status, 0);
}

Test(offline, plan_tells_what_would_refuse_and_what_would_wait)
{
	AUTO(house_case)
	struct house *h = open_house(1, HASTY "[flashd.policy all]\nmode = ask");
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *forger = kit_new(dir);
	struct kit *own = h->kit;

	make_bundle(h, "good.bin", HOUSE_NEW, 5);
	h->kit = forger;
	make_bundle(h, "forged.bin", HOUSE_NEW, 5);
	h->kit = own;
	struct tool_result r = plan(h, "forged.bin", "meter1");

	cr_expect_eq(r.status, 65, "%s", r.out);
	cr_expect_not_null(strstr(r.out, "THRESHOLD"), "%s", r.out);
	r = plan(h, "good.bin", "meter1");
	cr_expect_eq(r.status, 1, "%s", r.out);
	cr_expect_not_null(strstr(r.out, "person's yes"), "%s", r.out);
	CTL(h->dir, "rollout", "--config", "subota.conf", "pause", "all");
	r = plan(h, "good.bin", "meter1");
	cr_expect_not_null(strstr(r.out, "paused"), "%s", r.out);
	make_bundle(h, "same.bin", HOUSE_OLD, 6);
	r = plan(h, "same.bin", "meter1");
	cr_expect_eq(r.status, 1, "%s", r.out);
	cr_expect_not_null(strstr(r.out, "nothing to do"), "%s", r.out);
}

/* --- install ---------------------------------------------------------------------------------- */

static bool
runs_new(struct house *h, void *arg)
{
	AUTO(json) cJSON *own = house_look_device(h, *(int *)arg);

	return strcmp(json_text(own, "running"), HOUSE_NEW) == 0 &&
	       cJSON_IsTrue(cJSON_GetObjectItem(own, "confirmed"));
}

static bool
platform_knows(struct house *h, void *arg)
{
	AUTO(json) cJSON *doc = house_look_platform(h);
	const cJSON *d = house_look_platform_device(doc, *(int *)arg);

	return strcmp(json_text(d, "version"), HOUSE_NEW) == 0;
}

static void
expect_empty_drop(struct house *h)
{
	struct tool_result r = TOOL(h->dir, "find", "state/drop", "-type", "f");

	cr_expect_str_eq(r.out, "", "left: %s", r.out);
}

Test(offline, install_without_the_cloud_and_the_platform_hears_of_the_version_later)
{
	AUTO(house_case) struct house *h = open_house(2, HASTY);
	int both[] = {0, 1};

	make_bundle(h, "good.bin", HOUSE_NEW, 5);
	house_kill(h, HOUSE_CLOUDD);
	struct tool_result r = CTL(h->dir, "install", "--config", "subota.conf", "--device",
	    "meter1", "--device", HOUSE_PK "/METER2", "good.bin");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect_not_null(strstr(r.out, "meter2 app " HOUSE_NEW ": done"), "%s", r.out);
	for (int i = 0; i < 2; i++)
		cr_expect(runs_new(h, &both[i]), "device %d", i);
	expect_empty_drop(h);
	HOUSE_MUST(h, house_start(h, HOUSE_CLOUDD));
	for (int i = 0; i < 2; i++) {
		house_case_until(h, platform_knows, &both[i], "the version on the platform");
		for (int code = 1; code <= 12; code++)
			cr_expect_eq(house_case_count(h, i, code), 0,
			    "the platform heard status %d of a plan it never made", code);
	}
	AUTO(json) cJSON *before = house_look_device(h, 0);
	double bytes = json_number(before, "upload_bytes");

	r = CTL(h->dir, "install", "--json", "--config", "subota.conf", "--device", "meter1",
	    "good.bin");
	cr_expect_eq(r.status, 0, "it runs it already: %s", r.out);
	AUTO(json) cJSON *own = house_look_device(h, 0);

	cr_expect_eq(json_number(own, "upload_bytes"), bytes, "once is enough");
}

Test(offline, package_that_is_not_signed_for_it_is_refused_and_no_byte_reaches_the_device)
{
	AUTO(house_case) struct house *h = open_house(1, HASTY);
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *forger = kit_new(dir);
	struct kit *own = h->kit;

	h->kit = forger;
	make_bundle(h, "forged.bin", HOUSE_NEW, 5);
	h->kit = own;
	struct tool_result r = CTL(
	    h->dir, "install", "--config", "subota.conf", "--device", "meter1", "forged.bin");

	cr_expect_eq(r.status, 1, "%s", r.out);
	cr_expect_not_null(strstr(r.out, "refused"), "%s", r.out);
	AUTO(json) cJSON *device = house_look_device(h, 0);

	cr_expect_eq(json_number(device, "upload_bytes"), 0);
	expect_empty_drop(h);
	r = CTL(h->dir, "install", "--config", "subota.conf", "--device", "meter9", "forged.bin");
	cr_expect_eq(r.status, 1, "%s", r.out);
}

Test(offline, install_goes_on_after_any_process_was_killed)
{
	AUTO(house_case) struct house *h = open_house(1, HASTY);
	static const enum house_part parts[] = {HOUSE_FETCHD, HOUSE_FLASHD, HOUSE_FETCHD};
	int device = 0;

	make_bundle(h, "good.bin", HOUSE_NEW, 5);
	struct tool_result r = CTL(h->dir, "install", "--no-wait", "--config", "subota.conf",
	    "--device", "meter1", "good.bin");

	cr_expect_eq(r.status, 0, "%s", r.out);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		house_kill(h, parts[i]);
		HOUSE_MUST(h, house_start(h, parts[i]));
		house_look_pause(150);
	}
	house_case_until(h, runs_new, &device, "an upgrade that goes on");
}

Test(offline, install_waits_for_a_person_where_policy_says_ask)
{
	AUTO(house_case)
	struct house *h = open_house(1, HASTY "[flashd.policy all]\nmode = ask");
	char number[24] = "";
	int device = 0;

	make_bundle(h, "good.bin", HOUSE_NEW, 5);
	struct tool_result r = CTL(h->dir, "install", "--json", "--no-wait", "--config",
	    "subota.conf", "--device", "meter1", "good.bin");
	AUTO(json) cJSON *doc = cJSON_Parse(r.out);

	snprintf(
	    number, sizeof(number), "%.0f", json_number(cJSON_GetArrayItem(doc, 0), "upgrade"));
	for (int i = 0; i < 300; i++) {
		r = CTL(h->dir, "confirm", "--config", "subota.conf", number);
		if (r.status == 0)
			break;
		house_look_pause(100);
	}
	cr_expect_eq(r.status, 0, "%s", r.out);
	house_case_until(h, runs_new, &device, "an upgrade after a yes");
}

/* What the gate says to an order on its act socket. */
static enum err
act(struct house *h, const char *argument)
{
	char path[108];
	struct bus_answer answer = {0};

	snprintf(path, sizeof(path), "%s/run/fetchd-act/sock", h->dir);
	cr_assert_eq(bus_client_act(path, "install", argument, 3000, &answer), ERR_OK);
	free(answer.json);
	return (enum err)answer.error;
}

Test(offline, gate_takes_only_plain_files_that_lie_in_the_drop_directory)
{
	AUTO(house_case) struct house *h = open_house(1, HASTY);
	static const char *const nonsense[] = {"", "good.bin", "../subota.conf 1.1.0 meters/M1 app",
	    "sub/good.bin 1.1.0 meters/M1 app", ".hidden 1.1.0 meters/M1 app",
	    "good.bin 1.1.0 meters app", "good.bin 1.1.0 meters/M1 app more"};

	make_bundle(h, "good.bin", HOUSE_NEW, 5);
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
		cr_expect_eq(act(h, nonsense[i]), ERR_INVALID, "%s", nonsense[i]);
	cr_expect_eq(act(h, "absent 1.1.0 meters/METER1 app"), ERR_NOT_FOUND);
	TOOL(h->dir, "ln", "-s", "../../good.bin", "state/drop/link");
	TOOL(h->dir, "mkfifo", "state/drop/fifo");
	TOOL(h->dir, "mkdir", "state/drop/dir");
	cr_expect_eq(act(h, "link 1.1.0 meters/METER1 app"), ERR_DENIED);
	cr_expect_eq(act(h, "fifo 1.1.0 meters/METER1 app"), ERR_LIMIT);
	cr_expect_eq(act(h, "dir 1.1.0 meters/METER1 app"), ERR_LIMIT);
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_FETCHD, "upgrades");

	cr_expect_eq(cJSON_GetArraySize(cJSON_GetObjectItem(doc, "upgrades")), 0);
}

static bool
is_over(struct house *h, void *arg)
{
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_FETCHD, "upgrades");
	const cJSON *u = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "upgrades"), 0);

	(void)arg;
	return strcmp(json_text(u, "state"), "ENDED") == 0;
}

Test(offline, an_installation_that_is_still_being_copied_can_be_cancelled)
{
	AUTO(house_case) struct house *h = open_house(1, HASTY);
	AUTO(json) cJSON *doc = NULL;
	char id[24];

	TOOL(h->dir, "truncate", "-s", "60M", "state/drop/large"); /* much to copy, nothing in it */
	TOOL(h->dir, "chmod", "644", "state/drop/large");
	cr_assert_eq(act(h, "large 1.1.0 meters/METER1 app"), ERR_OK);
	doc = house_look_ask(h, HOUSE_FETCHD, "upgrades");
	const cJSON *u = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "upgrades"), 0);

	snprintf(id, sizeof(id), "%.0f", json_number(u, "upgrade"));
	struct tool_result r = CTL(h->dir, "cancel", "--config", "subota.conf", id);

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "is cancelled"), "%s", r.out);
	house_case_until(h, is_over, NULL, "its end");
	expect_empty_drop(h);
	r = CTL(h->dir, "cancel", "--config", "subota.conf", id);
	cr_expect_eq(r.status, 1, "it is over: %s", r.out);
	cr_expect(strstr(r.out, "NOT_FOUND"), "%s", r.out);
}

/* --- watch ------------------------------------------------------------------------------------ */

Test(offline, packages_on_a_stick_go_to_the_devices_they_are_for)
{
	AUTO(house_case) struct house *h = open_house(2, HASTY);
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *forger = kit_new(dir);
	struct kit *own = h->kit;
	int both[] = {0, 1};

	TOOL(h->dir, "mkdir", "stick");
	make_bundle(h, "stick/good.bundle", HOUSE_NEW, 5);
	h->kit = forger;
	make_bundle(h, "stick/forged.bundle", HOUSE_NEW, 7);
	h->kit = own;
	TOOL(h->dir, "cp", "subota.conf", "stick/notes.txt");
	TOOL(h->dir, "cp", "subota.conf", "stick/garbage.bin");
	TOOL(h->dir, "ln", "-s", "../good.bundle", "stick/link.bundle");
	struct tool_result r = CTL(h->dir, "watch", "--once", "--config", "subota.conf", "stick");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect_not_null(strstr(r.out, "good.bundle: for 2 devices"), "%s", r.out);
	cr_expect_not_null(strstr(r.out, "forged.bundle: for 0 devices"), "%s", r.out);
	cr_expect_null(strstr(r.out, "notes.txt"), "%s", r.out);
	cr_expect_null(strstr(r.out, "link.bundle"), "%s", r.out);
	for (int i = 0; i < 2; i++)
		house_case_until(h, runs_new, &both[i], "the version on the stick");
}
