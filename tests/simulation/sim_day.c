/*
 * sim_day: see sim_day.h. What is kept by design until there is enough of it (1000 ended upgrades,
 * 20,000 entries of the signed log) is counted and held against its bound; from the memory the
 * records of ended upgrades are subtracted. Processes die in the first half only.
 */
#include "sim_day.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flash.h"
#include "gate.h"
#include "journal.h"
#include "kit.h"
#include "sim_check.h"
#include "sim_device.h"
#include "sim_disk.h"
#include "sim_fault.h"
#include "sim_held.h"
#include "sim_house.h"
#include "sim_platform.h"
#include "sim_run.h"

enum {
	PLAN_EVERY_MS = 40 * 60000,
	FAULT_EVERY_MS = 60000,
	ASK_EVERY_MS = 600000,
	LOOK_MS = 60000,
	HOURS_MAX = 1000,
	ALARM_S = 1800,
	SETTLED = 2, /* hours, after which nothing may grow */
	WINDOW = 4,  /* hours that are taken together: in one there may be no trouble at all */
	EVENTS = 1 << 14,
	SLACK_BYTES = 64 << 10,
	SLACK_PERCENT = 15,
	SLACK_DESCRIPTORS = 4 /* an image that is being verified, a package that is written */
};

#define HOUR (3600 * 1000 * SIM_MS)

/* The most of each in an hour; of events how many. What is held for a moment, for an image that is
 * verified, is no growth, however many such moments fall into one hour: growth is judged by the
 * least of the memory. */
struct hour {
	uint64_t rest[SIM_PROCS]; /* the least that is held; 0 = not looked at yet */
	uint64_t memory[SIM_PROCS], descriptors[SIM_PROCS];
	uint64_t ended, journal, reports,
	    waiting; /* records: flashd's, and what is not delivered */
	uint64_t store, disk, events;
};

struct day {
	struct hour hours[HOURS_MAX];
	unsigned n;
	uint64_t events; /* before this hour */
};

static void
most(uint64_t *a, uint64_t b)
{
	*a = b > *a ? b : *a;
}

static uint64_t
rows(struct record *r, const char *table)
{
	char sql[100];
	int64_t n = 0;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	return record_get_int(r, &n, sql, "") == ERR_OK && n > 0 ? (uint64_t)n : 0;
}

static uint64_t
ended_bytes(enum sim_who who, uint64_t *ended)
{
	const struct flash *f = sim()->proc[SIM_FLASHD].self;
	const struct gate *g = sim()->proc[SIM_FETCHD].self;
	uint64_t n = 0, recorded = 0;

	for (const struct device_upgrade *u = who == SIM_FLASHD ? f->ledger.upgrades : NULL; u;
	     u = u->next) {
		n += device_is_over(u);
		recorded += device_is_over(u) && !u->changed && !u->say;
	}
	if (who == SIM_FLASHD) /* what has just ended forgets the oldest when it is recorded */
		most(ended, recorded);
	if (who == SIM_FLASHD)
		return n * sizeof(struct device_upgrade);
	for (const struct upgrade *u = who == SIM_FETCHD ? g->book.upgrades : NULL; u; u = u->next)
		n += u->state == UPGRADE_ENDED;
	return n * sizeof(struct upgrade);
}

static void
look_at_process(struct hour *h, enum sim_who who)
{
	const struct cloud *c = sim()->proc[SIM_CLOUDD].self;
	uint64_t waiting = 0;

	if (!sim()->proc[who].alive)
		return;
	uint64_t held = sim_held_bytes(who) - ended_bytes(who, &h->ended);

	most(&h->memory[who], held);
	h->rest[who] = h->rest[who] && h->rest[who] < held ? h->rest[who] : held;
	most(&h->descriptors[who], sim_held_descriptors(who));
	if (who == SIM_FLASHD) {
		const struct flash *f = sim()->proc[who].self;

		most(&h->journal, rows(f->ledger.record, "audit"));
		most(&h->reports, rows(f->ledger.record, "report"));
	}
	for (const struct outbox_item *i = who == SIM_CLOUDD ? c->outbox.items : NULL; i;
	     i = i->next)
		waiting++;
	most(&h->waiting, waiting);
}

static void
look(struct day *d)
{
	struct hour *h = &d->hours[d->n];

	for (int i = 0; i < SIM_PROCS; i++)
		look_at_process(h, (enum sim_who)i);
	most(&h->store, sim_check_store_bytes());
	most(&h->disk, sim_disk_size());
	h->events = sim()->counts.events - d->events;
}

/* --- the verdict ------------------------------------------------------------------------------ */

static void
expect_flat(const char *what, uint64_t then, uint64_t now, uint64_t slack)
{
	if (now > then + then * SLACK_PERCENT / 100 + slack)
		sim_violate(5, "%s: %llu after %d hours, %llu at the end", what,
		    (unsigned long long)then, SETTLED, (unsigned long long)now);
}

/* On average. */
static struct hour
window(const struct day *d, unsigned first)
{
	struct hour sum = {0};

	for (unsigned k = first; k < first + WINDOW; k++) {
		const struct hour *h = &d->hours[k];

		for (int i = 0; i < SIM_PROCS; i++) {
			sum.rest[i] += h->rest[i] / WINDOW;
			most(&sum.descriptors[i], h->descriptors[i]);
		}
		sum.reports += h->reports / WINDOW;
		sum.waiting += h->waiting / WINDOW;
		sum.store += h->store / WINDOW;
		sum.events += h->events / WINDOW;
		most(&sum.ended, h->ended);
		most(&sum.journal, h->journal);
	}
	return sum;
}

