/*
 * The gate on its good days: from an order to an image that flashd is told of.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "gatehouse_store.h"

TestSuite(gate, .timeout = 90);

enum { SIZE = 300000, UPGRADES = 25 };

static void
begin(struct gatehouse *h, size_t size)
{
	gatehouse_open(h);
	gatehouse_pack(h, size);
	gatehouse_start(h);
}

static unsigned
reports(const struct gatehouse *h, uint64_t id)
{
	return gatehouse_count(&h->at_cloud, PB__ENVELOPE__BODY_REPORT, id);
}

static unsigned
orders(const struct gatehouse *h, uint64_t id)
{
	return gatehouse_count(&h->at_flash, PB__ENVELOPE__BODY_FLASH_ORDER, id);
}

Test(gate, an_order_becomes_a_verified_image_and_an_order_to_flashd)
{
	struct gatehouse h;

	begin(&h, SIZE);
	gatehouse_order(&h, 7);
	gatehouse_report(&h, 7, PB__PHASE__PHASE_FETCHED, ERR_OK);
	gatehouse_report(&h, 7, PB__PHASE__PHASE_VERIFIED, ERR_OK);
	const Pb__FlashOrder *o = gatehouse_flash_order(&h, 7);
	cr_expect_str_eq(o->device->device_key, "meter-7");
	cr_expect_str_eq(o->component, "app");
	cr_expect_str_eq(o->target_version, "2.4.1");
	cr_assert_eq(o->manifest_digest.len, 32);
	cr_expect_arr_eq(o->manifest_digest.data, h.digest, 32);
	cr_expect_eq(gatehouse_store_entry(&h, h.digest), (int64_t)h.package.len);
	struct httpd_counters c = httpd_counters(h.server);
	cr_expect_eq(c.requests, 1);
	cr_expect_eq(c.body_bytes, h.package.len);
	cr_expect_eq(gatehouse_stop(&h), 0);
	gatehouse_close(&h);
}

Test(gate, one_download_serves_every_upgrade_of_the_same_package)
{
	struct gatehouse h;

	gatehouse_open(&h);
	gatehouse_pack(&h, SIZE);
	httpd_set(
	    h.server, &(struct httpd_faults){.rate = 600000}); /* long enough for all to come */
	gatehouse_start(&h);
	for (uint64_t id = 1; id <= UPGRADES; id++)
		gatehouse_order(&h, id);
	for (uint64_t id = 1; id <= UPGRADES; id++) {
		gatehouse_report(&h, id, PB__PHASE__PHASE_VERIFIED, ERR_OK);
		gatehouse_flash_order(&h, id);
	}
	gatehouse_order(&h, UPGRADES + 1); /* and those that come when it is ready */
	gatehouse_report(&h, UPGRADES + 1, PB__PHASE__PHASE_FETCHED, ERR_OK);
	gatehouse_flash_order(&h, UPGRADES + 1);
	cr_expect_eq(httpd_counters(h.server).requests, 1);
	gatehouse_close(&h);
}

Test(gate, a_repeated_order_is_answered_again_and_fetches_nothing)
{
	struct gatehouse h;

	begin(&h, SIZE);
	gatehouse_order(&h, 7);
	uint64_t first = gatehouse_report(&h, 7, PB__PHASE__PHASE_FETCHED, ERR_OK)->id;
	gatehouse_ack(&h, "fetchd", first);
	uint64_t second = gatehouse_report(&h, 7, PB__PHASE__PHASE_VERIFIED, ERR_OK)->id;
	gatehouse_ack(&h, "fetchd", second);
	gatehouse_flash_order(&h, 7);
	gatehouse_forget(&h.at_cloud);
	gatehouse_order(&h, 7);
	cr_expect_gt(gatehouse_report(&h, 7, PB__PHASE__PHASE_FETCHED, ERR_OK)->id, second);
	gatehouse_report(&h, 7, PB__PHASE__PHASE_VERIFIED, ERR_OK);
	cr_expect_eq(httpd_counters(h.server).requests, 1);
	gatehouse_close(&h);
}

