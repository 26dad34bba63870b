/*
 * System tests of sessions that serve several links (`links_per_session`): the same outcomes as
 * with a process for each, with fewer processes.
 */
#include <signal.h>
#include <string.h>

#include "house_case.h"
#include "house_look.h"
#include "house_proc.h"

TestSuite(crews, .timeout = 120);

enum { DEVICES = 4 };

#define SETTINGS(links) \
	"ask_every = 2 s\naway_retry = 20 s\nflash_deadline = 60 s\nreboot_deadline = 20 s\n" \
	"test_deadline = 20 s\nconfirm_deadline = 20 s\nlinks_per_session = " links "\n"

static struct house *
new_house(const char *settings)
{
	return house_case_new(&(struct house_options){
	    .devices = DEVICES, .hasty = true, .baud = 460800, .flashd = settings});
}

/* Are all of the first `n` devices being written at this moment? */
static bool
are_flashing(struct house *h, void *arg)
{
	int n = *(int *)arg, busy = 0;
	char state[32];
	double done;

	for (int i = 0; i < n; i++) {
		house_case_flash(h, i, state, &done);
		busy += strcmp(state, "FLASHING") == 0 && done > 4000;
	}
	return busy == n;
}

static unsigned
sessions(struct house *h)
{
	return house_proc_count(h->process[HOUSE_FLASHD].pid, "subota-session");
}

static void
expect_all_upgraded(struct house *h, int from)
{
	for (int i = from; i < DEVICES; i++)
		house_case_upgraded(h, i, HOUSE_NEW);
}

Test(crews, four_devices_are_written_at_once_by_one_process)
{
	AUTO(house_case) struct house *h = new_house(SETTINGS("8"));
	int all = DEVICES;

	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, are_flashing, &all, "four devices that are written at once");
	cr_expect_eq(sessions(h), 1u);
	expect_all_upgraded(h, 0);
}

Test(crews, process_that_is_full_gets_another_beside_it)
{
	AUTO(house_case) struct house *h = new_house(SETTINGS("3"));
	int all = DEVICES;

	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, are_flashing, &all, "four devices that are written at once");
	cr_expect_eq(sessions(h), 2u);
	expect_all_upgraded(h, 0);
}

Test(crews, process_killed_in_mid_flash_costs_no_upgrade)
{
	AUTO(house_case) struct house *h = new_house(SETTINGS("8"));
	int all = DEVICES;

	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	house_case_until(h, are_flashing, &all, "four devices that are written at once");
	pid_t session = house_look_child(h, HOUSE_FLASHD, "subota-session");

	cr_assert_gt(session, 0);
	cr_assert_eq(kill(session, SIGKILL), 0);
	expect_all_upgraded(h, 0);
}

Test(crews, device_that_vanishes_delays_nobody_in_its_process)
{
	AUTO(house_case) struct house *h = new_house(SETTINGS("8"));

	house_device_args(h, 0, "--unplug-at", "20000:600");
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	expect_all_upgraded(h, 1);
	cr_expect_eq(house_case_count(h, 0, 11), 0);
}

Test(crews, device_that_falls_silent_in_mid_flash_delays_nobody_in_its_process)
{
	AUTO(house_case) struct house *h = new_house(SETTINGS("8"));

	house_device_args(h, 2, "--deaf-after", "20000");
	HOUSE_MUST(h, house_start_all(h));
	house_case_plan(h, &(struct house_pack){0});
	for (int i = 0; i < DEVICES; i++)
		if (i != 2)
			house_case_upgraded(h, i, HOUSE_NEW);
	cr_expect_eq(house_case_count(h, 2, 11), 0);
}
