/*
 * ledger: upgrades, reports and counters over a restart, in a real database.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"
#include "kit.h"
#include "ledger.h"

struct scene {
	char *dir;
	char path[600];
	struct mono now;
	struct ledger l;
	bool fresh;
};

static void
reopen(struct scene *s)
{
	if (s->l.record)
		ledger_close(&s->l);
	cr_assert_eq(ledger_open(s->path, s->now, &s->l, &s->fresh), ERR_OK);
}

static void
open_scene(struct scene *s)
{
	*s = (struct scene){.dir = kit_scratch(), .now = {5000000}};
	snprintf(s->path, sizeof(s->path), "%s/flashd.db", s->dir);
	reopen(s);
}

static void
close_scene(struct scene *s)
{
	ledger_close(&s->l);
	kit_scratch_remove(s->dir);
}

static struct device_upgrade *
add(struct scene *s, uint64_t id)
{
	Pb__Device d = PB__DEVICE__INIT;
	struct device_upgrade fresh, *u = NULL;

	d.product_key = golden_text("p1");
	d.device_key = golden_text("meter-1");
	device_init(&fresh, id, &d, "app", "2.0.0", s->now);
	cr_assert_eq(ledger_add(&s->l, &fresh, &u), ERR_OK);
	return u;
}

static void
step(struct scene *s, struct device_upgrade *u, int event)
{
	struct device_news n = {.now = s->now, .error = ERR_IMAGE, .detail = "expected a, got b"};

	cr_assert_eq(device_step(u, event, &n), ERR_OK);
}

static void
save(struct scene *s)
{
	cr_assert_eq(ledger_save(&s->l, s->now), ERR_OK);
}

struct reports {
	struct ledger_report r[64];
	size_t n;
	size_t stop_at;
};

static enum err
on_report(void *arg, const struct ledger_report *r)
{
	struct reports *all = arg;

	if (all->stop_at && all->n == all->stop_at)
		return ERR_AGAIN;
	all->r[all->n++] = *r;
	return ERR_OK;
}

static struct reports
reports_of(struct scene *s, uint64_t after, unsigned max)
{
	struct reports all = {0};

	cr_assert_eq(ledger_each_report(&s->l, after, max, on_report, &all), ERR_OK);
	return all;
}

Test(ledger, upgrade_comes_back_after_a_restart_as_it_was_recorded)
{
	struct scene s;

	open_scene(&s);
	cr_expect(s.fresh);
	struct device_upgrade *u = add(&s, 41);
	u->state = DEVICE_TESTING;
	u->has_digest = u->has_image_hash = u->wrote = u->rebooted = u->destructive = true;
	memset(u->digest, 1, 32);
	memset(u->image_hash, 2, 32);
	memset(u->image_sha256, 3, 32);
	snprintf(u->image_version, sizeof(u->image_version), "2.0.0");
	snprintf(u->binding, sizeof(u->binding), "a/b/c");
	snprintf(u->version, sizeof(u->version), "1.0.0");
	u->sequence = INT64_MAX;
	u->counter = 12;
	u->generation = UINT32_MAX;
	save(&s);
	reopen(&s);
	cr_expect_not(s.fresh);
	u = ledger_find(&s.l, 41);
	cr_assert_not_null(u);
	cr_expect_eq(u->state, DEVICE_TESTING);
	cr_expect_eq(u->verb, PB__VERB__VERB_IDENTIFY, "the device is asked, nothing is believed");
	cr_expect_str_eq(u->product_key, "p1");
	cr_expect_str_eq(u->device_key, "meter-1");
	cr_expect_str_eq(u->component, "app");
	cr_expect_str_eq(u->target_version, "2.0.0");
	cr_expect_str_eq(u->image_version, "2.0.0");
	cr_expect_str_eq(u->binding, "a/b/c");
	cr_expect_str_eq(u->version, "1.0.0");
	cr_expect(u->has_digest && u->has_image_hash && u->wrote && u->rebooted && u->destructive);
	cr_expect(u->digest[31] == 1 && u->image_hash[31] == 2 && u->image_sha256[31] == 3);
	cr_expect_eq(u->sequence, (uint64_t)INT64_MAX);
	cr_expect_eq(u->counter, 12);
	cr_expect_eq(u->generation, UINT32_MAX);
	close_scene(&s);
}

Test(ledger, what_a_plan_demands_is_known_to_a_confirmation_after_a_restart)
{
	struct scene s;

	open_scene(&s);
	struct device_upgrade *u = add(&s, 42);
	u->min_battery = 60;
	u->min_signal_dbm = -95;
	snprintf(u->source_version, sizeof(u->source_version), "1.0.0");
	save(&s);
	reopen(&s);
	u = ledger_find(&s.l, 42);
	cr_assert_not_null(u);
	cr_expect_eq(u->state, DEVICE_IDENTIFIED);
	cr_expect_eq(u->min_battery, 60);
	cr_expect_eq(u->min_signal_dbm, -95);
	cr_expect_str_eq(u->source_version, "1.0.0");
	close_scene(&s);
}

static void
run(struct scene *s, const char *sql)
{
	cr_assert_eq(record_run(s->l.record, sql, ""), ERR_OK, "%s", sql);
}

/* As before there was one. */
static void
forget_journal(struct scene *s)
{
	run(s, "DROP TABLE audit");
	run(s, "DROP TABLE audit_key");
	run(s, "ALTER TABLE report DROP COLUMN head");
	run(s, "DROP TABLE unit");
	run(s, "ALTER TABLE upgrade DROP COLUMN added");
}

