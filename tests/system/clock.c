/*
 * System tests of the wall clock: a gateway that boots in 1970, a clock that jumps in the middle of
 * an upgrade, one that is before what was signed. Only what the daemons see of the wall clock is
 * moved (tests/peers/wallclock.c); platform and devices keep theirs.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

/* trust: time-jump */
Test(clock_set, a_clock_that_jumps_a_year_ahead_and_back_amid_a_download_changes_nothing)
{
	AUTO(house_case) struct house *h = house_case_new(&(struct house_options){0});
	struct wallclock *w = wind(h, 0);

	start_daemons(h);
	unload();
	HOUSE_MUST(h, house_start_all(h));
	house_case_fault(h, "http_rate", "40000");
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, house_case_is_fetching, NULL, "a download");
	w->offset_ms = 365 * DAY_MS;
	house_life_until_log(h, "METER1", "status 5", 1);
	w->offset_ms = -365 * DAY_MS;
	house_case_fault(h, "http_rate", "0");
	house_case_until_verdict(h, 0, "success");
	cr_expect_eq(house_case_count(h, 0, 6) + house_case_count(h, 0, 12), 0);
	w->offset_ms = 0;
}

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
