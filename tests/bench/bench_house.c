/*
 * bench_house: see bench_house.h.
 */
#include "bench_house.h"

#include <stdio.h>
#include <string.h>

#include "bench_first.h"
#include "bench_use.h"
#include "house.h"
#include "house_look.h"
#include "house_pack.h"
#include "house_proc.h"
#include "json.h"

enum { SETTLE_MS = 3000, PATIENCE_S = 60 };

/* --- G10 ------------------------------------------------------------------------------------- */

struct tree {
	pid_t root;
	double pss, anon;
};

static void
add_to_tree(void *arg, const struct house_proc *p)
{
	struct tree *t = arg;

	if (p->pid != t->root && p->parent != t->root)
		return;
	t->pss += bench_use_memory(p->pid, "Pss:");
	t->anon += bench_use_memory(p->pid, "Pss_Anon:");
}

static void
idle(struct bench *b, struct house *h)
{
	static const enum house_part daemons[] = {HOUSE_CLOUDD, HOUSE_FETCHD, HOUSE_FLASHD};
	struct bench_figure *pss = bench_goal(b, "idle_daemons_pss", "MiB", BENCH_LOWER, 11);
	struct bench_figure *anon = bench_goal(b, "idle_daemons_anonymous", "MiB", BENCH_LOWER, 5);
	struct tree sum = {0};

	house_look_pause(SETTLE_MS);
	for (size_t i = 0; i < 3; i++) {
		sum.root = h->process[daemons[i]].pid; /* and its helper, if it has one */
		house_proc_each(add_to_tree, &sum);
	}
	if (sum.pss == 0) {
		bench_failed(b, "idle daemons", "their memory cannot be read");
		return;
	}
	bench_sample(pss, sum.pss / 1024);
	bench_sample(anon, sum.anon / 1024);
}

/* --- plans ----------------------------------------------------------------------------------- */

/* The upgrade of this plan, as the platform has it; borrowed from `doc`, may be NULL. */
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

/* Until the platform has an end of this plan; when it was offered (ms), 0 if that did not happen.
 */
static double
wait_for_end(struct house *h, const char *plan)
{
	double end = bench_now() + PATIENCE_S, offered = 0;

	while (bench_now() < end) {
		AUTO(json) cJSON *doc = house_look_platform(h);
		const cJSON *u = doc ? upgrade_of(doc, plan) : NULL;

		if (u && json_number(u, "ended") > 0)
			return json_number(u, "offered");
		offered = u ? json_number(u, "offered") : 0;
		house_look_pause(50);
	}
	return offered;
}

/* Make DIR/NAME.bin, a signed package whose image has version 1.1.N; maybe with a byte changed. */
static bool
make_package(struct house *h, const char *name, unsigned n, bool damage, const char *url)
{
	char version[16], path[300];
	const char *words[] = {"package", "add", "--file", path, "--name", name, "--component",
	    "app", "--target", version, url ? "--url" : NULL, url, NULL};

	snprintf(version, sizeof(version), "1.1.%u", n);
	snprintf(path, sizeof(path), "%s/%s.bin", h->dir, name);
	struct bundle_bytes image = house_pack_image(version, 2, 50000);
	struct kit_spec spec = {.vendor = HOUSE_VENDOR,
	    .model = HOUSE_MODEL,
	    .version = version,
	    .sequence = 5 + n,
	    .security_counter = 2,
	    .payload = image.data,
	    .payload_len = image.len};
	struct bundle_bytes file = kit_bundle(h->kit, &spec);

	if (damage)
		file.data[file.len - image.len / 2] ^= 1;
	kit_write("/", path, file.data, file.len);
	free(file.data);
	free(image.data);
	snprintf(h->package, sizeof(h->package), "%s", name);
	return house_devcenter(h, words).status == 0;
}

/* --- G11 ------------------------------------------------------------------------------------- */

static void
first_byte(struct bench *b, struct house *h)
{
	struct bench_figure *f = bench_goal(b, "plan_to_first_byte_http", "ms", BENCH_LOWER, 2);
	struct bench_first server;
	char url[80], name[16];

	if (!bench_first_start(&server)) {
		bench_failed(b, "plan to first byte", "no server");
		return;
	}
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/package.bin", server.port);
	for (unsigned i = 0; i < (b->quick ? 3u : 9u); i++) {
		snprintf(name, sizeof(name), "first%u", i);
		bench_first_reset(&server);
		if (!make_package(h, name, i, false, url) || house_activate(h, name) != ERR_OK) {
			bench_failed(b, "plan to first byte", house_why(h));
			break;
		}
		double came = bench_first_wait(&server, PATIENCE_S);
		double offered = wait_for_end(h, name);
		if (came == 0 || offered == 0) {
			bench_failed(b, "plan to first byte", "nobody asked for the package");
			break;
		}
		bench_sample(f, came - offered);
	}
	bench_first_stop(&server);
}

/* --- a corrupt image ------------------------------------------------------------------------- */

static void
corrupt(struct bench *b, struct house *h)
{
	struct bench_figure *f = bench_goal(
	    b, "corrupt_image_bytes_at_device", "bytes", BENCH_LOWER, 0);

	if (!make_package(h, "corrupt", 50, true, NULL) || house_activate(h, "corrupt") != ERR_OK) {
		bench_failed(b, "corrupt image", house_why(h));
		return;
	}
	wait_for_end(h, "corrupt");
	AUTO(json) cJSON *device = house_look_device(h, 0);
	AUTO(json) cJSON *doc = house_look_platform(h);
	const cJSON *u = doc ? upgrade_of(doc, "corrupt") : NULL;

	if (!device || !u || strcmp(json_text(u, "state"), "failed") != 0)
		bench_failed(b, "corrupt image",
		    u ? json_text(u, "state") : "the platform knows of no such upgrade");
	else
		bench_sample(f, json_number(device, "upload_bytes"));
}

void
bench_house(struct bench *b)
{
	struct house_options o = {.devices = 1,
	    .baud = 921600,
	    .reset_ms = 200,
	    .hasty = true,
	    .fetchd = "allow_http = yes\npackage_ports = any"};
	struct house *h = NULL;

	if (house_open(&o, &h) != ERR_OK || house_start_all(h) != ERR_OK) {
		bench_failed(b, "the house", h ? house_why(h) : "it cannot be made");
	} else {
		idle(b, h);
		corrupt(b, h);
		first_byte(b, h);
	}
	if (h)
		house_close(h);
}