Test(ledger, record_of_the_first_version_is_read_with_nothing_demanded)
{
	struct scene s;
	int64_t n = 0;

	open_scene(&s);
	add(&s, 43);
	save(&s);
	run(&s, "ALTER TABLE upgrade DROP COLUMN min_battery");
	run(&s, "ALTER TABLE upgrade DROP COLUMN min_signal");
	run(&s, "ALTER TABLE upgrade DROP COLUMN source_version");
	run(&s, "DROP TABLE rollout");
	forget_journal(&s);
	cr_assert_eq(record_run(s.l.record, "PRAGMA user_version = 1", ""), ERR_OK);
	reopen(&s);
	cr_assert_not_null(ledger_find(&s.l, 43));
	cr_expect_eq(ledger_find(&s.l, 43)->min_battery, 0);
	cr_assert_eq(record_get_int(s.l.record, &n, "PRAGMA user_version", ""), ERR_OK);
	cr_expect_eq(n, 7);
	close_scene(&s);
}

Test(ledger, what_was_not_saved_did_not_happen)
{
	struct scene s;

	open_scene(&s);
	add(&s, 41);
	cr_expect(ledger_is_unsaved(&s.l));
	reopen(&s);
	cr_expect_null(ledger_find(&s.l, 41));
	close_scene(&s);
}

Test(ledger, time_in_a_state_is_counted_over_a_restart_and_not_while_flashd_is_down)
{
	static const struct device_limits limits = {.wait_ms = 100000};
	struct scene s;

	open_scene(&s);
	step(&s, add(&s, 41), DEVICE_ADMIT);
	s.now.ms += 30000;
	ledger_find(&s.l, 41)->changed = true;
	save(&s);
	s.now.ms = 7; /* another boot, another clock */
	reopen(&s);
	cr_expect_eq(mono_between(s.now, device_deadline(ledger_find(&s.l, 41), &limits)), 70000);
	close_scene(&s);
}

