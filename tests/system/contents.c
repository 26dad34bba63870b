/*
 * System tests of what a plan and its package may contain: several components, in their order.
 */
#include <string.h>

#include "dc_dp.h"
#include "dc_ttlv.h"
#include "house_case.h"
#include "house_look.h"
#include "json.h"

TestSuite(contents, .timeout = 180);

/* A meter with two processors, each on a line of its own. */
static const struct house_options two_parts = {.devices = 2, .parts = 2};

static const char *const both[] = {"app", "radio", NULL};

static void
publish_both(struct house *h)
{
	HOUSE_MUST(h, house_pack_publish(h, &(struct house_pack){.name = "app"}));
	HOUSE_MUST(h, house_pack_publish(h, &(struct house_pack){.name = "radio",
						.component = "radio",
						.kind = "mcu",
						.version = "7.1.0"}));
}

/* What the platform has recorded of a component of the meter; "" for nothing. */
static void
state_of(struct house *h, const char *component, char out[32])
{
	AUTO(json) cJSON *doc = house_look_platform(h);
	const cJSON *u;

	out[0] = '\0';
	cJSON_ArrayForEach(
	    u, cJSON_GetObjectItem(house_look_platform_device(doc, 0), "upgrades"))
	{
		if (strcmp(json_text(u, "component"), component) == 0)
			snprintf(out, 32, "%.31s", json_text(u, "state"));
	}
}

struct wanted {
	const char *app, *radio; /* states */
};

static bool
has_come(struct house *h, void *arg)
{
	const struct wanted *w = arg;
	char app[32], radio[32];

	state_of(h, "app", app);
	state_of(h, "radio", radio);
	return strcmp(app, w->app) == 0 && strcmp(radio, w->radio) == 0;
}

static void
until_states(struct house *h, const char *app, const char *radio)
{
	struct wanted w = {app, radio};

	house_case_until_alive(h, has_come, &w, "the states of both components");
}

static void
expect_runs(struct house *h, int line, const char *version)
{
	AUTO(json) cJSON *own = house_look_device(h, line);

	cr_expect_str_eq(json_text(own, "running"), version, "line %d", line);
	cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(own, "confirmed")), "line %d", line);
}

/* The components whose statuses the platform heard, in their order, each once. */
static const char *
order_of(struct house *h)
{
	static char text[200];
	AUTO(json) cJSON *doc = house_look_platform(h);
	const char *last = "";
	const cJSON *s;

	text[0] = '\0';
	cJSON_ArrayForEach(
	    s, cJSON_GetObjectItem(house_look_platform_device(doc, 0), "statuses"))
	{
		const char *component = json_text(s, "component");
		size_t n = strlen(text);

		if (strcmp(component, last) != 0 && n < sizeof(text) - 40)
			snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "", component);
		last = component;
	}
	return text;
}

static void
expect_both_done(struct house *h)
{
	until_states(h, "success", "success");
	expect_runs(h, 0, HOUSE_NEW);
	expect_runs(h, 1, "7.1.0");
	cr_expect_str_eq(order_of(h), "app radio");
	cr_expect_eq(house_case_count(h, 0, 11), 2);
	cr_expect_eq(house_case_count(h, 0, 12), 0);
}

/* rule: plan-several */
Test(contents, the_components_of_a_plan_are_flashed_in_the_order_of_its_list)
{
	AUTO(house_case) struct house *h = house_case_open(&two_parts);

	publish_both(h);
	HOUSE_MUST(h, house_activate_list(h, "both", both));
	expect_both_done(h);
	cr_expect_eq(house_case_count(h, 0, 1), 2);
	AUTO(json) cJSON *doc = house_look_platform(h);
	const cJSON *d = house_look_platform_device(doc, 0);
	cr_expect_str_eq(json_text(d, "version"), HOUSE_NEW);
	cr_expect_str_eq(json_text(d, "mcu"), "radio:7.1.0");
}

