/*
 * The gate against packages and package servers that are not what they should be: nothing of them
 * reaches the store or flashd, and each upgrade ends with the reason.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "gatehouse_store.h"

TestSuite(gate_bad, .timeout = 90);

enum { SIZE = 200000, ID = 7 };

/* The end that the upgrade must come to. */
static void
expect_end(struct gatehouse *h, Pb__Phase phase, enum err error)
{
	gatehouse_report(h, ID, phase, error);
	GATEHOUSE_WAIT(h, !gatehouse_store_fetched(h, 1));
	cr_expect_eq(gatehouse_store_entry(h, h->digest), -1);
	cr_expect_eq(gatehouse_count(&h->at_flash, PB__ENVELOPE__BODY_FLASH_ORDER, ID), 0);
	cr_expect_eq(gatehouse_stop(h), 0);
	gatehouse_close(h);
}

static void
begin(struct gatehouse *h, const struct httpd_faults *faults)
{
	gatehouse_open(h);
	gatehouse_pack(h, SIZE);
	if (faults)
		httpd_set(h->server, faults);
	gatehouse_start(h);
}

static void
order_changed(struct gatehouse *h, void (*change)(struct gatehouse_order *w))
{
	struct gatehouse_order w;

	gatehouse_fetch_order(h, &w, ID);
	change(&w);
	gatehouse_send(h, h->cloud, &w.e);
}

/* --- packages --------------------------------------------------------------------------------- */

static struct bundle_bytes
copy_of(const struct bundle_bytes *b)
{
	struct bundle_bytes c = {.data = malloc(b->len), .len = b->len};

	memcpy(c.data, b->data, b->len);
	return c;
}

/* trust: 61 */
Test(gate_bad, a_package_with_one_changed_byte_is_refused_though_the_platform_vouches_for_it)
{
	struct gatehouse h;

	gatehouse_open(&h);
	gatehouse_pack(&h, SIZE);
	struct bundle_bytes forged = copy_of(&h.package);
	forged.data[forged.len / 2] ^= 1; /* in the payload; digests of the order are of this */
	gatehouse_serve(&h, forged);
	gatehouse_start(&h);
	gatehouse_order(&h, ID);
	expect_end(&h, PB__PHASE__PHASE_REFUSED, ERR_DIGEST);
}

Test(gate_bad, a_bare_image_is_refused_as_unsigned_after_its_first_bytes)
{
	struct gatehouse h;
	struct bundle_bytes bare = {.data = calloc(1, 4000000), .len = 4000000};

	gatehouse_open(&h);
	memset(bare.data, 0x3d, bare.len);
	gatehouse_serve(&h, bare);
	httpd_set(h.server, &(struct httpd_faults){.rate = 200000});
	gatehouse_start(&h);
	gatehouse_order(&h, ID);
	gatehouse_report(&h, ID, PB__PHASE__PHASE_REFUSED, ERR_UNSIGNED);
	cr_expect_lt(httpd_counters(h.server).body_bytes, bare.len, "it was not fetched whole");
	expect_end(&h, PB__PHASE__PHASE_REFUSED, ERR_UNSIGNED);
}

Test(gate_bad, a_package_of_another_publisher_is_refused)
{
	struct gatehouse h;
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *stranger = kit_new(dir);

	gatehouse_open(&h);
	gatehouse_serve(&h, kit_bundle(stranger, &h.spec));
	gatehouse_start(&h);
	gatehouse_order(&h, ID);
	expect_end(&h, PB__PHASE__PHASE_REFUSED, ERR_THRESHOLD);
}

static void
other_version(struct gatehouse_order *w)
{
	w->o.target_version = (char *)(uintptr_t) "9.9.9";
}

Test(gate_bad, a_package_of_another_version_than_ordered_does_not_go_to_the_device)
{
	struct gatehouse h;

	begin(&h, NULL);
	order_changed(&h, other_version);
	gatehouse_report(&h, ID, PB__PHASE__PHASE_REFUSED, ERR_WRONG_TARGET);
	cr_expect_eq(gatehouse_count(&h.at_flash, PB__ENVELOPE__BODY_FLASH_ORDER, ID), 0);
	gatehouse_order(&h, ID + 1); /* the image itself is good for others */
	gatehouse_flash_order(&h, ID + 1);
	cr_expect_eq(httpd_counters(h.server).requests, 1);
	gatehouse_close(&h);
}

/* --- the platform's own figures ----------------------------------------------------------------
 */

static void
wrong_md5(struct gatehouse_order *w)
{
	static uint8_t zeros[16];

	w->o.md5 = (ProtobufCBinaryData){sizeof(zeros), zeros};
	w->o.sha256 = (ProtobufCBinaryData){0, NULL};
}

