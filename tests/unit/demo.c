/*
 * Unit tests of the demo's pure parts: where an upgrade stands, how it is shown, whether what was
 * expected came true; and of the images that a house makes.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "../demo/demo_fault.h"
#include "../demo/demo_show.h"
#include "../demo/demo_tap.h"
#include "house_pack.h"
#include "mcuboot.h"

static enum demo_phase
phase(const char *cloud, const char *gate, const char *image, const char *device, bool working)
{
	struct demo_words w = {cloud, gate, image, device, "OK", working};

	return demo_state_phase(&w);
}

Test(demo_state, who_is_furthest_to_the_right_is_believed)
{
	cr_expect_eq(phase("", "", "", "", false), DEMO_IDLE);
	cr_expect_eq(phase("IDLE", "", "", "", false), DEMO_IDLE);
	cr_expect_eq(phase("OFFERED", "", "", "", false), DEMO_OFFERED);
	cr_expect_eq(phase("CONFIRMED", "", "", "WAITING", false), DEMO_OFFERED);
	cr_expect_eq(phase("DOWNLOADING", "WAITING", "QUEUED", "WAITING", false), DEMO_FETCHING);
	cr_expect_eq(phase("DOWNLOADING", "WAITING", "FETCHING", "WAITING", false), DEMO_FETCHING);
	cr_expect_eq(phase("FETCHED", "FETCHED", "VERIFYING", "WAITING", false), DEMO_VERIFYING);
	cr_expect_eq(phase("UPDATING", "ORDERED", "READY", "WAITING", false), DEMO_WAITING);
	cr_expect_eq(phase("UPDATING", "TAKEN", "READY", "FLASHING", true), DEMO_FLASHING);
	cr_expect_eq(phase("UPDATING", "TAKEN", "READY", "STAGED", true), DEMO_STAGED);
	cr_expect_eq(phase("UPDATING", "TAKEN", "READY", "TESTING", false), DEMO_TESTING);
	cr_expect_eq(phase("IDLE", "ENDED", "READY", "DONE", false), DEMO_DONE);
	cr_expect_eq(phase("IDLE", "ENDED", "READY", "REVERTED", false), DEMO_REVERTED);
}

Test(demo_state, a_device_that_waits_for_its_line_is_not_flashing)
{
	cr_expect_eq(phase("UPDATING", "TAKEN", "READY", "FLASHING", false), DEMO_WAITING);
}

Test(demo_state, what_the_gate_refuses_is_refused)
{
	struct demo_words w = {"IDLE", "ENDED", "FAILED", "CANCELLED", "THRESHOLD", false};

	cr_expect_eq(demo_state_phase(&w), DEMO_REFUSED);
	w.gate = "WAITING";
	w.gate_error = "OK";
	cr_expect_eq(demo_state_phase(&w), DEMO_REFUSED);
}

Test(demo_state, time_is_counted_for_the_phase_that_ends)
{
	struct demo_device d = {.phase = DEMO_IDLE};

	demo_state_enter(&d, DEMO_OFFERED, (struct mono){1000});
	demo_state_enter(&d, DEMO_OFFERED, (struct mono){1500});
	demo_state_enter(&d, DEMO_FETCHING, (struct mono){3000});
	d.total = 5;
	demo_state_enter(&d, DEMO_WAITING, (struct mono){3100});
	demo_state_enter(&d, DEMO_FETCHING, (struct mono){4000});
	demo_state_enter(&d, DEMO_DONE, (struct mono){4400});
	cr_expect_eq(d.begun.ms, 1000);
	cr_expect_eq(d.phase_ms[DEMO_IDLE], 0);
	cr_expect_eq(d.phase_ms[DEMO_OFFERED], 2000);
	cr_expect_eq(d.phase_ms[DEMO_FETCHING], 500, "both times of it");
	cr_expect_eq(d.phase_ms[DEMO_WAITING], 900);
	cr_expect_eq(d.total, 0, "bytes are a phase's");
	cr_expect(demo_phase_is_end(d.phase));
}

/* --- the tap ---------------------------------------------------------------------------------- */

static bool
hear(struct demo_marks *m, unsigned at, const char *body, const char *device, const char *phase)
{
	char line[400];

	snprintf(line, sizeof(line),
	    "{\"at\":%u,\"verdict\":\"OK\",\"message\":{\"upgrade\":7,\"%s\":{"
	    "\"device\":{\"device_key\":\"%s\"},\"phase\":\"%s\"}}}",
	    at, body, device, phase);
	return demo_tap_take(m, line);
}

