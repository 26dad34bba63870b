/*
 * System tests of the sub-devices' life with the platform: registered, in, thrown out, forgotten;
 * what is said in their name and when. What the platform saw is read in its log.
 */
#include <string.h>

#include "house_life.h"

TestSuite(life, .timeout = 120);

/* rule: sub-deregister */
Test(
    life, a_device_that_a_person_removes_is_de_registered_also_over_restarts_and_an_absent_platform)
{
	AUTO(house_case)
	struct house *h = house_case_open(&(struct house_options){.devices = 2});

	house_life_unlist(h, 1);
	HOUSE_MUST(h, house_stop(h, HOUSE_DEVCENTER));
	struct tool_result r = CTL(h->dir, "forget", "--config", "subota.conf", HOUSE_PK "/METER2");
	cr_expect_eq(r.status, 0, "%s", r.out);
	house_kill(h, HOUSE_CLOUDD);
	HOUSE_MUST(h, house_start(h, HOUSE_CLOUDD));
	HOUSE_MUST(h, house_start(h, HOUSE_DEVCENTER));
	house_life_until_log(h, "METER2", "de-register through", 1);
	house_life_until_event(h, "device_forgotten", 1);
	r = CTL(h->dir, "forget", "--config", "subota.conf", HOUSE_PK "/METER2");
	cr_expect_eq(r.status, 1, "%s", r.out);
	cr_expect(strstr(r.out, "UNKNOWN_DEVICE"), "%s", r.out);
	HOUSE_MUST(h, house_stop(h, HOUSE_CLOUDD));
	HOUSE_MUST(h, house_start(h, HOUSE_CLOUDD));
	house_life_until_log(h, "METER1", "login through", 3);
	cr_expect_eq(house_life_log(h, "METER2", "register through"), 2, "in and out, not again");
	cr_expect_eq(house_life_log(h, "METER1", "de-register"), 0);
}
