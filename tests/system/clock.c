/*
 * System tests of the wall clock: a gateway that boots in 1970, a clock that jumps in the middle of
 * an upgrade, one that is before what was signed. Only what the daemons see of the wall clock is
 * moved (tests/peers/wallclock.c); platform and devices keep theirs.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "house_case.h"
#include "house_life.h"
#include "house_look.h"
#include "json.h"

TestSuite(clock_set, .timeout = 180);

#define DAY_MS (INT64_C(24) * 3600 * 1000)

/* As wallclock.c maps it. */
struct wallclock {
	volatile int64_t offset_ms, unset;
};

static struct wallclock *
wind(struct house *h, int64_t offset_ms)
{
	char path[400], program[400];

	snprintf(path, sizeof(path), "%s/wallclock", h->dir);
	snprintf(program, sizeof(program), "%s/../tests/wallclock.so", h->programs);
	cr_assert_eq(access(program, R_OK), 0, "%s", program);
	AUTO(fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	cr_assert(fd >= 0 && ftruncate(fd, sizeof(struct wallclock)) == 0);
	struct wallclock *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	cr_assert_neq(w, MAP_FAILED);
	w->offset_ms = offset_ms;
	setenv("SUBOTA_WALLCLOCK", path, 1);
	setenv("LD_PRELOAD", program, 1);
	return w;
}

/* The three daemons under that clock, everything else under the real one. */
static void
start_daemons(struct house *h)
{
	for (enum house_part p = HOUSE_FLASHD; p <= HOUSE_CLOUDD; p++)
		HOUSE_MUST(h, house_start(h, p));
}

static void
stop_daemons(struct house *h)
{
	for (enum house_part p = HOUSE_FLASHD; p <= HOUSE_CLOUDD; p++)
		HOUSE_MUST(h, house_stop(h, p));
}

static void
unload(void)
{
	unsetenv("LD_PRELOAD");
	unsetenv("SUBOTA_WALLCLOCK");
}

static bool
is_flashing(struct house *h, void *arg)
{
	char state[32];
	double done;

	house_case_flash(h, 0, state, &done);
	return strcmp(state, "FLASHING") == 0 && done > *(const double *)arg;
}

static void
flashes(struct house *h, double bytes)
{
	house_case_until(h, is_flashing, &bytes, "so much of the image is written");
}

/* trust: time-1970 time-ids */
Test(clock_set, a_gateway_that_boots_in_1970_believes_no_server_and_goes_on_when_its_clock_is_set)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.patience_s = 90});
	struct wallclock *w = wind(h, -(int64_t)clock_wall_ms());

	w->unset = 1;
	start_daemons(h);
	unload();
	HOUSE_MUST(h, house_start(h, HOUSE_DEVICE));
	house_life_until_said(h, HOUSE_CLOUDD, "not valid by this clock", 1);
	cr_expect_eq(house_life_said(h, HOUSE_CLOUDD, "event online"), 0);
	w->offset_ms = 0;
	w->unset = 0;
	HOUSE_MUST(h, house_look_wait_version(h, 0, HOUSE_OLD));
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
}

/* trust: time-jump */
Test(clock_set, a_clock_that_jumps_years_ahead_and_back_amid_an_upgrade_changes_nothing)
{
	static const int statuses[] = {1, 2, 8, 9, 11};
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.baud = 460800});
	struct wallclock *w = wind(h, 0);

	start_daemons(h);
	unload();
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	flashes(h, 5000);
	w->offset_ms = 3650 * DAY_MS;
	flashes(h, 20000);
	w->offset_ms = -3650 * DAY_MS;
	flashes(h, 30000);
	w->offset_ms = 0;
	house_case_upgraded(h, 0, HOUSE_NEW);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		cr_expect_eq(house_case_count(h, 0, statuses[i]), 1, "status %d", statuses[i]);
}

static bool
is_fetching(struct house *h, void *arg)
{
	char state[32];
	double done;

	house_case_image(h, state, &done);
	return strcmp(state, "FETCHING") == 0 && done > *(const double *)arg;
}

