/*
 * flashd believes nobody about an image: packages that must not reach a device, a gate that changes
 * them under its hands, and orders that contradict what was agreed (spec/trust.md section 6,
 * 38-54).
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "flashhouse_expect.h"

static void
close_house(struct flashhouse *h)
{
	cr_expect_eq(flashhouse_stop(h), 0);
	flashhouse_close(h);
}

/* The upgrade is refused for this reason, and the device never hears of it. */
static void
expect_refused(struct flashhouse *h, uint64_t id, enum err error)
{
	flashhouse_begin_for(h, id, &(struct flashhouse_target){0});
	flashhouse_expect_end(h, id, PB__PHASE__PHASE_REFUSED, error);
	flashhouse_expect_untouched(h);
}

/* --- what lies in the store ------------------------------------------------------------------- */

/* trust: 42 */
Test(flashd_trust, unsigned_package_is_refused_whatever_the_gate_says)
{
	struct flashhouse h;

	flashhouse_open(&h);
	flashhouse_put(&h, h.image, h.image_len);
	flashhouse_start(&h);
	expect_refused(&h, 7, ERR_UNSIGNED);
	close_house(&h);
}

/* trust: 42 */
Test(flashd_trust, package_of_another_publisher_is_refused)
{
	struct flashhouse h;
	char other[320];

	flashhouse_open(&h);
	snprintf(other, sizeof(other), "%s/other", h.dir);
	cr_assert_eq(mkdir(other, 0755), 0);
	struct kit *mine = h.kit;
	h.kit = kit_new(other);
	flashhouse_publish(&h);
	kit_free(h.kit);
	h.kit = mine;
	flashhouse_start(&h);
	expect_refused(&h, 7, ERR_THRESHOLD);
	close_house(&h);
}

static void
expect_spec_refused(void (*change)(struct kit_spec *spec), enum err error)
{
	struct flashhouse h;

	flashhouse_open(&h);
	change(&h.spec);
	flashhouse_publish(&h);
	flashhouse_start(&h);
	expect_refused(&h, 7, error);
	close_house(&h);
}

static void
for_another_model(struct kit_spec *spec)
{
	spec->model = "sensor-8";
}

static void
for_another_device(struct kit_spec *spec)
{
	spec->device_id = "p1/meter-2";
}

static void
for_another_driver(struct kit_spec *spec)
{
	spec->driver = "ymodem";
}

/* trust: 53 */
Test(flashd_trust, package_for_another_target_is_refused)
{
	expect_spec_refused(for_another_model, ERR_WRONG_TARGET);
	expect_spec_refused(for_another_device, ERR_WRONG_TARGET);
	expect_spec_refused(for_another_driver, ERR_WRONG_TARGET);
}

/* trust: 52 time-unset */
Test(flashd_trust, manifest_that_has_expired_is_refused_by_any_clock)
{
	struct flashhouse h;

	flashhouse_open(&h);
	h.spec.expires_ms = KIT_CREATED_MS + 1000;
	flashhouse_publish(&h);
	flashhouse_start(&h);
	flashhouse_begin(&h, 7);
	/* TIME: this machine's clock may not be synchronised */
	flashhouse_expect_end(
	    &h, 7, PB__PHASE__PHASE_REFUSED, clock_is_synchronised() ? ERR_EXPIRED : ERR_TIME);
	flashhouse_expect_untouched(&h);
	close_house(&h);
}

