/*
 * bench_crowd: very many devices at once; declared in bench_fleet.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_fleet.h"
#include "bench_use.h"
#include "bus_client.h"
#include "house_crowd.h"
#include "house_look.h"
#include "house_proc.h"
#include "json.h"

enum { CROWD_IMAGE = 20000, PATIENCE_S = 240, QUIET_S = 3 };

struct use {
	pid_t root;
	double pss_kib;
	double ticks;
};

/* User and system time of a process, its children that ended included. */
static double
ticks_of(pid_t pid)
{
	char path[64], line[600];
	unsigned long t[4] = {0};

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	AUTO(file) FILE *f = fopen(path, "re");
	const char *after = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;

	if (!after || sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu",
			  &t[0], &t[1], &t[2], &t[3]) != 4)
		return 0;
	return (double)(t[0] + t[1] + t[2] + t[3]);
}

static void
add_to_use(void *arg, const struct house_proc *p)
{
	struct use *u = arg;

	struct house_proc parent = {.parent = 0};

	/* flashd, what it starts, and what that starts: sessions are the nursery's children */
	if (p->pid != u->root && p->parent != u->root &&
	    (!house_proc_read(p->parent, &parent) || parent.parent != u->root))
		return;
	u->pss_kib += bench_use_memory(p->pid, "Pss:");
	u->ticks += ticks_of(p->pid);
}

static struct use
use_of(struct house *h)
{
	struct use u = {.root = h->process[HOUSE_FLASHD].pid};

	house_proc_each(add_to_use, &u);
	return u;
}

static bool
order_crowd(struct house *h, unsigned n)
{
	char file[CROWD_PRODUCTS][40], keys[64];

	for (unsigned p = 0; p < CROWD_PRODUCTS; p++) {
		char model[32];

		snprintf(model, sizeof(model), CROWD_MODEL "%u", p + 1);
		bench_fleet_lay_down(h, model, 1, CROWD_IMAGE, file[p]);
	}
	for (unsigned i = 1; i <= n; i++) {
		unsigned product = i % CROWD_PRODUCTS;

		snprintf(keys, sizeof(keys), CROWD_PK "%u/C%u", product + 1, i);
		if (!bench_fleet_order(h, file[product], 1, keys))
			return false;
	}
	return true;
}

/* Nothing begins before all are ordered, so that they are at it at the same time. */
static bool
hold(struct house *h, bool on)
{
	char path[108];
	struct bus_answer answer = {0};

	snprintf(path, sizeof(path), "%s/run/flashd-act/sock", h->dir);
	enum err e = bus_client_act(path, on ? "pause" : "resume", "all", 5000, &answer);
	free(answer.json);
	return e == ERR_OK && !answer.error;
}

/* When how many were done; the rollouts of the three products count them. */
static unsigned
done_of(struct house *h)
{
	AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_FLASHD, "rollouts");
	const cJSON *r = NULL;
	unsigned n = 0;

	cJSON_ArrayForEach(r, cJSON_GetObjectItem(doc, "rollouts"))
	{
		n += (unsigned)json_number(r, "done");
	}
	return n;
}

/* Until no session has run for a while: what was asked at the start is not counted. */
static bool
wait_until_quiet(struct house *h)
{
	double end = bench_now() + PATIENCE_S, since = bench_now();

	while (bench_now() - since < QUIET_S) {
		AUTO(json) cJSON *status = house_look_ask(h, HOUSE_FLASHD, "status");

		if (!status || json_number(status, "sessions") > 0)
			since = bench_now();
		if (bench_now() > end)
			return false;
		house_look_pause(100);
	}
	return true;
}

struct crowd_figures {
	unsigned n;
	const char *cpu, *pss, *fair;
};

static void
flash_crowd(struct bench *b, struct house *h, const struct crowd_figures *row)
{
	bool quiet = wait_until_quiet(h);
	struct use before = use_of(h), most = before;
	double half = 0, all = 0;

	if (!quiet) {
		bench_failed(b, row->cpu, "the devices are not heard in time");
		return;
	}
	if (!hold(h, true) || !order_crowd(h, row->n) || !hold(h, false)) {
		bench_failed(b, row->cpu, "an order was refused");
		return;
	}
	double begun = bench_now(), end = begun + PATIENCE_S;

	for (unsigned done = 0; all == 0 && bench_now() < end;) {
		unsigned heard = done_of(h); /* 0 when flashd has no time to answer */

		done = heard > done ? heard : done;
		struct use now = use_of(h);

		most.pss_kib = now.pss_kib > most.pss_kib ? now.pss_kib : most.pss_kib;
		if (half == 0 && done * 2 >= row->n)
			half = bench_now() - begun;
		if (done >= row->n)
			all = bench_now() - begun;
		house_look_pause(100);
	}
	struct use after = use_of(h);
	double mb = (double)row->n * CROWD_IMAGE / 1e6;

	if (all == 0) {
		bench_failed(b, row->cpu, "they do not end");
		return;
	}
	bench_sample(bench_add(b, row->cpu, "s/MB", BENCH_LOWER),
	    (after.ticks - before.ticks) / (double)sysconf(_SC_CLK_TCK) / mb);
	bench_sample(
	    bench_add(b, row->pss, "KiB", BENCH_LOWER), (most.pss_kib - before.pss_kib) / row->n);
	bench_sample(bench_add(b, row->fair, "ratio", BENCH_LOWER), all / half);
}

void
bench_crowd(struct bench *b)
{
	static const struct crowd_figures rows[] = {
	    {16, "fleet_16_cpu_per_mb", "fleet_16_pss_per_device", "fleet_16_last_to_median"},
	    {64, "fleet_64_cpu_per_mb", "fleet_64_pss_per_device", "fleet_64_last_to_median"},
	    {255, "fleet_256_cpu_per_mb", "fleet_256_pss_per_device", "fleet_256_last_to_median"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) - (b->quick ? 1 : 0); i++) {
		struct house_options o = {.devices = 1,
		    .crowd = rows[i].n,
		    .baud = 115200,
		    .reset_ms = 200,
		    .flashd = "ask_every = 10 min\naway_retry = 2 min\nflash_deadline = 10 min"};
		struct house *h = NULL;

		if (house_open(&o, &h) != ERR_OK || house_start_all(h) != ERR_OK)
			bench_failed(b, rows[i].cpu, h ? house_why(h) : "no house");
		else
			flash_crowd(b, h, &rows[i]);
		if (h)
			house_close(h);
	}
}
