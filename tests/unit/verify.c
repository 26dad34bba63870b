/*
 * verify: flashd's own judgement of what lies in the store: real bundles of the kit, in a real
 * directory, under every way in which the gate could have put something else there.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kit.h"
#include "root.h"
#include "verify.h"

static const char *const schema[] = {COUNTERS_SCHEMA};

struct scene {
	char *dir;
	struct kit *kit;
	struct kit_spec spec;
	struct trust *trust;
	struct record *record;
	char store[300], entry[400], bundle[420];
	uint8_t digest[32];
	struct verify_context c;
	struct verify_target t;
	struct verify_image v;
	char why[WHY_SIZE];
};

static void
put(struct scene *s, const void *data, size_t len)
{
	char hex[65];

	sodium_bin2hex(hex, sizeof(hex), s->digest, 32);
	snprintf(s->entry, sizeof(s->entry), "%s/%s", s->store, hex);
	snprintf(s->bundle, sizeof(s->bundle), "%s/bundle", s->entry);
	cr_assert(mkdir(s->entry, 0755) == 0 || access(s->entry, F_OK) == 0);
	kit_write(s->entry, "bundle", data, len);
}

/* Sign what `spec` says and put it where the gate would. */
static void
publish(struct scene *s)
{
	struct bundle_head *head = kit_head(s->kit, &s->spec);
	struct bundle_bytes file = kit_file_of(head, &s->spec);

	memcpy(s->digest, head->digest, 32);
	put(s, file.data, file.len);
	free(file.data);
	bundle_head_free(head);
}

static void
open_scene(struct scene *s)
{
	char path[300];
	bool fresh = false;

	*s = (struct scene){.dir = kit_scratch(), .spec = {.sequence = 5, .security_counter = 2}};
	s->kit = kit_new(s->dir);
	s->trust = kit_trust(s->kit, NULL);
	snprintf(s->store, sizeof(s->store), "%s/store", s->dir);
	cr_assert_eq(mkdir(s->store, 0755), 0);
	snprintf(path, sizeof(path), "%s/db", s->dir);
	cr_assert_eq(record_open(path, schema, 1, &fresh, &s->record), ERR_OK);
	s->c = (struct verify_context){.trust = s->trust,
	    .record = s->record,
	    .store_dir = s->store,
	    .time = {.now_ms = KIT_NOW_MS, .synchronised = true}};
	s->t = (struct verify_target){.vendor = "acme",
	    .model = "sensor-9",
	    .hw_revision = "",
	    .product_key = "p1",
	    .device_key = "meter-1",
	    .component = "app",
	    .version = "2.4.1",
	    .driver = "smp"};
	verify_image_init(&s->v);
	publish(s);
}

static void
close_scene(struct scene *s)
{
	verify_image_fini(&s->v);
	record_close(s->record);
	trust_close(s->trust);
	kit_free(s->kit);
	kit_scratch_remove(s->dir);
}

static void
expect(struct scene *s, enum err want)
{
	verify_image_fini(&s->v);
	enum err e = verify_open(&s->c, s->digest, &s->t, &s->v, s->why);

	cr_expect_eq(e, want, "expected %s, got %s: %s", err_name(want), err_name(e), s->why);
	cr_expect_eq(s->v.fd >= 0, e == ERR_OK, "a refused package is closed");
	cr_expect_eq(s->v.manifest != NULL, e == ERR_OK);
}

static void
confirm(struct scene *s, uint64_t counter, uint64_t sequence, const uint8_t digest[32])
{
	struct counters_key key = {"p1", "meter-1", "acme/sensor-9/", "app"};
	struct counters_row row = {.counter = counter, .sequence = sequence, .generation = 1};

	memcpy(row.digest, digest, 32);
	cr_assert_eq(counters_raise(s->record, &key, &row), ERR_OK);
}

Test(verify, good_package_is_opened_with_its_payload_found)
{
	struct scene s;
	char payload[9] = "";

	open_scene(&s);
	expect(&s, ERR_OK);
	cr_expect_arr_eq(s.v.digest, s.digest, 32);
	cr_expect_str_eq(s.v.payload->version, "2.4.1");
	cr_expect_eq(pread(s.v.fd, payload, 8, (off_t)s.v.offset), 8);
	cr_expect_str_eq(payload, "firmware");
	cr_expect_not(s.v.confirmed);
	close_scene(&s);
}

/* --- what lies there (spec/trust.md 6, 40-43) --------------------------------------------------
 */

Test(verify, nothing_under_that_name_is_not_found)
{
	struct scene s;

	open_scene(&s);
	s.digest[0] ^= 1;
	expect(&s, ERR_NOT_FOUND);
	close_scene(&s);
}