/* rule: plan-several-fails */
/* trust: 54 55 */
Test(contents, a_failed_component_stops_those_after_it)
{
	AUTO(house_case) struct house *h = house_case_open(&two_parts);

	publish_both(h);
	house_device_args(h, 0, "--refuse-boot", HOUSE_NEW);
	HOUSE_MUST(h, house_stop(h, HOUSE_DEVICE));
	HOUSE_MUST(h, house_start(h, HOUSE_DEVICE));
	HOUSE_MUST(h, house_activate_list(h, "both", both));
	until_states(h, "failed", "not upgraded");
	cr_expect_str_eq(order_of(h), "app", "of the second nothing was ever said");
	AUTO(json) cJSON *radio = house_look_device(h, 1);
	cr_expect_str_eq(json_text(radio, "running"), HOUSE_OLD);
	cr_expect_eq(json_number(radio, "upload_bytes"), 0);
}

/* rule: plan-several */
Test(contents, two_processors_behind_one_line_are_two_components)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){.second = true});

	publish_both(h);
	HOUSE_MUST(h, house_activate_list(h, "both", both));
	until_states(h, "success", "success");
	expect_runs(h, 0, HOUSE_NEW);
	cr_expect_str_eq(order_of(h), "app radio");
	AUTO(json) cJSON *own = house_look_device(h, 0);
	cr_expect_str_eq(json_text(own, "second"), "7.1.0");
	cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(own, "second_confirmed")));
	cr_expect_eq(json_number(own, "reverts"), 0);
}

static bool
is_written(struct house *h, void *arg)
{
	char state[32];
	double done;
	AUTO(json) cJSON *own = house_look_device(h, *(int *)arg);

	house_case_flash(h, 0, state, &done);
	return strcmp(state, "FLASHING") == 0 && json_number(own, "upload_bytes") > 5000;
}

/* A daemon dies while the first component is written, and again during the second. */
static void
kill_twice(enum house_part p)
{
	AUTO(house_case)
	struct house *h = house_case_open(
	    &(struct house_options){.devices = 2, .parts = 2, .baud = 460800});

	publish_both(h);
	HOUSE_MUST(h, house_activate_list(h, "both", both));
	for (int line = 0; line < 2; line++) {
		house_case_until(h, is_written, &line, "the component is being written");
		house_kill(h, p);
		HOUSE_MUST(h, house_start(h, p));
	}
	expect_both_done(h);
}

/* rule: plan-several restart-goes-on */
Test(contents, cloudd_killed_in_mid_list_goes_on_with_the_right_component)
{
	kill_twice(HOUSE_CLOUDD);
}

/* rule: plan-several restart-goes-on */
Test(contents, fetchd_killed_in_mid_list_goes_on_with_the_right_component)
{
	kill_twice(HOUSE_FETCHD);
}

/* rule: plan-several restart-goes-on */
Test(contents, flashd_killed_in_mid_list_goes_on_with_the_right_component)
{
	kill_twice(HOUSE_FLASHD);
}

struct times {
	int status;
	unsigned n;
};

static bool
was_said(struct house *h, void *arg)
{
	const struct times *t = arg;

	return house_case_count(h, 0, t->status) >= t->n;
}

/* --- lists that the platform would not send --------------------------------------------------- */

/* A notice of `n` components, of which the last is the first once more if `twice`. */
static void
send_list(struct house *h, unsigned package, unsigned n, bool twice)
{
	static struct dc_ttlv_out v;
	uint8_t frame[4096];
	char name[16], line[400];
	size_t len = 0;

	v = (struct dc_ttlv_out){0};
	dc_ttlv_put_struct(&v, 28, n);
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "c%u", twice && i + 1 == n ? 0 : i);
		dc_ttlv_put_struct(&v, 0, 3);
		dc_ttlv_put_text(&v, 4, name);
		dc_ttlv_put_text(&v, 6, "9");
		dc_ttlv_put_int(&v, 7, 0);
	}
	cr_assert_eq(
	    dc_dp_format(package, 0x0111, v.data, v.len, frame, sizeof(frame), &len), ERR_OK);
	kit_write(h->dir, "frame", frame, len);
	snprintf(line, sizeof(line),
	    "mosquitto_pub --cafile devcenter/ca.pem -h localhost -p %u -u observer -P observer "
	    "-q 1 -t q/1/d/qd" HOUSE_PK "METER1/ota -f frame",
	    h->mqtt);
	struct tool_result r = TOOL(h->dir, "sh", "-c", line);
	cr_assert_eq(r.status, 0, "%s", r.out);
}

static bool
has_refused(struct house *h, void *arg)
{
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_CLOUDD, "status");

	return json_number(doc, "refused") >= *(double *)arg;
}

