/*
 * bench_flood: how much longer a flash takes while the gate, taken over, floods flashd with what
 * costs it most; declared in bench_jail.h.
 *
 * In both cases the gate goes away in the middle of the write, for a flash that has begun goes on
 * without it; in one of them the flood begins then. Time counts from there to the device's own
 * word that it runs the new version, confirmed.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "bench_jail.h"
#include "house_look.h"
#include "house_pack.h"
#include "json.h"
#include "neighbour.h"

enum { PATIENCE_S = 90, IMAGE = 80000, BEGUN = 20000, ROUNDS = 2 };

struct run {
	double seconds, flooded; /* flooded: messages that flashd took */
};

static double
device_number(struct house *h, const char *key)
{
	AUTO(json) cJSON *device = house_look_device(h, 0);

	return json_number(device, key);
}

static bool
is_upgraded(struct house *h)
{
	AUTO(json) cJSON *d = house_look_device(h, 0);

	return strcmp(json_text(d, "running"), HOUSE_NEW) == 0 &&
	       cJSON_IsTrue(cJSON_GetObjectItem(d, "confirmed"));
}

static bool
wait_until_begun(struct house *h)
{
	double end = bench_now() + PATIENCE_S;

	while (device_number(h, "upload_bytes") < BEGUN && bench_now() < end)
		house_look_pause(10);
	return bench_now() < end;
}

static double
messages(struct house *h)
{
	for (int i = 0; i < 50; i++) {
		AUTO(json) cJSON *status = house_look_ask(h, HOUSE_FLASHD, "status");

		if (status)
			return json_number(cJSON_GetObjectItem(status, "fetchd"), "received");
		house_look_pause(20);
	}
	return 0;
}

static bool
finish(struct house *h, bool flood, struct run *r)
{
	char path[200];
	const struct neighbour n = {.path = path,
	    .self = WHO_FETCHD,
	    .to = WHO_FLASHD,
	    .uid = HOUSE_FETCH_UID,
	    .device = {HOUSE_PK, "METER1"}};
	double begun = bench_now(), end = begun + PATIENCE_S;

	snprintf(path, sizeof(path), "%s/run/flashd-fetchd/sock", h->dir);
	pid_t pid = flood ? neighbour_flood(&n) : 0;
	while (!is_upgraded(h) && bench_now() < end)
		house_look_pause(5);
	r->seconds = bench_now() - begun;
	r->flooded = messages(h);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return r->seconds < PATIENCE_S;
}

static bool
run(struct bench *b, bool flood, struct run *r)
{
	const struct house_options o = {
	    .devices = 1, .baud = 230400, .reset_ms = 200, .hasty = true};
	struct house *h = NULL;
	bool good = house_open(&o, &h) == ERR_OK && house_start_all(h) == ERR_OK &&
		    house_pack_publish(h, &(struct house_pack){.size = IMAGE}) == ERR_OK &&
		    house_activate(h, h->package) == ERR_OK && wait_until_begun(h);

	if (good)
		house_kill(h, HOUSE_FETCHD);
	good = good && finish(h, flood, r);
	if (!good)
		bench_failed(b, "a flash in a flood",
		    h && *house_why(h) ? house_why(h) : "it does not come to its end");
	if (h)
		house_close(h);
	return good;
}

void
bench_flood(struct bench *b)
{
	struct bench_figure *f = bench_goal(b, "flooded_flash_time", "ratio", BENCH_LOWER, 1.1);
	struct bench_figure *rate = bench_add(
	    b, "flooded_flash_messages_per_s", "1/s", BENCH_HIGHER);

	for (unsigned i = 0; i < (b->quick ? 1u : ROUNDS); i++) {
		struct run calm, wild;

		if (!run(b, false, &calm) || !run(b, true, &wild))
			return;
		bench_sample(f, wild.seconds / calm.seconds);
		bench_sample(rate, wild.flooded / wild.seconds);
	}
}