/* trust: 40 */
Test(flashd_trust, link_pipe_and_half_a_file_in_the_store_are_refused_without_blocking)
{
	struct flashhouse h;
	char aside[420];

	flashhouse_open(&h);
	flashhouse_publish(&h);
	flashhouse_start(&h);
	snprintf(aside, sizeof(aside), "%s.aside", h.bundle);
	cr_assert_eq(rename(h.bundle, aside), 0);
	cr_assert_eq(symlink(aside, h.bundle), 0);
	expect_refused(&h, 7, ERR_CORRUPT);
	unlink(h.bundle);
	cr_assert_eq(mkfifo(h.bundle, 0644), 0);
	expect_refused(&h, 8, ERR_CORRUPT);
	unlink(h.bundle);
	expect_refused(&h, 9, ERR_NOT_FOUND);
	cr_assert_eq(rename(aside, h.bundle), 0);
	cr_assert_eq(truncate(h.bundle, 5000), 0);
	expect_refused(&h, 10, ERR_FRAME);
	close_house(&h);
}

/* --- what is older ---------------------------------------------------------------------------- */

/* Bring the device to another version behind flashd's back, so that policy lets the plan through.
 */
static void
reset_device(struct flashhouse *h, const char *version)
{
	struct smp_script *d = smp_tty_take(h->device);

	d->slot[0] = (struct smp_script_slot){
	    .used = true, .version = "", .hash = {1, 2, 3}, .confirmed = true, .active = true};
	snprintf(d->slot[0].version, sizeof(d->slot[0].version), "%s", version);
	d->slot[1] = (struct smp_script_slot){0};
	smp_tty_give(h->device);
}

/* flashd asks at its start, and remembers. */
static void
restart_and_ask(struct flashhouse *h, const char *version)
{
	cr_expect_eq(flashhouse_stop(h), 0);
	flashhouse_start(h);
	flashhouse_forget(h);
	cr_assert_not_null(flashhouse_device(h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, version));
}

static unsigned
events(struct flashhouse *h, const char *text)
{
	char path[320], line[2000];
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/state/flashd/events.jsonl", h->dir);
	AUTO(file) FILE *f = fopen(path, "re");
	cr_assert_not_null(f, "%s", path);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	return n;
}