Test(demo_tap, each_phase_lasts_until_the_next_that_was_seen)
{
	struct demo_marks m = {.device = "METER1"};
	uint64_t ms[DEMO_PHASE_COUNT] = {[DEMO_FETCHING] = 5};

	cr_expect(hear(&m, 1000, "plan_offer", "METER1", ""));
	cr_expect(hear(&m, 1007, "fetch_order", "METER1", ""));
	cr_expect(hear(&m, 1100, "report", "METER1", "PHASE_FETCHED"));
	cr_expect(hear(&m, 1103, "report", "METER1", "PHASE_VERIFIED"));
	demo_tap_durations(&m, ms);
	cr_expect_eq(ms[DEMO_FETCHING], 5, "no end was seen: what was known before stays");
	cr_expect(hear(&m, 1110, "report", "METER1", "PHASE_FLASHING"));
	cr_expect(hear(&m, 1200, "report", "METER1", "PHASE_FLASHING"), "said again");
	cr_expect(hear(&m, 1300, "report", "METER1", "PHASE_CONFIRMED"));
	cr_expect(hear(&m, 1301, "report", "METER1", "PHASE_DONE"));
	demo_tap_durations(&m, ms);
	cr_expect_eq(ms[DEMO_OFFERED], 7);
	cr_expect_eq(ms[DEMO_FETCHING], 93);
	cr_expect_eq(ms[DEMO_VERIFYING], 3);
	cr_expect_eq(ms[DEMO_WAITING], 7);
	cr_expect_eq(ms[DEMO_FLASHING], 190);
	cr_expect_eq(ms[DEMO_STAGED], 0, "not seen");
	cr_expect_eq(ms[DEMO_CONFIRMED], 1);
}

Test(demo_tap, other_devices_refused_messages_and_nonsense_are_not_ours)
{
	struct demo_marks m = {.device = "METER1"};

	cr_expect_not(hear(&m, 1000, "plan_offer", "METER2", ""));
	cr_expect_not(hear(&m, 1000, "progress", "METER1", "PHASE_FLASHING"));
	cr_expect_not(hear(&m, 1000, "report", "METER1", "PHASE_UNKNOWN"));
	cr_expect_not(demo_tap_take(&m, "{\"verdict\":\"ROUTE\",\"message\":null}"));
	cr_expect_not(demo_tap_take(&m, "no JSON"));
	for (int p = 0; p < DEMO_PHASE_COUNT; p++)
		cr_expect_eq(m.at[p], 0);
}

/* --- lines ------------------------------------------------------------------------------------ */

static struct demo_device
flashing(uint64_t done)
{
	return (struct demo_device){.name = "METER1", .from = "1.0.0", .to = "1.1.0",
	    .phase = DEMO_FLASHING, .begun = {1000}, .since = {4000}, .done = done,
	    .total = 120000, .rate = 8123};
}

Test(demo_show, a_line_has_name_versions_phase_bar_share_bytes_rate_and_time)
{
	struct demo_device d = flashing(60000);
	char line[DEMO_SHOW_LINE];

	demo_show_live(&d, (struct mono){13500}, 102, line);
	cr_expect_str_eq(line, "METER1   1.0.0 > 1.1.0  flashing  [#########>..........]  50%  "
			       "60.0 kB, 8.1 kB/s       12.5 s");
}

Test(demo_show, no_line_is_wider_than_the_terminal)
{
	struct demo_device d = flashing(120000);
	char line[DEMO_SHOW_LINE];

	for (unsigned width = 20; width < 300; width += 7) {
		demo_show_live(&d, (struct mono){13500}, width, line);
		cr_expect_leq(strlen(line), width);
	}
	demo_show_live(&d, (struct mono){13500}, 1000, line);
	cr_expect(strstr(line, "[########################################]"), "%s", line);
}

Test(demo_show, more_bytes_than_announced_fill_the_bar_and_no_more)
{
	struct demo_device d = flashing(UINT64_MAX / 200);
	char line[DEMO_SHOW_LINE];

	demo_show_live(&d, (struct mono){13500}, 102, line);
	cr_expect(strstr(line, "[####################] 100%"), "%s", line);
}

Test(demo_show, without_a_terminal_only_news_are_printed)
{
	struct demo_device a = flashing(60000), b = flashing(71000), c = flashing(72000);
	char line[DEMO_SHOW_LINE];

	cr_expect_not(demo_show_news(&a, &b, 12500, line), "50 and 59 percent");
	cr_assert(demo_show_news(&b, &c, 12500, line), "59 and 60 percent");
	cr_expect_str_eq(line, "  12.5 s  METER1   flashing 60%, 72.0 kB, 8.1 kB/s");
	b.phase = DEMO_REVERTED;
	snprintf(b.detail, sizeof(b.detail), "REVERTED: expected 1.1.0");
	cr_assert(demo_show_news(&a, &b, 8000, line));
	cr_expect_str_eq(line, "   8.0 s  METER1   reverted: REVERTED: expected 1.1.0");
	cr_expect_not(demo_show_news(&b, &b, 8000, line));
}

Test(demo_show, bytes_have_a_unit)
{
	char out[24];

	demo_show_bytes(0, out);
	cr_expect_str_eq(out, "0 B");
	demo_show_bytes(999, out);
	cr_expect_str_eq(out, "999 B");
	demo_show_bytes(61234, out);
	cr_expect_str_eq(out, "61.2 kB");
	demo_show_bytes(999999, out);
	cr_expect_str_eq(out, "1.00 MB");
	demo_show_bytes(1240000000, out);
	cr_expect_str_eq(out, "1.24 GB");
}