static void
fetches(struct house *h, double bytes)
{
	house_case_until(h, is_fetching, &bytes, "so much of the package is there");
}

/* Couriers keep their clock: no environment reaches them. */
/* trust: time-jump */
Test(clock_set, a_clock_that_jumps_a_year_ahead_and_back_amid_a_download_changes_nothing)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});
	struct wallclock *w = wind(h, 0);

	start_daemons(h);
	unload();
	HOUSE_MUST(h, house_start_all(h));
	house_case_fault(h, "http_rate", "20000");
	house_case_plan(h, &(struct house_pack){0});
	fetches(h, 1000);
	w->offset_ms = 365 * DAY_MS;
	fetches(h, 10000);
	w->offset_ms = -365 * DAY_MS;
	fetches(h, 20000);
	w->offset_ms = -(int64_t)clock_wall_ms(); /* 1970 */
	fetches(h, 30000);
	house_case_fault(h, "http_rate", "0");
	house_case_until_verdict(h, 0, "success");
	cr_expect_eq(house_case_count(h, 0, 6) + house_case_count(h, 0, 12), 0);
	w->offset_ms = 0;
}

/* --- a plan that waits ------------------------------------------------------------------------ */

#define HASTY "ask_every = 2 s\n"

/* flashd's settings: an upgrade may begin between these times of day, hours from now. */
static void
window(char out[200], int from_h, int to_h)
{
	char at[2][8];

	for (int i = 0; i < 2; i++) {
		time_t t = time(NULL) + (i ? to_h : from_h) * 3600;
		struct tm local = {0};

		localtime_r(&t, &local);
		strftime(at[i], sizeof(at[i]), "%H:%M", &local);
	}
	snprintf(out, 200, HASTY "[flashd.policy night]\nwindows = %s-%s", at[0], at[1]);
}

static void
put_off(struct house *h, unsigned times)
{
	house_life_until_said(h, HOUSE_FLASHD, "event plan_put_off", times);
}

/* With a clock that is so many hours ahead, a window of these hours, and nobody who asks for plans
 * in between: the plan waits. */
static struct wallclock *
wait_for_window(struct house *h, int ahead_h)
{
	struct wallclock *w = wind(h, ahead_h * DAY_MS / 24);

	start_daemons(h);
	unload();
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	put_off(h, 1);
	return w;
}

/* trust: time-jump */
Test(clock_set, a_plan_that_waits_for_its_window_begins_when_the_clock_is_set_into_it)
{
	char settings[200];

	window(settings, 3, 5);
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){
	    .hasty = true, .asks = "1 h", .flashd = settings});
	struct wallclock *w = wait_for_window(h, 0);

	w->offset_ms = DAY_MS / 4; /* behind the window */
	put_off(h, 2);
	w->offset_ms = DAY_MS / 6;
	HOUSE_MUST(h, house_look_wait_version(h, 0, HOUSE_NEW));
	house_case_until_verdict(h, 0, "success");
	cr_expect_eq(house_case_count(h, 0, 2), 1);
}

/* trust: time-jump */
Test(clock_set, a_plan_that_waits_by_a_clock_that_was_ahead_begins_when_it_is_set_back)
{
	char settings[200];

	window(settings, -1, 1);
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){
	    .hasty = true, .asks = "1 h", .flashd = settings});
	struct wallclock *w = wait_for_window(h, 4);

	w->offset_ms = 0;
	HOUSE_MUST(h, house_look_wait_version(h, 0, HOUSE_NEW));
	house_case_until_verdict(h, 0, "success");
	cr_expect_eq(house_case_count(h, 0, 2), 1);
}

static bool
is_asked(struct house *h, void *arg)
{
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_FLASHD, "upgrades");
	const cJSON *u = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "upgrades"), 0);

	snprintf(arg, 24, "%.0f", json_number(u, "upgrade"));
	return strcmp(json_text(u, "state"), "IDENTIFIED") == 0;
}

static bool
was_asked(struct house *h, void *arg)
{
	AUTO(json) cJSON *own = house_look_device(h, 0);

	return json_number(own, "wire_in") > *(const double *)arg;
}