Test(gate, flashd_is_told_again_until_it_has_spoken_and_whenever_it_is_back_before_the_end)
{
	struct gatehouse h;

	begin(&h, SIZE);
	gatehouse_order(&h, 7);
	gatehouse_flash_order(&h, 7);
	gatehouse_flash_away(&h);
	gatehouse_forget(&h.at_flash);
	gatehouse_flash_back(&h); /* it may have lost the order */
	gatehouse_flash_order(&h, 7);
	gatehouse_flash_says(&h, 7, PB__PHASE__PHASE_FLASHING, ERR_OK);
	gatehouse_report(&h, 7, PB__PHASE__PHASE_FLASHING, ERR_OK);
	gatehouse_flash_away(&h);
	gatehouse_forget(&h.at_flash);
	gatehouse_flash_back(&h); /* it may have lost its whole memory */
	gatehouse_flash_order(&h, 7);
	gatehouse_flash_says(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_report(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	gatehouse_flash_away(&h);
	gatehouse_forget(&h.at_flash);
	gatehouse_flash_back(&h);
	gatehouse_order(&h, 8); /* what comes after anything that came with the link */
	gatehouse_flash_order(&h, 8);
	cr_expect_eq(orders(&h, 7), 0);
	gatehouse_close(&h);
}

Test(gate, a_report_stays_until_it_is_acknowledged_and_not_longer)
{
	struct gatehouse h;

	begin(&h, SIZE);
	gatehouse_order(&h, 7);
	uint64_t fetched = gatehouse_report(&h, 7, PB__PHASE__PHASE_FETCHED, ERR_OK)->id;
	gatehouse_report(&h, 7, PB__PHASE__PHASE_VERIFIED, ERR_OK);
	gatehouse_cloud_away(&h);
	gatehouse_forget(&h.at_cloud);
	gatehouse_cloud_back(&h);
	cr_expect_eq(gatehouse_report(&h, 7, PB__PHASE__PHASE_FETCHED, ERR_OK)->id, fetched);
	uint64_t verified = gatehouse_report(&h, 7, PB__PHASE__PHASE_VERIFIED, ERR_OK)->id;
	gatehouse_ack(&h, "fetchd", fetched);
	gatehouse_heard(&h);
	cr_expect_eq(gatehouse_stop(&h), 0);
	gatehouse_forget(&h.at_cloud);
	gatehouse_start(&h); /* both said and kept across a restart */
	cr_expect_eq(gatehouse_report(&h, 7, PB__PHASE__PHASE_VERIFIED, ERR_OK)->id, verified);
	cr_expect_eq(reports(&h, 7), 1);
	gatehouse_close(&h);
}

static void
offer(struct gatehouse *h, uint64_t id)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__PlanOffer o = PB__PLAN_OFFER__INIT;
	struct gatehouse_order w;

	gatehouse_fetch_order(h, &w, id);
	o.device = &w.d;
	o.component = w.o.component;
	o.target_version = w.o.target_version;
	e.upgrade = id;
	e.body_case = PB__ENVELOPE__BODY_PLAN_OFFER;
	e.plan_offer = &o;
	gatehouse_send(h, h->cloud, &e);
}

/* --- a courier in advance --------------------------------------------------------------------- */

static int
offer_and_find_courier(struct gatehouse *h)
{
	begin(h, SIZE);
	offer(h, 7);
	GATEHOUSE_WAIT(h, gatehouse_child(h, "subota-courier") != 0);
	return gatehouse_child(h, "subota-courier");
}

static void
expect_one_download(struct gatehouse *h)
{
	gatehouse_order(h, 7);
	gatehouse_report(h, 7, PB__PHASE__PHASE_VERIFIED, ERR_OK);
	cr_expect_eq(httpd_counters(h->server).requests, 1);
	GATEHOUSE_WAIT(h, gatehouse_child(h, "subota-courier") == 0);
	gatehouse_close(h);
}

Test(gate, a_courier_that_an_offer_brought_does_the_work_of_its_order)
{
	struct gatehouse h;

	cr_assert_gt(offer_and_find_courier(&h), 0);
	expect_one_download(&h);
}

Test(gate, a_courier_that_died_before_it_had_work_is_replaced)
{
	struct gatehouse h;

	cr_assert_eq(kill(offer_and_find_courier(&h), SIGKILL), 0);
	expect_one_download(&h);
}

Test(gate, a_courier_without_work_ends_by_itself_and_is_no_download)
{
	struct gatehouse h;

	cr_assert_gt(offer_and_find_courier(&h), 0);
	GATEHOUSE_WAIT(&h, gatehouse_child(&h, "subota-courier") == 0);
	cr_expect_eq(httpd_counters(h.server).requests, 0);
	gatehouse_close(&h);
}

Test(gate, what_an_absent_neighbour_missed_it_hears_when_it_is_back)
{
	struct gatehouse h;

	begin(&h, 1000);
	gatehouse_flash_away(&h);
	offer(&h, 9);
	gatehouse_ack(&h, "flashd", 77);
	gatehouse_flash_back(&h);
	GATEHOUSE_WAIT(&h, gatehouse_count(&h.at_flash, PB__ENVELOPE__BODY_PLAN_OFFER, 9) == 1);
	GATEHOUSE_WAIT(&h, gatehouse_count(&h.at_flash, PB__ENVELOPE__BODY_REPORT_ACK, 0) == 1);
	gatehouse_cloud_away(&h);
	gatehouse_flash_says(&h, 9, PB__PHASE__PHASE_REFUSED, ERR_POLICY);
	gatehouse_cloud_back(&h);
	gatehouse_report(&h, 9, PB__PHASE__PHASE_REFUSED, ERR_POLICY);
	gatehouse_close(&h);
}

/* A DeviceReport of flashd's, as large as they get, so that queues fill soon. */
static enum err
say_device(struct gatehouse *h, unsigned n)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__DeviceReport r = PB__DEVICE_REPORT__INIT;
	Pb__Device d = PB__DEVICE__INIT;
	char key[33], version[65];

	snprintf(key, sizeof(key), "meter-%026u", n);
	memset(version, '1', 64);
	version[64] = '\0';
	d.product_key = (char *)(uintptr_t) "p1";
	d.device_key = key;
	r.device = &d;
	r.component = (char *)(uintptr_t) "app";
	r.version = version;
	r.state = PB__DEVICE_STATE__DEVICE_STATE_PRESENT;
	r.battery_percent = 101;
	e.body_case = PB__ENVELOPE__BODY_DEVICE_REPORT;
	e.device_report = &r;
	return bus_send(h->flash, &e);
}