/* trust: 46 51 */
Test(flashd_trust, package_older_than_what_was_confirmed_is_refused_for_ever)
{
	struct flashhouse h;

	flashhouse_open(&h);
	flashhouse_publish(&h);
	flashhouse_start(&h);
	flashhouse_begin(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	cr_expect_eq(events(&h, "device_regressed"), 0);
	reset_device(&h, "1.0.0");
	restart_and_ask(&h, "1.0.0");
	cr_expect_eq(events(&h, "device_regressed"), 1);
	reset_device(&h, "99999.0.0"); /* claimed, and no more than that */
	restart_and_ask(&h, "99999.0.0");
	cr_expect_eq(events(&h, "device_regressed"), 2);
	h.spec.sequence = 4;
	flashhouse_publish(&h);
	flashhouse_begin_for(&h, 8, &(struct flashhouse_target){0});
	flashhouse_expect_end(&h, 8, PB__PHASE__PHASE_REFUSED, ERR_ROLLBACK);
	h.spec.sequence = 6;
	h.spec.security_counter = 1;
	flashhouse_publish(&h);
	flashhouse_begin_for(&h, 9, &(struct flashhouse_target){0});
	flashhouse_expect_end(&h, 9, PB__PHASE__PHASE_REFUSED, ERR_ROLLBACK);
	h.spec.security_counter = 2;
	flashhouse_publish(&h);
	flashhouse_begin_for(&h, 10, &(struct flashhouse_target){0});
	flashhouse_expect_end(&h, 10, PB__PHASE__PHASE_DONE, ERR_OK);
	close_house(&h);
}

/* --- a package that changes under flashd's hands -------------------------------------------------
 */

struct writer {
	int fd; /* kept open from before */
	off_t at;
	atomic_bool stop;
	pthread_t thread;
};

static void *
scribble(void *arg)
{
	struct writer *w = arg;
	char good = 0;

	if (pread(w->fd, &good, 1, w->at) != 1)
		return NULL;
	while (!atomic_load(&w->stop)) {
		char bad = (char)(good ^ 1);

		if (pwrite(w->fd, &bad, 1, w->at) != 1 || pwrite(w->fd, &good, 1, w->at) != 1)
			return NULL;
	}
	return NULL;
}

/* trust: 38 39 */
Test(flashd_trust, writer_loop_on_the_package_gets_no_byte_of_its_own_to_the_device)
{
	struct flashhouse h;
	struct writer w = {.fd = -1};
	struct stat st;

	flashhouse_open(&h);
	flashhouse_publish(&h);
	cr_assert_eq(stat(h.bundle, &st), 0);
	w.fd = open(h.bundle, O_RDWR | O_CLOEXEC); /* before anybody could forbid it */
	cr_assert_geq(w.fd, 0);
	cr_assert_eq(chmod(h.bundle, 0444), 0);
	w.at = st.st_size - 20000; /* in the image */
	flashhouse_start(&h);
	flashhouse_slow_down(&h, 2, 100);
	cr_assert_eq(pthread_create(&w.thread, NULL, scribble, &w), 0);
	flashhouse_begin(&h, 7);
	const Pb__Report *r = flashhouse_end(&h, 7);
	atomic_store(&w.stop, true);
	pthread_join(w.thread, NULL);
	close(w.fd);
	cr_assert_not_null(r);
	/* it was seen, or every read met the good byte by chance: then all is well */
	cr_expect(r->phase == PB__PHASE__PHASE_DONE || r->error == ERR_TOCTOU, "got %s: %s",
	    err_name(r->error), r->detail);
	if (r->phase == PB__PHASE__PHASE_DONE)
		flashhouse_expect_upgraded(&h, h.device);
	else
		flashhouse_expect_old(&h);
	close_house(&h);
}

/* trust: 38 */
Test(flashd_trust, byte_changed_behind_the_verified_head_aborts_the_writing_as_toctou)
{
	struct flashhouse h;
	struct stat st;

	flashhouse_open(&h);
	flashhouse_publish(&h);
	cr_assert_eq(stat(h.bundle, &st), 0);
	AUTO(fd) int fd = open(h.bundle, O_RDWR | O_CLOEXEC);
	flashhouse_start(&h);
	flashhouse_slow_down(&h, 10, 100);
	flashhouse_begin(&h, 7);
	cr_assert(flashhouse_until_written(&h, 4096));
	cr_assert_eq(pwrite(fd, "evil", 4, st.st_size - 10000), 4);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_FAILED, ERR_TOCTOU);
	flashhouse_expect_old(&h);
	close_house(&h);
}

/* trust: 41 */
Test(flashd_trust, head_changed_after_it_was_verified_has_no_effect_on_the_session_that_has_it)
{
	struct flashhouse h;

	flashhouse_open(&h);
	flashhouse_publish(&h);
	AUTO(fd) int fd = open(h.bundle, O_RDWR | O_CLOEXEC);
	char good = 0;
	cr_assert_eq(pread(fd, &good, 1, 700), 1);
	flashhouse_start(&h);
	flashhouse_slow_down(&h, 10, 100);
	flashhouse_begin(&h, 7);
	cr_assert(flashhouse_until_written(&h, 4096));
	cr_assert_eq(pwrite(fd, "X", 1, 700), 1); /* in the manifest */
	cr_assert(flashhouse_until_written(&h, 16000), "it writes what was verified");
	cr_assert_eq(pwrite(fd, &good, 1, 700), 1);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	flashhouse_expect_upgraded(&h, h.device);
	close_house(&h);
}

/* trust: 43 */
Test(flashd_trust, package_changed_while_flashd_was_down_is_judged_anew_and_refused)
{
	struct flashhouse h;

	flashhouse_open(&h);
	flashhouse_publish(&h);
	flashhouse_start(&h);
	flashhouse_slow_down(&h, 10, 100);
	flashhouse_begin(&h, 7);
	cr_assert(flashhouse_until_written(&h, 8192));
	flashhouse_kill(&h);
	AUTO(fd) int fd = open(h.bundle, O_RDWR | O_CLOEXEC);
	cr_assert_eq(pwrite(fd, "X", 1, 700), 1);
	flashhouse_start(&h);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_FAILED, ERR_DIGEST);
	flashhouse_expect_old(&h);
	close_house(&h);
}

