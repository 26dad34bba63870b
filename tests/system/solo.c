/*
 * solo: the bench's yardstick does the same job as the three daemons, or it would measure nothing.
 */
#include "house_case.h"
#include "house_look.h"

TestSuite(solo, .timeout = 180);

Test(solo, one_process_upgrades_a_device_like_three)
{
	const struct house_options o = {.one_process = true};
	AUTO(house_case) struct house *h = house_case_open(&o);

	cr_assert_eq(house_look_child(h, HOUSE_FLASHD, "subota-session"), 0);
	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(h->process[HOUSE_FETCHD].starts, 0);
}

Test(solo, one_process_refuses_a_package_that_is_not_signed)
{
	const struct house_options o = {.one_process = true};
	AUTO(house_case) struct house *h = house_case_open(&o);
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *forger = kit_new(dir);

	house_case_plan(h, &(struct house_pack){.signer = forger});
	house_case_not_upgraded(h, 0, HOUSE_OLD);
}
