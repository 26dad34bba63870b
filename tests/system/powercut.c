/*
 * powercut: the gateway's power is cut again and again while it upgrades eight devices, at moments
 * that a seed chooses, and of its disk there is only what was synced. Every upgrade ends rightly,
 * nothing contradicts, nothing that was reported is missing from the signed log (lib/outage.h).
 *
 * This is the short share; make powercut N=1000 SEED=1 is the long one.
 */
#include <criterion/criterion.h>

#include "outage.h"

TestSuite(powercut, .timeout = 3600);

enum { CUTS = 50, SEED = 1 };

/* trust: 56 */
Test(powercut, gateway_without_power_again_and_again_loses_nothing)
{
	struct outage o = {.random = outage_random(SEED), .wanted = CUTS};

	if (!outage_run(&o))
		cr_skip_test("a disk of its own needs root and loop devices");
	cr_expect_str_empty(o.why, "%s", o.why);
	cr_expect_eq(o.cuts, CUTS);
	cr_expect_eq(o.lost, 0);
	cr_expect_gt(o.plans, 0);
	cr_expect_lt(o.lossless, CUTS, "a disk that forgets nothing is not cut off");
	cr_log_info("%u cuts, %u plans", o.cuts, o.plans);
}
