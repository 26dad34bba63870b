/*
 * bench_jail: see bench_jail.h.
 *
 * The main job, from the platform's offer to its record of the end, on a virtual device behind a
 * pseudo terminal, by three gateways in turn: as shipped; split, without Landlock, seccomp and
 * namespaces; all in one process (solo/). Each gets a house of its own, and several upgrades in it.
 */
#include "bench_jail.h"

#include <stdio.h>
#include <string.h>

#include "bench_use.h"
#include "house_look.h"
#include "house_pack.h"
#include "json.h"

enum { PATIENCE_S = 60, IMAGE = 100000, UPGRADES = 3, PASSES = 2, SETTLE_MS = 2000 };

enum leg { SHIPPED, UNJAILED, ONE_PROCESS, LEGS };

/* Of one upgrade, or of the processes. */
struct cost {
	double cpu_s, idle_mib, peak_mib, envelopes;
	double wall_s[UPGRADES]; /* each */
};

static const enum house_part daemons[] = {HOUSE_CLOUDD, HOUSE_FETCHD, HOUSE_FLASHD};

/* All that passed one end of a link of the gate's. */
static double
passed(const cJSON *status, const char *peer)
{
	const cJSON *link = cJSON_GetObjectItem(status, peer);

	return json_number(link, "received") + json_number(link, "sent");
}

/* On both links of the gate; 0 in one process, where nobody can be asked. */
static double
envelopes(struct house *h)
{
	AUTO(json)
	cJSON *status = h->process[HOUSE_FETCHD].pid ? house_look_ask(h, HOUSE_FETCHD, "status")
						     : NULL;

	return passed(status, "cloudd") + passed(status, "flashd");
}

static const cJSON *
upgrade_of(const cJSON *doc, const char *plan)
{
	const cJSON *device = house_look_platform_device(doc, 0), *u = NULL;

	cJSON_ArrayForEach(u, cJSON_GetObjectItem(device, "upgrades"))
	{
		if (strcmp(json_text(u, "plan"), plan) == 0)
			return u;
	}
	return NULL;
}

/* One upgrade; false when it did not succeed. Seconds and the most memory into `c`. */
static bool
upgrade(struct house *h, unsigned number, struct cost *c)
{
	char name[16], version[16];
	const struct house_pack p = {
	    .name = name, .version = version, .sequence = 5 + number, .size = IMAGE};
	double end = bench_now() + PATIENCE_S;

	snprintf(name, sizeof(name), "up%u", number);
	snprintf(version, sizeof(version), "1.1.%u", number);
	if (house_pack_publish(h, &p) != ERR_OK || house_activate(h, name) != ERR_OK)
		return false;
	while (bench_now() < end) {
		AUTO(json) cJSON *doc = house_look_platform(h);
		const cJSON *u = doc ? upgrade_of(doc, name) : NULL;
		struct bench_use now = bench_use_of(h, daemons, 3);

		if (now.pss_mib > c->peak_mib)
			c->peak_mib = now.pss_mib;
		if (u && json_number(u, "ended") > 0) {
			c->wall_s[number - 1] = (json_number(u, "ended") -
						    json_number(u, "offered")) /
						1000;
			return strcmp(json_text(u, "state"), "success") == 0;
		}
		house_look_pause(50);
	}
	return false;
}

static bool
upgrades(struct house *h, unsigned n, struct cost *c)
{
	house_look_pause(SETTLE_MS);
	double passed_before = envelopes(h);
	struct bench_use before = bench_use_of(h, daemons, 3);

	c->idle_mib = before.pss_mib;
	for (unsigned i = 1; i <= n; i++)
		if (!upgrade(h, i, c))
			return false;
	c->cpu_s = (bench_use_of(h, daemons, 3).cpu_s - before.cpu_s) / n;
	c->envelopes = (envelopes(h) - passed_before) / n;
	return true;
}

static bool
run_leg(struct bench *b, enum leg leg, struct cost *c)
{
	const struct house_options o = {.devices = 1,
	    .baud = 921600,
	    .reset_ms = 200,
	    .hasty = true,
	    .one_process = leg == ONE_PROCESS,
	    .sandbox = leg == UNJAILED ? "none" : NULL};
	struct house *h = NULL;

	*c = (struct cost){0};
	bool good = house_open(&o, &h) == ERR_OK && house_start_all(h) == ERR_OK &&
		    upgrades(h, b->quick ? 1 : UPGRADES, c);
	if (!good)
		bench_failed(b, "an upgrade", h && *house_why(h) ? house_why(h) : "no success");
	if (h)
		house_close(h);
	return good;
}

struct figures {
	struct bench_figure *cpu, *cpu_split, *cpu_jail, *wall, *wall_split, *idle, *peak;
	struct bench_figure *envelopes, *share;
};

static void
sample(struct figures *f, const struct cost c[LEGS], double envelope_s)
{
	bench_sample(f->cpu, c[SHIPPED].cpu_s / c[ONE_PROCESS].cpu_s);
	bench_sample(f->cpu_split, c[UNJAILED].cpu_s / c[ONE_PROCESS].cpu_s);
	bench_sample(f->cpu_jail, c[SHIPPED].cpu_s / c[UNJAILED].cpu_s);
	for (unsigned i = 0; i < UPGRADES && c[ONE_PROCESS].wall_s[i] > 0; i++) {
		bench_sample(f->wall, c[SHIPPED].wall_s[i] / c[ONE_PROCESS].wall_s[i]);
		bench_sample(f->wall_split, c[UNJAILED].wall_s[i] / c[ONE_PROCESS].wall_s[i]);
	}
	bench_sample(f->idle, c[SHIPPED].idle_mib / c[ONE_PROCESS].idle_mib);
	bench_sample(f->peak, c[SHIPPED].peak_mib / c[ONE_PROCESS].peak_mib);
	bench_sample(f->envelopes, c[SHIPPED].envelopes);
	if (envelope_s > 0)
		bench_sample(f->share, c[SHIPPED].envelopes * envelope_s / c[SHIPPED].cpu_s);
}

void
bench_jail(struct bench *b)
{
	double envelope_s = bench_bus(b);

	bench_birth(b);
	struct figures f = {
	    bench_add(b, "upgrade_cpu_to_one_process", "ratio", BENCH_LOWER),
	    bench_add(b, "upgrade_cpu_split_to_one_process", "ratio", BENCH_LOWER),
	    bench_add(b, "upgrade_cpu_jail_to_no_jail", "ratio", BENCH_LOWER),
	    bench_goal(b, "upgrade_time_to_one_process", "ratio", BENCH_LOWER, 1.05),
	    bench_add(b, "upgrade_time_split_to_one_process", "ratio", BENCH_LOWER),
	    bench_add(b, "idle_pss_to_one_process", "ratio", BENCH_LOWER),
	    bench_add(b, "upgrade_pss_to_one_process", "ratio", BENCH_LOWER),
	    bench_goal(b, "upgrade_envelopes", "messages", BENCH_LOWER, 150),
	    bench_add(b, "upgrade_cpu_share_of_the_bus", "share", BENCH_LOWER),
	};

	for (unsigned i = 0; i < (b->quick ? 1u : PASSES); i++) {
		struct cost c[LEGS];
		bool good = true;

		for (enum leg leg = 0; leg < LEGS && good; leg++)
			good = run_leg(b, leg, &c[leg]);
		if (good)
			sample(&f, c, envelope_s);
	}
}