Test(gate_bad, a_wrong_md5_is_tried_twice_from_the_start_and_is_the_end)
{
	struct gatehouse h;

	begin(&h, NULL);
	order_changed(&h, wrong_md5);
	gatehouse_report(&h, ID, PB__PHASE__PHASE_FAILED, ERR_MD5);
	cr_expect_eq(httpd_counters(h.server).requests, 2);
	expect_end(&h, PB__PHASE__PHASE_FAILED, ERR_MD5);
}

static void
wrong_sha256(struct gatehouse_order *w)
{
	static uint8_t zeros[32];

	w->o.sha256 = (ProtobufCBinaryData){sizeof(zeros), zeros};
}

/* trust: 61 */
Test(gate_bad, a_wrong_sha256_is_the_end)
{
	struct gatehouse h;

	begin(&h, NULL);
	order_changed(&h, wrong_sha256);
	expect_end(&h, PB__PHASE__PHASE_FAILED, ERR_SHA256);
}

static void
too_small(struct gatehouse_order *w)
{
	w->o.size -= 1000;
}

static void
too_large(struct gatehouse_order *w)
{
	w->o.size += 1000;
}

Test(gate_bad, a_package_larger_than_announced_is_the_end)
{
	struct gatehouse h;

	begin(&h, NULL);
	order_changed(&h, too_small);
	expect_end(&h, PB__PHASE__PHASE_FAILED, ERR_ENDLESS);
}

Test(gate_bad, a_package_smaller_than_announced_is_the_end)
{
	struct gatehouse h;

	begin(&h, NULL);
	order_changed(&h, too_large);
	expect_end(&h, PB__PHASE__PHASE_FAILED, ERR_SIZE);
}

static void
huge(struct gatehouse_order *w)
{
	w->o.size = UINT64_C(1) << 30;
}

/* trust: store-quota */
Test(gate_bad, an_order_over_the_limit_or_quota_asks_no_server)
{
	struct gatehouse h;

	begin(&h, NULL);
	order_changed(&h, huge);
	gatehouse_report(&h, ID, PB__PHASE__PHASE_FAILED, ERR_LIMIT);
	cr_expect_eq(httpd_counters(h.server).requests, 0);
	expect_end(&h, PB__PHASE__PHASE_FAILED, ERR_LIMIT);
}

/* Two files instead of one. */
static void
two_files(struct gatehouse_order *w, const char *second, uint64_t each)
{
	static uint8_t md5[16];
	static Pb__FetchFile file[2], *list[2] = {&file[0], &file[1]};

	for (size_t i = 0; i < 2; i++) {
		pb__fetch_file__init(&file[i]);
		file[i].url = i ? (char *)(uintptr_t)second : w->url;
		file[i].size = each;
		file[i].md5 = (ProtobufCBinaryData){sizeof(md5), md5};
	}
	w->o.files = list;
	w->o.n_files = 2;
	w->o.size = 2 * each;
	w->o.md5.len = w->o.sha256.len = 0;
}

static void
two_large_files(struct gatehouse_order *w)
{
	two_files(w, w->url, UINT64_C(1) << 29);
}

static void
second_file_by_ftp(struct gatehouse_order *w)
{
	two_files(w, "ftp://h/f", 1000);
}

/* rule: url-files */
Test(gate_bad, files_count_together_for_the_limit_and_each_address_is_looked_at)
{
	struct gatehouse h;

	begin(&h, NULL);
	order_changed(&h, two_large_files);
	gatehouse_report(&h, ID, PB__PHASE__PHASE_FAILED, ERR_LIMIT);
	expect_end(&h, PB__PHASE__PHASE_FAILED, ERR_LIMIT);
	begin(&h, NULL);
	order_changed(&h, second_file_by_ftp);
	gatehouse_report(&h, ID, PB__PHASE__PHASE_FAILED, ERR_URL);
	cr_expect_eq(httpd_counters(h.server).requests, 0);
	expect_end(&h, PB__PHASE__PHASE_FAILED, ERR_URL);
}

/* trust: store-quota */
Test(gate_bad, where_nothing_may_be_thrown_away_the_store_is_full)
{
	struct gatehouse h;

	gatehouse_open(&h);
	snprintf(h.extra, sizeof(h.extra), "quota = 1100000\n");
	gatehouse_pack(&h, 900000);
	gatehouse_start(&h);
	gatehouse_order(&h, 1);
	gatehouse_flash_order(&h, 1);
	h.spec.sequence++;
	gatehouse_pack(&h, 900001);
	gatehouse_order(&h, ID);
	expect_end(&h, PB__PHASE__PHASE_FAILED, ERR_QUOTA);
}

/* --- servers ---------------------------------------------------------------------------------- */

/* trust: 58 */
Test(gate_bad, an_endless_body_is_stopped_at_the_announced_size)
{
	struct gatehouse h;

	begin(&h, &(struct httpd_faults){.no_length = true, .endless = true});
	gatehouse_order(&h, ID);
	expect_end(&h, PB__PHASE__PHASE_FAILED, ERR_ENDLESS);
}