static unsigned
devices_heard(const struct gatehouse *h)
{
	return gatehouse_count(&h->at_cloud, PB__ENVELOPE__BODY_DEVICE_REPORT, 0);
}

/* Messages that the gate has had from flashd, by its own count. */
static unsigned
gate_received(struct gatehouse *h)
{
	AUTO(mem) char *json = gatehouse_ask(h, "status");
	const char *flashd = json ? strstr(json, "\"flashd\":") : NULL;
	const char *at = flashd ? strstr(flashd, "\"received\":") : NULL;

	return at ? (unsigned)strtoul(at + strlen("\"received\":"), NULL, 10) : 0;
}

Test(gate, more_than_fits_into_cloudds_queue_arrives_when_it_reads_again)
{
	enum { DEVICES = 3500 };
	struct gatehouse h;
	unsigned said = 0;

	begin(&h, 1000);
	GATEHOUSE_WAIT(&h, bus_is_up(h.flash) && bus_is_up(h.cloud));
	h.cloud_hung = true;
	while (said < DEVICES) {
		if (say_device(&h, said) == ERR_OK)
			said++;
		else
			gatehouse_turn(&h);
	}
	GATEHOUSE_WAIT(&h, gate_received(&h) > DEVICES); /* and a Hello */
	h.cloud_hung = false;
	GATEHOUSE_WAIT(&h, devices_heard(&h) == DEVICES);
	gatehouse_close(&h);
}

Test(gate, flashd_hears_that_the_platform_is_away_when_cloudd_is)
{
	struct gatehouse h;
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__LinkState s = PB__LINK_STATE__INIT;

	begin(&h, 1000);
	s.online = true;
	e.body_case = PB__ENVELOPE__BODY_LINK_STATE;
	e.link_state = &s;
	gatehouse_send(&h, h.cloud, &e);
	GATEHOUSE_WAIT(
	    &h, h.at_flash.n > 0 && h.at_flash.inbox[h.at_flash.n - 1]->link_state->online);
	gatehouse_cloud_away(&h);
	GATEHOUSE_WAIT(&h, !h.at_flash.inbox[h.at_flash.n - 1]->link_state->online);
	gatehouse_close(&h);
}

