/*
 * bench_fleet: see bench_fleet.h. Packages go through the gate's act socket (`subotactl install`),
 * so that only gate, flashd, sessions and devices are in the figures; one plan goes through the
 * platform, for the download.
 */
#include "bench_fleet.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_forward.h"
#include "bus_client.h"
#include "house.h"
#include "house_look.h"
#include "house_pack.h"
#include "json.h"

enum { FEW = 8, MANY = 256, IMAGE = 160000, BAUD = 460800, PATIENCE_S = 240, LOOK_MS = 20 };

/* A package on its way to some devices. */
struct wave {
	struct house *h;
	unsigned n;
	uint64_t ids[MANY];
	double begun, ended[MANY]; /* 0: not yet */
	bool done[MANY], clear[MANY];
	double clear_at[MANY]; /* when its status said that something is wrong */
};

/* Versions count up, so that each wave is news for its devices. */
struct fleet {
	struct bench *b;
	struct house *h;
	unsigned version;
	double base; /* seconds for one device */
};

/* --- one wave --------------------------------------------------------------------------------- */

bool
bench_fleet_lay_down(
    struct house *h, const char *model, unsigned number, size_t size, char file[40])
{
	char version[16], dir[300];

	snprintf(version, sizeof(version), "1.2.%u", number);
	snprintf(file, 40, "%s-%u.bundle", model, number);
	snprintf(dir, sizeof(dir), "%s/state/drop", h->dir);
	struct bundle_bytes image = house_pack_image(version, 2, size);
	struct kit_spec spec = {.vendor = HOUSE_VENDOR,
	    .model = model,
	    .version = version,
	    .sequence = 5 + number,
	    .security_counter = 2,
	    .payload = image.data,
	    .payload_len = image.len};
	struct bundle_bytes bundle = kit_bundle(h->kit, &spec);

	kit_write(dir, file, bundle.data, bundle.len);
	free(bundle.data);
	free(image.data);
	return true;
}

uint64_t
bench_fleet_order(struct house *h, const char *file, unsigned number, const char *keys)
{
	char path[108], argument[200];
	struct bus_answer answer = {0};

	snprintf(path, sizeof(path), "%s/run/fetchd-act/sock", h->dir);
	snprintf(argument, sizeof(argument), "%s 1.2.%u %s app", file, number, keys);
	if (bus_client_act(path, "install", argument, 5000, &answer) != ERR_OK)
		return 0;
	AUTO(mem) char *json = answer.json;
	AUTO(json) cJSON *doc = cJSON_Parse(json);

	return answer.error ? 0 : (uint64_t)json_number(doc, "upgrade");
}

static bool
is_end(const char *state)
{
	static const char *const ends[] = {"DONE", "REVERTED", "FAILED", "REFUSED", "CANCELLED"};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcmp(state, ends[i]) == 0)
			return true;
	return false;
}

static void
note(struct wave *w, unsigned i, const cJSON *u)
{
	const char *state = json_text(u, "state"), *status = json_text(u, "status");
	double now = bench_now() - w->begun;
	bool over = is_end(state), bad = strcmp(status, "away") == 0;

	if (w->clear_at[i] == 0 && (bad || (over && strcmp(state, "DONE") != 0)))
		w->clear_at[i] = now;
	if (w->ended[i] > 0 || !over)
		return;
	w->ended[i] = now;
	w->done[i] = strcmp(state, "DONE") == 0;
}

/* Of the first `n` upgrades: have they all ended? */
static bool
look(struct wave *w, unsigned n)
{
	AUTO(json) cJSON *doc = house_look_ask(w->h, HOUSE_FLASHD, "upgrades");
	const cJSON *u = NULL;
	unsigned over = 0;

	cJSON_ArrayForEach(u, cJSON_GetObjectItem(doc, "upgrades"))
	{
		for (unsigned i = 0; i < w->n; i++)
			if ((uint64_t)json_number(u, "upgrade") == w->ids[i])
				note(w, i, u);
	}
	for (unsigned i = 0; i < n; i++)
		over += w->ended[i] > 0;
	return over == n;
}

