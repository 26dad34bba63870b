/*
 * The courier, as a real process, against a package server that misbehaves.
 */
#include "courier_scene.h"

TestSuite(courier, .timeout = 60);

Test(courier, fetches_a_package_and_names_both_digests)
{
	struct scene s;

	open_scene(&s, false);
	expect_outcome(&s, ERR_OK);
	cr_expect_eq(httpd_counters(s.server).requests, 1);
	cr_expect_eq(httpd_counters(s.server).ranged, 0);
	cr_expect_eq(httpd_counters(s.server).body_bytes, BODY);
	close_scene(&s);
}

Test(courier, fetches_over_tls_from_a_server_that_proves_itself)
{
	struct scene s;

	open_scene(&s, true);
	trust(&s, httpd_ca(s.server));
	expect_outcome(&s, ERR_OK);
	close_scene(&s);
}

Test(courier, refuses_a_server_that_cannot_prove_itself)
{
	struct scene s, other;

	open_scene(&s, true);
	open_scene(&other, true);
	trust(&s, httpd_ca(other.server));
	expect_outcome(&s, ERR_TLS);
	s.order.ca_file = (char *)(uintptr_t) "";
	expect_outcome(&s, ERR_TLS);
	cr_expect_eq(httpd_counters(s.server).requests, 0);
	close_scene(&other);
	close_scene(&s);
}

Test(courier, refuses_plain_http_unless_policy_allows_it)
{
	struct scene s;

	open_scene(&s, false);
	s.order.allow_http = false;
	expect_outcome(&s, ERR_URL);
	cr_expect_eq(httpd_counters(s.server).requests, 0);
	close_scene(&s);
}

Test(courier, refuses_a_private_address_unless_policy_allows_it)
{
	struct scene s;
	char url[100];

	open_scene(&s, false);
	s.order.allow_private_hosts = false;
	expect_outcome(&s, ERR_URL);
	snprintf(url, sizeof(url), "http://localhost:%u/a", httpd_port(s.server));
	s.order.url = url;
	expect_outcome(&s, ERR_URL);
	cr_expect_eq(httpd_counters(s.server).requests, 0);
	close_scene(&s);
}

Test(courier, refuses_a_host_that_is_not_listed)
{
	struct scene s;

	open_scene(&s, false);
	s.hosts[0] = (char *)(uintptr_t) "packages.example.com";
	s.order.hosts = s.hosts;
	s.order.n_hosts = 1;
	expect_outcome(&s, ERR_URL);
	close_scene(&s);
}

Test(courier, goes_on_after_two_cuts_and_fetches_nothing_twice)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.cut_after = BODY / 3, .cuts = 2};
	expect_outcome(&s, ERR_OK);
	cr_expect_eq(httpd_counters(s.server).requests, 3);
	cr_expect_eq(httpd_counters(s.server).if_range, 2);
	cr_expect_eq(httpd_counters(s.server).body_bytes, BODY);
	close_scene(&s);
}

Test(courier, restarts_when_the_server_ignores_the_range)
{
	struct scene s;

	open_scene(&s, false);
	s.faults =
	    (struct httpd_faults){.cut_after = BODY / 3, .cuts = 1, .ignore_range = true};
	expect_outcome(&s, ERR_OK);
	cr_expect_eq(httpd_counters(s.server).requests, 2);
	close_scene(&s);
}

Test(courier, gives_up_on_a_server_that_always_cuts_and_knows_no_ranges)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.cut_after = 5000, .ignore_range = true};
	expect_outcome(&s, ERR_NETWORK);
	cr_expect_leq(httpd_counters(s.server).requests, 10);
	close_scene(&s);
}

/* trust: 58 */
Test(courier, stops_an_endless_body)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.no_length = true, .endless = true};
	expect_outcome(&s, ERR_ENDLESS);
	close_scene(&s);
}

/* trust: 58 */
Test(courier, refuses_a_longer_body_than_announced_before_it_takes_one_byte)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.extra = 1};
	expect_outcome(&s, ERR_ENDLESS);
	cr_expect_eq(file_size(&s), 0);
	close_scene(&s);
}

/* trust: 58 */
Test(courier, stops_a_body_that_is_one_byte_too_long)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.extra = 1, .no_length = true};
	expect_outcome(&s, ERR_ENDLESS);
	close_scene(&s);
}

/* trust: 58 */
Test(courier, needs_no_content_length)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.no_length = true};
	expect_outcome(&s, ERR_OK);
	close_scene(&s);
}

/* trust: 58 */
Test(courier, refuses_a_part_that_does_not_begin_where_the_file_ends)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.cut_after = BODY / 3, .cuts = 1, .shift_range = 0};
	s.order.offset = 0;
	cr_assert_eq(ftruncate(s.file, 1000), 0);
	s.order.offset = 1000;
	s.faults = (struct httpd_faults){.shift_range = 5};
	expect_outcome(&s, ERR_HTTP);
	cr_expect_eq(file_size(&s), 1000);
	close_scene(&s);
}

Test(courier, restarts_once_when_the_package_changed)
{
	struct scene s;
	char etag[] = "\"an-older-package\"";

	open_scene(&s, false);
	cr_assert_eq(write(s.file, "old bytes", 9), 9);
	s.order.offset = 9;
	s.order.etag = etag;
	expect_outcome(&s, ERR_OK);
	cr_expect_eq(httpd_counters(s.server).requests, 1);
	close_scene(&s);
}

/* trust: 58 */
Test(courier, restarts_when_a_part_carries_another_etag)
{
	struct scene s;
	char etag[] = "\"an-older-package\"";

	open_scene(&s, false);
	cr_assert_eq(write(s.file, "old bytes", 9), 9);
	s.order.offset = 9;
	s.order.etag = etag;
	s.faults = (struct httpd_faults){.blind = true};
	expect_outcome(&s, ERR_OK);
	cr_expect_eq(httpd_counters(s.server).requests, 2);
	close_scene(&s);
}

Test(courier, gives_up_when_the_package_keeps_changing)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.new_etag = true, .cut_after = 100000};
	expect_outcome(&s, ERR_CHANGED);
	close_scene(&s);
}

Test(courier, resumes_with_the_date_when_there_is_no_etag)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.no_etag = true, .cut_after = 100000, .cuts = 1};
	expect_outcome(&s, ERR_OK);
	cr_expect_eq(httpd_counters(s.server).if_range, 1);
	cr_expect_eq(httpd_counters(s.server).body_bytes, BODY);
	close_scene(&s);
}

Test(courier, asks_anew_when_the_range_cannot_be_satisfied)
{
	struct scene s;

	open_scene(&s, false);
	cr_assert_eq(ftruncate(s.file, 1000), 0);
	s.order.offset = 1000;
	s.faults = (struct httpd_faults){.status = 416, .status_times = 1};
	expect_outcome(&s, ERR_OK);
	cr_expect_eq(httpd_counters(s.server).requests, 2);
	close_scene(&s);
}
