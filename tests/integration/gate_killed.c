/*
 * Processes of the gate's side that die in mid-download, and what it costs.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>

#include "gatehouse_store.h"
#include "house_proc.h"

TestSuite(gate_killed, .timeout = 90);

enum { SIZE = 3000000, RATE = 1500000, ID = 7, AGAIN_MAX = 64 * 1024 };

static void
begin(struct gatehouse *h)
{
	gatehouse_open(h);
	gatehouse_pack(h, SIZE);
	httpd_set(h->server, &(struct httpd_faults){.rate = RATE});
	gatehouse_start(h);
	gatehouse_order(h, ID);
	GATEHOUSE_WAIT(h, gatehouse_store_fetched(h, SIZE / 3));
}

static void
expect_success(struct gatehouse *h)
{
	gatehouse_report(h, ID, PB__PHASE__PHASE_VERIFIED, ERR_OK);
	gatehouse_flash_order(h, ID);
	struct httpd_counters c = httpd_counters(h->server);
	cr_expect_geq(c.body_bytes, h->package.len);
	cr_expect_lt(c.body_bytes - h->package.len, AGAIN_MAX, "fetched again: %llu",
	    (unsigned long long)(c.body_bytes - h->package.len));
	cr_expect_geq(c.ranged, 1);
	cr_expect_eq(gatehouse_stop(h), 0);
	gatehouse_close(h);
}

Test(gate_killed, courier_killed_in_mid_download)
{
	struct gatehouse h;

	begin(&h);
	int pid = gatehouse_child(&h, "subota-courier");
	cr_assert_gt(pid, 0);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	expect_success(&h);
}

static bool
is_gone(int pid)
{
	struct house_proc p;

	return !house_proc_read(pid, &p) || p.state == 'Z';
}

Test(gate_killed, gate_killed_in_mid_download)
{
	struct gatehouse h;

	begin(&h);
	int nursery = gatehouse_child(&h, "subota-nursery");
	int courier = gatehouse_child(&h, "subota-courier");
	cr_assert(nursery > 0 && courier > 0);
	gatehouse_kill(&h);
	GATEHOUSE_WAIT(&h, is_gone(nursery) && is_gone(courier)); /* nobody outlives it */
	gatehouse_start(&h);
	expect_success(&h);
}

Test(gate_killed, gate_killed_and_restarted_at_once_while_its_courier_still_lives)
{
	struct gatehouse h;

	begin(&h);
	int courier = gatehouse_child(&h, "subota-courier");
	cr_assert_gt(courier, 0);
	cr_assert_eq(kill(courier, SIGSTOP), 0); /* it cannot notice */
	gatehouse_kill(&h);
	gatehouse_start(&h);
	GATEHOUSE_WAIT(&h, gatehouse_says(&h, "status", "cloudd"));
	/* as an ordinary user it died with its parent, and may be buried by now */
	cr_assert(kill(courier, SIGCONT) == 0 || errno == ESRCH);
	expect_success(&h); /* one writer at a time: else the digests would not agree */
}

Test(gate_killed, nursery_killed_in_mid_download_ends_the_gate_which_goes_on_when_restarted)
{
	struct gatehouse h;

	begin(&h);
	int pid = gatehouse_child(&h, "subota-nursery");
	cr_assert_gt(pid, 0);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	GATEHOUSE_WAIT(&h, is_gone(h.fetchd));
	gatehouse_kill(&h); /* takes its remains */
	gatehouse_start(&h);
	expect_success(&h);
}

Test(gate_killed, gate_killed_again_and_again_still_ends_rightly)
{
	struct gatehouse h;

	begin(&h);
	for (int i = 0; i < 3; i++) {
		gatehouse_kill(&h);
		gatehouse_start(&h);
		GATEHOUSE_WAIT(&h, gatehouse_child(&h, "subota-courier") > 0 ||
				       gatehouse_store_entry(&h, h.digest) > 0);
	}
	gatehouse_report(&h, ID, PB__PHASE__PHASE_VERIFIED, ERR_OK);
	gatehouse_flash_order(&h, ID);
	gatehouse_close(&h);
}

Test(gate_killed, gate_killed_right_after_an_order_takes_it_again_from_its_owner)
{
	struct gatehouse h;

	gatehouse_open(&h);
	gatehouse_pack(&h, 100000);
	gatehouse_start(&h);
	gatehouse_order(&h, ID);
	gatehouse_kill(&h); /* perhaps before the order was durable */
	gatehouse_start(&h);
	gatehouse_cloud_away(&h);
	gatehouse_cloud_back(&h);
	gatehouse_order(&h, ID); /* as cloudd repeats it when the link comes up */
	gatehouse_report(&h, ID, PB__PHASE__PHASE_VERIFIED, ERR_OK);
	gatehouse_close(&h);
}