static bool
wait_for(struct wave *w, unsigned n)
{
	double end = bench_now() + PATIENCE_S;

	while (!look(w, n)) {
		if (bench_now() > end)
			return false;
		house_look_pause(LOOK_MS);
	}
	return true;
}

static double
last_of(const struct wave *w, unsigned n)
{
	double last = 0;

	for (unsigned i = 0; i < n; i++)
		last = w->ended[i] > last ? w->ended[i] : last;
	return last;
}

/* A new version for the devices 1 to n. */
static struct wave *
begin(struct fleet *f, unsigned n)
{
	struct wave *w = calloc(1, sizeof(*w));
	char file[40], keys[64];

	if (!w || !bench_fleet_lay_down(f->h, HOUSE_MODEL, ++f->version, IMAGE, file))
		return w;
	w->h = f->h;
	w->n = n;
	w->begun = bench_now();
	for (unsigned i = 0; i < n; i++) {
		snprintf(keys, sizeof(keys), HOUSE_PK "/METER%u", i + 1);
		w->ids[i] = bench_fleet_order(f->h, file, f->version, keys);
	}
	return w;
}

/* --- all are well ----------------------------------------------------------------------------- */

static void
healthy(struct fleet *f)
{
	static const struct {
		unsigned n;
		const char *name;
	} rows[] = {{1, "fleet_1_seconds"}, {2, "fleet_2_time_to_1"}, {4, "fleet_4_time_to_1"},
	    {8, "fleet_8_time_to_1"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned n = rows[i].n;
		AUTO(mem) struct wave *w = begin(f, n);

		if (!w || !wait_for(w, n) || !w->done[0]) {
			bench_failed(f->b, rows[i].name, "the upgrades do not end well");
			continue;
		}
		double seconds = last_of(w, n);

		if (n == 1)
			f->base = seconds;
		if (n == 1)
			bench_sample(bench_add(f->b, rows[i].name, "s", BENCH_LOWER), seconds);
		else if (f->base > 0)
			bench_sample(bench_goal(f->b, rows[i].name, "ratio", BENCH_LOWER, 1.1),
			    seconds / f->base);
	}
}

/* --- one is not ------------------------------------------------------------------------------- */

enum trouble { DOWN, DYING, HUNG, HANGING };

/* Until flashd has heard the fourth device: what is away from the start would be no trouble. */
static void
wait_until_heard(struct house *h)
{
	double end = bench_now() + 30;
	bool heard = false;

	while (!heard && bench_now() < end) {
		AUTO(json) cJSON *doc = house_look_ask(h, HOUSE_FLASHD, "devices");
		const cJSON *d = cJSON_GetArrayItem(cJSON_GetObjectItem(doc, "devices"), 3);

		heard = strcmp(json_text(d, "state"), "present") == 0;
		house_look_pause(LOOK_MS);
	}
}

static void
spoil(struct house *h, enum trouble t)
{
	enum house_part last = HOUSE_DEVICE + 3;

	if (t == DYING)
		house_device_args(h, 3, "--unplug-at", "80000:3600");
	else
		house_device_args(
		    h, 3, t == HANGING ? "--deaf-after" : "", t == HANGING ? "80000" : NULL);
	if (t == DYING || t == HANGING) {
		house_kill(h, last);
		(void)!house_start(h, last);
		house_look_pause(3000); /* it is missed first */
	}
	wait_until_heard(h);
	if (t == DOWN)
		house_kill(h, last);
	if (t == HUNG)
		kill(h->process[last].pid, SIGSTOP);
}

static void
mend(struct house *h)
{
	house_device_args(h, 3, "", NULL);
	house_kill(h, HOUSE_DEVICE + 3);
	(void)!house_start(h, HOUSE_DEVICE + 3);
}

static void
one_is_bad(struct fleet *f)
{
	static const struct {
		enum trouble trouble;
		const char *done, *time, *clear;
	} rows[] = {
	    {DOWN, "fleet_4_one_down_others_done", "fleet_4_one_down_others_time_to_1",
		"fleet_4_one_down_clear_after"},
	    {DYING, "fleet_4_one_dying_others_done", "fleet_4_one_dying_others_time_to_1",
		"fleet_4_one_dying_clear_after"},
	    {HUNG, "fleet_4_one_hung_others_done", "fleet_4_one_hung_others_time_to_1",
		"fleet_4_one_hung_clear_after"},
	    {HANGING, "fleet_4_one_hanging_others_done", "fleet_4_one_hanging_others_time_to_1",
		"fleet_4_one_hanging_clear_after"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double done = 0;

		spoil(f->h, rows[i].trouble);
		AUTO(mem) struct wave *w = begin(f, 4);
		bool ended = w && wait_for(w, 3);

		for (unsigned k = 0; w && k < 3; k++)
			done += w->done[k];
		bench_sample(bench_goal(f->b, rows[i].done, "of 3", BENCH_HIGHER, 3), done);
		if (ended && f->base > 0)
			bench_sample(bench_goal(f->b, rows[i].time, "ratio", BENCH_LOWER, 1.1),
			    last_of(w, 3) / f->base);
		/* away_retry and what it takes to find out */
		while (w && w->clear_at[3] == 0 && bench_now() - w->begun < 60) {
			look(w, 4);
			house_look_pause(LOOK_MS);
		}
		if (w && w->clear_at[3] > 0)
			bench_sample(
			    bench_goal(f->b, rows[i].clear, "s", BENCH_LOWER, 40), w->clear_at[3]);
		else
			bench_failed(f->b, rows[i].clear, "no clear status of the bad one");
		mend(f->h);
		if (w && !wait_for(w, 4)) /* it is taken up again, or has failed */
			bench_failed(f->b, rows[i].clear, "the bad one never ends");
	}
}

/* --- one download ----------------------------------------------------------------------------- */

static void
one_download(struct fleet *f)
{
	const struct house_pack p = {.version = "1.3.0", .sequence = 900};
	double end = bench_now() + PATIENCE_S;
	unsigned done = 0;

	if (house_pack_publish(f->h, &p) != ERR_OK ||
	    house_activate(f->h, f->h->package) != ERR_OK) {
		bench_failed(f->b, "fleet_8_one_download", house_why(f->h));
		return;
	}
	while (done < FEW && bench_now() < end) {
		done = 0;
		for (int i = 0; i < FEW; i++) {
			AUTO(json) cJSON *own = house_look_device(f->h, i);

			done += strcmp(json_text(own, "running"), "1.3.0") == 0;
		}
		house_look_pause(100);
	}
	AUTO(json) cJSON *doc = house_look_platform(f->h);
	const cJSON *list = cJSON_GetObjectItem(doc, "packages");
	const cJSON *k = cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1);

	if (done < FEW || json_number(k, "size") == 0)
		bench_failed(f->b, "fleet_8_one_download", "the plan does not end");
	else
		bench_sample(bench_goal(f->b, "fleet_8_bytes_served_to_package", "ratio",
				 BENCH_LOWER, 1.001),
		    json_number(k, "bytes_served") / json_number(k, "size"));
}

static void
few(struct bench *b)
{
	struct house_options o = {.devices = FEW,
	    .baud = BAUD,
	    .reset_ms = 200,
	    .hasty = true,
	    .flashd = "ask_every = 2 s\naway_retry = 8 s\nflash_deadline = 60 s\n"
		      "reboot_deadline = 20 s\ntest_deadline = 20 s\nconfirm_deadline = 20 s\n"
		      "queue_wait = 30 s"};
	struct fleet f = {.b = b};

	if (house_open(&o, &f.h) != ERR_OK || house_start_all(f.h) != ERR_OK) {
		bench_failed(b, "a fleet of eight", f.h ? house_why(f.h) : "it cannot be made");
	} else {
		healthy(&f);
		one_is_bad(&f);
		one_download(&f);
	}
	if (f.h)
		house_close(f.h);
}

void
bench_fleet(struct bench *b)
{
	few(b);
}

void
bench_fleet_swupdate(struct bench *b)
{
	bench_forward(b, IMAGE, BAUD);
}
