/*
 * The courier, as a real process, against a package server that misbehaves.
 */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "couriers.h"
#include "httpd.h"
#include "msg.h"

enum { BODY = 3 * 1024 * 1024 + 17 };

/* One server, one file, one order; what each test changes is the order and the faults. */
struct scene {
	uint8_t *body;
	struct httpd *server;
	struct httpd_faults faults;
	Pb__CourierOrder order;
	int file;
	char file_path[60];
	char ca_path[60];
	uint8_t md5[16], sha256[32];
	char *hosts[1];
};

static void
open_scene(struct scene *s, bool tls)
{
	*s = (struct scene){.file_path = "/tmp/subota-courier-XXXXXX",
	    .ca_path = "/tmp/subota-ca-XXXXXX"};
	s->body = malloc(BODY);
	for (size_t i = 0; i < BODY; i++)
		s->body[i] = (uint8_t)(i * 2654435761u >> 11);
	EVP_Digest(s->body, BODY, s->md5, NULL, EVP_md5(), NULL);
	EVP_Digest(s->body, BODY, s->sha256, NULL, EVP_sha256(), NULL);
	s->server = httpd_start(s->body, BODY, tls);
	cr_assert_not_null(s->server);
	s->file = mkstemp(s->file_path);
	cr_assert_geq(s->file, 0);
	pb__courier_order__init(&s->order);
	s->order.url = (char *)(uintptr_t)httpd_url(s->server);
	s->order.size = BODY;
	s->order.md5 = (ProtobufCBinaryData){16, s->md5};
	s->order.sha256 = (ProtobufCBinaryData){32, s->sha256};
	s->order.allow_http = !tls;
	s->order.allow_private_hosts = true;
	s->order.connect_timeout_ms = 5000;
	s->order.low_speed_bytes = 1000;
	s->order.low_speed_seconds = 10;
	s->order.total_seconds = 60;
	s->order.mark_bytes = 1024 * 1024;
}

static void
close_scene(struct scene *s)
{
	httpd_stop(s->server);
	close(s->file);
	unlink(s->file_path);
	unlink(s->ca_path);
	free(s->body);
}

static void
trust(struct scene *s, const char *pem)
{
	int fd = mkstemp(s->ca_path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, pem, strlen(pem)), (ssize_t)strlen(pem));
	cr_assert_eq(fchmod(fd, 0644), 0);
	close(fd);
	s->order.ca_file = s->ca_path;
}

static size_t
file_size(const struct scene *s)
{
	struct stat st;

	cr_assert_eq(fstat(s->file, &st), 0);
	return (size_t)st.st_size;
}

static bool
file_is_the_body(const struct scene *s)
{
	if (file_size(s) != BODY)
		return false;
	uint8_t *m = mmap(NULL, BODY, PROT_READ, MAP_SHARED, s->file, 0);
	bool same = memcmp(m, s->body, BODY) == 0;
	munmap(m, BODY);
	return same;
}

/* Run one courier to its end; returns the error of its final report. */
static enum err
run(struct scene *s, char *detail, size_t size)
{
	struct courier_run r;

	httpd_set(s->server, &s->faults);
	couriers_start(&r, &s->order, s->file);
	AUTO(msg) Pb__Envelope *e = couriers_final(&r);
	cr_assert_not_null(e, "the courier ended without its last word");
	enum err error = (enum err)e->courier_report->error;
	if (detail)
		snprintf(detail, size, "%s", e->courier_report->detail);
	cr_expect_eq(e->courier_report->done_bytes, file_size(s));
	if (error == ERR_OK) {
		cr_expect_eq(e->courier_report->durable_bytes, BODY);
		cr_expect_eq(e->courier_report->sha256.len, 32);
		cr_expect_eq(memcmp(e->courier_report->sha256.data, s->sha256, 32), 0);
	}
	couriers_stop(&r);
	return error;
}