/* rule: plan-several-20 exception-up */
Test(contents, a_list_of_more_than_twenty_or_with_one_twice_starts_nothing)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	double both_lists = 2;
	struct times refused = {3, 1};

	send_list(h, 40001, 21, false);
	send_list(h, 40002, 3, true);
	house_case_until(h, has_refused, &both_lists, "both lists are refused");
	cr_expect_eq(house_case_count(h, 0, 1), 0);
	send_list(h, 40003, 20, false);
	house_case_until(h, was_said, &refused, "a list of twenty is heard, and refused by flashd");
	cr_expect_eq(house_case_count(h, 0, 1), 1, "a component that is not there stops the rest");
}

/* --- packages of several files ---------------------------------------------------------------- */

/* rule: url-files */
Test(contents, a_package_of_five_files_is_one_bundle_that_was_cut)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	double requests, bytes, size;

	house_case_plan(h, &(struct house_pack){.files = 5, .cut = 11111});
	house_case_upgraded(h, 0, HOUSE_NEW);
	house_case_served(h, &requests, &bytes, &size);
	cr_expect_eq(requests, 5);
	cr_expect_gt(bytes, 50000);
}

/* rule: url-files */
Test(contents, a_broken_connection_costs_what_is_left_of_one_file)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	double requests, bytes, size;

	HOUSE_MUST(h, house_pack_publish(h, &(struct house_pack){.files = 3, .size = 200000,
						.cut = 70000}));
	house_case_fault(h, "http_cut_after", "30000,4");
	HOUSE_MUST(h, house_activate(h, "cut"));
	house_case_upgraded(h, 0, HOUSE_NEW);
	house_case_served(h, &requests, &bytes, &size);
	cr_expect_geq(requests, 5);
	cr_expect_lt(bytes, 200000 + 65536, "%.0f bytes", bytes);
}

static bool
is_in_second_file(struct house *h, void *arg)
{
	char state[32];
	double done;

	(void)arg;
	house_case_image(h, state, &done);
	return strcmp(state, "FETCHING") == 0 && done > 100000;
}

/* rule: url-files restart-goes-on */
Test(contents, fetchd_killed_in_the_second_file_goes_on_with_it)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});
	double requests, bytes, size;

	HOUSE_MUST(h, house_pack_publish(h, &(struct house_pack){.files = 3, .size = 250000,
						.cut = 90000}));
	house_case_fault(h, "http_rate", "150000");
	HOUSE_MUST(h, house_activate(h, "cut"));
	house_case_until(h, is_in_second_file, NULL, "the second file is being fetched");
	house_kill(h, HOUSE_FETCHD);
	HOUSE_MUST(h, house_start(h, HOUSE_FETCHD));
	house_case_upgraded(h, 0, HOUSE_NEW);
	house_case_served(h, &requests, &bytes, &size);
	cr_expect_lt(bytes, 250000 + 65536, "%.0f bytes", bytes);
}

/* rule: url-files */
Test(contents, one_spoilt_file_spoils_the_package)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	HOUSE_MUST(h, house_pack_publish(h, &(struct house_pack){.files = 3}));
	house_case_fault(h, "wrong_md5", "1");
	HOUSE_MUST(h, house_activate(h, "cut"));
	house_case_not_upgraded(h, 0, HOUSE_OLD);
	AUTO(json) cJSON *own = house_look_device(h, 0);
	cr_expect_eq(json_number(own, "upload_bytes"), 0);
}

/* --- delta plans ------------------------------------------------------------------------------ */

/* rule: plan-delta */
Test(contents, a_device_that_runs_the_source_version_gets_the_package)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_plan(h, &(struct house_pack){.source = HOUSE_OLD});
	house_case_upgraded(h, 0, HOUSE_NEW);
}

static bool
is_refused(struct house *h, void *arg)
{
	(void)arg;
	return house_case_count(h, 0, 3) > 0;
}

/* rule: plan-delta policy-reason */
Test(contents, a_device_that_runs_another_version_refuses_and_says_why)
{
	AUTO(house_case) struct house *h = house_case_open(&(struct house_options){0});

	house_case_fault(h, "wrong_source", "1");
	house_case_plan(h, &(struct house_pack){.source = HOUSE_OLD});
	house_case_until(h, is_refused, NULL, "status 3");
	struct tool_result r = CTL(h->dir, "events", "--config", "subota.conf", "flashd");
	cr_expect(strstr(r.out, "plan_refused"), "%s", r.out);
	cr_expect(strstr(r.out, "expected source version 0.0.0, got " HOUSE_OLD), "%s", r.out);
	cr_expect_eq(house_case_count(h, 0, 2), 0);
	AUTO(json) cJSON *own = house_look_device(h, 0);
	cr_expect_eq(json_number(own, "upload_bytes"), 0);
}

