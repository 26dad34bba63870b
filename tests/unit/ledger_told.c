/*
 * ledger: what the end of an upgrade tells of the version that runs.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "golden.h"
#include "kit.h"
#include "ledger.h"

static enum err
take_version(void *arg, const struct ledger_report *r)
{
	snprintf(arg, DEVICE_TEXT, "%s", r->version);
	return ERR_OK;
}

/* The version that is told when an upgrade to 2.0.0 fails on a device that runs 2.0.0. */
static void
fail(bool wrote, bool rebooted, char told[DEVICE_TEXT])
{
	char *dir = kit_scratch(), path[600];
	struct mono now = {5000000};
	struct device_news n = {.now = now, .error = ERR_TIMEOUT, .detail = "why"};
	struct device_upgrade fresh, *u = NULL;
	Pb__Device d = PB__DEVICE__INIT;
	struct ledger l = {0};
	bool is_new = false;

	snprintf(path, sizeof(path), "%s/flashd.db", dir);
	d.product_key = golden_text("p1");
	d.device_key = golden_text("meter-1");
	cr_assert_eq(ledger_open(path, now, &l, &is_new), ERR_OK);
	device_init(&fresh, 41, &d, "app", "2.0.0", now);
	cr_assert_eq(ledger_add(&l, &fresh, &u), ERR_OK);
	u->state = DEVICE_FLASHING;
	u->wrote = wrote;
	u->rebooted = rebooted;
	snprintf(u->image_version, sizeof(u->image_version), "2.0.0");
	snprintf(u->version, sizeof(u->version), "2.0.0");
	cr_assert_eq(device_step(u, DEVICE_DEADLINE, &n), ERR_OK);
	cr_assert_eq(ledger_save(&l, now), ERR_OK);
	cr_assert_eq(ledger_each_report(&l, 0, 1, take_version, told), ERR_OK);
	ledger_close(&l);
	kit_scratch_remove(dir);
}

/* The next start may undo it, whoever made the device boot it. */
Test(ledger_told, version_that_was_not_seen_to_stay_is_not_told_even_if_nobody_ordered_a_reset)
{
	char told[DEVICE_TEXT] = "?";

	fail(true, true, told);
	cr_expect_str_eq(told, "");
	fail(true, false, told);
	cr_expect_str_eq(told, "");
	fail(false, false, told);
	cr_expect_str_eq(told, "2.0.0");
}
