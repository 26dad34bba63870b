/*
 * System tests of what is done on the gateway itself, without the platform: the dry run.
 */
#include <string.h>

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
