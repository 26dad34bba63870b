/*
 * ledger: in which order upgrades are, when their numbers do not say it.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "golden.h"
#include "kit.h"
#include "ledger.h"

static void
add(struct ledger *l, uint64_t id)
{
	Pb__Device d = PB__DEVICE__INIT;
	struct mono now = {5000000};
	struct device_upgrade fresh, *u = NULL;

	d.product_key = golden_text("p1");
	d.device_key = golden_text("meter-1");
	device_init(&fresh, id, &d, "app", "2.0.0", now);
	cr_assert_eq(ledger_add(l, &fresh, &u), ERR_OK);
	cr_assert_eq(ledger_save(l, now), ERR_OK);
}

static void
reopen(const char *path, struct ledger *l)
{
	struct mono now = {5000000};
	bool fresh = false;

	ledger_close(l);
	cr_assert_eq(ledger_open(path, now, l, &fresh), ERR_OK);
}

/* flashd's own numbers, for what it restores, are greater than any plan's. */
Test(ledger_order, upgrades_are_in_the_order_in_which_they_came_also_after_a_restart)
{
	static const uint64_t ids[] = {
	    UINT64_C(1764300000004), UINT64_C(1764300000004) * 16, UINT64_C(1764300000005), 7};
	char *dir = kit_scratch(), path[600];
	struct ledger l = {0};
	bool fresh = false;
	size_t n = 4;

	snprintf(path, sizeof(path), "%s/flashd.db", dir);
	cr_assert_eq(ledger_open(path, (struct mono){5000000}, &l, &fresh), ERR_OK);
	for (size_t i = 0; i < 3; i++)
		add(&l, ids[i]);
	reopen(path, &l);
	add(&l, ids[3]);
	reopen(path, &l);
	for (const struct device_upgrade *u = l.upgrades; u; u = u->next)
		cr_expect_eq(u->id, ids[--n]);
	cr_expect_eq(n, 0);
	ledger_close(&l);
	kit_scratch_remove(dir);
}
