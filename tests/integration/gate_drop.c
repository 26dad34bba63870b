/*
 * The gate and packages that a person lays into its drop directory.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus_client.h"
#include "gatehouse_store.h"
#include "json.h"

TestSuite(gate_drop, .timeout = 90);

/* A person installs the package that was packed last; the upgrade's number. */
static uint64_t
install(struct gatehouse *h, const char *version)
{
	char path[600], argument[200];
	struct bus_answer answer = {0};

	snprintf(path, sizeof(path), "%s/state/drop", h->dir);
	kit_write(path, "package", h->package.data, h->package.len);
	snprintf(path, sizeof(path), "%s/run/fetchd-act/sock", h->dir);
	snprintf(argument, sizeof(argument), "package %s p1/meter-9 app", version);
	cr_assert_eq(bus_client_act(path, "install", argument, 3000, &answer), ERR_OK);
	AUTO(json) cJSON *doc = cJSON_Parse(answer.json);

	cr_assert_eq(answer.error, ERR_OK, "%s", answer.json);
	free(answer.json);
	return (uint64_t)json_number(doc, "upgrade");
}

/* trust: store-prune */
Test(gate_drop, a_package_that_came_by_two_ways_is_not_removed_while_one_of_them_needs_it)
{
	struct gatehouse h;
	uint8_t first[32], second[32];

	gatehouse_open(&h);
	snprintf(h.extra, sizeof(h.extra), "quota = 2000000\n");
	gatehouse_pack(&h, 900000);
	memcpy(first, h.digest, 32);
	gatehouse_start(&h);
	gatehouse_order(&h, 1);
	gatehouse_flash_order(&h, 1);
	gatehouse_flash_says(&h, 1, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_report(&h, 1, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_flash_order(&h, install(&h, "2.4.1"));

	h.spec.sequence++;
	gatehouse_pack(&h, 900001);
	memcpy(second, h.digest, 32);
	gatehouse_order(&h, 2);
	gatehouse_flash_order(&h, 2);
	gatehouse_flash_says(&h, 2, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_report(&h, 2, PB__PHASE__PHASE_DONE, ERR_OK);

	h.spec.sequence++;
	gatehouse_pack(&h, 900002);
	gatehouse_order(&h, 3);
	gatehouse_flash_order(&h, 3);
	cr_expect_gt(gatehouse_store_entry(&h, first), 0, "the installation is not over");
	cr_expect_eq(gatehouse_store_entry(&h, second), -1);
	gatehouse_close(&h);
}

Test(gate_drop, a_package_that_flashd_cannot_use_goes_when_nobody_needs_it_by_either_way)
{
	struct gatehouse h;

	gatehouse_open(&h);
	gatehouse_pack(&h, 100000);
	gatehouse_start(&h);
	gatehouse_order(&h, 1);
	gatehouse_flash_order(&h, 1);
	uint64_t by_hand = install(&h, "2.4.1");

	gatehouse_flash_order(&h, by_hand);
	gatehouse_flash_says(&h, by_hand, PB__PHASE__PHASE_FAILED, ERR_TOCTOU);
	gatehouse_flash_says(&h, 1, PB__PHASE__PHASE_FLASHING, ERR_OK);
	gatehouse_report(&h, 1, PB__PHASE__PHASE_FLASHING, ERR_OK);
	cr_expect_gt(gatehouse_store_entry(&h, h.digest), 0, "upgrade 1 is not over");
	gatehouse_flash_says(&h, 1, PB__PHASE__PHASE_FAILED, ERR_TIMEOUT);
	gatehouse_report(&h, 1, PB__PHASE__PHASE_FAILED, ERR_TIMEOUT);
	cr_expect_eq(gatehouse_store_entry(&h, h.digest), -1);
	gatehouse_close(&h);
}
