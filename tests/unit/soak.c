/*
 * A virtual week of cloudd's core with the platform's own plan model: plans every day, pushes,
 * refusals, expiries, lost connections, deaths on both sides. What must hold all along: what cloudd
 * keeps stays small, what the platform hears of a device is in order, and when the trouble is over
 * everything that was begun has ended, and both sides know the truth.
 */
#include <criterion/criterion.h>
#include <malloc.h>
#include <sqlite3.h>
#include <string.h>

#include "dc_plan.h"
#include "log.h"
#include "soak.h"

/* A status 5 every 5 s, kept for 5 min; in bytes, what a heap may have more after a week. */
enum { WEEK = 7, ITEMS = 75 * SOAK_DEVICES, GROWTH = 192 * 1024 };

TestSuite(soak, .timeout = 240);

/* Which status may follow which in one device's life: a repeated one counts once, an attempt is
 * 1 2 4 5 8 9 11, ended early by 3, 6 or 12; a new one begins with 1. */
static bool
may_follow(int before, int s)
{
	bool over = before == 0 || before == 3 || before == 6 || before == 11 || before == 12;

	if (s == before || s == 1)
		return s == before || over || before == 1 || before == 2;
	if (over)
		return false;
	return s == 3 || s == 6 || s == 12 || s > before;
}

static void
expect_order(struct soak *s)
{
	AUTO(dc_query)
	struct dc_query *q = dc_db_query(
	    s->platform->db, "SELECT device, code FROM status ORDER BY device, id", "");
	int64_t device = 0;
	int before = 0;

	while (dc_query_next(q)) {
		int code = (int)dc_query_int(q, 1);

		before = device == dc_query_int(q, 0) ? before : 0;
		device = dc_query_int(q, 0);
		cr_expect(
		    may_follow(before, code), "device %d: %d after %d", (int)device, code, before);
		before = code;
	}
}

/* Everything that was begun has ended, and the platform has the truth. */
static void
expect_ends(struct soak *s)
{
	for (unsigned i = 0; i < SOAK_DEVICES; i++) {
		struct subdevice *d = subdevice_find(
		    &s->cloud.devices, DC_CASE_SUB_PK, s->device[i].dk);

		cr_assert_not_null(d);
		cr_expect_eq(d->conversation.state, CONVERSATION_IDLE, "%s: state %d",
		    s->device[i].dk, d->conversation.state);
		cr_expect_eq(dc_db_int(s->platform->db, 0,
				 "SELECT count(*) FROM device WHERE dk = ? AND version = ?", "tt",
				 s->device[i].dk, s->device[i].version),
		    1, "%s runs %s", s->device[i].dk, s->device[i].version);
	}
	for (unsigned i = 0; i < s->n_upgrades; i++)
		cr_expect_eq(s->upgrade[i].phase, SOAK_ENDED, "upgrade %llu: phase %d",
		    (unsigned long long)s->upgrade[i].id, (int)s->upgrade[i].phase);
	cr_expect_eq(s->n_reports, 0, "reports that nobody acknowledged");
	cr_expect_leq(s->cloud.outbox.n_items, 0 + 2 * SOAK_DEVICES);
}

/* What is in use beside the databases' caches, and beside what is kept for five minutes. */
static size_t
in_use(struct soak *s)
{
	return mallinfo2().uordblks - (size_t)sqlite3_memory_used() -
	       s->cloud.outbox.n_items * sizeof(struct outbox_item);
}

/* Enough of everything that the week is for has happened. */
static void
expect_a_week(struct soak *s)
{
	const struct soak_count *n = &s->count;
	long long expired = (long long)dc_db_int(s->platform->db, -1,
	    "SELECT count(*) FROM plan p JOIN progress r ON r.plan = p.id WHERE r.state <> ?", "i",
	    (int64_t)DC_PROGRESS_DONE);

	char said[400];

	snprintf(said, sizeof(said),
	    "offers %u, yes %u, no %u, later %u, asked %u, orders %u, done %u, went back %u, not "
	    "fetched %u, silent %u, cancelled %u, expired %lld; connections %u, cut %u, outages "
	    "%u, "
	    "deaths %u and %u, gate away %u, put offline %u",
	    n->offers, n->accepted, n->rejected, n->deferred, n->asked, n->orders, n->done,
	    n->failed, n->fetch_failed, n->silent, n->cancelled, expired, n->connects, n->cuts,
	    n->outages, n->restarts_platform, n->restarts_cloudd, n->gate_gone, n->kicks);
	cr_log_info("%s", said);
	cr_expect(n->rejected > 5 && n->deferred > 3 && n->asked > 1 && n->done > 30 &&
		      n->failed + n->fetch_failed + n->silent > 5 && expired > 0,
	    "%s", said);
	cr_expect(n->connects > 30 && n->cuts > 5 && n->outages > 10 && n->restarts_platform > 3 &&
		      n->restarts_cloudd > 3 && n->gate_gone > 3 && n->kicks > 3,
	    "%s", said);
}

/* rule: soak */
Test(soak, a_week_of_plans_and_trouble_ends_with_the_truth_on_both_sides)
{
	const char *seed = getenv("SUBOTA_SEED");
	size_t early = 0;
	char target[16];

	log_init("subota", LOG_ERROR);
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1); /* power cuts are not what this is about */
	AUTO(soak) struct soak *s = soak_new(seed ? strtoull(seed, NULL, 10) : 20);

	soak_trouble(s, true);
	for (int day = 1; day <= WEEK; day++) {
		snprintf(target, sizeof(target), "1.%d.0", day);
		/* some are pushed all day, some in a part of it, some not at all; some end early */
		soak_plan(s, target, day % 3 == 0 ? 3 : 20,
		    day % 4 == 3 ? -1
		    : day % 2    ? 0
				 : 6,
		    18, day % 2 ? 30 : 120);
		for (int hour = 0; hour < 24; hour++) {
			soak_pass(s, SOAK_HOUR);
			cr_expect_leq(s->cloud.outbox.n_items, ITEMS);
		}
		expect_order(s);
		if (day == 2)
			early = in_use(s);
	}
	size_t late = in_use(s);

	cr_expect_leq(
	    late, early + GROWTH, "%zu bytes after two days, %zu in the end", early, late);
	soak_trouble(s, false);
	soak_pass(s, 26 * SOAK_HOUR);
	expect_order(s);
	expect_ends(s);
	expect_a_week(s);
}
