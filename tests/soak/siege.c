/*
 * siege: see siege.h. In the first part of the time anybody may die; from then on only devices and
 * platform do, so that the daemons' memory can be compared within one life.
 */
#include "siege.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "house_crowd.h"
#include "house_db.h"
#include "house_look.h"
#include "house_pack.h"
#include "json.h"
#include "powercut.h"

enum {
	LOOK_MS = 250,
	IMAGE = 20000,
	PATIENCE_S = 900, /* of one plan */
	TRUTH_S = 60,     /* until all are up again */
	HARM_S = 60,      /* between two, at most */
	SAMPLE_S = 20,    /* between two, while nothing happens */
	HARM_PERCENT = 55 /* of the time: then the daemons are left alone */
};

const char *
siege_harm_name(int harm)
{
	static const char *const names[SIEGE_HARMS] = {"flashd_killed", "fetchd_killed",
	    "cloudd_killed", "platform_killed", "devices_without_power", "gateway_without_power"};

	return names[harm];
}

struct field {
	struct siege *s;
	struct house *h;
	struct powercut power;
	bool has_power;
	uint64_t random;
	double harm_at;
	char version[24];
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned
roll(struct field *f, unsigned sides)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return (unsigned)(f->random >> 32) % sides;
}

static bool
fail(struct field *f, const char *what)
{
	snprintf(f->s->why, sizeof(f->s->why), "%s: %.400s", what, house_why(f->h));
	return false;
}

/* --- harm ------------------------------------------------------------------------------------- */

static bool
is_calm(const struct field *f)
{
	return now() - f->s->begun > f->s->seconds * HARM_PERCENT / 100;
}

static int
pick_harm(struct field *f)
{
	static const int all[] = {SIEGE_FLASHD, SIEGE_FLASHD, SIEGE_FETCHD, SIEGE_FETCHD,
	    SIEGE_CLOUDD, SIEGE_CLOUDD, SIEGE_POWER, SIEGE_PLATFORM, SIEGE_DEVICES};
	static const int mild[] = {SIEGE_PLATFORM, SIEGE_DEVICES};
	int harm = is_calm(f) ? mild[roll(f, 2)] : all[roll(f, sizeof(all) / sizeof(all[0]))];

	return harm == SIEGE_POWER && !f->has_power ? SIEGE_FLASHD : harm;
}

static bool
strike(struct field *f)
{
	static const enum house_part parts[] = {
	    HOUSE_FLASHD, HOUSE_FETCHD, HOUSE_CLOUDD, HOUSE_DEVCENTER, HOUSE_CROWD};
	int harm = pick_harm(f);

	f->harm_at = now() + 5 + roll(f, HARM_S - 5);
	f->s->harms[harm]++;
	if (harm == SIEGE_POWER)
		return powercut_now(&f->power) == ERR_OK || fail(f, "after a power cut");
	house_kill(f->h, parts[harm]);
	house_look_pause((int)roll(f, 2000));
	return house_start(f->h, parts[harm]) == ERR_OK || fail(f, siege_harm_name(harm));
}

/* Nobody may have died but by us. */
static bool
all_live(struct field *f)
{
	enum house_part dead = house_dead(f->h);
	char name[32];

	if (dead == HOUSE_PARTS)
		return true;
	snprintf(f->s->why, sizeof(f->s->why), "%s ended by itself, status 0x%x",
	    house_name(dead, name), (unsigned)f->h->process[dead].status);
	return false;
}

/* --- plans ------------------------------------------------------------------------------------ */

static bool
plan_next(struct field *f)
{
	unsigned n = ++f->s->plans;
	char pk[32], model[32], name[40];

	snprintf(f->version, sizeof(f->version), "1.%u.0", n);
	for (int i = 1; i <= CROWD_PRODUCTS; i++) {
		snprintf(pk, sizeof(pk), CROWD_PK "%d", i);
		snprintf(model, sizeof(model), CROWD_MODEL "%d", i);
		snprintf(name, sizeof(name), "soak%u-%d", n, i);
		const struct house_pack p = {.name = name,
		    .model = model,
		    .version = f->version,
		    .sequence = 5 + n,
		    .size = IMAGE};
		if (house_pack_publish(f->h, &p) != ERR_OK)
			return fail(f, "a package");
		struct tool_result r = HOUSE_DC(f->h, "plan", "add", name, "--product", pk,
		    "--package", name, "--retries", "5", "--reject-min", "0", "--activate");
		if (r.status != 0) {
			snprintf(f->s->why, sizeof(f->s->why), "a plan: %.400s", r.out);
			return false;
		}
	}
	return true;
}

static void
sample(struct field *f)
{
	struct siege *s = f->s;

	if (!is_calm(f) || !s->calm_from)
		s->calm_from = s->gauge.n + 1; /* the one after the next is the first of a rest */
	gauge_take(&s->gauge, f->h, now() - s->begun, s->plans);
}