/* The common shape: these faults, this outcome. */
static void
expect_outcome(struct scene *s, enum err expected)
{
	char detail[600] = "";
	enum err e = run(s, detail, sizeof(detail));

	cr_expect_eq(e, expected, "expected %s, got %s: %s", err_name(expected), err_name(e),
	    detail);
	cr_expect(expected != ERR_OK || file_is_the_body(s));
	cr_expect_leq(file_size(s), BODY);
	cr_expect_eq(e == ERR_OK, detail[0] == 0, "%s", detail);
}

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

Test(courier, stops_an_endless_body)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.no_length = true, .endless = true};
	expect_outcome(&s, ERR_ENDLESS);
	close_scene(&s);
}

Test(courier, refuses_a_longer_body_than_announced_before_it_takes_one_byte)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.extra = 1};
	expect_outcome(&s, ERR_ENDLESS);
	cr_expect_eq(file_size(&s), 0);
	close_scene(&s);
}

Test(courier, stops_a_body_that_is_one_byte_too_long)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.extra = 1, .no_length = true};
	expect_outcome(&s, ERR_ENDLESS);
	close_scene(&s);
}

Test(courier, needs_no_content_length)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.no_length = true};
	expect_outcome(&s, ERR_OK);
	close_scene(&s);
}

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

Test(courier, calls_a_dripping_body_slow)
{
	struct scene s;

	open_scene(&s, false);
	s.order.low_speed_seconds = 1;
	s.order.connect_timeout_ms = 300;
	s.faults = (struct httpd_faults){.drip_ms = 20};
	expect_outcome(&s, ERR_SLOW);
	close_scene(&s);
}

Test(courier, calls_dripping_headers_slow)
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

Test(courier, calls_a_stalled_body_slow_and_keeps_what_it_has)
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

Test(courier, keeps_to_the_deadline_of_the_whole_order)
{
	struct scene s;

	open_scene(&s, false);
	s.order.total_seconds = 1;
	s.faults = (struct httpd_faults){.rate = 200000};
	expect_outcome(&s, ERR_SLOW);
	cr_expect_gt(file_size(&s), 0);
	close_scene(&s);
}

Test(courier, follows_no_redirect_unless_its_host_is_listed)
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

Test(courier, checks_each_hop_of_a_redirect)
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

Test(courier, takes_a_404_as_the_last_word)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.status = 404};
	expect_outcome(&s, ERR_HTTP);
	cr_expect_eq(httpd_counters(s.server).requests, 1);
	cr_expect_eq(file_size(&s), 0);
	close_scene(&s);
}

Test(courier, asks_again_when_the_server_is_in_trouble)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.status = 503, .status_times = 2};
	expect_outcome(&s, ERR_OK);
	cr_expect_eq(httpd_counters(s.server).requests, 3);
	close_scene(&s);
}

Test(courier, refuses_an_encoded_body)
{
	struct scene s;

	open_scene(&s, false);
	s.faults = (struct httpd_faults){.encoded = true};
	expect_outcome(&s, ERR_HTTP);
	close_scene(&s);
}

Test(courier, gives_up_on_a_server_that_is_not_there)
{
	struct scene s;
	char url[] = "http://127.0.0.1:1/nobody";

	open_scene(&s, false);
	s.order.url = url;
	expect_outcome(&s, ERR_NETWORK);
	close_scene(&s);
}

Test(courier, says_which_digest_is_wrong)
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

Test(courier, asks_for_nothing_when_the_file_is_complete)
{
	struct scene s;

	open_scene(&s, false);
	cr_assert_eq(write(s.file, s.body, BODY), BODY);
	s.order.offset = BODY;
	expect_outcome(&s, ERR_OK);
	cr_expect_eq(httpd_counters(s.server).requests, 0);
	close_scene(&s);
}

Test(courier, reports_a_validator_at_once_and_durable_marks_on_the_way)
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

Test(courier, courier_killed_in_mid_download_costs_less_than_64_kib)
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

Test(courier, gate_gone_in_mid_download_leaves_all_bytes_in_the_file)
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
