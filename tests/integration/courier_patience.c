/*
 * The courier against servers that are slow, send it elsewhere, are in trouble or die, and its own
 * death.
 */
#include <curl/curl.h>
#include <errno.h>
#include <sys/socket.h>

#include "chan.h"
#include "courier_scene.h"
#include "fetch.h"
#include "sick_calls.h"

TestSuite(courier_patience, .timeout = 60);

/* trust: 59 */
Test(courier_patience, calls_a_dripping_body_slow)
{
	struct scene s;

	open_scene(&s, false);
	s.order.low_speed_seconds = 1;
	s.order.connect_timeout_ms = 300;
	s.faults = (struct httpd_faults){.drip_ms = 20};
	expect_outcome(&s, ERR_SLOW);
	close_scene(&s);
}

/* trust: 59 */
Test(courier_patience, calls_dripping_headers_slow)
{
	struct scene s;

	open_scene(&s, false);
	s.order.low_speed_seconds = 1;
	s.order.connect_timeout_ms = 300;
	s.faults = (struct httpd_faults){.drip_head = true};
	expect_outcome(&s, ERR_SLOW);
	cr_expect_eq(file_size(&s), 0);
	close_scene(&s);
}

/* trust: 59 */
Test(courier_patience, calls_a_stalled_body_slow_and_keeps_what_it_has)
{
	struct scene s;

	open_scene(&s, false);
	s.order.low_speed_seconds = 1;
	s.order.connect_timeout_ms = 300;
	s.faults = (struct httpd_faults){.stall_after = 50001};
	expect_outcome(&s, ERR_SLOW);
	cr_expect_eq(file_size(&s), 50001);
	close_scene(&s);
}

/* A sync that failed must not be followed by one that says that all is well. The courier's own code
 * in this process, as no environment reaches a real one. */
Test(courier_patience, calls_what_cannot_be_made_durable_worse_than_a_way_that_broke)
{
	struct scene s;
	int pair[2];
	AUTO(chan) struct chan *c = NULL;

	open_scene(&s, false);
	s.order.low_speed_seconds = 1;
	s.order.connect_timeout_ms = 300;
	s.faults = (struct httpd_faults){.stall_after = 50001};
	httpd_set(s.server, &s.faults);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	cr_assert_eq(chan_new(pair[0], WHO_COURIER, WHO_FETCHD, &c), ERR_OK);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	cr_expect_eq(fetch_run(&s.order, NULL, c, s.file), ERR_SLOW);
	cr_expect_eq(file_size(&s), 50001);
	s.order.offset = 50001;
	sick_calls_fail(SICK_SYNC, EIO, 1); /* not the first: of what is there already */
	cr_expect_eq(fetch_run(&s.order, NULL, c, s.file), ERR_SYSTEM);
	sick_calls_fail(SICK_SYNC, 0, 0);
	curl_global_cleanup();
	close(pair[1]);
	close_scene(&s);
}

/* trust: 59 */
Test(courier_patience, keeps_to_the_deadline_of_the_whole_order)
{
	struct scene s;

	open_scene(&s, false);
	s.order.total_seconds = 1;
	s.faults = (struct httpd_faults){.rate = 200000};
	expect_outcome(&s, ERR_SLOW);
	cr_expect_gt(file_size(&s), 0);
	close_scene(&s);
}

Test(courier_patience, follows_no_redirect_unless_its_host_is_listed)
{
	struct scene s, target;

	open_scene(&s, false);
	open_scene(&target, false);
	snprintf(s.faults.redirect, sizeof(s.faults.redirect), "%s", httpd_url(target.server));
	expect_outcome(&s, ERR_URL);
	cr_expect_eq(httpd_counters(target.server).requests, 0);
	s.hosts[0] = (char *)(uintptr_t) "127.0.0.1";
	s.order.redirect_hosts = s.hosts;
	s.order.n_redirect_hosts = 1;
	expect_outcome(&s, ERR_OK);
	cr_expect_eq(httpd_counters(target.server).requests, 1);
	close_scene(&target);
	close_scene(&s);
}

/* trust: 60 */
Test(courier_patience, checks_each_hop_of_a_redirect)
{
	static const char *const rows[] = {"ftp://127.0.0.1/a", "file:///etc/passwd",
	    "http://example.com/a", "http://user@127.0.0.1/a"};
	struct scene s;

	open_scene(&s, false);
	s.hosts[0] = (char *)(uintptr_t) "127.0.0.1";
	s.order.redirect_hosts = s.hosts;
	s.order.n_redirect_hosts = 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(s.faults.redirect, sizeof(s.faults.redirect), "%s", rows[i]);
		expect_outcome(&s, ERR_URL);
	}
	snprintf(s.faults.redirect, sizeof(s.faults.redirect), "/round/and/round");
	httpd_reset(s.server);
	expect_outcome(&s, ERR_URL);
	cr_expect_eq(httpd_counters(s.server).requests, 6);
	close_scene(&s);
}