/* trust: 40 */
Test(verify, link_in_place_of_the_file_is_refused)
{
	struct scene s;
	char other[320];

	open_scene(&s);
	snprintf(other, sizeof(other), "%s/other", s.dir);
	cr_assert_eq(rename(s.bundle, other), 0);
	cr_assert_eq(symlink(other, s.bundle), 0);
	expect(&s, ERR_CORRUPT);
	close_scene(&s);
}

/* trust: 40 */
Test(verify, link_in_place_of_the_entry_is_refused)
{
	struct scene s;
	char other[320];

	open_scene(&s);
	snprintf(other, sizeof(other), "%s/other", s.dir);
	cr_assert_eq(rename(s.entry, other), 0);
	cr_assert_eq(symlink(other, s.entry), 0);
	expect(&s, ERR_CORRUPT);
	close_scene(&s);
}

/* trust: 40 */
Test(verify, pipe_directory_and_socket_are_refused_without_waiting_for_a_writer)
{
	struct scene s;

	open_scene(&s);
	unlink(s.bundle);
	cr_assert_eq(mkfifo(s.bundle, 0644), 0);
	expect(&s, ERR_CORRUPT);
	unlink(s.bundle);
	cr_assert_eq(mkdir(s.bundle, 0755), 0);
	expect(&s, ERR_CORRUPT);
	close_scene(&s);
}

/* trust: 40 */
Test(verify, file_with_a_second_name_is_refused)
{
	struct scene s;
	char other[320];

	open_scene(&s);
	snprintf(other, sizeof(other), "%s/other", s.dir);
	cr_assert_eq(link(s.bundle, other), 0);
	expect(&s, ERR_CORRUPT);
	close_scene(&s);
}

Test(verify, both_ways_of_opening_agree)
{
	struct scene s;
	uint64_t size[2] = {0};

	open_scene(&s);
	for (int by_hand = 0; by_hand < 2; by_hand++) {
		AUTO(fd) int fd = -1;

		cr_expect_eq(
		    verify_open_entry(s.store, s.digest, by_hand, &fd, &size[by_hand], s.why),
		    ERR_OK);
	}
	cr_expect_eq(size[0], size[1]);
	unlink(s.bundle);
	cr_assert_eq(symlink("/etc/passwd", s.bundle), 0);
	for (int by_hand = 0; by_hand < 2; by_hand++) {
		int fd = -1;

		cr_expect_eq(verify_open_entry(s.store, s.digest, by_hand, &fd, &size[0], s.why),
		    ERR_CORRUPT, "by hand: %d", by_hand);
		cr_expect_eq(fd, -1);
	}
	close_scene(&s);
}

/* trust: 40 */
Test(verify, package_that_was_cut_or_has_grown_is_refused)
{
	struct scene s;
	struct stat st;

	open_scene(&s);
	cr_assert_eq(stat(s.bundle, &st), 0);
	cr_assert_eq(truncate(s.bundle, st.st_size + BUNDLE_TRAILER_MAX * 512), 0);
	expect(&s, ERR_FRAME);
	cr_assert_eq(truncate(s.bundle, st.st_size - 1024), 0);
	expect(&s, ERR_FRAME);
	cr_assert_eq(truncate(s.bundle, 100), 0);
	expect(&s, ERR_FRAME);
	cr_assert_eq(truncate(s.bundle, 0), 0);
	expect(&s, ERR_FRAME);
	close_scene(&s);
}

/* trust: 42 */
Test(verify, unsigned_package_that_the_gate_calls_verified_is_refused)
{
	struct scene s;

	open_scene(&s);
	put(&s, "firmware, and no bundle at all", 30);
	expect(&s, ERR_FRAME);
	close_scene(&s);
}

/* trust: 42 */
Test(verify, package_signed_by_another_key_is_refused)
{
	struct scene s;
	char other[320];

	open_scene(&s);
	snprintf(other, sizeof(other), "%s/evil", s.dir);
	cr_assert_eq(mkdir(other, 0755), 0);
	struct kit *evil = kit_new(other), *good = s.kit;
	s.kit = evil;
	publish(&s);
	s.kit = good;
	kit_free(evil);
	expect(&s, ERR_THRESHOLD);
	close_scene(&s);
}

/* trust: 40 */
Test(verify, another_good_package_in_the_place_of_the_ordered_one_is_refused)
{
	struct scene s;
	uint8_t ordered[32];
	char aside[430], *was = NULL;

	open_scene(&s);
	memcpy(ordered, s.digest, 32);
	was = strdup(s.bundle);
	s.spec.sequence = 6;
	publish(&s);
	snprintf(aside, sizeof(aside), "%s", s.bundle);
	cr_assert_eq(rename(aside, was), 0);
	memcpy(s.digest, ordered, 32);
	expect(&s, ERR_DIGEST);
	free(was);
	close_scene(&s);
}

