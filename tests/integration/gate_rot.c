/*
 * What lies in the gate's store is spoilt, gone, or found unusable by flashd.
 */
#include <criterion/criterion.h>

#include "gatehouse_store.h"

TestSuite(gate_rot, .timeout = 90);

enum { SIZE = 300000 };

/* Upgrade 1 is through, and its image lies in the store. */
static void
begin_with_an_image(struct gatehouse *h)
{
	gatehouse_open(h);
	gatehouse_pack(h, SIZE);
	gatehouse_start(h);
	gatehouse_order(h, 1);
	gatehouse_flash_order(h, 1);
}

static void
expect_second_download(struct gatehouse *h, uint64_t upgrade)
{
	gatehouse_order(h, upgrade);
	gatehouse_report(h, upgrade, PB__PHASE__PHASE_VERIFIED, ERR_OK);
	gatehouse_flash_order(h, upgrade);
	cr_expect_eq(gatehouse_store_entry(h, h->digest), (int64_t)h->package.len);
	cr_expect_eq(httpd_counters(h->server).requests, 2);
	gatehouse_close(h);
}

Test(gate_rot, an_image_that_vanished_from_the_store_is_fetched_again)
{
	struct gatehouse h;

	begin_with_an_image(&h);
	gatehouse_flash_says(&h, 1, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_report(&h, 1, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_store_spoil(&h, h.digest, 0);
	expect_second_download(&h, 2);
}

/* Found by the simulator: it was taken for a package that nobody signed, and refused for ever. */
Test(gate_rot, an_image_whose_signature_was_spoilt_in_the_store_is_fetched_again)
{
	struct gatehouse h;

	begin_with_an_image(&h);
	gatehouse_flash_says(&h, 1, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_report(&h, 1, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_store_unsign(&h, h.digest);
	expect_second_download(&h, 2);
}

Test(gate_rot, an_image_that_was_cut_in_the_store_is_fetched_again_after_a_restart)
{
	struct gatehouse h;

	begin_with_an_image(&h);
	cr_expect_eq(gatehouse_stop(&h), 0);
	gatehouse_store_spoil(&h, h.digest, 1000);
	gatehouse_forget(&h.at_flash);
	gatehouse_cloud_away(&h); /* an order over a link of the old gate's would be lost */
	gatehouse_start(&h);
	gatehouse_cloud_back(&h);
	gatehouse_flash_order(&h, 1); /* as soon as it is there again */
	cr_expect_eq(gatehouse_store_entry(&h, h.digest), (int64_t)h.package.len);
	expect_second_download(&h, 2);
}

/* Upgrade 1 is being flashed when its image rots; another one's order finds that out, and waits for
 * what is fetched again. flashd says no more of upgrade 1: it has lost its memory meanwhile. */
static void
begin_with_a_taken_image_that_rots(struct gatehouse *h, const struct httpd_faults *meanwhile)
{
	begin_with_an_image(h);
	gatehouse_flash_says(h, 1, PB__PHASE__PHASE_FLASHING, ERR_OK);
	gatehouse_report(h, 1, PB__PHASE__PHASE_FLASHING, ERR_OK);
	gatehouse_flash_away(h);
	gatehouse_forget(&h->at_flash);
	gatehouse_store_unsign(h, h->digest);
	httpd_set(h->server, meanwhile);
	gatehouse_order(h, 2);
}

/* Found by the simulator (seed 5300891): upgrade 1 was never over. */
Test(gate_rot, flashd_without_a_memory_is_asked_about_an_image_that_cannot_be_had_any_more)
{
	struct gatehouse h;

	begin_with_a_taken_image_that_rots(&h, &(struct httpd_faults){.status = 404});
	gatehouse_report(&h, 2, PB__PHASE__PHASE_FAILED, ERR_HTTP);
	gatehouse_flash_back(&h);
	gatehouse_flash_order(&h, 1);
	gatehouse_flash_says(&h, 1, PB__PHASE__PHASE_REFUSED, ERR_NOT_FOUND);
	gatehouse_report(&h, 1, PB__PHASE__PHASE_REFUSED, ERR_NOT_FOUND);
	gatehouse_close(&h);
}

Test(gate_rot, flashd_without_a_memory_is_told_again_as_soon_as_the_image_is_there_again)
{
	struct gatehouse h;

	begin_with_a_taken_image_that_rots(
	    &h, &(struct httpd_faults){.status = 503, .status_times = 2});
	gatehouse_flash_back(&h);
	gatehouse_flash_order(&h, 1);
	cr_expect_eq(gatehouse_store_entry(&h, h.digest), (int64_t)h.package.len);
	gatehouse_flash_order(&h, 2);
	gatehouse_close(&h);
}

Test(gate_rot, an_image_that_flashd_finds_unusable_is_fetched_again)
{
	struct gatehouse h;

	begin_with_an_image(&h);
	gatehouse_flash_says(&h, 1, PB__PHASE__PHASE_REFUSED, ERR_TOCTOU);
	gatehouse_report(&h, 1, PB__PHASE__PHASE_REFUSED, ERR_TOCTOU);
	expect_second_download(&h, 2);
}

/* Two upgrades wait for it, and for one of them flashd has found it unusable. */
static void
begin_with_a_blamed_image(struct gatehouse *h)
{
	begin_with_an_image(h);
	gatehouse_order(h, 2);
	gatehouse_flash_order(h, 2);
	gatehouse_flash_says(h, 1, PB__PHASE__PHASE_FAILED, ERR_TOCTOU);
	gatehouse_report(h, 1, PB__PHASE__PHASE_FAILED, ERR_TOCTOU);
}

/* Found by the simulator: those of a group end together, none of them as the last. */
Test(gate_rot,
    an_image_that_flashd_finds_unusable_is_fetched_again_when_its_other_upgrades_have_ended)
{
	struct gatehouse h;

	begin_with_a_blamed_image(&h);
	gatehouse_flash_says(&h, 2, PB__PHASE__PHASE_CANCELLED, ERR_CANCELLED);
	gatehouse_report(&h, 2, PB__PHASE__PHASE_CANCELLED, ERR_CANCELLED);
	expect_second_download(&h, 3);
}

/* The copy that flashd blamed is gone before its upgrades are: the next one is another. */
Test(gate_rot, an_image_that_was_fetched_again_is_not_dropped_for_the_copy_that_was_unusable)
{
	struct gatehouse h;

	begin_with_a_blamed_image(&h);
	gatehouse_store_unsign(&h, h.digest);
	gatehouse_order(&h, 3);
	gatehouse_flash_order(&h, 3);
	gatehouse_flash_says(&h, 2, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_report(&h, 2, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_flash_says(&h, 3, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_report(&h, 3, PB__PHASE__PHASE_DONE, ERR_OK);
	expect_second_download(&h, 4);
}