Test(gate, a_cancel_stops_the_download_and_leaves_nothing)
{
	struct gatehouse h;

	gatehouse_open(&h);
	gatehouse_pack(&h, 3000000);
	httpd_set(h.server, &(struct httpd_faults){.rate = 300000});
	gatehouse_start(&h);
	gatehouse_order(&h, 7);
	GATEHOUSE_WAIT(&h, gatehouse_store_fetched(&h, 100000));
	gatehouse_cancel(&h, 7);
	gatehouse_report(&h, 7, PB__PHASE__PHASE_CANCELLED, ERR_CANCELLED);
	GATEHOUSE_WAIT(&h, !gatehouse_store_fetched(&h, 1));
	GATEHOUSE_WAIT(&h, gatehouse_child(&h, "subota-courier") == 0);
	gatehouse_close(&h);
}

Test(gate, a_cancel_of_one_upgrade_does_not_stop_the_download_for_another)
{
	struct gatehouse h;

	gatehouse_open(&h);
	gatehouse_pack(&h, SIZE);
	httpd_set(h.server, &(struct httpd_faults){.rate = 300000});
	gatehouse_start(&h);
	gatehouse_order(&h, 7);
	gatehouse_order(&h, 8);
	GATEHOUSE_WAIT(&h, gatehouse_store_fetched(&h, 50000));
	gatehouse_cancel(&h, 7);
	gatehouse_report(&h, 7, PB__PHASE__PHASE_CANCELLED, ERR_CANCELLED);
	gatehouse_report(&h, 8, PB__PHASE__PHASE_VERIFIED, ERR_OK);
	cr_expect_eq(orders(&h, 7), 0);
	cr_expect_eq(httpd_counters(h.server).requests, 1);
	gatehouse_close(&h);
}

/* trust: store-prune */
Test(gate, old_images_make_room_for_a_new_one_but_not_those_in_use)
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
	gatehouse_flash_says(&h, 1, PB__PHASE__PHASE_DONE, ERR_OK); /* not needed any more */
	gatehouse_report(&h, 1, PB__PHASE__PHASE_DONE, ERR_OK);

	h.spec.sequence++;
	gatehouse_pack(&h, 900001);
	memcpy(second, h.digest, 32);
	gatehouse_order(&h, 2);
	gatehouse_flash_order(&h, 2);
	cr_expect_gt(gatehouse_store_entry(&h, first), 0, "there was room for both");

	h.spec.sequence++;
	gatehouse_pack(&h, 900002);
	gatehouse_order(&h, 3);
	gatehouse_flash_order(&h, 3);
	cr_expect_eq(gatehouse_store_entry(&h, first), -1);
	cr_expect_gt(gatehouse_store_entry(&h, second), 0, "upgrade 2 is not over");
	cr_expect_gt(gatehouse_store_entry(&h, h.digest), 0);
	gatehouse_close(&h);
}

/* rule: download-again */
/* trust: store-prune */
Test(gate, a_download_that_was_given_up_is_kept_until_another_needs_its_room)
{
	struct httpd_faults cut = {.cut_after = 700000, .cuts = 1, .rate = 1000000};
	struct gatehouse h;

	gatehouse_open(&h);
	snprintf(h.extra, sizeof(h.extra), "quota = 1500000\n");
	gatehouse_pack(&h, 900000);
	httpd_set(h.server, &cut);
	gatehouse_start(&h);
	gatehouse_order(&h, 1);
	GATEHOUSE_WAIT(&h, gatehouse_store_fetched(&h, 100000));
	cut.status = 404;
	httpd_set(h.server, &cut);
	gatehouse_report(&h, 1, PB__PHASE__PHASE_FAILED, ERR_HTTP);
	cr_expect(gatehouse_says(&h, "store", "\"PARTIAL\""));
	httpd_set(h.server, &(struct httpd_faults){0});

	h.spec.sequence++;
	gatehouse_pack(&h, 900001);
	gatehouse_order(&h, 2);
	gatehouse_report(&h, 2, PB__PHASE__PHASE_VERIFIED, ERR_OK);
	cr_expect(!gatehouse_says(&h, "store", "\"PARTIAL\""));
	gatehouse_close(&h);
}