/* --- verdicts --------------------------------------------------------------------------------- */

static struct demo_watch
ended(const char *running, const char *platform)
{
	struct demo_watch w = {.n = 1, .package_size = 100000};
	struct demo_device *d = &w.device[0];

	*d = (struct demo_device){
	    .name = "METER1", .from = "1.0.0", .to = "1.1.0", .confirmed = true};
	snprintf(d->running, sizeof(d->running), "%s", running);
	snprintf(d->platform, sizeof(d->platform), "%s", platform);
	return w;
}

static bool
judge(const char *fault, const struct demo_watch *w)
{
	char why[DEMO_WHY] = "";
	const struct demo_fault *f = demo_fault_find(fault);

	cr_assert_not_null(f);
	bool ok = demo_fault_judge(f, w, why);
	cr_expect_eq(ok, why[0] == 0, "a verdict says why: %s", why);
	return ok;
}

Test(demo_fault, a_success_needs_the_platforms_word_and_the_devices)
{
	struct demo_watch w = ended("1.1.0", "success");

	cr_expect(judge("none", &w));
	w.device[0].confirmed = false;
	cr_expect_not(judge("none", &w));
	w = ended("1.0.0", "success");
	cr_expect_not(judge("none", &w));
	w = ended("1.1.0", "failed");
	cr_expect_not(judge("none", &w));
	w = ended("1.1.0", "");
	cr_expect_not(judge("none", &w));
}

Test(demo_fault, one_byte_of_a_forged_image_on_a_device_is_wrong)
{
	struct demo_watch w = ended("1.0.0", "failed");

	cr_expect(judge("forged", &w));
	w.device[0].uploaded = 1;
	cr_expect_not(judge("forged", &w));
	w = ended("1.1.0", "success");
	cr_expect_not(judge("forged", &w));
}

Test(demo_fault, a_download_that_began_anew_is_no_resumption)
{
	struct demo_watch w = ended("1.1.0", "success");

	w.requests = 3;
	w.served = 100000;
	cr_expect(judge("cut", &w));
	w.served = 180000;
	cr_expect_not(judge("cut", &w));
	w.served = 100000;
	w.requests = 1;
	cr_expect_not(judge("cut", &w), "nothing was cut");
}

Test(demo_fault, a_device_with_a_sick_image_has_to_go_back_once)
{
	struct demo_watch w = ended("1.0.0", "failed");

	cr_expect_not(judge("sick", &w));
	w.device[0].reverts = 1;
	w.device[0].phase = DEMO_REVERTED;
	cr_expect(judge("sick", &w));
}

Test(demo_fault, only_the_first_device_meets_a_devices_fault)
{
	struct demo_watch w = ended("1.0.0", "failed");

	w.device[0].reverts = 1;
	w.device[0].phase = DEMO_REVERTED;
	w.n = 2;
	w.device[1] = ended("1.1.0", "success").device[0];
	cr_expect(judge("sick", &w));
	w.device[1] = w.device[0];
	cr_expect_not(judge("sick", &w));
}

Test(demo_fault, no_row_lacks_what_people_read)
{
	for (const struct demo_fault *f = demo_fault_table(); f->name; f++) {
		cr_expect(f->text && f->then, "%s", f->name);
		cr_expect_eq(demo_fault_find(f->name), f);
	}
	cr_expect_null(demo_fault_find("nonsense"));
}

/* --- images ----------------------------------------------------------------------------------- */

static enum err
read_bytes(void *arg, uint64_t offset, uint8_t *out, size_t len)
{
	const struct bundle_bytes *b = arg;

	if (offset > b->len || len > b->len - offset)
		return ERR_LIMIT;
	memcpy(out, b->data + offset, len);
	return ERR_OK;
}

Test(house_pack, an_image_is_what_the_gateway_takes_for_one)
{
	struct bundle_bytes b = house_pack_image("1.2.300", 7, 5000);
	struct mcuboot_source s = {b.len, read_bytes, &b};
	struct mcuboot m;
	char why[100] = "";

	cr_assert_eq(mcuboot_parse(&s, &m, why, sizeof(why)), ERR_OK, "%s", why);
	cr_expect_str_eq(m.version_text, "1.2.300");
	cr_expect(m.has_counter);
	cr_expect_eq(m.counter, 7);
	cr_expect_eq(m.end, b.len);
	cr_expect_eq(mcuboot_verify(&s, &m), ERR_OK);
	b.data[600] ^= 1;
	cr_expect_eq(mcuboot_verify(&s, &m), ERR_VERIFY);
	free(b.data);
}

Test(house_pack, two_versions_have_different_bodies)
{
	struct bundle_bytes a = house_pack_image("1.0.0", 1, 100);
	struct bundle_bytes b = house_pack_image("1.0.1", 1, 100);

	cr_expect_neq(memcmp(a.data + 512, b.data + 512, 100), 0);
	free(a.data);
	free(b.data);
}
