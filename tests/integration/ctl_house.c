/*
 * ctl_house: the operator's commands on a gateway that runs: every daemon a process of its own, a
 * virtual device, the local Developer Center, and one upgrade from plan to end.
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <string.h>

#include "clock.h"
#include "house.h"
#include "house_look.h"
#include "house_pack.h"

AUTO_DEFINE(json, cJSON *, cJSON_Delete)

enum { PATIENCE_MS = 120000 };

#define ASK(h, ...) CTL((h)->dir, __VA_ARGS__, "--config", "subota.conf")

static const char *
text(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(o, key));

	return s ? s : "";
}

static cJSON *
parsed(struct tool_result r)
{
	cJSON *doc = NULL;

	cr_assert_eq(r.status, 0, "exit %d: %s", r.status, r.out);
	doc = cJSON_Parse(r.out);
	cr_assert(doc, "%s", r.out);
	return doc;
}

/* The one upgrade of this house is as `flash` says. */
static bool
is_upgrade(struct house *h, const char *flash)
{
	AUTO(json) cJSON *list = parsed(ASK(h, "upgrades", "--json"));

	return strcmp(text(cJSON_GetArrayItem(list, 0), "flash"), flash) == 0;
}

static void
expect_status(struct house *h)
{
	AUTO(json) cJSON *all = parsed(ASK(h, "status", "--json"));

	cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetObjectItem(all, "cloudd"), "up")));
	cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetObjectItem(all, "fetchd"), "up")));
	cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetObjectItem(all, "flashd"), "up")));
}

static void
expect_device(struct house *h, const char *version)
{
	AUTO(json) cJSON *list = parsed(ASK(h, "devices", "--json"));
	const cJSON *d = cJSON_GetArrayItem(list, 0);

	cr_expect_eq(cJSON_GetArraySize(list), 1, "flashd's and cloudd's device are one");
	cr_expect_str_eq(text(d, "device"), HOUSE_PK "/METER1");
	cr_expect_str_eq(text(d, "version"), version);
	cr_expect_str_eq(text(d, "login"), "IN");
}

static void
expect_told(struct house *h)
{
	AUTO(json) cJSON *list = parsed(ASK(h, "upgrades", "--json"));
	AUTO(json) cJSON *store = parsed(ASK(h, "store", "--json"));
	const cJSON *u = cJSON_GetArrayItem(list, 0);
	const cJSON *image = cJSON_GetArrayItem(cJSON_GetObjectItem(store, "images"), 0);
	char id[32];

	cr_expect_eq(cJSON_GetArraySize(list), 1, "one id in three daemons");
	cr_expect_str_eq(text(u, "device"), HOUSE_PK "/METER1");
	cr_expect(cJSON_GetObjectItem(u, "cloudd") && cJSON_GetObjectItem(u, "fetchd") &&
		  cJSON_GetObjectItem(u, "flashd"));
	cr_expect_str_eq(text(image, "state"), "READY");
	snprintf(id, sizeof(id), "%.0f", cJSON_GetNumberValue(cJSON_GetObjectItem(u, "upgrade")));
	struct tool_result r = ASK(h, "upgrade", id);

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "flashd.state "), "%s", r.out);
}

Test(ctl_house, an_upgrade_is_seen_from_its_plan_to_its_end, .timeout = 300)
{
	AUTO(house) struct house *h = NULL;
	struct house_options o = {.devices = 1, .baud = 921600, .hasty = true};
	struct house_pack pack = {0};
	enum err e = house_open(&o, &h);

	cr_assert_eq(e, ERR_OK, "%s", h ? house_why(h) : err_text(e));
	cr_assert_eq(house_start_all(h), ERR_OK, "%s", house_why(h));
	expect_status(h);
	expect_device(h, HOUSE_OLD);
	cr_assert_eq(house_pack_publish(h, &pack), ERR_OK, "%s", house_why(h));
	cr_assert_eq(house_activate(h, "plan"), ERR_OK, "%s", house_why(h));
	struct tool_result tap = ASK(h, "tap", "flashd", "--count", "3", "--timeout", "60000");

	cr_expect_eq(tap.status, 0, "%s", tap.out);
	struct mono due = mono_after(clock_now(), PATIENCE_MS);

	while (!is_upgrade(h, "DONE") && mono_between(clock_now(), due) > 0)
		house_look_pause(100);
	cr_assert(is_upgrade(h, "DONE"), "%s", ASK(h, "upgrades").out);
	expect_told(h);
	cr_assert_eq(house_look_wait_version(h, 0, HOUSE_NEW), ERR_OK, "%s", house_why(h));
	expect_device(h, HOUSE_NEW);
	struct tool_result r = ASK(h, "events");

	cr_expect(strstr(r.out, "  flashd  device_done  "), "%s", r.out);
	cr_expect(strstr(r.out, "  cloudd  plan_offered  "), "%s", r.out);
	cr_assert_eq(house_stop(h, HOUSE_FETCHD), ERR_OK, "%s", house_why(h));
	r = ASK(h, "status");
	cr_expect_eq(r.status, 69, "%s", r.out);
	cr_expect(strstr(r.out, "fetchd is not running"), "%s", r.out);
	cr_expect(strstr(r.out, "flashd.up "), "the others are shown: %s", r.out);
}
