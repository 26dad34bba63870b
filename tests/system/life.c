/*
 * System tests of the sub-devices' life with the platform: registered, in, thrown out, forgotten;
 * what is said in their name and when. What the platform saw is read in its log.
 */
#include <string.h>

#include "house_life.h"

TestSuite(life, .timeout = 120);

/* --- profiles --------------------------------------------------------------------------------- */

/* A whole upgrade, and what the platform says of who carried it. */
static void
upgrade_by(const char *profile, const char *cloudd)
{
	AUTO(house_case)
	struct house *h = house_case_open(
	    &(struct house_options){.profile = profile, .cloudd = cloudd});

	house_case_plan(h, &(struct house_pack){0});
	house_case_upgraded(h, 0, HOUSE_NEW);
	cr_expect_eq(house_life_log(h, "METER1", "refused"), 0);
	cr_expect_eq(house_life_log(h, HOUSE_GATEWAY_DK, "refused"), 0);
}

/* rule: profile-p1 sub-register sub-login sub-version */
Test(life, in_profile_p1_an_upgrade_goes_over_the_devices_own_topics)
{
	upgrade_by("p1", "profile = p1");
}

/* rule: profile-p2 */
Test(life, in_profile_p2_an_upgrade_goes_over_the_gateways_topics)
{
	upgrade_by("p2", "profile = p2");
}

/* rule: profile-custom */
Test(life, in_a_profile_of_the_configuration_an_upgrade_goes_by_its_topics_and_ids)
{
	upgrade_by("custom",
	    "profile = custom\n[cloudd.profile]\nota_via = subdevice\nsys_via = gateway\n"
	    "subscribe = yes\nvia_pk = 201\nvia_dk = 202\nregister_pk = 101\n"
	    "register_blob = 102\nsub_pk = 103\nsub_dk = 104\nlogin_random = 105\n"
	    "login_sign = 106\nlogin_flag = 107\nreply_code = 108\nreply_ds = 109\n"
	    "reply_session_key = 110");
}

/* --- in and out ------------------------------------------------------------------------------- */

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