/* --- orders that contradict ------------------------------------------------------------------- */

/* trust: 44 */
Test(flashd_trust, order_for_another_version_or_device_than_agreed_is_a_mismatch)
{
	struct flashhouse h;

	flashhouse_open(&h);
	flashhouse_publish(&h);
	flashhouse_start(&h);
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
	static const struct flashhouse_target wrong[] = {
	    {.version = "9.9.9"}, {.device_key = "meter-2"}, {.component = "radio"}};
	for (uint64_t i = 0; i < 3; i++) {
		flashhouse_offer(&h, 10 + i);
		flashhouse_expect_verdict(&h, 10 + i, PB__VERDICT__VERDICT_ACCEPT, ERR_OK);
		flashhouse_order_for(&h, 10 + i, &wrong[i]);
		flashhouse_expect_end(&h, 10 + i, PB__PHASE__PHASE_REFUSED, ERR_MISMATCH);
	}
	flashhouse_expect_untouched(&h);
	close_house(&h);
}

/* trust: 44 45 */
Test(flashd_trust, order_of_an_upgrade_that_is_over_is_no_new_upgrade)
{
	struct flashhouse h;

	flashhouse_open(&h);
	flashhouse_publish(&h);
	flashhouse_start(&h);
	flashhouse_begin(&h, 7);
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	reset_device(&h, "1.0.0");
	flashhouse_ack_all(&h);
	flashhouse_forget(&h);
	flashhouse_order(&h, 7); /* replayed */
	flashhouse_expect_end(&h, 7, PB__PHASE__PHASE_DONE, ERR_OK);
	struct smp_script *d = smp_tty_take(h.device);
	cr_expect_str_eq(d->slot[0].version, "1.0.0", "it was not written again");
	smp_tty_give(h.device);
	close_house(&h);
}

Test(flashd_trust, plans_for_strangers_and_orders_without_a_plan_are_judged_by_policy)
{
	static const struct flashhouse_target stranger = {.device_key = "meter-9"};
	static const struct flashhouse_target radio = {.component = "radio"};
	struct flashhouse h;

	flashhouse_open(&h);
	flashhouse_publish(&h);
	flashhouse_start(&h);
	cr_assert_not_null(flashhouse_device(&h, PB__DEVICE_STATE__DEVICE_STATE_PRESENT, "1.0.0"));
	flashhouse_offer_for(&h, 20, &stranger);
	flashhouse_expect_verdict(&h, 20, PB__VERDICT__VERDICT_REJECT, ERR_UNKNOWN_DEVICE);
	flashhouse_offer_for(&h, 21, &radio);
	flashhouse_expect_verdict(&h, 21, PB__VERDICT__VERDICT_REJECT, ERR_COMPONENT);
	flashhouse_order_for(&h, 22, &stranger);
	flashhouse_expect_end(&h, 22, PB__PHASE__PHASE_REFUSED, ERR_UNKNOWN_DEVICE);
	flashhouse_expect_untouched(&h);
	flashhouse_order(&h, 23); /* flashd lost its memory: policy says yes */
	flashhouse_expect_end(&h, 23, PB__PHASE__PHASE_DONE, ERR_OK);
	close_house(&h);
}

/* trust: 1 */
Test(flashd_trust, without_usable_anchors_everything_is_refused)
{
	struct flashhouse h;
	char root[600];

	flashhouse_open(&h);
	flashhouse_publish(&h);
	snprintf(root, sizeof(root), "%s/root.1", h.kit->anchor_dir);
	cr_assert_eq(unlink(root), 0);
	flashhouse_start(&h);
	expect_refused(&h, 7, ERR_NO_TRUST);
	close_house(&h);
}