/* flashd speaks with the device, and so looks at what is due. */
static void
let_turn(struct house *h)
{
	AUTO(json) cJSON *own = house_look_device(h, 0);
	double bytes = json_number(own, "wire_in") + 100;

	house_case_until(h, was_asked, &bytes, "a device that is asked");
}

/* trust: time-jump */
Test(clock_set, a_clock_that_jumps_while_a_person_is_asked_leaves_the_time_for_an_answer)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){
	    .hasty = true, .flashd = HASTY "[flashd.policy ask]\nmode = ask"});
	struct wallclock *w = wind(h, 0);
	const int64_t jumps[] = {3650 * DAY_MS, -3650 * DAY_MS, -(int64_t)clock_wall_ms(), 0};
	char number[24];

	start_daemons(h);
	unload();
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, is_asked, number, "a question to a person");
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		w->offset_ms = jumps[i];
		let_turn(h);
	}
	struct tool_result r = CTL(h->dir, "confirm", "--config", "subota.conf", number);

	cr_expect_eq(r.status, 0, "%s", r.out);
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(house_case_count(h, 0, 2), 1);
	cr_expect_eq(house_case_count(h, 0, 3) + house_case_count(h, 0, 12), 0);
}

/* --- a clock that is wrong -------------------------------------------------------------------- */

static void
expect_clock(struct house *h, enum house_part p, const char *event, bool behind)
{
	char name[32], line[100];
	struct tool_result r = CTL(h->dir, "metrics", "--config", "subota.conf");

	snprintf(line, sizeof(line), "subota_clock_behind{daemon=\"%s\"} %d\n", house_name(p, name),
	    behind);
	cr_expect(strstr(r.out, line), "%s: %s", line, r.out);
	r = CTL(h->dir, "events", name, "--config", "subota.conf");
	cr_expect(strstr(r.out, event), "%s of %s: %s", event, name, r.out);
}

/* trust: time-behind time-ids */
Test(clock_set, a_clock_before_what_was_verified_is_an_alarm_and_gives_no_number_twice)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.patience_s = 90});
	struct wallclock *w = wind(h, 0);

	start_daemons(h);
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	stop_daemons(h);
	w->offset_ms = -3650 * DAY_MS; /* before the manifest was made */
	start_daemons(h);
	unload();
	for (enum house_part p = HOUSE_FLASHD; p <= HOUSE_FETCHD; p++)
		expect_clock(h, p, "clock_behind", true);
	struct tool_result r = CTL(h->dir, "doctor", "--config", "subota.conf");
	cr_expect(strstr(r.out, "expected clock_behind to be false"), "%s", r.out);
	w->offset_ms = 0;
	for (enum house_part p = HOUSE_FLASHD; p <= HOUSE_FETCHD; p++)
		expect_clock(h, p, "clock_good", false);
	HOUSE_MUST(h, house_look_wait_version(h, 0, HOUSE_NEW));
	house_case_plan(h, &(struct house_pack){.name = "next", .version = "1.2.0", .sequence = 6});
	house_case_upgraded(h, 0, "1.2.0");
}

/* trust: time-once 52 */
Test(clock_set, a_package_whose_end_passes_while_it_is_written_is_written_to_the_end)
{
	AUTO(house_case)
	struct house *h = house_case_new(&(struct house_options){.baud = 460800});
	struct wallclock *w = wind(h, 0);

	start_daemons(h);
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){.expires_ms = clock_wall_ms() + (uint64_t)DAY_MS});
	flashes(h, 5000);
	w->offset_ms = 2 * DAY_MS;
	house_kill(h, HOUSE_FLASHD);
	HOUSE_MUST(h, house_start(h, HOUSE_FLASHD)); /* what it knows it has to verify again */
	house_case_upgraded(h, 0, HOUSE_NEW);
	unload();
	house_case_plan(h, &(struct house_pack){.name = "late",
			       .version = "1.2.0",
			       .sequence = 6,
			       .expires_ms = clock_wall_ms() + (uint64_t)DAY_MS});
	house_case_until_verdict(h, 0, "failed");
}