Test(ledger, report_stays_until_it_is_acknowledged)
{
	struct scene s;

	open_scene(&s);
	struct device_upgrade *u = add(&s, 41);
	step(&s, u, DEVICE_ADMIT);
	save(&s);
	cr_expect_not(ledger_has_reports(&s.l), "an admission is no report");
	step(&s, u, DEVICE_ORDER);
	step(&s, u, DEVICE_REFUSE);
	save(&s);
	reopen(&s);
	struct reports all = reports_of(&s, 0, 10);
	cr_assert_eq(all.n, 2);
	cr_expect_eq(all.r[0].phase, PB__PHASE__PHASE_VERIFIED);
	cr_expect_eq(all.r[0].error, 0);
	cr_expect_eq(all.r[1].phase, PB__PHASE__PHASE_REFUSED);
	cr_expect_eq(all.r[1].error, ERR_IMAGE);
	cr_expect_str_eq(all.r[1].detail, "expected a, got b");
	cr_expect_lt(all.r[0].id, all.r[1].id);
	cr_expect_eq(ledger_drop_report(&s.l, all.r[0].id), ERR_OK);
	cr_expect_eq(ledger_drop_report(&s.l, all.r[0].id), ERR_OK, "twice is fine");
	cr_expect_eq(reports_of(&s, 0, 10).n, 1);
	cr_expect_eq(ledger_drop_report(&s.l, all.r[1].id), ERR_OK);
	cr_expect_not(ledger_has_reports(&s.l));
	close_scene(&s);
}

Test(ledger, reports_are_handed_out_after_an_id_and_not_more_than_asked_for)
{
	struct scene s;

	open_scene(&s);
	for (uint64_t id = 1; id <= 5; id++) {
		struct device_upgrade *u = add(&s, id);

		step(&s, u, DEVICE_REFUSE);
		save(&s);
	}
	struct reports all = reports_of(&s, 0, 10);
	cr_assert_eq(all.n, 5);
	cr_expect_eq(reports_of(&s, 0, 2).n, 2);
	struct reports rest = reports_of(&s, all.r[2].id, 10);
	cr_assert_eq(rest.n, 2);
	cr_expect_eq(rest.r[0].upgrade, 4);
	struct reports some = {.stop_at = 1};
	cr_expect_eq(ledger_each_report(&s.l, 0, 10, on_report, &some), ERR_AGAIN);
	close_scene(&s);
}

Test(ledger, report_said_again_takes_the_place_of_the_one_before)
{
	struct scene s;

	open_scene(&s);
	struct device_upgrade *u = add(&s, 41);
	step(&s, u, DEVICE_REFUSE);
	save(&s);
	uint64_t first = reports_of(&s, 0, 10).r[0].id;
	u->say = 1u << PB__PHASE__PHASE_REFUSED;
	save(&s);
	struct reports all = reports_of(&s, 0, 10);
	cr_assert_eq(all.n, 1);
	cr_expect_gt(all.r[0].id, first);
	close_scene(&s);
}

/* trust: time-ids */
Test(ledger, ids_of_reports_never_come_again_not_even_with_a_new_database)
{
	struct scene s;
	char old[700];

	open_scene(&s);
	step(&s, add(&s, 41), DEVICE_REFUSE);
	save(&s);
	uint64_t before = reports_of(&s, 0, 10).r[0].id;
	cr_assert_eq(ledger_drop_report(&s.l, before), ERR_OK);
	reopen(&s);
	step(&s, add(&s, 42), DEVICE_REFUSE);
	save(&s);
	cr_expect_gt(reports_of(&s, 0, 10).r[0].id, before, "over a restart");
	ledger_close(&s.l);
	snprintf(old, sizeof(old), "%s.old", s.path);
	cr_assert_eq(rename(s.path, old), 0);
	uint64_t clock = clock_wall_ms();
	while (clock_wall_ms() == clock)
		;
	reopen(&s);
	cr_expect(s.fresh);
	step(&s, add(&s, 43), DEVICE_REFUSE);
	save(&s);
	cr_expect_gt(reports_of(&s, 0, 10).r[0].id, before + 1, "over a lost database");
	close_scene(&s);
}