/* One that does not run it: what it says, and what the platform heard of it last. */
static bool
name_one(struct field *f, unsigned device, char *out, size_t size)
{
	char path[300], sql[200], statuses[100];

	snprintf(path, sizeof(path), "%s/crowd/%u/status.json", f->h->dir, device);
	AUTO(json) cJSON *own = json_file(path);
	const char *runs = json_text(own, "running");
	bool kept = cJSON_IsTrue(cJSON_GetObjectItem(own, "confirmed"));

	if (strcmp(runs, f->version) == 0 && kept)
		return false;
	snprintf(sql, sizeof(sql),
	    "SELECT code FROM status WHERE device = (SELECT id FROM device WHERE dk = 'C%u') "
	    "ORDER BY id DESC LIMIT 20",
	    device);
	house_db_list(f->h, sql, statuses, sizeof(statuses));
	snprintf(out, size,
	    "; C%u runs \"%s\", %s, %.0f starts, %.0f reverts; said, last first, %s", device, runs,
	    kept ? "kept" : "on trial", json_number(own, "boots"), json_number(own, "reverts"),
	    statuses);
	return true;
}

static void
blame(struct field *f, unsigned at)
{
	for (unsigned i = 1; at < sizeof(f->s->why) && i <= f->s->devices; i++)
		if (name_one(f, i, f->s->why + at, sizeof(f->s->why) - at))
			return;
}

static bool
upgrade_all(struct field *f)
{
	double end = now() + PATIENCE_S, next = now() + SAMPLE_S;
	unsigned good = 0;

	while (good < f->s->devices && !f->s->is_stopped()) {
		if (!all_live(f) || (now() > f->harm_at && !strike(f)))
			return false;
		house_look_pause(LOOK_MS);
		good = house_crowd_online(f->h, f->version);
		if (now() > end) {
			blame(f, (unsigned)snprintf(f->s->why, sizeof(f->s->why),
				     "plan %u: expected %u devices with %s within %d s, got %u",
				     f->s->plans, f->s->devices, f->version, PATIENCE_S, good));
			return false;
		}
		if (now() > next) {
			sample(f);
			next = now() + SAMPLE_S;
		}
	}
	return true;
}

/* By their own word, too: what the platform believes is true. Who lost the power a moment ago has
 * to come up first. */
static bool
expect_truth(struct field *f)
{
	double end = now() + TRUTH_S;
	unsigned n = 0;

	while ((n = house_crowd_running(f->h, f->version)) < f->s->devices && now() < end &&
	       !f->s->is_stopped())
		house_look_pause(LOOK_MS);
	if (f->s->is_stopped() || n == f->s->devices)
		return true;
	unsigned at = (unsigned)snprintf(f->s->why, sizeof(f->s->why),
	    "plan %u: the platform was told that all run %s, %u of %u do", f->s->plans, f->version,
	    n, f->s->devices);
	blame(f, at);
	return false;
}

static bool
live(struct field *f)
{
	struct siege *s = f->s;

	while (now() - s->begun < s->seconds && !s->is_stopped()) {
		if (!plan_next(f) || !upgrade_all(f) || !expect_truth(f))
			return false;
		sample(f);
		printf("plan %u, %u devices, %.1f min\n", s->plans, s->devices,
		    (now() - s->begun) / 60);
		fflush(stdout);
	}
	return true;
}

static bool
until_online(struct field *f)
{
	double end = now() + PATIENCE_S;

	while (house_crowd_online(f->h, HOUSE_OLD) < f->s->devices && !f->s->is_stopped()) {
		if (now() > end)
			return fail(f, "the crowd does not log in");
		house_look_pause(LOOK_MS);
	}
	return true;
}

bool
siege_run(struct siege *s)
{
	struct house_options o = {.devices = 1,
	    .crowd = s->devices,
	    .reset_ms = 200,
	    .patience_s = 240,
	    .hasty = true,
	    .flashd = "ask_every = 30 s\naway_retry = 2 min\nflash_deadline = 10 min"};
	struct field f = {.s = s, .random = s->seed * 2654435769u + 1};
	bool good = false;

	s->begun = now();
	s->gauge.samples = calloc(GAUGE_SAMPLES, sizeof(*s->gauge.samples));
	if (!s->gauge.samples || house_open(&o, &f.h) != ERR_OK) {
		snprintf(s->why, sizeof(s->why), "%s", f.h ? house_why(f.h) : "no house");
	} else {
		f.has_power = powercut_open(&f.power, f.h);
		if (house_start_all(f.h) != ERR_OK)
			fail(&f, "the start");
		else
			good = until_online(&f);
	}
	s->begun = now();
	f.harm_at = s->begun + HARM_S / 4;
	good = good && live(&f);
	good = good || s->is_stopped(); /* which may have cut a command short */
	if (f.h) {
		long told = house_db_ask(f.h, "SELECT count(*) FROM status WHERE code = 11");

		s->upgrades = told > 0 ? (unsigned)told : 0;
		if (!good && s->found)
			house_keep(f.h, s->found);
		if (f.has_power)
			powercut_close(&f.power);
		house_close(f.h);
	}
	return good;
}
