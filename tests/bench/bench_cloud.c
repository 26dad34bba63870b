/*
 * bench_cloud: see bench_cloud.h. A real cloudd with the local Developer Center; the gate is played
 * here: it says yes to every plan and reports each upgrade done at once, so that what is measured
 * is cloudd alone, as fast as it can. Its own waits (one message in flight at a time) take time,
 * not CPU.
 */
#include "bench_cloud.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bench_use.h"
#include "bus.h"
#include "daemon.h"
#include "house.h"
#include "house_conf.h"
#include "house_crowd.h"
#include "house_db.h"
#include "house_pack.h"
#include "house_proc.h"

enum { THOUSAND = 1000, PATIENCE_S = 180, QUEUE = 4 * THOUSAND, TURN_MS = 20, DONE = 2 };

/* What the gate still has to say about an upgrade. */
enum word { VERDICT, FETCHED, WORKING, FINISHED, VERSION };

struct gate {
	struct loop *loop;
	struct bus *bus;
	struct bus_link *link;
	bool up;
	struct {
		uint64_t upgrade;
		enum word word;
		char product_key[33], device_key[33];
	} queue[QUEUE];
	unsigned at, n;
	uint64_t reports;
};

static void
push(struct gate *g, uint64_t upgrade, enum word word, const char *product_key,
    const char *device_key)
{
	unsigned i = (g->at + g->n) % QUEUE;

	if (g->n == QUEUE)
		return;
	g->n++;
	g->queue[i].upgrade = upgrade;
	g->queue[i].word = word;
	snprintf(g->queue[i].product_key, sizeof(g->queue[i].product_key), "%s", product_key);
	snprintf(g->queue[i].device_key, sizeof(g->queue[i].device_key), "%s", device_key);
}

static void
on_message(void *arg, struct bus_link *from, const Pb__Envelope *e)
{
	const Pb__Device *d = NULL;

	(void)from;
	if (e->body_case == PB__ENVELOPE__BODY_PLAN_OFFER) {
		d = e->plan_offer->device;
		push(arg, e->upgrade, VERDICT, d->product_key, d->device_key);
	}
	if (e->body_case != PB__ENVELOPE__BODY_FETCH_ORDER)
		return;
	d = e->fetch_order->device;
	for (enum word w = FETCHED; w <= VERSION; w++)
		push(arg, e->upgrade, w, d->product_key, d->device_key);
}

static void
on_up(void *arg, struct bus_link *link)
{
	(void)link;
	((struct gate *)arg)->up = true;
}

static void
on_down(void *arg, struct bus_link *link)
{
	(void)link;
	((struct gate *)arg)->up = false;
}

/* The oldest of what is to be said; false when it cannot be said now. */
static bool
say(struct gate *g)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Device d = PB__DEVICE__INIT;
	Pb__PlanVerdict verdict = PB__PLAN_VERDICT__INIT;
	Pb__Report report = PB__REPORT__INIT;
	Pb__Progress progress = PB__PROGRESS__INIT;
	Pb__DeviceReport device = PB__DEVICE_REPORT__INIT;
	enum word w = g->queue[g->at].word;

	d.product_key = g->queue[g->at].product_key;
	d.device_key = g->queue[g->at].device_key;
	e.upgrade = g->queue[g->at].upgrade;
	report.device = progress.device = device.device = &d;
	if (w == VERDICT) {
		verdict.verdict = PB__VERDICT__VERDICT_ACCEPT;
		e.plan_verdict = &verdict;
		e.body_case = PB__ENVELOPE__BODY_PLAN_VERDICT;
	} else if (w == WORKING) {
		progress.phase = PB__PHASE__PHASE_FLASHING;
		e.progress = &progress;
		e.body_case = PB__ENVELOPE__BODY_PROGRESS;
	} else if (w == VERSION) {
		device.component = (char *)(uintptr_t) "app";
		device.version = (char *)(uintptr_t)(e.upgrade ? HOUSE_NEW : HOUSE_OLD);
		device.state = PB__DEVICE_STATE__DEVICE_STATE_PRESENT;
		device.battery_percent = 101;
		e.upgrade = 0;
		e.device_report = &device;
		e.body_case = PB__ENVELOPE__BODY_DEVICE_REPORT;
	} else {
		report.id = g->reports + 1;
		report.source = (char *)(uintptr_t)(w == FETCHED ? "fetchd" : "flashd");
		report.phase = w == FETCHED ? PB__PHASE__PHASE_FETCHED : PB__PHASE__PHASE_DONE;
		report.version = (char *)(uintptr_t)(w == FETCHED ? "" : HOUSE_NEW);
		e.report = &report;
		e.body_case = PB__ENVELOPE__BODY_REPORT;
	}
	if (bus_send(g->link, &e) != ERR_OK)
		return false;
	g->reports += e.body_case == PB__ENVELOPE__BODY_REPORT;
	return true;
}

static void
turn(struct gate *g)
{
	(void)loop_once(g->loop, TURN_MS);
	while (g->up && g->n && say(g)) {
		g->at = (g->at + 1) % QUEUE;
		g->n--;
	}
}