/* --- the platform tries again ----------------------------------------------------------------- */

static bool
is_success(struct house *h, void *arg)
{
	char state[32];
	AUTO(json) cJSON *own = house_look_device(h, 0);

	(void)arg;
	house_case_verdict(h, 0, state);
	return strcmp(state, "success") == 0 &&
	       strcmp(json_text(own, "running"), HOUSE_NEW) == 0;
}

/* A device that fails, with what it was given at the start. */
static struct house *
open_sick(const struct house_options *o)
{
	struct house *h = house_case_new(o);

	house_device_args(h, 0, "--sick", HOUSE_NEW ":1");
	HOUSE_MUST(h, house_start_all(h));
	return h;
}

static void
cure(struct house *h)
{
	house_device_args(h, 0, "", NULL);
	HOUSE_MUST(h, house_stop(h, HOUSE_DEVICE));
	HOUSE_MUST(h, house_start(h, HOUSE_DEVICE));
}

static void
expect_one_download(struct house *h)
{
	double requests, bytes, size;

	house_case_served(h, &requests, &bytes, &size);
	cr_expect_eq(requests, 1);
	cr_expect_eq(bytes, size);
}

/* rule: model-retries */
Test(contents, a_silent_plan_that_is_repeated_after_a_failure_needs_no_second_download)
{
	AUTO(house_case) struct house *h = open_sick(&(struct house_options){.retries = 5});
	struct times failed = {12, 1};

	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, was_said, &failed, "a first failure");
	cure(h);
	house_case_until(h, is_success, NULL, "success in the end");
	expect_one_download(h);
}

/* rule: manual-retry */
Test(contents, a_person_repeats_a_manual_plan_after_a_failure)
{
	AUTO(house_case) struct house *h = open_sick(&(struct house_options){0});

	HOUSE_MUST(h, house_pack_publish(h, &(struct house_pack){0}));
	struct tool_result r = HOUSE_DC(h, "plan", "add", "ask", "--product", HOUSE_PK, "--package",
	    h->package, "--mode", "manual", "--text", "en=Better", "--retries", "0", "--activate");
	cr_assert_eq(r.status, 0, "%s", r.out);
	r = HOUSE_DC(h, "plan", "confirm", "ask", "--device", HOUSE_PK "/METER1");
	cr_assert_eq(r.status, 0, "%s", r.out);
	house_case_until_verdict(h, 0, "failed");
	cure(h);
	r = HOUSE_DC(
	    h, "plan", "confirm", "ask", "--device", HOUSE_PK "/METER1", "--oper", "retry");
	cr_assert_eq(r.status, 0, "%s", r.out);
	house_case_until(h, is_success, NULL, "success in the end");
	expect_one_download(h);
}

static bool
is_begun(struct house *h, void *arg)
{
	char state[32];
	double done;

	(void)arg;
	house_case_image(h, state, &done);
	return strcmp(state, "FETCHING") == 0 && done > 30000;
}

/* rule: download-failed download-again */
Test(contents, a_download_that_was_given_up_goes_on_with_the_platforms_next_try)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.retries = 5});
	struct times given_up = {6, 1};
	double requests, bytes, size;

	HOUSE_MUST(h, house_pack_publish(h, &(struct house_pack){.size = 200000}));
	house_case_fault(h, "http_cut_after", "120000,1");
	house_case_fault(h, "http_rate", "100000");
	HOUSE_MUST(h, house_activate(h, "again"));
	house_case_until(h, is_begun, NULL, "a download that has begun");
	house_case_fault(h, "http_status", "404,1");
	house_case_until(h, was_said, &given_up, "status 6");
	house_kill(h, HOUSE_FETCHD);
	HOUSE_MUST(h, house_start(h, HOUSE_FETCHD));
	house_case_until(h, is_success, NULL, "success in the end");
	house_case_served(h, &requests, &bytes, &size);
	cr_expect_lt(bytes, size + 65536, "%.0f bytes of a package of %.0f", bytes, size);
}