/* --- whom it is for --------------------------------------------------------------------------- */

/* trust: 53 */
Test(verify, package_for_something_else_is_refused)
{
	struct scene s;
	struct verify_target t;

	open_scene(&s);
	t = s.t;
	s.t.vendor = "other";
	expect(&s, ERR_WRONG_TARGET);
	s.t = t;
	s.t.model = "sensor-8";
	expect(&s, ERR_WRONG_TARGET);
	s.t = t;
	s.t.component = "radio";
	expect(&s, ERR_COMPONENT);
	s.t = t;
	s.t.version = "2.4.2";
	expect(&s, ERR_MISMATCH);
	s.t = t;
	s.t.driver = "ymodem";
	expect(&s, ERR_WRONG_TARGET);
	s.t = t;
	s.spec.device_id = "p1/meter-2";
	publish(&s);
	expect(&s, ERR_WRONG_TARGET);
	s.spec.device_id = "p1/meter-1";
	publish(&s);
	expect(&s, ERR_OK);
	close_scene(&s);
}

/* --- what is newer ---------------------------------------------------------------------------- */

/* trust: 46 */
Test(verify, older_package_than_the_confirmed_one_is_refused)
{
	struct scene s;
	uint8_t other[32] = {1};

	open_scene(&s);
	confirm(&s, 3, 4, other);
	expect(&s, ERR_ROLLBACK);
	close_scene(&s);
	open_scene(&s);
	confirm(&s, 2, 6, other);
	expect(&s, ERR_ROLLBACK);
	close_scene(&s);
	open_scene(&s);
	confirm(&s, 2, 5, other);
	expect(&s, ERR_REPLAY);
	close_scene(&s);
}

/* trust: 49 */
Test(verify, very_package_that_was_confirmed_is_let_through_and_said_to_be_it)
{
	struct scene s;

	open_scene(&s);
	confirm(&s, 2, 5, s.digest);
	expect(&s, ERR_OK);
	cr_expect(s.v.confirmed);
	close_scene(&s);
}

/* trust: 48 */
Test(verify, record_that_cannot_be_trusted_lets_nothing_through)
{
	struct scene s;

	open_scene(&s);
	confirm(&s, 2, 4, s.digest);
	cr_assert_eq(record_run(s.record, "UPDATE confirmed SET counter = -7", ""), ERR_OK);
	expect(&s, ERR_CORRUPT);
	close_scene(&s);
}

/* trust: 52 */
Test(verify, clock_decides_within_the_signed_times)
{
	struct scene s;

	open_scene(&s);
	s.spec.expires_ms = KIT_NOW_MS - 1;
	publish(&s);
	expect(&s, ERR_EXPIRED);
	s.spec.expires_ms = 0;
	s.spec.not_before_ms = KIT_NOW_MS + 1000;
	publish(&s);
	expect(&s, ERR_NOT_YET);
	close_scene(&s);
}

/* trust: 43 */
Test(verify, all_of_it_is_done_again_each_time)
{
	struct scene s;

	open_scene(&s);
	expect(&s, ERR_OK);
	AUTO(fd) int fd = open(s.bundle, O_WRONLY);
	cr_assert_eq(pwrite(fd, "X", 1, 600), 1); /* in the manifest */
	expect(&s, ERR_DIGEST);
	close_scene(&s);
}

/* trust: 52 time-once */
Test(verify, end_that_passes_after_the_writing_has_begun_does_not_count)
{
	struct scene s;

	open_scene(&s);
	s.spec.expires_ms = KIT_NOW_MS - 1;
	publish(&s);
	expect(&s, ERR_EXPIRED);
	s.c.time.settled = true;
	expect(&s, ERR_OK);
	confirm(&s, 3, 4, s.digest);
	expect(&s, ERR_ROLLBACK);
	close_scene(&s);
}

/* A root that revokes the key comes with another package, while the first one waits for its turn.
 */
/* trust: 21 */
Test(verify, image_that_was_good_is_refused_once_its_key_is_revoked)
{
	struct scene s;
	char why[WHY_SIZE] = "";
	struct trust_time now = {.now_ms = KIT_NOW_MS, .synchronised = true};

	open_scene(&s);
	expect(&s, ERR_OK);
	AUTO(bundle_head)
	struct bundle_head *h = kit_head(s.kit, &(struct kit_spec){.sequence = 6});
	AUTO(root) Tr__Root *two = kit_next_root(s.kit->doc);

	kit_revoke(two, &s.kit->release[0]);
	kit_add_root(s.kit, h, two, 3);
	cr_assert_eq(trust_apply_roots(s.trust, h, &now, why), ERR_OK, "%s", why);
	expect(&s, ERR_KEY_REVOKED);
	s.c.time.settled = true;
	expect(&s, ERR_KEY_REVOKED);
	close_scene(&s);
}