static bool
open_gate(struct house *h, struct gate *g)
{
	struct bus_handler handler = {on_message, on_up, on_down, g};
	uid_t uid = geteuid() ? geteuid() : (uid_t)HOUSE_CLOUD_UID;
	char run[300], path[330];

	snprintf(run, sizeof(run), "%s/run", h->dir);
	snprintf(path, sizeof(path), "%s/fetchd-cloudd", run);
	if (daemon_make_dir(run, geteuid(), getegid(), 0755) != ERR_OK ||
	    daemon_make_dir(path, geteuid(), daemon_gid_of(uid), 02750) != ERR_OK)
		return false;
	snprintf(path, sizeof(path), "%s/fetchd-cloudd/sock", run);
	mode_t old = umask(0007);
	bool fine = loop_new(&g->loop) == ERR_OK &&
		    bus_new(g->loop, WHO_FETCHD, &g->bus) == ERR_OK &&
		    bus_bind(g->bus, WHO_CLOUDD, uid, path, &handler, &g->link) == ERR_OK;

	umask(old);
	return fine;
}

/* Until the platform's database says so. */
static bool
wait_for(struct house *h, struct gate *g, unsigned (*count)(struct house *h), unsigned wanted)
{
	double end = bench_now() + PATIENCE_S, look = 0;

	while (bench_now() < end) {
		turn(g);
		if (bench_now() < look)
			continue;
		if (count(h) == wanted)
			return true;
		look = bench_now() + 0.2;
	}
	return false;
}

static unsigned
are_online(struct house *h)
{
	return house_crowd_online(h, HOUSE_OLD);
}

static unsigned
are_done(struct house *h)
{
	return house_crowd_progress(h, DONE);
}

static unsigned
gateway_is_online(struct house *h)
{
	return (unsigned)house_db_ask(
	    h, "SELECT online FROM device WHERE pk = '" HOUSE_GATEWAY_PK "'");
}

static double
memory_mib(pid_t pid)
{
	return bench_use_memory(pid, "Pss:") / 1024;
}

static double
cpu_ms(pid_t pid)
{
	struct house_proc p;

	return house_proc_read(pid, &p) ? (double)p.cpu_ms : 0;
}

static bool
plan_for_all(struct house *h)
{
	char name[CROWD_PRODUCTS][32];
	bool fine = true;

	for (int i = 0; fine && i < CROWD_PRODUCTS; i++) {
		snprintf(name[i], sizeof(name[i]), CROWD_PK "%d", i + 1);
		fine = house_pack_publish(h, &(struct house_pack){.name = name[i], .size = 5000}) ==
			   ERR_OK &&
		       HOUSE_DC(h, "plan", "add", name[i], "--product", name[i], "--package",
			   name[i], "--activate")
			       .status == 0;
	}
	return fine;
}

static const char *
measure(struct bench *b, struct house *h, struct gate *g)
{
	struct bench_figure *more = bench_goal(
	    b, "cloudd_pss_per_1000_subdevices", "MiB", BENCH_LOWER, 4);
	struct bench_figure *peak = bench_goal(
	    b, "cloudd_pss_per_1000_upgrades", "MiB", BENCH_LOWER, 10);
	struct bench_figure *in = bench_goal(b, "cloudd_cpu_per_1000_logins", "s", BENCH_LOWER, 2);
	struct bench_figure *up = bench_goal(
	    b, "cloudd_cpu_per_1000_upgrades", "s", BENCH_LOWER, 10);
	char dk[33], pk[33];

	if (!wait_for(h, g, gateway_is_online, 1))
		return "the gateway does not come online";
	pid_t cloudd = h->process[HOUSE_CLOUDD].pid;
	double empty = memory_mib(cloudd), before = cpu_ms(cloudd);
	for (unsigned i = 1; i <= THOUSAND; i++) {
		snprintf(pk, sizeof(pk), CROWD_PK "%u", 1 + i % CROWD_PRODUCTS);
		snprintf(dk, sizeof(dk), "C%u", i);
		push(g, 0, VERSION, pk, dk);
	}
	if (!wait_for(h, g, are_online, THOUSAND))
		return "not all devices come online";
	bench_sample(in, (cpu_ms(cloudd) - before) / 1000);
	bench_sample(more, memory_mib(cloudd) - empty);
	before = cpu_ms(cloudd);
	if (!plan_for_all(h))
		return "no plan";
	if (!wait_for(h, g, are_done, THOUSAND))
		return "not all devices are upgraded";
	bench_sample(up, (cpu_ms(cloudd) - before) / 1000);
	bench_sample(peak, memory_mib(cloudd) - empty);
	return NULL;
}

void
bench_cloud(struct bench *b)
{
	struct house_options o = {
	    .crowd = THOUSAND, .hasty = true, .cloudd = "request_interval = 1 h"};
	struct house *h = NULL;
	AUTO(mem) struct gate *g = calloc(1, sizeof(*g));
	const char *why = NULL;

	if (!g || house_open(&o, &h) != ERR_OK || !open_gate(h, g) ||
	    house_start(h, HOUSE_CLOUDD) != ERR_OK)
		why = h ? house_why(h) : "no house can be made";
	else
		why = measure(b, h, g);
	if (why)
		bench_failed(b, "cloudd with 1000 sub-devices", why);
	if (g) {
		bus_free(g->bus);
		loop_free(g->loop);
	}
	if (h)
		house_close(h);
}
