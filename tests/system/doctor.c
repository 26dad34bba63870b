/*
 * doctor: `subotactl doctor` and `metrics` on a real house: all is well when all is well, and each
 * thing that is broken on purpose is named, with what to do.
 */
#include <cjson/cJSON.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "house_case.h"

AUTO_DEFINE(json, cJSON *, cJSON_Delete)

static cJSON *
ask(struct house *h, int status)
{
	struct tool_result r = CTL(h->dir, "doctor", "--json", "--config", "subota.conf");
	const char *list = strchr(r.out, '['); /* complaints of the log come before */

	cr_assert_eq(r.status, status, "%s", r.out);
	while (list && strncmp(list, "[{\"verdict\"", 11) != 0)
		list = strchr(list + 1, '[');
	cJSON *doc = list ? cJSON_Parse(list) : NULL;

	cr_assert(doc, "%s", r.out);
	return doc;
}

static const char *
text(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(o, key));

	return s ? s : "";
}

/* The first row of this verdict; NULL: none. */
static const cJSON *
first(const cJSON *list, const char *verdict)
{
	const cJSON *row = NULL;

	cJSON_ArrayForEach(row, list) if (strcmp(text(row, "verdict"), verdict) == 0) return row;
	return NULL;
}

/* The only bad row is this one. */
static void
expect_only(struct house *h, const char *check, const char *found)
{
	AUTO(json) cJSON *list = ask(h, 1);
	const cJSON *row = NULL;

	cJSON_ArrayForEach(row, list)
	{
		if (strcmp(text(row, "verdict"), "bad") != 0)
			continue;
		cr_expect_str_eq(text(row, "check"), check, "%s", text(row, "found"));
		cr_expect(strstr(text(row, "found"), found), "%s", text(row, "found"));
		cr_expect_gt(strlen(text(row, "advice")), 10, "what to do");
	}
}

static void
path_of(struct house *h, const char *name, char out[600])
{
	snprintf(out, 600, "%s/%s", h->dir, name);
}

Test(doctor, finds_nothing_bad_in_a_house_that_works)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){.devices = 2});
	AUTO(json) cJSON *list = ask(h, 0);

	cr_expect_null(first(list, "bad"));
	cr_expect_geq(cJSON_GetArraySize(list), 18);
}

Test(doctor, names_each_thing_that_is_broken_and_what_to_do)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	char path[600], away[600];

	path_of(h, "secrets", path);
	cr_assert_eq(chmod(path, 0644), 0);
	expect_only(h, "secrets", "mode 600, got 644");
	cr_assert_eq(chmod(path, 0600), 0);

	path_of(h, "trust/root.1", path);
	path_of(h, "trust/away", away);
	cr_assert_eq(rename(path, away), 0);
	AUTO(json) cJSON *list = ask(h, 1);
	cr_expect_str_eq(text(first(list, "bad"), "check"), "trust of fetchd");
	cr_assert_eq(rename(away, path), 0);

	HOUSE_MUST(h, house_stop(h, HOUSE_FLASHD));
	expect_only(h, "flashd", "flashd is not running");
}

Test(doctor, names_a_health_check_that_is_not_there)
{
	AUTO(house_case)
	struct house *h = house_case_open(
	    &(struct house_options){.hasty = true, .device = "health_command = /no/such/check"});

	expect_only(h, "program", "meter1: expected /no/such/check, got");
}

Test(doctor, says_that_the_platform_cannot_be_reached)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	bool seen = false;

	HOUSE_MUST(h, house_stop(h, HOUSE_DEVCENTER));
	AUTO(json) cJSON *list = ask(h, 1);
	const cJSON *row = NULL;

	cJSON_ArrayForEach(row, list) seen = seen || (strcmp(text(row, "check"), "platform") == 0 &&
							 strcmp(text(row, "verdict"), "bad") == 0);
	cr_expect(seen);
}

Test(doctor, metrics_of_a_real_house_have_every_daemon_link_and_device)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){.devices = 2});
	struct tool_result r = CTL(h->dir, "metrics", "--config", "subota.conf");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "subota_up{daemon=\"cloudd\"} 1\n"), "%s", r.out);
	cr_expect(
	    strstr(r.out, "subota_link_up{daemon=\"fetchd\",peer=\"flashd\"} 1\n"), "%s", r.out);
	cr_expect(strstr(r.out, "subota_devices{state=\"present\"} 2\n"), "%s", r.out);
	cr_expect(strstr(r.out, "subota_store_quota_bytes "), "%s", r.out);
	cr_expect(strstr(r.out, "device_key=\"METER2\",component=\"app\",version=\"1.0.0\"} 1\n"),
	    "%s", r.out);
}