/* trust: 55 56 */
Test(ledger, counters_rise_in_the_save_that_records_done_and_only_once)
{
	struct scene s;
	struct counters_key key = {"p1", "meter-1", "acme/sensor-9/", "app"};
	struct counters_row row;

	open_scene(&s);
	struct device_upgrade *u = add(&s, 41);
	u->sequence = 5;
	u->counter = 2;
	snprintf(u->binding, sizeof(u->binding), "acme/sensor-9/");
	snprintf(u->image_version, sizeof(u->image_version), "2.0.0");
	u->state = DEVICE_CONFIRMED;
	save(&s);
	cr_expect_eq(counters_get(s.l.record, &key, &row), ERR_NOT_FOUND);
	step(&s, u, DEVICE_SEES_NEW_KEPT);
	save(&s);
	cr_expect_not(u->effects & DEVICE_DO_RAISE);
	cr_assert_eq(counters_get(s.l.record, &key, &row), ERR_OK);
	cr_expect_eq(row.sequence, 5);
	cr_expect_eq(row.counter, 2);
	cr_expect_str_eq(row.version, "2.0.0");
	close_scene(&s);
}

Test(ledger, save_is_all_or_nothing)
{
	struct scene s;
	struct counters_key key = {"p1", "meter-1", "acme/sensor-9/", "app"};
	struct counters_row row;

	open_scene(&s);
	struct device_upgrade *u = add(&s, 41);
	u->sequence = 5;
	snprintf(u->binding, sizeof(u->binding), "acme/sensor-9/");
	u->state = DEVICE_CONFIRMED;
	save(&s);
	step(&s, u, DEVICE_SEES_NEW_KEPT);
	cr_assert_eq(record_run(s.l.record, "ALTER TABLE report RENAME TO gone", ""), ERR_OK);
	cr_expect_neq(ledger_save(&s.l, s.now), ERR_OK);
	cr_expect(u->changed && u->say && u->effects & DEVICE_DO_RAISE, "nothing is taken as done");
	cr_expect_eq(counters_get(s.l.record, &key, &row), ERR_NOT_FOUND);
	cr_assert_eq(record_run(s.l.record, "ALTER TABLE gone RENAME TO report", ""), ERR_OK);
	save(&s);
	cr_expect_eq(counters_get(s.l.record, &key, &row), ERR_OK);
	close_scene(&s);
}

Test(ledger, record_with_an_impossible_state_ends_its_upgrade_and_not_flashd)
{
	struct scene s;

	open_scene(&s);
	add(&s, 41);
	step(&s, add(&s, 42), DEVICE_ADMIT);
	step(&s, ledger_find(&s.l, 41), DEVICE_ADMIT);
	save(&s);
	cr_assert_eq(
	    record_run(s.l.record, "UPDATE upgrade SET state = 77 WHERE id = 41", ""), ERR_OK);
	reopen(&s);
	cr_expect_eq(ledger_find(&s.l, 41)->state, DEVICE_FAILED);
	cr_expect_eq(ledger_find(&s.l, 41)->error, ERR_CORRUPT);
	cr_expect_eq(ledger_find(&s.l, 42)->state, DEVICE_ADMITTED);
	save(&s);
	cr_expect_eq(reports_of(&s, 0, 10).r[0].phase, PB__PHASE__PHASE_FAILED);
	close_scene(&s);
}

Test(ledger, ended_upgrades_are_kept_up_to_a_bound_and_the_oldest_go_first)
{
	struct scene s;

	open_scene(&s);
	add(&s, 1);
	step(&s, ledger_find(&s.l, 1), DEVICE_ADMIT);
	for (uint64_t id = 2; id <= LEDGER_ENDED_MAX + 4; id++)
		step(&s, add(&s, id), DEVICE_REFUSE);
	save(&s);
	cr_expect_not_null(ledger_find(&s.l, 1), "one that goes on is never forgotten");
	cr_expect_null(ledger_find(&s.l, 4));
	cr_expect_not_null(ledger_find(&s.l, 5));
	reopen(&s);
	cr_expect_eq(s.l.n_upgrades, (size_t)LEDGER_ENDED_MAX + 1);
	close_scene(&s);
}