/* trust: 60 */
Test(gate_bad, no_redirect_is_followed)
{
	struct gatehouse h;
	struct httpd_faults f = {.status = 0};

	gatehouse_open(&h);
	gatehouse_pack(&h, SIZE);
	snprintf(
	    f.redirect, sizeof(f.redirect), "http://127.0.0.1:%u/elsewhere", httpd_port(h.server));
	httpd_set(h.server, &f);
	gatehouse_start(&h);
	gatehouse_order(&h, ID);
	gatehouse_report(&h, ID, PB__PHASE__PHASE_FAILED, ERR_URL);
	cr_expect_eq(httpd_counters(h.server).requests, 1);
	expect_end(&h, PB__PHASE__PHASE_FAILED, ERR_URL);
}

Test(gate_bad, a_port_that_no_package_server_has_is_not_asked)
{
	struct gatehouse h;

	gatehouse_open(&h);
	snprintf(h.extra, sizeof(h.extra), "package_ports = 443 1");
	gatehouse_pack(&h, SIZE);
	gatehouse_start(&h);
	gatehouse_order(&h, ID);
	gatehouse_report(&h, ID, PB__PHASE__PHASE_FAILED, ERR_URL);
	cr_expect_eq(httpd_counters(h.server).requests, 0);
	expect_end(&h, PB__PHASE__PHASE_FAILED, ERR_URL);
}

static void
file_url(struct gatehouse_order *w)
{
	w->o.url = (char *)(uintptr_t) "file:///etc/passwd";
}

/* trust: 60 */
Test(gate_bad, only_the_web_is_asked)
{
	struct gatehouse h;

	begin(&h, NULL);
	order_changed(&h, file_url);
	expect_end(&h, PB__PHASE__PHASE_FAILED, ERR_URL);
}

Test(gate_bad, a_package_that_is_not_there_is_the_end)
{
	struct gatehouse h;

	begin(&h, &(struct httpd_faults){.status = 404});
	gatehouse_order(&h, ID);
	expect_end(&h, PB__PHASE__PHASE_FAILED, ERR_HTTP);
}

/* trust: 59 */
Test(gate_bad, a_slow_server_is_left_and_asked_again_for_the_rest)
{
	struct gatehouse h;

	gatehouse_open(&h);
	snprintf(h.extra, sizeof(h.extra),
	    "low_speed_time = 1 s\nlow_speed = 1 MiB\nconnect_timeout = 300 ms\n");
	gatehouse_pack(&h, SIZE);
	httpd_set(h.server, &(struct httpd_faults){.stall_after = 10000});
	gatehouse_start(&h);
	gatehouse_order(&h, ID);
	GATEHOUSE_WAIT(&h, gatehouse_says(&h, "store", "\"tries\":1"));
	httpd_set(h.server, &(struct httpd_faults){.rate = 0}); /* and recovers */
	gatehouse_report(&h, ID, PB__PHASE__PHASE_VERIFIED, ERR_OK);
	gatehouse_close(&h);
}

/* Each of these is a nuisance, not an end. */
static void
expect_success(const struct httpd_faults *f)
{
	struct gatehouse h;

	begin(&h, f);
	gatehouse_order(&h, ID);
	gatehouse_report(&h, ID, PB__PHASE__PHASE_VERIFIED, ERR_OK);
	cr_expect_eq(gatehouse_store_entry(&h, h.digest), (int64_t)h.package.len);
	gatehouse_close(&h);
}

Test(gate_bad, two_cuts_and_no_byte_twice)
{
	struct gatehouse h;

	begin(&h, &(struct httpd_faults){.cut_after = 60000, .cuts = 2});
	gatehouse_order(&h, ID);
	gatehouse_report(&h, ID, PB__PHASE__PHASE_VERIFIED, ERR_OK);
	struct httpd_counters c = httpd_counters(h.server);
	cr_expect_eq(c.body_bytes, h.package.len);
	cr_expect_eq(c.requests, 3);
	gatehouse_close(&h);
}

Test(gate_bad, a_server_that_answers_200_to_a_range_starts_it_over)
{
	expect_success(&(struct httpd_faults){.cut_after = 60000, .cuts = 1, .ignore_range = true});
}

Test(gate_bad, a_server_in_trouble_is_asked_again)
{
	expect_success(&(struct httpd_faults){.status = 503, .status_times = 2});
}

/* trust: 58 */
Test(gate_bad, a_package_that_changed_between_two_tries_is_fetched_anew)
{
	struct gatehouse h;

	begin(&h, &(struct httpd_faults){.cut_after = 60000, .cuts = 1, .new_etag = true});
	gatehouse_order(&h, ID);
	gatehouse_report(&h, ID, PB__PHASE__PHASE_VERIFIED, ERR_OK);
	struct httpd_counters c = httpd_counters(h.server);
	cr_expect_geq(c.body_bytes, h.package.len + 60000);
	cr_expect_geq(c.if_range, 1);
	gatehouse_close(&h);
}
