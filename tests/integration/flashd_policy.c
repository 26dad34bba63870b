/*
 * flashd and its policies: a real process between a gate that the test plays and a device on a
 * pseudo-terminal.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "flashhouse_expect.h"

static void
open_house(struct flashhouse *h, const char *policies)
{
	flashhouse_open(h);
	snprintf(h->extra, sizeof(h->extra), "%s", policies);
	flashhouse_publish(h);
	flashhouse_start(h);
}

static void
close_house(struct flashhouse *h)
{
	cr_expect_eq(flashhouse_stop(h), 0);
	flashhouse_close(h);
}

/* Windows of the day after tomorrow: closed now, whatever the zone. */
static void
closed_window(char out[60])
{
	static const char days[7][4] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	snprintf(out, 60, "%s 00:00-24:00", days[(local.tm_wday + 3) % 7]);
}

Test(flashd_policy, plan_outside_the_window_is_put_off_to_its_beginning)
{
	struct flashhouse h;
	char window[60], policies[200];

	closed_window(window);
	snprintf(policies, sizeof(policies), "[flashd.policy night]\nproduct = p1\nwindows = %s",
	    window);
	open_house(&h, policies);
	flashhouse_offer(&h, 7);
	flashhouse_expect_verdict(&h, 7, PB__VERDICT__VERDICT_DEFER, ERR_POLICY);
	const Pb__PlanVerdict *v = flashhouse_verdict(&h, 7);

	cr_expect(strstr(v->detail, "policy night") && strstr(v->detail, window), "%s", v->detail);
	uint64_t wait = v->until - clock_wall_ms();

	cr_expect(
	    wait > 46ull * 3600000 && wait < 74ull * 3600000, "%llu ms", (unsigned long long)wait);
	close_house(&h);
}

Test(flashd_policy, the_closer_policy_lets_the_device_through)
{
	struct flashhouse h;

	open_house(&h, "[flashd.policy all]\nmode = never\n"
		       "[flashd.policy pilot]\nproduct = p1\nwindows = 00:00-24:00");
	flashhouse_begin(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	close_house(&h);
}

Test(flashd_policy, never_is_a_refusal_with_its_reason)
{
	struct flashhouse h;

	open_house(&h, "[flashd.policy frozen]\nmode = never");
	flashhouse_offer(&h, 7);
	flashhouse_expect_verdict(&h, 7, PB__VERDICT__VERDICT_REJECT, ERR_POLICY);
	cr_expect(strstr(flashhouse_verdict(&h, 7)->detail, "policy frozen: never"));
	close_house(&h);
}