Test(courier_patience, takes_a_404_as_the_last_word)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.status = 404};
	expect_outcome(&s, ERR_HTTP);
	cr_expect_eq(httpd_counters(s.server).requests, 1);
	cr_expect_eq(file_size(&s), 0);
	close_scene(&s);
}

Test(courier_patience, asks_again_when_the_server_is_in_trouble)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.status = 503, .status_times = 2};
	expect_outcome(&s, ERR_OK);
	cr_expect_eq(httpd_counters(s.server).requests, 3);
	close_scene(&s);
}

Test(courier_patience, refuses_an_encoded_body)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.encoded = true};
	expect_outcome(&s, ERR_HTTP);
	close_scene(&s);
}

Test(courier_patience, gives_up_on_a_server_that_is_not_there)
{
	struct scene s;
	char url[] = "http://127.0.0.1:1/nobody";

	open_scene(&s, false);
	s.order.url = url;
	expect_outcome(&s, ERR_NETWORK);
	close_scene(&s);
}

Test(courier_patience, says_which_digest_is_wrong)
{
	struct scene s;

	open_scene(&s, false);
	s.md5[0] ^= 1;
	expect_outcome(&s, ERR_MD5);
	s.md5[0] ^= 1;
	uint8_t wrong[32] = {1};
	s.order.sha256.data = wrong;
	expect_outcome(&s, ERR_SHA256);
	close_scene(&s);
}

Test(courier_patience, asks_for_nothing_when_the_file_is_complete)
{
	struct scene s;

	open_scene(&s, false);
	cr_assert_eq(write(s.file, s.body, BODY), BODY);
	s.order.offset = BODY;
	expect_outcome(&s, ERR_OK);
	cr_expect_eq(httpd_counters(s.server).requests, 0);
	close_scene(&s);
}

Test(courier_patience, reports_a_validator_at_once_and_durable_marks_on_the_way)
{
	struct scene s;
	struct courier_run r;
	bool validator = false, mark = false;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.rate = 2000000};
	httpd_set(s.server, &s.faults);
	couriers_start(&r, &s.order, s.file);
	for (bool final = false; !final;) {
		AUTO(msg) Pb__Envelope *e = couriers_next(&r);

		cr_assert_not_null(e);
		const Pb__CourierReport *c = e->courier_report;
		final = c->final;
		validator |= !final && strcmp(c->etag, "\"package-0\"") == 0;
		mark |= !final && c->durable_bytes >= s.order.mark_bytes;
		cr_expect_leq(c->durable_bytes, c->done_bytes);
	}
	cr_expect(validator);
	cr_expect(mark);
	couriers_stop(&r);
	close_scene(&s);
}

/* Wait until at least `bytes` are in the file. */
static void
wait_for_bytes(struct courier_run *r, uint64_t bytes)
{
	for (uint64_t done = 0; done < bytes;) {
		AUTO(msg) Pb__Envelope *e = couriers_next(r);

		cr_assert_not_null(e);
		cr_assert(!e->courier_report->final);
		done = e->courier_report->done_bytes;
	}
}

Test(courier_patience, courier_killed_in_mid_download_costs_less_than_64_kib)
{
	struct scene s;
	struct courier_run r;
	char etag[] = "\"package-0\"";

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.rate = 4000000};
	httpd_set(s.server, &s.faults);
	couriers_start(&r, &s.order, s.file);
	wait_for_bytes(&r, BODY / 2);
	couriers_kill(&r);
	couriers_stop(&r);
	s.order.offset = file_size(&s);
	cr_assert_geq(s.order.offset, BODY / 2);
	cr_assert_lt(s.order.offset, BODY);
	s.order.etag = etag;
	expect_outcome(&s, ERR_OK);
	cr_expect_eq(httpd_counters(s.server).last_offset, s.order.offset);
	cr_expect_lt(httpd_counters(s.server).body_bytes - BODY, 64 * 1024);
	close_scene(&s);
}

Test(courier_patience, gate_gone_in_mid_download_leaves_all_bytes_in_the_file)
{
	struct scene s;
	struct courier_run r;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.rate = 4000000};
	httpd_set(s.server, &s.faults);
	couriers_start(&r, &s.order, s.file);
	wait_for_bytes(&r, BODY / 2);
	couriers_stop(&r);
	cr_expect_geq(file_size(&s), BODY / 2);
	cr_expect_lt(file_size(&s), BODY);
	close_scene(&s);
}