/* --- rollouts --------------------------------------------------------------------------------- */

Test(ledger, rollout_and_its_counts_survive_a_restart)
{
	struct scene s;
	const struct rollout_rules rules = {0, 1};

	open_scene(&s);
	struct rollout *r = ledger_need_rollout(&s.l, add(&s, 41));
	cr_assert_not_null(r);
	cr_expect(ledger_is_unsaved(&s.l));
	cr_expect_eq(rollout_step(r, ROLLOUT_DONE, &rules), ERR_OK);
	cr_expect_eq(rollout_step(r, ROLLOUT_FAILED, &rules), ERR_OK);
	uint64_t id = r->id;
	save(&s);
	cr_expect_eq(ledger_pause(&s.l, true), ERR_OK);
	reopen(&s);
	r = ledger_rollout(&s.l, id);
	cr_assert_not_null(r);
	cr_expect_eq(ledger_rollout_of(&s.l, ledger_find(&s.l, 41)), r);
	cr_expect_eq(r->state, ROLLOUT_STOPPED);
	cr_expect_eq(r->done, 1u);
	cr_expect_eq(r->failed, 1u);
	cr_expect_eq(r->failures, 1u);
	cr_expect(s.l.paused);
	cr_expect_eq(ledger_pause(&s.l, false), ERR_OK);
	reopen(&s);
	cr_expect_not(s.l.paused);
	close_scene(&s);
}

Test(ledger, rollouts_are_bounded_and_the_oldest_that_nobody_needs_goes)
{
	struct scene s;
	struct device_upgrade *needed = NULL;

	open_scene(&s);
	for (uint64_t id = 1; id <= ROLLOUT_MAX + 1; id++) {
		struct device_upgrade *u = add(&s, id);

		snprintf(u->target_version, sizeof(u->target_version), "%d", (int)id);
		cr_assert_not_null(ledger_need_rollout(&s.l, u), "%d", (int)id);
		if (id == 1)
			needed = u;
		else
			step(&s, u, DEVICE_REFUSE);
		save(&s);
	}
	reopen(&s);
	cr_expect_eq(s.l.n_rollouts, (size_t)ROLLOUT_MAX);
	needed = ledger_find(&s.l, 1);
	cr_expect_not_null(ledger_rollout_of(&s.l, needed), "an upgrade still needs it");
	cr_expect_null(ledger_rollout_of(&s.l, ledger_find(&s.l, 2)));
	close_scene(&s);
}

/* A ledger as the version before the queue left it: the states after WAITING had other numbers. */
Test(ledger, states_of_a_ledger_from_before_the_queue_are_renumbered)
{
	struct scene s;

	open_scene(&s);
	step(&s, add(&s, 41), DEVICE_ADMIT);
	struct device_upgrade *u = add(&s, 42);
	u->state = DEVICE_TESTING;
	save(&s);
	cr_assert_eq(
	    record_run(s.l.record, "UPDATE upgrade SET state = 5 WHERE id = 42", ""), ERR_OK);
	run(&s, "ALTER TABLE upgrade DROP COLUMN source_version");
	run(&s, "DROP TABLE rollout");
	forget_journal(&s);
	cr_assert_eq(record_run(s.l.record, "PRAGMA user_version = 2", ""), ERR_OK);
	reopen(&s);
	cr_expect_eq(ledger_find(&s.l, 41)->state, DEVICE_ADMITTED);
	cr_expect_eq(ledger_find(&s.l, 42)->state, DEVICE_TESTING);
	close_scene(&s);
}