/* In the second half of the time nobody dies: what leaks in a long life is seen there. */
static void
judge_life(const struct day *d)
{
	unsigned half = (d->n + 1) / 2;

	if (d->n < half + 1 + 2 * WINDOW)
		return;
	const struct hour a = window(d, half + 1), z = window(d, d->n - WINDOW);

	for (int i = 0; i < SIM_PROCS; i++) {
		char what[60];

		snprintf(what, sizeof(what), "memory of %s, in one life", sim()->proc[i].name);
		if (z.rest[i] > a.rest[i] + a.rest[i] * SLACK_PERCENT / 100 + SLACK_BYTES)
			sim_violate(5, "%s: %llu, %llu at the end", what,
			    (unsigned long long)a.rest[i], (unsigned long long)z.rest[i]);
	}
}

static void
judge(const struct day *d)
{
	if (d->n < SETTLED + 2 * WINDOW)
		return;
	const struct hour early = window(d, SETTLED), late = window(d, d->n - WINDOW);
	const struct hour *a = &early, *z = &late;
	for (int i = 0; i < SIM_PROCS; i++) {
		const char *name = sim()->proc[i].name;
		char what[60];

		snprintf(what, sizeof(what), "memory of %s", name);
		expect_flat(what, a->rest[i], z->rest[i], SLACK_BYTES);
		snprintf(what, sizeof(what), "descriptors of %s", name);
		expect_flat(what, a->descriptors[i], z->descriptors[i], SLACK_DESCRIPTORS);
	}
	judge_life(d);
	expect_flat("reports of flashd", a->reports, z->reports, 100);
	expect_flat("messages to the platform", a->waiting, z->waiting, 100);
	expect_flat("bytes in the store", a->store, z->store, sim()->house->gate.quota / 4);
	expect_flat("events in an hour", a->events, z->events, a->events / 2);
	if (z->ended > LEDGER_ENDED_MAX)
		sim_violate(5, "%llu ended upgrades", (unsigned long long)z->ended);
	if (z->journal > JOURNAL_KEPT + 1)
		sim_violate(5, "%llu entries of the signed log", (unsigned long long)z->journal);
}

static void
print(const struct day *d)
{
	printf("%5s | %26s | %17s | %6s %6s %6s %6s | %7s %8s | %8s\n", "hour",
	    "bytes cloudd fetchd flashd", "descriptors", "ended", "log", "unsent", "outbox",
	    "store", "databases", "events");
	for (unsigned i = 0; i < d->n; i++) {
		const struct hour *h = &d->hours[i];

		printf("%5u | %8llu %8llu %8llu | %5llu %5llu %5llu | %6llu %6llu %6llu %6llu | "
		       "%7llu %8llu | %8llu\n",
		    i + 1, (unsigned long long)h->memory[0], (unsigned long long)h->memory[1],
		    (unsigned long long)h->memory[2], (unsigned long long)h->descriptors[0],
		    (unsigned long long)h->descriptors[1], (unsigned long long)h->descriptors[2],
		    (unsigned long long)h->ended, (unsigned long long)h->journal,
		    (unsigned long long)h->reports, (unsigned long long)h->waiting,
		    (unsigned long long)h->store, (unsigned long long)h->disk,
		    (unsigned long long)h->events);
	}
}

/* --- the day ---------------------------------------------------------------------------------- */

static void
live(struct day *d, unsigned hours)
{
	int64_t next = sim()->now;

	while (!sim()->violated && d->n < hours && sim_step(sim()->now + HOUR)) {
		if (sim()->now < next)
			continue;
		next += LOOK_MS * SIM_MS;
		look(d);
		sim_check_bounds();
		sim_plans_check();
		if (sim()->now < (int64_t)(d->n + 1) * HOUR)
			continue;
		d->events = sim()->counts.events;
		d->n++;
	}
}

static void
spend(uint64_t seed, const char *dir, const struct sim_day *how, bool timeline)
{
	static struct day d;
	unsigned hours = how->hours < HOURS_MAX ? how->hours : HOURS_MAX;
	struct sim_scale scale = {.devices = (int)how->devices,
	    .plans = (int)(hours * 3600000 / PLAN_EVERY_MS) + 2,
	    .plan_every = PLAN_EVERY_MS * SIM_MS,
	    .events = EVENTS,
	    .timeline = timeline};

	sim_run_begin(seed, dir, &scale);
	sim()->house->flash.ask_every_ms = ASK_EVERY_MS;
	sim_held_begin();
	sim_fault_steady(FAULT_EVERY_MS, (int64_t)hours * HOUR / 2);
	sim_run_start();
	live(&d, hours);
	judge(&d);
	print(&d);
	sim_fault_calm();
	if (!sim()->violated)
		sim_run_end();
}

int
sim_day_main(uint64_t seed, const struct sim_day *how, bool timeline)
{
	static struct sim_result r;
	char *dir = strdup("/dev/shm/subota-day-XXXXXX");

	if (!dir || !mkdtemp(dir))
		return 71;
	alarm(ALARM_S);
	spend(seed, dir, how, timeline);
	sim_run_result(&r);
	printf("%u hours of %u devices: %llu upgrades, %llu crashes, %llu power cuts%s%s\n",
	    how->hours, how->devices, (unsigned long long)r.counts.upgrades,
	    (unsigned long long)r.counts.crashes, (unsigned long long)r.counts.power_cuts,
	    r.violated ? ": " : "", r.violation);
	kit_scratch_remove(dir);
	return r.violated != 0;
}
